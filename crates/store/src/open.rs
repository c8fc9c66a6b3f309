//! Skeleton.
use crate::{DatabaseUrl, StoreError, Vault};
use sea_orm::DatabaseConnection;

/// What Holdfast remembers. A cheap handle.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) reader: DatabaseConnection,
    pub(crate) writer: DatabaseConnection,
    pub(crate) vault: Vault,
}

impl Store {
    /// Connects (5 s at most) and migrates.
    /// # Errors
    /// Any [`StoreError`].
    pub async fn open(_url: &DatabaseUrl, _vault: Vault) -> Result<Self, StoreError> {
        todo!()
    }
    /// Asks the database for a sign of life, 2 s at most.
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        todo!()
    }
    /// Closes all connections, after the statements under way.
    pub async fn close(&self) {
        todo!()
    }
}
