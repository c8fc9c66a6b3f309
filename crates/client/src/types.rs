//! What the API takes and gives, as far as the commands look at it. Fields that a newer server adds are kept for
//! `--json`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A proxy as the server shows it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Proxy {
    /// Its identity, never reused.
    pub id: i64,
    /// Its address, the password masked.
    pub proxy_url: String,
    /// A name given by a person.
    pub label: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// 0 is asked first.
    pub priority: u32,
    /// False: never used.
    pub enabled: bool,
    /// True if the program disabled it, until it works again.
    pub auto_disabled: bool,
    /// `healthy`, `degraded`, `failed` or `unknown`.
    pub health_status: String,
    /// How long the last check took, in milliseconds.
    pub response_time_ms: Option<u32>,
    /// Failed checks in a row.
    pub consecutive_failures: u32,
    /// What was wrong, if something was.
    pub last_error: Option<String>,
    /// The share of recordings during which it did not fail, 0 to 1.
    pub success_rate: Option<f64>,
    /// Everything else that the server tells.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Proxy {
    /// Whether a person disabled it; the program's own doing passes by itself.
    pub(crate) fn is_switched_off(&self) -> bool {
        !self.enabled && !self.auto_disabled
    }
}

/// A channel as the server shows it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Channel {
    /// Its identity, never reused.
    pub id: i64,
    /// What it is called.
    pub display_name: String,
    /// Whether it is recorded when it is live.
    pub record: bool,
    /// What Streamlink is asked for.
    pub quality: String,
    /// `offline`, `live`, `waiting` or `recording`.
    pub status: String,
    /// What its broadcast is called.
    pub title: Option<String>,
    /// Why it is not recorded though it is live.
    pub waiting_reason: Option<String>,
    /// Why the last look at it failed, or its recording did not begin.
    pub last_error: Option<String>,
    /// When its recordings are deleted.
    #[serde(flatten)]
    pub limits: Limits,
    /// Everything else that the server tells.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// When recordings are deleted; `None`: not for that.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Limits {
    /// When they are so many days old.
    pub max_age_days: Option<u32>,
    /// The oldest, when there are more than so many.
    pub max_count: Option<u32>,
    /// The oldest, when they are larger than so many bytes together.
    pub max_bytes: Option<u64>,
}

/// What limits would delete now.
#[derive(Clone, Debug, Deserialize)]
pub struct Preview {
    /// The recordings, the oldest first.
    pub items: Vec<Condemned>,
    /// Their size together, in bytes.
    pub bytes: u64,
}

/// A recording that limits would delete.
#[derive(Clone, Debug, Deserialize)]
pub struct Condemned {
    /// Its file.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was made, RFC 3339.
    pub started_at: String,
    /// Which limit condemns it, in words.
    pub reason: String,
}

/// All channels, by name.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ChannelList {
    /// The channels.
    pub items: Vec<Channel>,
}

/// A channel to be added, or what is to change about one: what is not there stays as it is, `Some(None)` is taken away.
#[derive(Clone, Default, Serialize)]
pub struct ChannelWish<'a> {
    /// The name of a Twitch channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<&'a str>,
    /// Any address that Streamlink knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<&'a str>,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<&'a str>,
    /// Whether it is recorded when it is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<bool>,
    /// What Streamlink is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<&'a str>,
    /// Tags that its proxies must carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<&'a [String]>,
    /// How its files are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename_template: Option<Option<&'a str>>,
    /// The container of its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Option<&'a str>>,
    /// Its recordings are deleted when they are so many days old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<Option<u32>>,
    /// The oldest of them are deleted when there are more than so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_count: Option<Option<u32>>,
    /// The oldest of them are deleted when they are larger than so many bytes together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<Option<u64>>,
    /// More options for Streamlink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streamlink_options: Option<&'a [String]>,
    /// A Twitch user token; empty takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<&'a str>,
}

/// All proxies, by priority, and how the pool is.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ProxyList {
    /// The proxies.
    pub proxies: Vec<Proxy>,
    /// The pool as a whole.
    pub system_status: SystemStatus,
}

/// The pool as a whole.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SystemStatus {
    /// `healthy`, `degraded`, `error` or `disabled`.
    pub state: String,
    /// One sentence.
    pub message: String,
    /// The figures.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A proxy to add. It holds a password: it is serialized into the request and nowhere else.
#[derive(Serialize)]
pub struct NewProxy<'a> {
    /// Its address in full.
    pub proxy_url: &'a str,
    /// 0 is asked first.
    pub priority: u32,
    /// A name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<&'a str>,
    /// Its tags.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub tags: &'a [String],
    /// False: kept, never used.
    pub enabled: bool,
}

/// What of a proxy changes; what is `None` stays. It may hold a password, as [`NewProxy`].
#[derive(Default, Serialize)]
pub struct ProxyChange<'a> {
    /// Its address in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<&'a str>,
    /// A name; `Some(None)` takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Option<&'a str>>,
    /// All its tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<&'a [String]>,
    /// 0 is asked first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// False: kept, never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// What came of an import.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Imported {
    /// How many proxies are new.
    pub added: usize,
    /// How many were there already.
    pub duplicates: usize,
    /// Lines that are no proxy.
    pub rejected: Vec<Rejected>,
}

/// A line that is no proxy.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Rejected {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub detail: String,
}

/// What a test found.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tested {
    /// `healthy`, `degraded` or `failed`.
    pub status: String,
    /// To the answer, in milliseconds.
    pub response_time_ms: Option<u32>,
    /// What was wrong.
    pub error: Option<String>,
    /// Failures in a row, this one included.
    pub consecutive_failures: u32,
    /// Whether it may be used now.
    pub enabled: bool,
    /// Phase by phase.
    pub phases: Phases,
    /// Everything else that the server tells.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// How long each phase of a check took, in milliseconds; `None` where it did not get that far.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Phases {
    /// TCP to the proxy.
    pub connect_ms: Option<u32>,
    /// TLS and handshake with the proxy.
    pub proxy_ms: Option<u32>,
    /// TLS with the target.
    pub tls_ms: Option<u32>,
    /// From the request to the first byte of the answer.
    pub first_byte_ms: Option<u32>,
}
