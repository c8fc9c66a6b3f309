//! Skeleton.
use crate::{Store, StoreError};
use std::path::Path;
impl Store {
    /// Writes a copy.
    /// # Errors
    /// [`StoreError::Backup`].
    pub async fn backup(&self, _file: &Path) -> Result<(), StoreError> {
        todo!()
    }
}
