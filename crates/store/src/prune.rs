//! Skeleton.
use crate::{Store, StoreError};
use chrono::{DateTime, Utc};
impl Store {
    /// Deletes old checks and events; answers how many of each.
    /// # Errors
    /// Any.
    pub async fn prune(
        &self,
        _checks_before: DateTime<Utc>,
        _events_before: DateTime<Utc>,
    ) -> Result<(u64, u64), StoreError> {
        todo!()
    }
}
