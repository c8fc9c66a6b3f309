//! Skeleton.
use crate::{EventFilter, EventRow, Store, StoreError};
impl Store {
    /// Adds.
    /// # Errors
    /// Any.
    pub async fn add_events(&self, _events: &[EventRow]) -> Result<(), StoreError> {
        todo!()
    }
    /// 0 if none.
    /// # Errors
    /// Any.
    pub async fn last_seq(&self) -> Result<i64, StoreError> {
        todo!()
    }
    /// Oldest first.
    /// # Errors
    /// Any.
    pub async fn events(&self, _filter: &EventFilter) -> Result<Vec<EventRow>, StoreError> {
        todo!()
    }
}
