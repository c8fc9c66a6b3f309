//! What people ask for, read and checked as far as that is possible without the pool and the store.

use chrono::{DateTime, Utc};
use holdfast_model::{ChannelId, RecordingId};
pub use holdfast_store::{Limits, NewProxyRow as ProxyWish, ProxyEdit as ProxyChange};

use crate::Refusal;
use crate::view::RecordingStatusView;

/// What is to be recorded.
#[derive(Clone, Debug)]
pub enum Stream {
    /// What Streamlink is given: a page, a playlist, or the name of a Twitch channel.
    Address(String),
    /// A channel, by its own rules.
    Channel(ChannelId),
}

/// A recording to be made.
#[derive(Clone, Debug)]
pub struct RecordingWish {
    /// Of what.
    pub stream: Stream,
    /// What Streamlink is asked for; `None`: as the channel says, or best.
    pub quality: Option<String>,
    /// Tags that its proxies must carry; none: as the channel says.
    pub tags: Vec<String>,
}

/// Which recordings to list, the newest first.
#[derive(Clone, Debug, Default)]
pub struct RecordingsWanted {
    /// Only with this status.
    pub status: Option<RecordingStatusView>,
    /// Only of this channel.
    pub streamer_id: Option<ChannelId>,
    /// Only those older than this one.
    pub before: Option<RecordingId>,
    /// At most so many, 1 to 1,000; `None`: 50.
    pub limit: Option<u64>,
}

/// Which events to list.
#[derive(Clone, Debug, Default)]
pub struct EventsWanted {
    /// Only those with a greater number.
    pub after: i64,
    /// Only those with a smaller number.
    pub before: Option<i64>,
    /// Only of this type.
    pub kind: Option<String>,
    /// The newest first, instead of the oldest.
    pub newest_first: bool,
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

/// A setting that has to be within bounds.
pub(crate) fn in_range<T: Copy + PartialOrd + std::fmt::Display>(
    name: &str,
    value: T,
    low: T,
    high: T,
) -> Result<T, Refusal> {
    if value < low || value > high {
        return Err(Refusal::Invalid(format!("{name} is {value}: it must be between {low} and {high}")));
    }
    Ok(value)
}

/// The size of a page: 1 to 1,000.
pub(crate) fn page_limit(wanted: Option<u64>, default: u64) -> Result<u64, Refusal> {
    match wanted {
        None => Ok(default),
        Some(limit @ 1..=1000) => Ok(limit),
        Some(other) => Err(Refusal::Invalid(format!("limit is {other}: it must be between 1 and 1000"))),
    }
}
