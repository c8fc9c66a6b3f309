//! Skeleton.
use crate::{RecordingFilter, RecordingFull, RecordingRow, Store, StoreError};
use holdfast_model::RecordingId;
impl Store {
    /// Inserts.
    /// # Errors
    /// Any.
    pub async fn insert_recording(&self, _row: &RecordingRow) -> Result<(), StoreError> {
        todo!()
    }
    /// Updates.
    /// # Errors
    /// Any.
    pub async fn update_recording(&self, _row: &RecordingRow) -> Result<(), StoreError> {
        todo!()
    }
    /// One.
    /// # Errors
    /// Any.
    pub async fn recording(&self, _id: RecordingId) -> Result<Option<RecordingFull>, StoreError> {
        todo!()
    }
    /// Newest first.
    /// # Errors
    /// Any.
    pub async fn recordings(&self, _filter: &RecordingFilter) -> Result<Vec<RecordingFull>, StoreError> {
        todo!()
    }
    /// Those that were running when the server died.
    /// # Errors
    /// Any.
    pub async fn unfinished_recordings(&self) -> Result<Vec<RecordingFull>, StoreError> {
        todo!()
    }
    /// Deletes.
    /// # Errors
    /// Any.
    pub async fn delete_recording(&self, _id: RecordingId) -> Result<bool, StoreError> {
        todo!()
    }
}
