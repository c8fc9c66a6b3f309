//! What the store hands out and takes in: rows in the words of the model, with nothing of SQL in them.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use holdfast_model::{
    ChannelId, Chapter, Gap, Health, Level, Phases, ProxyId, ProxyUrl, RecordingId, RouteUse, Trigger,
};
use serde_json::Value;

/// A proxy as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyRow {
    /// Its identity, given by the database and never reused.
    pub id: ProxyId,
    /// Where it is. With a password that cannot be decrypted the password in it is empty; instead of an address that
    /// somebody wrote by hand and that is none, it is one at `unusable.invalid`. `locked` says so, and it must not be
    /// dialled then.
    pub url: ProxyUrl,
    /// Why its password or address cannot be read, in words a person can act on; `None` if all is well.
    pub locked: Option<String>,
    /// A name given by a person.
    pub label: Option<String>,
    /// Who may use it.
    pub tags: Vec<String>,
    /// 0 is asked first.
    pub priority: u32,
    /// False: never selected.
    pub enabled: bool,
    /// Disabled by the program.
    pub auto_disabled: bool,
    /// What checks and hand-edits say of it.
    pub health: ProxyHealthRow,
    /// What it carried.
    pub totals: ProxyTotals,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When a person or a check last changed it.
    pub updated_at: DateTime<Utc>,
}

/// What checks say of a proxy; also what people edit by hand.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyHealthRow {
    /// healthy, degraded, failed or unknown. A word that is none of these is read as unknown.
    pub status: Health,
    /// When the last check finished.
    pub last_health_check: Option<DateTime<Utc>>,
    /// The last response time, in milliseconds.
    pub response_time_ms: Option<u32>,
    /// The moving average, in milliseconds.
    pub average_response_time_ms: Option<u32>,
    /// Failures in a row. Below 0 is read as 0.
    pub consecutive_failures: u32,
    /// In words, masked.
    pub last_error: Option<String>,
}

impl Default for ProxyHealthRow {
    /// Nothing is known yet.
    fn default() -> Self {
        Self {
            status: Health::Unknown,
            last_health_check: None,
            response_time_ms: None,
            average_response_time_ms: None,
            consecutive_failures: 0,
            last_error: None,
        }
    }
}

/// Figures that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProxyTotals {
    /// Recordings that used it.
    pub total_recordings: u64,
    /// Those of them during which it was convicted.
    pub failed_recordings: u64,
    /// Bytes towards destinations.
    pub bytes_up: u64,
    /// Bytes from destinations.
    pub bytes_down: u64,
}

/// A proxy to be stored.
#[derive(Clone, Debug)]
pub struct NewProxyRow {
    /// Where it is.
    pub url: ProxyUrl,
    /// A name given by a person.
    pub label: Option<String>,
    /// Who may use it.
    pub tags: Vec<String>,
    /// 0 is asked first.
    pub priority: u32,
    /// False: disabled by a person from the start.
    pub enabled: bool,
}

/// What the pool knows of a proxy and the store keeps: written whole, so that writing it twice changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyState {
    /// Which.
    pub id: ProxyId,
    /// Selected or not.
    pub enabled: bool,
    /// Disabled by the program.
    pub auto_disabled: bool,
    /// What checks say.
    pub health: ProxyHealthRow,
}

/// What a person changes; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ProxyEdit {
    /// Another address or other credentials (the same once more changes nothing): health, counter, times and error start anew.
    pub url: Option<ProxyUrl>,
    /// `Some(None)` takes the label away.
    pub label: Option<Option<String>>,
    /// All of them anew.
    pub tags: Option<Vec<String>>,
    /// 0 is asked first.
    pub priority: Option<u32>,
    /// By a person: clears `auto_disabled`; true also sets the counter to 0.
    pub enabled: Option<bool>,
}

/// The five settings of the proxy system, by the names of the table `recording_settings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsRow {
    /// `enable_proxy`.
    pub enable_proxy: bool,
    /// `proxy_health_check_enabled`.
    pub proxy_health_check_enabled: bool,
    /// `proxy_health_check_interval_seconds`, 10 to 86,400; a value outside is read as the nearest inside.
    pub proxy_health_check_interval_seconds: u32,
    /// `proxy_max_consecutive_failures`, 1 to 10; a value outside is read as the nearest inside.
    pub proxy_max_consecutive_failures: u32,
    /// `fallback_to_direct_connection`.
    pub fallback_to_direct_connection: bool,
}

/// One finished check.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckRow {
    /// Of which proxy.
    pub proxy_id: ProxyId,
    /// When it finished.
    pub at: DateTime<Utc>,
    /// What it says.
    pub status: Health,
    /// To the answer, in milliseconds.
    pub response_time_ms: Option<u32>,
    /// In words, masked.
    pub error: Option<String>,
    /// Phase by phase.
    pub phases: Phases,
    /// Why it was made.
    pub trigger: Trigger,
}

/// One line of the event log.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// Its number, given by the journal; unique and increasing.
    pub seq: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Its type, such as `proxy_disabled`.
    pub kind: String,
    /// How loud.
    pub level: Level,
    /// A sentence, masked.
    pub message: String,
    /// About which proxy.
    pub proxy_id: Option<ProxyId>,
    /// About which recording.
    pub recording_id: Option<RecordingId>,
    /// About which channel.
    pub streamer_id: Option<ChannelId>,
    /// The particulars: what the WebSocket carries.
    pub data: Value,
}

/// The status of a recording in the list: the recorder's, and `interrupted` for one whose server died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordingStatus {
    /// Looking for a route, or waiting for the first byte.
    Starting,
    /// Bytes arrive.
    Recording,
    /// Between two runs of Streamlink.
    Recovering,
    /// The file is being finished, or waits to be.
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

/// A recording without its lists.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordingRow {
    /// Its identity.
    pub id: RecordingId,
    /// Of which channel.
    pub streamer_id: Option<ChannelId>,
    /// What is recorded, in full: needed to go on after a crash. May hold a token or password, so it is stored
    /// encrypted like a proxy's password and shown masked only. Empty when read with another secret key.
    pub url: holdfast_model::Secret,
    /// The same, masked.
    pub url_masked: String,
    /// What it is called.
    pub title: Option<String>,
    /// What Streamlink was asked for.
    pub quality: String,
    /// Tags that its proxies must carry.
    pub tags: Vec<String>,
    /// How it is.
    pub status: RecordingStatus,
    /// When it was asked for.
    pub started_at: DateTime<Utc>,
    /// When it was finished.
    pub ended_at: Option<DateTime<Utc>>,
    /// Where the finished file is or will be.
    pub path: PathBuf,
    /// Its size so far.
    pub bytes: u64,
    /// Play time so far, in seconds.
    pub duration_s: f64,
    /// The route in use or last used: a masked URL or `direct`.
    pub via: Option<String>,
    /// How often a route failed and another one carried on.
    pub failovers: u32,
    /// Segments missing.
    pub segments_lost: u64,
    /// Their play time, in seconds.
    pub seconds_lost: f64,
    /// What went wrong, masked.
    pub error: Option<String>,
    /// What the recorder needs to go on after a crash, as it gave it. Encrypted like the URL, which may be in it;
    /// `None` when read with another secret key.
    pub resume: Option<Value>,
    /// Never deleted for its age, or for its size.
    pub keep: bool,
    /// What it is about.
    pub category: Option<String>,
    /// The name of its channel at the time; stays when the channel goes.
    pub channel: Option<String>,
    /// A picture of it.
    pub thumbnail: Option<PathBuf>,
}

/// One file of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct PartRow {
    /// Where it is or was.
    pub path: PathBuf,
    /// When its first byte came.
    pub started_at: DateTime<Utc>,
    /// When its last byte came.
    pub ended_at: Option<DateTime<Utc>>,
    /// Its size.
    pub bytes: u64,
}

/// A recording with everything.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordingFull {
    /// Itself.
    pub row: RecordingRow,
    /// Its routes, in order. Proxies keep their masked name when they are deleted.
    pub routes: Vec<RouteUse>,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// Its files.
    pub parts: Vec<PartRow>,
    /// What it was called and was about, in order.
    pub chapters: Vec<Chapter>,
}

/// Which recordings to list.
#[derive(Clone, Debug, Default)]
pub struct RecordingFilter {
    /// Only with this status.
    pub status: Option<RecordingStatus>,
    /// Only of this channel.
    pub streamer_id: Option<ChannelId>,
    /// Only those older than this one (the cursor); the newest first.
    pub before: Option<RecordingId>,
    /// At most so many, 1 to 1,000.
    pub limit: u64,
}

/// Which events to list, oldest first.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only those with a greater number.
    pub after: i64,
    /// Only those with a smaller number.
    pub before: Option<i64>,
    /// Only of this type.
    pub kind: Option<String>,
    /// The newest first, instead of the oldest.
    pub newest_first: bool,
    /// At most so many, 1 to 1,000.
    pub limit: u64,
}
