//! Table `proxy_checks`: the history of the checks.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use holdfast_model::{Health, Phases, ProxyId, Trigger};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::convert::{Word as _, masked, micros, small};
use crate::entity::check::{ActiveModel, Column, Entity, Model};
use crate::entity::proxy;
use crate::{CheckRow, Store, StoreError};

/// Rows of one statement: SQLite takes 32,766 values, and a check has ten.
pub(crate) const AT_ONCE: usize = 500;

impl Store {
    /// Adds checks. One of the same proxy and the same microsecond is the same check and is not added twice; checks of
    /// proxies that are gone are skipped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn add_checks(&self, checks: &[CheckRow]) -> Result<(), StoreError> {
        self.writing(async {
            let transaction = self.begin().await?;
            write_checks(&transaction, checks).await?;
            Ok(transaction.commit().await?)
        })
        .await
    }

    /// The checks of one proxy, the newest first, between two times (both included), at most `limit` (1 to 10,000).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn checks(
        &self,
        id: ProxyId,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        limit: u64,
    ) -> Result<Vec<CheckRow>, StoreError> {
        self.reading(async {
            let mut query = Entity::find().filter(Column::ProxyId.eq(id.0));
            if let Some(from) = from {
                query = query.filter(Column::At.gte(from));
            }
            if let Some(to) = to {
                query = query.filter(Column::At.lte(to));
            }
            let found =
                query.order_by_desc(Column::At).limit(limit.clamp(1, 10_000)).all(&self.reader).await?;
            Ok(found.into_iter().map(row).collect())
        })
        .await
    }
}

/// Writes checks within a transaction.
pub(crate) async fn write_checks(to: &impl ConnectionTrait, checks: &[CheckRow]) -> Result<(), StoreError> {
    for some in checks.chunks(AT_ONCE) {
        let ids: HashSet<i64> = some.iter().map(|check| check.proxy_id.0).collect();
        let there: Vec<i64> = proxy::Entity::find()
            .select_only()
            .column(proxy::Column::Id)
            .filter(proxy::Column::Id.is_in(ids))
            .into_tuple()
            .all(to)
            .await?;
        let there: HashSet<i64> = there.into_iter().collect();
        let models: Vec<_> =
            some.iter().filter(|check| there.contains(&check.proxy_id.0)).map(model).collect();
        if !models.is_empty() {
            let again = OnConflict::columns([Column::ProxyId, Column::At]).do_nothing().to_owned();
            Entity::insert_many(models).on_conflict(again).exec_without_returning(to).await?;
        }
    }
    Ok(())
}

fn model(check: &CheckRow) -> ActiveModel {
    ActiveModel {
        proxy_id: Set(check.proxy_id.0),
        at: Set(micros(check.at)),
        status: Set(check.status.word()),
        response_time_ms: Set(check.response_time_ms.map(i64::from)),
        error: Set(check.error.as_deref().map(masked)),
        connect_ms: Set(check.phases.connect_ms.map(i64::from)),
        proxy_ms: Set(check.phases.proxy_ms.map(i64::from)),
        tls_ms: Set(check.phases.tls_ms.map(i64::from)),
        first_byte_ms: Set(check.phases.first_byte_ms.map(i64::from)),
        trigger: Set(check.trigger.word()),
    }
}

fn row(model: Model) -> CheckRow {
    CheckRow {
        proxy_id: ProxyId(model.proxy_id),
        at: model.at,
        status: Health::of(&model.status).unwrap_or(Health::Unknown),
        response_time_ms: model.response_time_ms.map(small),
        error: model.error,
        phases: Phases {
            connect_ms: model.connect_ms.map(small),
            proxy_ms: model.proxy_ms.map(small),
            tls_ms: model.tls_ms.map(small),
            first_byte_ms: model.first_byte_ms.map(small),
        },
        trigger: Trigger::of(&model.trigger).unwrap_or(Trigger::Schedule),
    }
}
