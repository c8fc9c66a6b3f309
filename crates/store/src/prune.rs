//! Forgetting what is too old: checks, events, and the numbers of batches.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use crate::convert::now;
use crate::entity::{applied_batch, check, event};
use crate::{Store, StoreError};

/// Rows deleted at one go: the only writer is not kept busy for long.
const AT_ONCE: u64 = 5000;

impl Store {
    /// Deletes checks and events older than these times, but for the newest event, and answers how many of each. Recordings are never deleted
    /// by age.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; some may have been deleted.
    pub async fn prune(
        &self,
        checks_before: DateTime<Utc>,
        events_before: DateTime<Utc>,
    ) -> Result<(u64, u64), StoreError> {
        // A commit is tried again within minutes, not days.
        self.forget::<applied_batch::Entity>(applied_batch::Column::At, now() - TimeDelta::days(1)).await?;
        let checks = self.forget::<check::Entity>(check::Column::At, checks_before).await?;
        let newest = self.newest_event().await?.map_or(events_before, |newest| newest.min(events_before));
        let events = self.forget::<event::Entity>(event::Column::At, newest).await?;
        Ok((checks, events))
    }

    /// When the newest event was. It stays for ever, so that no number is given twice.
    async fn newest_event(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.writing(async {
            let newest = event::Entity::find().select_only().column(event::Column::At);
            let newest = newest.order_by_desc(event::Column::Seq).limit(1);
            Ok(newest.into_tuple().one(&self.writer).await?)
        })
        .await
    }

    async fn forget<E: EntityTrait>(
        &self,
        at: impl ColumnTrait,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let step = self.writing(async {
                let last = E::find()
                    .select_only()
                    .column(at)
                    .filter(at.lt(before))
                    .order_by_asc(at)
                    .offset(AT_ONCE - 1);
                let last: Option<DateTime<Utc>> = last.limit(1).into_tuple().one(&self.writer).await?;
                let these = last.map_or_else(|| at.lt(before), |last| at.lte(last));
                let deleted = E::delete_many().filter(these).exec(&self.writer).await?.rows_affected;
                Ok((deleted, last.is_some()))
            });
            let (some, more) = step.await?;
            deleted += some;
            if !more {
                return Ok(deleted);
            }
        }
    }
}
