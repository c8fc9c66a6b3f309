//! Table `recordings` and the lists that belong to a recording: making, changing, finding, deleting.

use std::collections::HashMap;

use holdfast_model::{ChannelId, Chapter, Gap, GapCause, RecordingId, RouteUse, Secret};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use serde_json::Value;

use crate::convert::{
    Word as _, count, fraction, masked, micros, path, small, tags, text, uncount, unpath, untags, unvia,
};
use crate::entity::recording::{ActiveModel, Column, Entity, Model};
use crate::entity::{chapter, gap, part, route};
use crate::{
    PartRow, RecordingFilter, RecordingFull, RecordingRow, RecordingStatus, Store, StoreError, Vault,
};

impl Store {
    /// Adds a recording. One with the same id is left as it is, so this may be repeated.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Data`] if the path is not UTF-8.
    pub async fn insert_recording(&self, row: &RecordingRow) -> Result<(), StoreError> {
        let id = row.id.to_string();
        let mut model = changeable(row, &self.vault)?;
        model.url_encrypted = Set(self.vault.seal(&place(&id, "url"), row.url.expose())?);
        model.id = Set(id);
        model.streamer_id = Set(row.streamer_id.map(|id| id.0));
        model.url = Set(masked(&row.url_masked));
        self.writing(async {
            let again = OnConflict::column(Column::Id).do_nothing().to_owned();
            Entity::insert(model).on_conflict(again).exec_without_returning(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Writes a recording anew, but for its URL, which never changes, its channel ([`Store::set_channel`]), and its mark
    /// [`RecordingRow::keep`], which is a person's.
    ///
    /// # Errors
    /// As for [`Store::insert_recording`], and [`StoreError::NotFound`] if it was deleted.
    pub async fn update_recording(&self, row: &RecordingRow) -> Result<(), StoreError> {
        self.writing(async { write_recording(&self.writer, row, &self.vault).await }).await
    }

    /// Makes a recording one of this channel. False if there is no such recording.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Data`] if there is no such channel.
    pub async fn set_channel(&self, id: RecordingId, channel: ChannelId) -> Result<bool, StoreError> {
        self.writing(async {
            let mark = ActiveModel { streamer_id: Set(Some(channel.0)), ..Default::default() };
            let update = Entity::update_many().set(mark).filter(Column::Id.eq(id.to_string()));
            Ok(update.exec(&self.writer).await?.rows_affected > 0)
        })
        .await
    }

    /// A recording with its lists; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn recording(&self, id: RecordingId) -> Result<Option<RecordingFull>, StoreError> {
        self.reading(async {
            let found = Entity::find_by_id(id.to_string()).all(&self.reader).await?;
            Ok(self.with_lists(found).await?.pop())
        })
        .await
    }

    /// The recordings that match, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn recordings(&self, filter: &RecordingFilter) -> Result<Vec<RecordingFull>, StoreError> {
        let mut wanted = Condition::all();
        if let Some(status) = filter.status {
            wanted = wanted.add(Column::Status.eq(status.word()));
        }
        if let Some(streamer) = filter.streamer_id {
            wanted = wanted.add(Column::StreamerId.eq(streamer.0));
        }
        if let Some(before) = filter.before {
            wanted = wanted.add(Column::Id.lt(before.to_string()));
        }
        self.find_recordings(wanted, Some(filter.limit.clamp(1, 1000))).await
    }

    /// Recordings that nobody finished: those that were running or being finished when the server died, and those
    /// that were found so at an earlier start and have not ended. The newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn unfinished_recordings(&self) -> Result<Vec<RecordingFull>, StoreError> {
        use RecordingStatus::{Finalizing, Interrupted, Recording, Recovering, Starting};
        let running = [Starting, Recording, Recovering, Finalizing].map(RecordingStatus::word);
        let interrupted =
            Condition::all().add(Column::Status.eq(Interrupted.word())).add(Column::EndedAt.is_null());
        self.find_recordings(Condition::any().add(Column::Status.is_in(running)).add(interrupted), None).await
    }

    /// Deletes a recording and its lists, not its files. What its proxies were counted for stays. False if there was
    /// none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_recording(&self, id: RecordingId) -> Result<bool, StoreError> {
        self.writing(async {
            Ok(Entity::delete_by_id(id.to_string()).exec(&self.writer).await?.rows_affected > 0)
        })
        .await
    }

    async fn find_recordings(
        &self,
        wanted: Condition,
        limit: Option<u64>,
    ) -> Result<Vec<RecordingFull>, StoreError> {
        self.reading(async {
            let query = Entity::find().filter(wanted).order_by_desc(Column::Id).limit(limit);
            self.with_lists(query.all(&self.reader).await?).await
        })
        .await
    }

    /// Fetches the lists of many recordings in four queries.
    async fn with_lists(&self, found: Vec<Model>) -> Result<Vec<RecordingFull>, StoreError> {
        let ids: Vec<String> = found.iter().map(|model| model.id.clone()).collect();
        let db = &self.reader;
        let routes = route::Entity::find().filter(route::Column::RecordingId.is_in(ids.clone()));
        let routes = routes.order_by_asc(route::Column::Position).all(db).await?;
        let mut routes = by_recording(routes.into_iter().map(|m| (m.recording_id.clone(), route_use(m))));
        let gaps = gap::Entity::find().filter(gap::Column::RecordingId.is_in(ids.clone()));
        let gaps = gaps.order_by_asc(gap::Column::Position).all(db).await?;
        let mut gaps = by_recording(gaps.into_iter().map(|m| (m.recording_id.clone(), gap_row(m))));
        let parts = part::Entity::find().filter(part::Column::RecordingId.is_in(ids.clone()));
        let parts = parts.order_by_asc(part::Column::Position).all(db).await?;
        let mut parts = by_recording(parts.into_iter().map(|m| (m.recording_id.clone(), part_row(m))));
        let chapters = chapter::Entity::find().filter(chapter::Column::RecordingId.is_in(ids));
        let chapters = chapters.order_by_asc(chapter::Column::Position).all(db).await?;
        let mut chapters =
            by_recording(chapters.into_iter().map(|m| (m.recording_id.clone(), chapter_row(m))));
        found
            .into_iter()
            .map(|model| {
                Ok(RecordingFull {
                    routes: routes.remove(&model.id).unwrap_or_default(),
                    gaps: gaps.remove(&model.id).unwrap_or_default(),
                    parts: parts.remove(&model.id).unwrap_or_default(),
                    chapters: chapters.remove(&model.id).unwrap_or_default(),
                    row: row(model, &self.vault)?,
                })
            })
            .collect()
    }
}

/// Writes a recording anew, within a transaction or without.
pub(crate) async fn write_recording(
    to: &impl ConnectionTrait,
    row: &RecordingRow,
    vault: &Vault,
) -> Result<(), StoreError> {
    let update = Entity::update_many().set(changeable(row, vault)?).filter(Column::Id.eq(row.id.to_string()));
    if update.exec(to).await?.rows_affected == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Where a column of a recording is sealed for.
fn place(id: &str, column: &str) -> String {
    format!("recordings/{id}/{column}")
}

/// All but the identity, the URL, the channel and a person's mark.
fn changeable(row: &RecordingRow, vault: &Vault) -> Result<ActiveModel, StoreError> {
    let seal_resume = |resume: &Value| vault.seal(&place(&row.id.to_string(), "resume"), &resume.to_string());
    Ok(ActiveModel {
        id: NotSet,
        url: NotSet,
        url_encrypted: NotSet,
        // Whoever writes may not know yet that the channel was removed. That must not cost the end of a recording.
        streamer_id: NotSet,
        title: Set(row.title.as_deref().map(text)),
        quality: Set(text(&row.quality)),
        tags: Set(tags(&row.tags)),
        status: Set(row.status.word()),
        started_at: Set(micros(row.started_at)),
        ended_at: Set(row.ended_at.map(micros)),
        path: Set(path(&row.path)?),
        bytes: Set(count(row.bytes)),
        duration_s: Set(fraction(row.duration_s)),
        via: Set(row.via.as_deref().map(masked)),
        failovers: Set(row.failovers.into()),
        segments_lost: Set(count(row.segments_lost)),
        seconds_lost: Set(fraction(row.seconds_lost)),
        error: Set(row.error.as_deref().map(masked)),
        resume_encrypted: Set(row.resume.as_ref().map(seal_resume).transpose()?),
        // A person's mark: not the recorder's to write.
        keep: NotSet,
        category: Set(row.category.as_deref().map(text)),
        channel: Set(row.channel.as_deref().map(text)),
        thumbnail: Set(row.thumbnail.as_deref().map(path).transpose()?),
    })
}

fn row(model: Model, vault: &Vault) -> Result<RecordingRow, StoreError> {
    let open = |column: &str, sealed: &str| vault.open(&place(&model.id, column), sealed).ok();
    let url = open("url", &model.url_encrypted).unwrap_or_else(|| Secret::new(""));
    let resume = model.resume_encrypted.as_deref().and_then(|sealed| open("resume", sealed));
    let resume = resume.and_then(|text| serde_json::from_str(text.expose()).ok());
    Ok(RecordingRow {
        id: recording_id(&model.id)?,
        streamer_id: model.streamer_id.map(ChannelId),
        url,
        url_masked: model.url,
        title: model.title,
        quality: model.quality,
        tags: untags(&model.tags),
        status: RecordingStatus::of(&model.status).unwrap_or(RecordingStatus::Interrupted),
        started_at: model.started_at,
        ended_at: model.ended_at,
        path: unpath(model.path),
        bytes: uncount(model.bytes),
        duration_s: model.duration_s,
        via: model.via,
        failovers: small(model.failovers),
        segments_lost: uncount(model.segments_lost),
        seconds_lost: model.seconds_lost,
        error: model.error,
        resume,
        keep: model.keep,
        category: model.category,
        channel: model.channel,
        thumbnail: model.thumbnail.map(unpath),
    })
}

pub(crate) fn recording_id(text: &str) -> Result<RecordingId, StoreError> {
    text.parse().map(RecordingId).map_err(|_| StoreError::data(format!("'{text}' is no id of a recording")))
}

fn by_recording<T>(items: impl Iterator<Item = (String, T)>) -> HashMap<String, Vec<T>> {
    items.fold(HashMap::new(), |mut lists, (id, item)| {
        lists.entry(id).or_insert_with(Vec::new).push(item);
        lists
    })
}

fn route_use(model: route::Model) -> RouteUse {
    RouteUse {
        via: unvia(model.proxy_id, &model.via),
        started_at: model.started_at,
        ended_at: model.ended_at,
        bytes: uncount(model.bytes),
        reason: model.reason,
    }
}

fn gap_row(model: gap::Model) -> Gap {
    Gap {
        at: model.at,
        segments: uncount(model.segments),
        seconds: model.seconds,
        cause: GapCause::of(&model.cause).unwrap_or(GapCause::Process),
        via: model.via.map(|via| unvia(model.proxy_id, &via)),
        estimated: model.estimated,
    }
}

fn chapter_row(model: chapter::Model) -> Chapter {
    Chapter { at: model.at, offset_s: model.offset_s, title: model.title, category: model.category }
}

fn part_row(model: part::Model) -> PartRow {
    PartRow {
        path: unpath(model.path),
        started_at: model.started_at,
        ended_at: model.ended_at,
        bytes: uncount(model.bytes),
    }
}
