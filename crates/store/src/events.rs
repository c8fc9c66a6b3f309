//! Table `events`: the event log.

use holdfast_model::{ChannelId, Level, ProxyId, RecordingId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, Order, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use crate::checks::AT_ONCE;
use crate::convert::{Word as _, masked, masked_json, micros, text};
use crate::entity::event::{ActiveModel, Column, Entity, Model};
use crate::{EventFilter, EventRow, Store, StoreError};

impl Store {
    /// Adds events. A number that is there already is skipped, so a batch may be written again.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn add_events(&self, events: &[EventRow]) -> Result<(), StoreError> {
        self.writing(async {
            let transaction = self.begin().await?;
            write_events(&transaction, events).await?;
            Ok(transaction.commit().await?)
        })
        .await
    }

    /// The greatest number of the event log; 0 if it is empty.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn last_seq(&self) -> Result<i64, StoreError> {
        self.reading(async {
            let last = Entity::find().order_by_desc(Column::Seq).one(&self.reader).await?;
            Ok(last.map_or(0, |event| event.seq))
        })
        .await
    }

    /// The events that match, in the order that the filter wants.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn events(&self, filter: &EventFilter) -> Result<Vec<EventRow>, StoreError> {
        self.reading(async {
            let mut query = Entity::find().filter(Column::Seq.gt(filter.after));
            if let Some(kind) = &filter.kind {
                query = query.filter(Column::Kind.eq(text(kind)));
            }
            if let Some(before) = filter.before {
                query = query.filter(Column::Seq.lt(before));
            }
            let order = if filter.newest_first { Order::Desc } else { Order::Asc };
            let query = query.order_by(Column::Seq, order).limit(filter.limit.clamp(1, 1000));
            Ok(query.all(&self.reader).await?.into_iter().map(row).collect())
        })
        .await
    }
}

/// Writes events within a transaction.
pub(crate) async fn write_events(to: &impl ConnectionTrait, events: &[EventRow]) -> Result<(), StoreError> {
    for some in events.chunks(AT_ONCE) {
        let again = OnConflict::column(Column::Seq).do_nothing().to_owned();
        Entity::insert_many(some.iter().map(model)).on_conflict(again).exec_without_returning(to).await?;
    }
    Ok(())
}

fn model(event: &EventRow) -> ActiveModel {
    ActiveModel {
        seq: Set(event.seq),
        at: Set(micros(event.at)),
        kind: Set(text(&event.kind)),
        level: Set(event.level.word()),
        message: Set(masked(&event.message)),
        proxy_id: Set(event.proxy_id.map(|id| id.0)),
        recording_id: Set(event.recording_id.map(|id| id.to_string())),
        streamer_id: Set(event.streamer_id.map(|id| id.0)),
        data: Set(masked_json(&event.data).to_string()),
    }
}

fn row(model: Model) -> EventRow {
    EventRow {
        seq: model.seq,
        at: model.at,
        kind: model.kind,
        level: Level::of(&model.level).unwrap_or(Level::Info),
        message: model.message,
        proxy_id: model.proxy_id.map(ProxyId),
        recording_id: model.recording_id.and_then(|id| id.parse().ok().map(RecordingId)),
        streamer_id: model.streamer_id.map(ChannelId),
        data: serde_json::from_str(&model.data).unwrap_or_default(),
    }
}
