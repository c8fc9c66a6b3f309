//! Skeleton.
use crate::{CheckRow, EventRow, ProxyState, Store, StoreError};
use holdfast_model::ProxyId;
/// What the engine has to remember at one go.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// A random number: the batch is applied once, however often it is committed.
    pub id: i64,
    /// Written whole.
    pub states: Vec<ProxyState>,
    /// Added.
    pub checks: Vec<CheckRow>,
    /// Added.
    pub events: Vec<EventRow>,
    /// Bytes up and down, added to what the proxies have.
    pub traffic: Vec<(ProxyId, u64, u64)>,
}
impl Store {
    /// Writes all of it or nothing, once.
    /// # Errors
    /// Any.
    pub async fn commit(&self, _batch: &Batch) -> Result<(), StoreError> {
        todo!()
    }
}
