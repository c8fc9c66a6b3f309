//! Recordings as the outside sees them.

use chrono::{DateTime, Utc};
use holdfast_model::{Chapter, Gap, RecordingId, RouteUse};
use holdfast_store::rows::{PartRow, RecordingFull, RecordingStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RecordingStatus)]
pub enum RecordingStatusView {
    /// Looking for a route, or waiting for the first byte.
    Starting,
    /// Bytes arrive.
    Recording,
    /// Between two runs of Streamlink.
    Recovering,
    /// The file is being finished.
    Finalizing,
    /// The stream ended.
    Completed,
    /// It was told to stop.
    Stopped,
    /// It gave up.
    Failed,
    /// The server died while it ran.
    Interrupted,
}

macro_rules! same_words {
    ($($word:ident),*) => {
        impl From<RecordingStatus> for RecordingStatusView {
            fn from(status: RecordingStatus) -> Self {
                match status { $(RecordingStatus::$word => Self::$word,)* }
            }
        }
        impl From<RecordingStatusView> for RecordingStatus {
            fn from(status: RecordingStatusView) -> Self {
                match status { $(RecordingStatusView::$word => Self::$word,)* }
            }
        }
    };
}
same_words!(Starting, Recording, Recovering, Finalizing, Completed, Stopped, Failed, Interrupted);

/// A recording.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Recording)]
pub struct RecordingView {
    /// Its identity; the same across resumes. Later ones sort later.
    #[schema(value_type = String, format = "uuid")]
    pub id: RecordingId,
    /// The channel it belongs to.
    pub streamer_id: Option<i64>,
    /// The name of that channel at the time; stays when the channel goes.
    pub channel: Option<String>,
    /// What is recorded; passwords and what looks like a token in the query are masked.
    pub url: String,
    /// What it is called.
    pub title: Option<String>,
    /// What it is about.
    pub category: Option<String>,
    /// What was asked for.
    pub quality: String,
    /// Tags that its proxies must carry.
    pub tags: Vec<String>,
    /// How it is.
    pub status: RecordingStatusView,
    /// When it was asked for.
    pub started_at: DateTime<Utc>,
    /// When it was finished.
    pub ended_at: Option<DateTime<Utc>>,
    /// Where its file is or will be, on the server.
    pub path: String,
    /// Its size so far.
    pub bytes: u64,
    /// Play time so far, in seconds.
    pub duration_s: f64,
    /// The route in use or last used: a masked proxy URL or `direct`.
    pub via: Option<String>,
    /// How often a route failed and another one carried on.
    pub failovers: u32,
    /// Segments that are missing.
    pub segments_lost: u64,
    /// Their play time, in seconds.
    pub seconds_lost: f64,
    /// What went wrong and what to do.
    pub error: Option<String>,
    /// Every route used, in order.
    pub routes: Vec<RouteView>,
    /// What is missing.
    pub gaps: Vec<GapView>,
    /// What it was written to, run by run. Once it is finished they are one file, at `path`; those that could not be
    /// joined are still there.
    pub parts: Vec<PartView>,
    /// What it was called and was about, in order.
    pub chapters: Vec<ChapterView>,
    /// Never deleted for its age, or for its size.
    pub keep: bool,
    /// Whether there is a picture of it.
    pub has_thumbnail: bool,
}

/// One stretch on one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Route)]
pub struct RouteView {
    /// A masked proxy URL or `direct`.
    pub via: String,
    /// When its first connection was opened.
    pub started_at: DateTime<Utc>,
    /// When it was left; null while in use.
    pub ended_at: Option<DateTime<Utc>>,
    /// Bytes received over it.
    pub bytes: u64,
    /// Why it was left.
    pub reason: Option<String>,
}

impl From<&RouteUse> for RouteView {
    fn from(route: &RouteUse) -> Self {
        Self {
            via: route.via.to_string(),
            started_at: route.started_at,
            ended_at: route.ended_at,
            bytes: route.bytes,
            reason: route.reason.clone(),
        }
    }
}

/// Segments that are missing in a row.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Gap)]
pub struct GapView {
    /// When the first of them was due.
    pub at: DateTime<Utc>,
    /// How many.
    pub segments: u64,
    /// Their play time, in seconds.
    pub seconds: f64,
    /// `route`, `origin`, `ads` or `process`.
    pub cause: String,
    /// The route in use at the time.
    pub via: Option<String>,
}

impl From<&Gap> for GapView {
    fn from(gap: &Gap) -> Self {
        Self {
            at: gap.at,
            segments: gap.segments,
            seconds: gap.seconds,
            cause: gap.cause.to_string(),
            via: gap.via.as_ref().map(ToString::to_string),
        }
    }
}

/// A stretch under one title.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Chapter)]
pub struct ChapterView {
    /// When it began.
    pub at: DateTime<Utc>,
    /// Where that is in the file, in seconds.
    pub offset_s: f64,
    /// What it was called.
    pub title: Option<String>,
    /// What it was about.
    pub category: Option<String>,
}

impl From<&Chapter> for ChapterView {
    fn from(chapter: &Chapter) -> Self {
        let Chapter { at, offset_s, title, category } = chapter.clone();
        Self { at, offset_s, title, category }
    }
}

/// One file of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Part)]
pub struct PartView {
    /// Where it is or was, on the server.
    pub path: String,
    /// When its first byte came.
    pub started_at: DateTime<Utc>,
    /// When its last byte came.
    pub ended_at: Option<DateTime<Utc>>,
    /// Its size.
    pub bytes: u64,
}

impl From<&PartRow> for PartView {
    fn from(part: &PartRow) -> Self {
        Self {
            path: part.path.display().to_string(),
            started_at: part.started_at,
            ended_at: part.ended_at,
            bytes: part.bytes,
        }
    }
}

impl From<&RecordingFull> for RecordingView {
    fn from(full: &RecordingFull) -> Self {
        let row = &full.row;
        Self {
            id: row.id,
            streamer_id: row.streamer_id.map(|id| id.0),
            channel: row.channel.clone(),
            url: row.url_masked.clone(),
            title: row.title.clone(),
            category: row.category.clone(),
            quality: row.quality.clone(),
            tags: row.tags.clone(),
            status: row.status.into(),
            started_at: row.started_at,
            ended_at: row.ended_at,
            path: row.path.display().to_string(),
            bytes: row.bytes,
            duration_s: row.duration_s,
            via: row.via.clone(),
            failovers: row.failovers,
            segments_lost: row.segments_lost,
            seconds_lost: row.seconds_lost,
            error: row.error.clone(),
            routes: full.routes.iter().map(RouteView::from).collect(),
            gaps: full.gaps.iter().map(GapView::from).collect(),
            parts: full.parts.iter().map(PartView::from).collect(),
            chapters: full.chapters.iter().map(ChapterView::from).collect(),
            keep: row.keep,
            has_thumbnail: row.thumbnail.is_some(),
        }
    }
}

/// A page of recordings, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecordingPage {
    /// The recordings.
    pub items: Vec<RecordingView>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}
