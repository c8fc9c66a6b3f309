//! What deleting old recordings has to know of table `recordings`, and the mark that keeps one from it.

use chrono::{DateTime, Utc};
use holdfast_model::{ChannelId, RecordingId};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait as _, DerivePartialModel, EntityTrait as _, QueryFilter as _, QueryOrder as _};

use crate::convert::{Word as _, uncount, unpath};
use crate::entity::recording::{ActiveModel, Column, Entity};
use crate::recordings::recording_id;
use crate::{FinishedRow, RecordingStatus, Store, StoreError};

impl Store {
    /// Keeps a recording from being deleted for its age or size, or no longer. False if there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_keep(&self, id: RecordingId, keep: bool) -> Result<bool, StoreError> {
        self.writing(async {
            let mark = ActiveModel { keep: Set(keep), ..Default::default() };
            let update = Entity::update_many().set(mark).filter(Column::Id.eq(id.to_string()));
            Ok(update.exec(&self.writer).await?.rows_affected > 0)
        })
        .await
    }

    /// All recordings that are over, the oldest first. One that runs or is being finished is not among them, nor one that
    /// a killed server left and nobody has finished.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn finished_recordings(&self) -> Result<Vec<FinishedRow>, StoreError> {
        self.reading(async {
            use RecordingStatus::{Completed, Failed, Interrupted, Stopped};
            let over = [Completed, Stopped, Failed, Interrupted].map(RecordingStatus::word);
            let found = Entity::find()
                .filter(Column::Status.is_in(over))
                .filter(Column::EndedAt.is_not_null())
                .order_by_asc(Column::Id);
            found.into_partial_model().all(&self.reader).await?.into_iter().map(finished).collect()
        })
        .await
    }
}

/// What is read of a recording that is over: of thousands, nothing has to be decrypted.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
struct Finished {
    id: String,
    streamer_id: Option<i64>,
    channel: Option<String>,
    path: String,
    bytes: i64,
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    keep: bool,
}

fn finished(model: Finished) -> Result<FinishedRow, StoreError> {
    Ok(FinishedRow {
        id: recording_id(&model.id)?,
        streamer_id: model.streamer_id.map(ChannelId),
        channel: model.channel,
        path: unpath(model.path),
        bytes: uncount(model.bytes),
        started_at: model.started_at,
        ended_at: model.ended_at,
        keep: model.keep,
    })
}
