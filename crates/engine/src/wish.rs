//! What people ask for, read and checked as far as that is possible without the pool and the store.

use chrono::{DateTime, Utc};
use holdfast_model::{ProxyUrl, RecordingId};

use crate::Refusal;
use crate::view::RecordingStatusView;

/// A proxy to be added.
#[derive(Clone, Debug)]
pub struct ProxyWish {
    /// Where it is.
    pub url: ProxyUrl,
    /// A name; empty counts as none.
    pub label: Option<String>,
    /// Who may use it.
    pub tags: Vec<String>,
    /// 0 is asked first.
    pub priority: u32,
    /// False: not used until a person enables it.
    pub enabled: bool,
}

/// What is to change about a proxy; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ProxyChange {
    /// Another address or other credentials: what is known of the old one is forgotten.
    pub url: Option<ProxyUrl>,
    /// `Some(None)` takes the label away.
    pub label: Option<Option<String>>,
    /// All of them anew.
    pub tags: Option<Vec<String>>,
    /// 0 is asked first.
    pub priority: Option<u32>,
    /// By a person.
    pub enabled: Option<bool>,
}

/// A recording to be made.
#[derive(Clone, Debug)]
pub struct RecordingWish {
    /// What Streamlink is given: a page, a playlist, or the name of a Twitch channel.
    pub url: String,
    /// What Streamlink is asked for; `None`: best.
    pub quality: Option<String>,
    /// Tags that its proxies must carry.
    pub tags: Vec<String>,
}

/// Which recordings to list, the newest first.
#[derive(Clone, Debug, Default)]
pub struct RecordingsWanted {
    /// Only with this status.
    pub status: Option<RecordingStatusView>,
    /// Only of this channel.
    pub streamer_id: Option<i64>,
    /// Only those older than this one.
    pub before: Option<RecordingId>,
    /// At most so many, 1 to 1,000; `None`: 50.
    pub limit: Option<u64>,
}

/// Which events to list, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct EventsWanted {
    /// Only those with a greater number.
    pub after: i64,
    /// Only of this type.
    pub kind: Option<String>,
    /// At most so many, 1 to 1,000; `None`: 100.
    pub limit: Option<u64>,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// Not earlier than this.
    pub from: Option<DateTime<Utc>>,
    /// Not later than this.
    pub to: Option<DateTime<Utc>>,
}

/// The size of a page: 1 to 1,000.
pub(crate) fn page_limit(wanted: Option<u64>, default: u64) -> Result<u64, Refusal> {
    match wanted {
        None => Ok(default),
        Some(limit @ 1..=1000) => Ok(limit),
        Some(other) => Err(Refusal::Invalid(format!("limit is {other}: it must be between 1 and 1000"))),
    }
}
