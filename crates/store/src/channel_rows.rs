//! Channels, the settings that concern them and the files, and what deleting old files has to know, in the words of the model.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use holdfast_model::{ChannelId, RecordingId, Secret};

/// When recordings are deleted; nothing of it by default, nor for a value below 0 that somebody wrote by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// When they are so many days old.
    pub max_age_days: Option<u32>,
    /// The oldest, when there are more than so many.
    pub max_count: Option<u32>,
    /// The oldest, when they are larger than so many bytes together.
    pub max_bytes: Option<u64>,
}

/// A channel as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelRow {
    /// Its identity, given by the database and never reused.
    pub id: ChannelId,
    /// Its name on Twitch, in lower case; `None` for other sites.
    pub username: Option<String>,
    /// What Streamlink is given. Empty when it was stored with another secret key; `locked` says so.
    pub url: Secret,
    /// The same, masked.
    pub url_masked: String,
    /// Why its address or its token cannot be read, in words a person can act on; `None` if all is well. Without an address
    /// it must not be looked at.
    pub locked: Option<String>,
    /// Whether it is recorded when it is live.
    pub record: bool,
    /// What Streamlink is asked for.
    pub quality: String,
    /// Tags that its proxies must carry.
    pub tags: Vec<String>,
    /// How its files are named; `None`: as in the settings.
    pub filename_template: Option<String>,
    /// The ending of its files; `None`: as in the settings.
    pub container: Option<String>,
    /// When its recordings are deleted.
    pub limits: Limits,
    /// More options for Streamlink.
    pub streamlink_options: Vec<String>,
    /// A Twitch user token; also `None` when it was stored with another secret key, which `locked` says.
    pub user_token: Option<Secret>,
    /// Whether one is stored, be it one that cannot be read.
    pub has_token: bool,
    /// Where it stood when that was last stored.
    pub state: ChannelState,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When a person last changed it.
    pub updated_at: DateTime<Utc>,
}

/// Where a channel stands: written whole, so that writing it twice changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelState {
    /// What it is called.
    pub display_name: String,
    /// Its number on Twitch.
    pub twitch_id: Option<String>,
    /// What its broadcast is called, or the last one was.
    pub title: Option<String>,
    /// The same for what it is about.
    pub category: Option<String>,
    /// Since when it is live.
    pub live_since: Option<DateTime<Utc>>,
    /// When it was last known whether it is.
    pub last_checked_at: Option<DateTime<Utc>>,
    /// The platform's number for the broadcast that it is in, or was in last, where it has one.
    pub broadcast_id: Option<String>,
    /// When a person stopped the recording of that broadcast, which is then left alone.
    pub declined_at: Option<DateTime<Utc>>,
}

/// A channel to be stored.
#[derive(Clone, Debug)]
pub struct NewChannelRow {
    /// Its name on Twitch, in lower case; `None` for other sites.
    pub username: Option<String>,
    /// What Streamlink is given.
    pub url: Secret,
    /// The same, masked.
    pub url_masked: String,
    /// What it is called.
    pub display_name: String,
    /// Whether it is recorded when it is live.
    pub record: bool,
    /// What Streamlink is asked for.
    pub quality: String,
    /// Tags that its proxies must carry.
    pub tags: Vec<String>,
    /// How its files are named; `None`: as in the settings.
    pub filename_template: Option<String>,
    /// The ending of its files; `None`: as in the settings.
    pub container: Option<String>,
    /// When its recordings are deleted.
    pub limits: Limits,
    /// More options for Streamlink.
    pub streamlink_options: Vec<String>,
    /// A Twitch user token.
    pub user_token: Option<Secret>,
}

/// What a person changes; `None` stays as it is, `Some(None)` is taken away.
#[derive(Clone, Debug, Default)]
pub struct ChannelEdit {
    /// What it is called.
    pub display_name: Option<String>,
    /// Whether it is recorded when it is live.
    pub record: Option<bool>,
    /// What Streamlink is asked for.
    pub quality: Option<String>,
    /// All of them anew.
    pub tags: Option<Vec<String>>,
    /// How its files are named.
    pub filename_template: Option<Option<String>>,
    /// The ending of its files.
    pub container: Option<Option<String>>,
    /// Its recordings are deleted when they are so many days old.
    pub max_age_days: Option<Option<u32>>,
    /// The oldest are, when there are more than so many.
    pub max_count: Option<Option<u32>>,
    /// The oldest are, when they are larger than so many bytes together.
    pub max_bytes: Option<Option<u64>>,
    /// All of them anew.
    pub streamlink_options: Option<Vec<String>>,
    /// A Twitch user token.
    pub user_token: Option<Option<Secret>>,
}

/// The settings of channels, files and credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSettingsRow {
    /// The client id of an application registered with Twitch.
    pub twitch_client_id: Option<String>,
    /// Its client secret; also `None` when it was stored with another secret key, which `locked` says.
    pub twitch_client_secret: Option<Secret>,
    /// The address by which Twitch reaches this server.
    pub public_url: Option<String>,
    /// What Twitch signs its messages with.
    pub eventsub_secret: Option<Secret>,
    /// Which of the two are stored and cannot be read.
    pub locked: LockedSecrets,
    /// How often channels are looked at, in seconds: 10 to 3,600; a value outside is read as the nearest inside.
    pub channel_check_seconds: u32,
    /// For how long a channel that went offline may come back into the same recording, in seconds: 0 to 3,600; a value
    /// outside is read as the nearest inside.
    pub channel_linger_seconds: u32,
    /// How files are named.
    pub filename_template: String,
    /// Their ending.
    pub container: String,
    /// When recordings are deleted, whatever their channel.
    pub limits: Limits,
    /// Room that stays free on the disk, in bytes.
    pub disk_floor_bytes: u64,
}

/// Secrets that were stored with another secret key. Where one is true and the secret is `None`, saving leaves what is stored
/// as it is: the right key opens it again. False takes it away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockedSecrets {
    /// [`ServerSettingsRow::twitch_client_secret`].
    pub twitch_client_secret: bool,
    /// [`ServerSettingsRow::eventsub_secret`].
    pub eventsub_secret: bool,
}

/// A recording that is over, as far as deleting the old ones has to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedRow {
    /// Which.
    pub id: RecordingId,
    /// Of which channel.
    pub streamer_id: Option<ChannelId>,
    /// The name of its channel at the time.
    pub channel: Option<String>,
    /// Its file.
    pub path: PathBuf,
    /// Its size, or that of its parts where they could not be joined.
    pub bytes: u64,
    /// When it was asked for.
    pub started_at: DateTime<Utc>,
    /// When it was finished.
    pub ended_at: DateTime<Utc>,
    /// Not to be deleted.
    pub keep: bool,
}
