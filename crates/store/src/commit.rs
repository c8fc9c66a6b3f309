//! Writing what the engine found out, in one transaction that may be repeated.
//!
//! When the connection breaks while the database answers, nobody knows whether the transaction was done. States and
//! events could simply be written again; bytes, which are added, could not. So each batch has a number, written in
//! the same transaction: where it is found, all of the batch was done.

use holdfast_model::ProxyId;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::OnConflict;

use crate::bulk::{add_traffic, write_states};
use crate::checks::write_checks;
use crate::convert::now;
use crate::entity::applied_batch::{ActiveModel, Column, Entity};
use crate::events::write_events;
use crate::{CheckRow, EventRow, ProxyState, Store, StoreError};

/// What the engine has to remember at one go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// A random number. A batch whose number was committed within the last day is not applied again.
    pub id: i64,
    /// Written whole, as by [`Store::save_states`].
    pub states: Vec<ProxyState>,
    /// Added, as by [`Store::add_checks`].
    pub checks: Vec<CheckRow>,
    /// Added, as by [`Store::add_events`].
    pub events: Vec<EventRow>,
    /// Bytes towards destinations and bytes from them, added to what each proxy has carried.
    pub traffic: Vec<(ProxyId, u64, u64)>,
}

impl Store {
    /// Writes all of it or nothing, and once, however often it is called with the same batch.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: it is not known whether it was written; commit the same batch again.
    pub async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.writing(async {
            let transaction = self.begin().await?;
            let number = ActiveModel { id: Set(batch.id), at: Set(now()) };
            let known = OnConflict::column(Column::Id).do_nothing().to_owned();
            if Entity::insert(number).on_conflict(known).exec_without_returning(&transaction).await? == 0 {
                return Ok(());
            }
            write_states(&transaction, &batch.states).await?;
            write_checks(&transaction, &batch.checks).await?;
            write_events(&transaction, &batch.events).await?;
            add_traffic(&transaction, &batch.traffic).await?;
            Ok(transaction.commit().await?)
        })
        .await
    }
}
