//! Skeleton.
use crate::{CheckRow, Store, StoreError};
use chrono::{DateTime, Utc};
use holdfast_model::ProxyId;
impl Store {
    /// Adds.
    /// # Errors
    /// Any.
    pub async fn add_checks(&self, _checks: &[CheckRow]) -> Result<(), StoreError> {
        todo!()
    }
    /// Newest first.
    /// # Errors
    /// Any.
    pub async fn checks(
        &self,
        _id: ProxyId,
        _from: Option<DateTime<Utc>>,
        _to: Option<DateTime<Utc>>,
        _limit: u64,
    ) -> Result<Vec<CheckRow>, StoreError> {
        todo!()
    }
}
