//! The settings of channels and files as the outside sees them.

use chrono::{DateTime, Utc};
use holdfast_model::RecordingId;
use serde::Serialize;
use utoipa::ToSchema;

use super::ContainerView;

/// The settings in force.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerSettings {
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
