//! The progress of a recording, and what each proxy is counted for: `total_recordings`, the recordings that used it,
//! and `failed_recordings`, those of them during which it was convicted.
//!
//! A proxy is counted once for a recording, however often it is used, saved or convicted, and whatever restarts in
//! between: `recording_proxies` says for which it has been. The counters are sums of their own, so they stay when
//! recordings are deleted.

use std::collections::BTreeSet;

use holdfast_model::{Chapter, Gap, ProxyId, RecordingId, RouteUse};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};

use crate::checks::AT_ONCE;
use crate::convert::{Word as _, count, fraction, masked, micros, path, text, via};
use crate::entity::{chapter, gap, part, proxy, recording, recording_proxy, route};
use crate::proxies::count_proxy;
use crate::recordings::write_recording;
use crate::{PartRow, RecordingRow, Store, StoreError};

impl Store {
    /// Writes a recording with its lists, each whole: what is beyond their ends is deleted. Proxies that it uses for
    /// the first time are counted. May be repeated.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: it is not known whether it was written. [`StoreError::NotFound`] if the recording
    /// was deleted, [`StoreError::Data`] if a path is not UTF-8; nothing is written then.
    pub async fn save_progress(
        &self,
        row: &RecordingRow,
        routes: &[RouteUse],
        gaps: &[Gap],
        parts: &[PartRow],
        chapters: &[Chapter],
    ) -> Result<(), StoreError> {
        self.writing(async {
            let id = row.id.to_string();
            let transaction = self.begin().await?;
            write_recording(&transaction, row, &self.vault).await?;
            write_routes(&transaction, &id, routes).await?;
            write_gaps(&transaction, &id, gaps).await?;
            write_parts(&transaction, &id, parts).await?;
            write_chapters(&transaction, &id, chapters).await?;
            let used: BTreeSet<ProxyId> = routes.iter().filter_map(|route| route.via.proxy_id()).collect();
            for proxy in used {
                count_use(&transaction, &id, proxy).await?;
            }
            Ok(transaction.commit().await?)
        })
        .await
    }

    /// Notes that a proxy was convicted while the recording used it, and counts that once; or that it was not, after all.
    /// May be repeated, and may come before the route itself is saved. Answers whether that is news.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::NotFound`] if the recording was deleted.
    pub async fn set_convicted(
        &self,
        recording: RecordingId,
        proxy: ProxyId,
        convicted: bool,
    ) -> Result<bool, StoreError> {
        use recording_proxy::{Column, Entity};
        self.writing(async {
            let id = recording.to_string();
            let transaction = self.begin().await?;
            if recording::Entity::find_by_id(&id).count(&transaction).await? == 0 {
                return Err(StoreError::NotFound);
            }
            count_use(&transaction, &id, proxy).await?;
            let mark = Entity::update_many()
                .col_expr(Column::Convicted, Expr::value(convicted))
                .filter(Column::RecordingId.eq(&id))
                .filter(Column::ProxyId.eq(proxy.0))
                .filter(Column::Convicted.eq(!convicted));
            let news = mark.exec(&transaction).await?.rows_affected > 0;
            if news {
                let more = if convicted { 1 } else { -1 };
                count_proxy(&transaction, proxy, proxy::Column::FailedRecordings, more).await?;
            }
            transaction.commit().await?;
            Ok(news)
        })
        .await
    }
}

/// Counts a recording for a proxy unless that was done before.
async fn count_use(to: &impl ConnectionTrait, recording: &str, proxy: ProxyId) -> Result<(), StoreError> {
    use recording_proxy::{ActiveModel, Column, Entity};
    let pair = ActiveModel {
        recording_id: Set(recording.to_owned()),
        proxy_id: Set(proxy.0),
        convicted: Set(false),
    };
    let known = OnConflict::columns([Column::RecordingId, Column::ProxyId]).do_nothing().to_owned();
    if Entity::insert(pair).on_conflict(known).exec_without_returning(to).await? > 0 {
        count_proxy(to, proxy, proxy::Column::TotalRecordings, 1).await?;
    }
    Ok(())
}

/// Writes one of the lists of a recording: the entity, its items as models, and the columns besides the key.
macro_rules! write_list {
    ($to:expr, $id:expr, $table:ident, $models:expr, [$($column:ident),*]) => {{
        use $table::{Column, Entity};
        let models: Vec<$table::ActiveModel> = $models;
        let beyond = Column::Position.gte(count(models.len() as u64));
        Entity::delete_many().filter(Column::RecordingId.eq($id)).filter(beyond).exec($to).await?;
        for some in models.chunks(AT_ONCE) {
            let key = OnConflict::columns([Column::RecordingId, Column::Position]);
            let again = { key }.update_columns([$(Column::$column),*]).to_owned();
            Entity::insert_many(some.to_vec()).on_conflict(again).exec_without_returning($to).await?;
        }
        Ok(())
    }};
}

async fn write_routes(to: &impl ConnectionTrait, id: &str, routes: &[RouteUse]) -> Result<(), StoreError> {
    let model = |(position, item): (i64, &RouteUse)| {
        let (proxy_id, via) = via(&item.via);
        route::ActiveModel {
            recording_id: Set(id.to_owned()),
            position: Set(position),
            proxy_id: Set(proxy_id),
            via: Set(via),
            started_at: Set(micros(item.started_at)),
            ended_at: Set(item.ended_at.map(micros)),
            bytes: Set(count(item.bytes)),
            reason: Set(item.reason.as_deref().map(masked)),
        }
    };
    let models = (0..).zip(routes).map(model).collect();
    write_list!(to, id, route, models, [ProxyId, Via, StartedAt, EndedAt, Bytes, Reason])
}

async fn write_gaps(to: &impl ConnectionTrait, id: &str, gaps: &[Gap]) -> Result<(), StoreError> {
    let model = |(position, item): (i64, &Gap)| {
        let (proxy_id, via) = item.via.as_ref().map(via).map_or((None, None), |(id, via)| (id, Some(via)));
        gap::ActiveModel {
            recording_id: Set(id.to_owned()),
            position: Set(position),
            at: Set(micros(item.at)),
            segments: Set(count(item.segments)),
            seconds: Set(fraction(item.seconds)),
            cause: Set(item.cause.word()),
            proxy_id: Set(proxy_id),
            via: Set(via),
            estimated: Set(item.estimated),
        }
    };
    let models = (0..).zip(gaps).map(model).collect();
    write_list!(to, id, gap, models, [At, Segments, Seconds, Cause, ProxyId, Via, Estimated])
}

async fn write_chapters(to: &impl ConnectionTrait, id: &str, chapters: &[Chapter]) -> Result<(), StoreError> {
    let model = |(position, item): (i64, &Chapter)| chapter::ActiveModel {
        recording_id: Set(id.to_owned()),
        position: Set(position),
        at: Set(micros(item.at)),
        offset_s: Set(fraction(item.offset_s)),
        title: Set(item.title.as_deref().map(text)),
        category: Set(item.category.as_deref().map(text)),
    };
    let models = (0..).zip(chapters).map(model).collect();
    write_list!(to, id, chapter, models, [At, OffsetS, Title, Category])
}

async fn write_parts(to: &impl ConnectionTrait, id: &str, parts: &[PartRow]) -> Result<(), StoreError> {
    let model = |(position, item): (i64, &PartRow)| {
        Ok(part::ActiveModel {
            recording_id: Set(id.to_owned()),
            position: Set(position),
            path: Set(path(&item.path)?),
            started_at: Set(micros(item.started_at)),
            ended_at: Set(item.ended_at.map(micros)),
            bytes: Set(count(item.bytes)),
        })
    };
    let models = (0..).zip(parts).map(model).collect::<Result<_, StoreError>>()?;
    write_list!(to, id, part, models, [Path, StartedAt, EndedAt, Bytes])
}
