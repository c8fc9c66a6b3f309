//! Channels as the outside sees them.

use chrono::{DateTime, Utc};
use holdfast_model::RecordingId;
use holdfast_recorder::Container;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StreamerStatus)]
pub enum ChannelStatusView {
    /// Not live, as far as is known.
    Offline,
    /// Live and not recorded: nobody wants it, somebody stopped it, or it is about to begin.
    Live,
    /// Live and to be recorded, but there is no route: it begins when one appears.
    Waiting,
    /// Being recorded.
    Recording,
}

/// The container of the finished files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Container)]
pub enum ContainerView {
    /// MPEG transport stream: as it was sent, with nothing embedded.
    Ts,
    /// Matroska, with title and chapters.
    Mkv,
    /// MP4, with title and chapters; browsers play it.
    Mp4,
}

impl ContainerView {
    /// By the ending of a file.
    pub(crate) fn of(word: &str) -> Option<Self> {
        [Self::Ts, Self::Mkv, Self::Mp4].into_iter().find(|container| container.word() == word)
    }

    /// The ending of a file.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ts => "ts",
            Self::Mkv => "mkv",
            Self::Mp4 => "mp4",
        }
    }
}

impl From<ContainerView> for Container {
    fn from(container: ContainerView) -> Self {
        match container {
            ContainerView::Ts => Self::Ts,
            ContainerView::Mkv => Self::Mkv,
            ContainerView::Mp4 => Self::Mp4,
        }
    }
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Streamer)]
pub struct ChannelView {
    /// Its identity.
    pub id: i64,
    /// Its name on Twitch; null for other sites.
    pub username: Option<String>,
    /// What Streamlink is given; passwords and what looks like a token are masked.
    pub url: String,
    /// What it is called.
    pub display_name: String,
    /// Whether it is recorded when it is live.
    pub record: bool,
    /// What Streamlink is asked for.
    pub quality: String,
    /// Tags that its proxies must carry.
    pub tags: Vec<String>,
    /// How it is.
    pub status: ChannelStatusView,
    /// Since when it is live.
    pub live_since: Option<DateTime<Utc>>,
    /// What its broadcast is called, or the last one was.
    pub title: Option<String>,
    /// The same for what it is about.
    pub category: Option<String>,
    /// Its recording under way.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub recording_id: Option<RecordingId>,
    /// When it was last known whether it is live.
    pub last_checked_at: Option<DateTime<Utc>>,
    /// Why it is not recorded though it is live: there is no route.
    pub waiting_reason: Option<String>,
    /// Why the last look at it failed, or its recording did not begin, and what to do.
    pub last_error: Option<String>,
    /// How its files are named; null: as in the settings.
    pub filename_template: Option<String>,
    /// The container of its files; null: as in the settings.
    pub container: Option<ContainerView>,
    /// Its recordings are deleted when they are so many days old; null: not for their age.
    pub max_age_days: Option<u32>,
    /// The oldest of its recordings are deleted when there are more than so many; null: not for their number.
    pub max_count: Option<u32>,
    /// The oldest of its recordings are deleted when they are larger than so many bytes together; null: not for their size.
    pub max_bytes: Option<u64>,
    /// More options for Streamlink, such as `--twitch-supported-codecs=h264,av1`.
    pub streamlink_options: Vec<String>,
    /// Whether a Twitch user token is stored for it. It is never shown.
    pub has_token: bool,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When its settings were last changed.
    pub updated_at: DateTime<Utc>,
}

/// A page of channels.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StreamerPage)]
pub struct ChannelPage {
    /// The channels, by name.
    pub items: Vec<ChannelView>,
    /// Always null: all of them fit on one page.
    pub next_cursor: Option<String>,
}
