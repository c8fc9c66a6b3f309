//! The settings of channels, files and credentials as the outside sees them.

use chrono::{DateTime, Utc};
use holdfast_model::RecordingId;
use serde::Serialize;
use utoipa::ToSchema;

use super::ContainerView;

/// Whether a connection to a platform works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// It is not set up.
    Off,
    /// It works.
    Ok,
    /// It does not; the message says why.
    Error,
}

/// How a connection to a platform is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LinkView {
    /// Whether it works.
    pub state: LinkState,
    /// A sentence.
    pub message: String,
}

/// How Twitch tells that channels go live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventSubView {
    /// Whether it works.
    pub state: LinkState,
    /// A sentence.
    pub message: String,
    /// Subscriptions that Twitch has confirmed.
    pub subscriptions: usize,
}

/// The settings in force.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerSettings {
    /// The client id of an application registered with Twitch; null: Twitch is asked through Streamlink.
    pub twitch_client_id: Option<String>,
    /// Whether its client secret is stored. It is never shown.
    pub has_twitch_client_secret: bool,
    /// The address by which Twitch reaches this server (`https://…`), for EventSub; null: it is only polled.
    pub public_url: Option<String>,
    /// How often channels are looked at, in seconds.
    #[schema(minimum = 10, maximum = 3600)]
    pub channel_check_seconds: u32,
    /// For how long a channel that went offline may come back into the same recording, in seconds.
    #[schema(minimum = 0, maximum = 3600)]
    pub channel_linger_seconds: u32,
    /// How files are named.
    pub filename_template: String,
    /// The container of finished files.
    pub container: ContainerView,
    /// Recordings are deleted when they are so many days old; null: not for their age.
    pub max_age_days: Option<u32>,
    /// The oldest recordings are deleted when there are more than so many; null: not for their number.
    pub max_count: Option<u32>,
    /// The oldest recordings are deleted when they are larger than so many bytes together; null: not for their size.
    pub max_bytes: Option<u64>,
    /// Free room on the disk below which nothing new starts and what runs is finished, in bytes.
    pub disk_floor_bytes: u64,
    /// How the connection to Twitch is.
    pub twitch: LinkView,
    /// How EventSub is.
    pub eventsub: EventSubView,
}

/// A recording that the limits would delete now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CondemnedView {
    /// Which.
    #[schema(value_type = String, format = "uuid")]
    pub recording_id: RecordingId,
    /// Its channel's name, or its own.
    pub channel: Option<String>,
    /// Its file.
    pub path: String,
    /// Bytes that it takes.
    pub bytes: u64,
    /// When it was made.
    pub started_at: DateTime<Utc>,
    /// Which limit condemns it.
    pub reason: String,
}

/// All that the limits would delete now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RetentionPreview {
    /// The recordings, the oldest first.
    pub items: Vec<CondemnedView>,
    /// Their size together, in bytes.
    pub bytes: u64,
}

/// What a template of file names makes of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FilenamePreview {
    /// The file, below the directory of recordings.
    pub path: String,
}
