//! Skeleton.
use crate::{SettingsRow, Store, StoreError};
impl Store {
    /// Reads.
    /// # Errors
    /// Any.
    pub async fn settings(&self) -> Result<SettingsRow, StoreError> {
        todo!()
    }
    /// Writes.
    /// # Errors
    /// Any.
    pub async fn save_settings(&self, _settings: &SettingsRow) -> Result<(), StoreError> {
        todo!()
    }
}
