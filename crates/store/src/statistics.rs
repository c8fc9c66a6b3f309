//! Skeleton.
use crate::{PartRow, RecordingRow, Store, StoreError};
use holdfast_model::{Gap, ProxyId, RecordingId, RouteUse};
impl Store {
    /// Saves.
    /// # Errors
    /// Any.
    pub async fn save_progress(
        &self,
        _row: &RecordingRow,
        _routes: &[RouteUse],
        _gaps: &[Gap],
        _parts: &[PartRow],
    ) -> Result<(), StoreError> {
        todo!()
    }
    /// Marks.
    /// # Errors
    /// Any.
    pub async fn mark_convicted(&self, _recording: RecordingId, _proxy: ProxyId) -> Result<(), StoreError> {
        todo!()
    }
}
