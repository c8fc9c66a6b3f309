//! Skeleton.
use crate::{NewProxyRow, ProxyEdit, ProxyRow, ProxyState, Store, StoreError};
use holdfast_model::ProxyId;
impl Store {
    /// All, by priority and id.
    /// # Errors
    /// Any.
    pub async fn proxies(&self) -> Result<Vec<ProxyRow>, StoreError> {
        todo!()
    }
    /// One.
    /// # Errors
    /// Any.
    pub async fn proxy(&self, _id: ProxyId) -> Result<Option<ProxyRow>, StoreError> {
        todo!()
    }
    /// Adds.
    /// # Errors
    /// Any.
    pub async fn add_proxies(&self, _new: &[NewProxyRow]) -> Result<Vec<ProxyRow>, StoreError> {
        todo!()
    }
    /// Edits.
    /// # Errors
    /// Any.
    pub async fn edit_proxy(&self, _id: ProxyId, _edit: &ProxyEdit) -> Result<Option<ProxyRow>, StoreError> {
        todo!()
    }
    /// Removes.
    /// # Errors
    /// Any.
    pub async fn remove_proxy(&self, _id: ProxyId) -> Result<bool, StoreError> {
        todo!()
    }
    /// Reorders.
    /// # Errors
    /// Any.
    pub async fn reorder(&self, _ids: &[ProxyId]) -> Result<(), StoreError> {
        todo!()
    }
    /// Saves.
    /// # Errors
    /// Any.
    pub async fn save_states(&self, _states: &[ProxyState]) -> Result<(), StoreError> {
        todo!()
    }
}
