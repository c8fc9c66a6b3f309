//! Proxies as the outside sees them.

use chrono::{DateTime, Utc};
use holdfast_model::{Health, Phases, ProxyId, RecordingId, Trigger};
use holdfast_pool::SystemStatus;
use serde::Serialize;
use utoipa::ToSchema;

/// How a proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Health)]
pub enum HealthView {
    /// The last check got the expected answer.
    Healthy,
    /// It works, but the target objects to its address.
    Degraded,
    /// It does not work.
    Failed,
    /// Not checked yet.
    Unknown,
}

impl From<Health> for HealthView {
    fn from(health: Health) -> Self {
        match health {
            Health::Healthy => Self::Healthy,
            Health::Degraded => Self::Degraded,
            Health::Failed => Self::Failed,
            Health::Unknown => Self::Unknown,
        }
    }
}

/// A proxy of the pool.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Proxy)]
pub struct ProxyView {
    /// Its identity, never reused.
    pub id: i64,
    /// Its address, the password masked.
    #[schema(examples("http://user:***@proxy.example:3128"))]
    pub proxy_url: String,
    /// A name given by a person.
    pub label: Option<String>,
    /// Recordings that name tags take only proxies that carry all of them.
    pub tags: Vec<String>,
    /// 0 is asked first.
    pub priority: u32,
    /// False: never used.
    pub enabled: bool,
    /// True if the program disabled it after too many failures; it comes back by itself.
    pub auto_disabled: bool,
    /// What the last check said.
    pub health_status: HealthView,
    /// When that was.
    pub last_health_check: Option<DateTime<Utc>>,
    /// How long the last check took to its answer, in milliseconds.
    pub response_time_ms: Option<u32>,
    /// The moving average of it, in milliseconds.
    pub average_response_time_ms: Option<u32>,
    /// Failed checks in a row.
    pub consecutive_failures: u32,
    /// What was wrong the last time something was.
    pub last_error: Option<String>,
    /// Until when a drill treats it as failed; null if there is none.
    pub drill_until: Option<DateTime<Utc>>,
    /// Recordings that used it.
    pub total_recordings: u64,
    /// Those of them during which it failed.
    pub failed_recordings: u64,
    /// The share of recordings during which it did not fail, 0 to 1; null before the first.
    pub success_rate: Option<f64>,
    /// Bytes sent through it.
    pub bytes_up: u64,
    /// Bytes received through it.
    pub bytes_down: u64,
    /// Connections open through it now.
    pub active_connections: u64,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// The pool as a whole, in figures and one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SystemStatus)]
pub struct SystemStatusView {
    /// `healthy`, `degraded`, `error` or `disabled`.
    #[schema(examples("healthy"))]
    pub state: String,
    /// The sentence.
    #[schema(examples("2 of 3 proxies healthy"))]
    pub message: String,
    /// How many enabled proxies are healthy.
    pub healthy: usize,
    /// How many are enabled.
    pub enabled: usize,
    /// How many there are.
    pub total: usize,
}

impl From<SystemStatus> for SystemStatusView {
    fn from(status: SystemStatus) -> Self {
        let SystemStatus { state, message, healthy, enabled, total } = status;
        Self { state: state.as_str().to_owned(), message, healthy, enabled, total }
    }
}

/// All proxies, by priority.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ProxyList {
    /// The proxies.
    pub proxies: Vec<ProxyView>,
    /// The pool as a whole.
    pub system_status: SystemStatusView,
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Imported {
    /// How many proxies are new.
    pub added: usize,
    /// How many were there already, or stood twice in the list.
    pub duplicates: usize,
    /// Lines that are no proxy.
    pub rejected: Vec<Rejected>,
}

/// A line that is no proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rejected {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub detail: String,
}

/// How long each phase of a check took, in milliseconds; null where it did not get that far or has no such phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Phases)]
pub struct PhasesView {
    /// TCP to the proxy.
    pub connect_ms: Option<u32>,
    /// TLS and handshake with the proxy.
    pub proxy_ms: Option<u32>,
    /// TLS with the target.
    pub tls_ms: Option<u32>,
    /// From the request to the first byte of the answer.
    pub first_byte_ms: Option<u32>,
}

impl From<Phases> for PhasesView {
    fn from(phases: Phases) -> Self {
        let Phases { connect_ms, proxy_ms, tls_ms, first_byte_ms } = phases;
        Self { connect_ms, proxy_ms, tls_ms, first_byte_ms }
    }
}

/// What a manual test found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tested {
    /// What the check says.
    pub status: HealthView,
    /// To the answer, in milliseconds.
    pub response_time_ms: Option<u32>,
    /// What was wrong.
    pub error: Option<String>,
    /// Failures in a row, this one included.
    pub consecutive_failures: u32,
    /// Whether it may be used now.
    pub enabled: bool,
    /// Phase by phase.
    pub phases: PhasesView,
}

/// The checks of one proxy, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CheckList {
    /// The checks.
    pub checks: Vec<CheckView>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Check)]
pub struct CheckView {
    /// When it finished.
    pub at: DateTime<Utc>,
    /// What it said.
    pub status: HealthView,
    /// To the answer, in milliseconds.
    pub response_time_ms: Option<u32>,
    /// What was wrong.
    pub error: Option<String>,
    /// Phase by phase.
    pub phases: PhasesView,
    /// `schedule`, `manual`, `suspicion` or `recovery`.
    #[schema(value_type = String, examples("schedule"))]
    pub trigger: Trigger,
}

/// What a drill did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Drilled {
    /// Recordings that moved.
    pub moved: Vec<Moved>,
    /// Until when the proxy is treated as failed.
    pub until: DateTime<Utc>,
}

/// A recording that moved to another route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Moved {
    /// Which.
    #[schema(value_type = String, format = "uuid")]
    pub recording_id: RecordingId,
    /// The route it left, masked.
    pub from: String,
    /// The route that carries on: a masked URL or `direct`.
    pub to: String,
    /// How long that took, in milliseconds.
    pub took_ms: u64,
}

/// The kind of route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// Through a proxy.
    Proxy,
    /// Without one.
    Direct,
    /// Nothing can be sent.
    None,
}

/// The route a new connection would take, and why.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Best {
    /// The proxy, if one is chosen.
    pub proxy: Option<ProxyView>,
    /// The kind of route.
    pub route: RouteKind,
    /// Why the route is direct or none; null if a proxy is chosen.
    pub reason: Option<String>,
    /// Why each other proxy lost.
    pub considered: Vec<Considered>,
}

/// A proxy that was not chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Considered {
    /// Which.
    #[schema(value_type = i64)]
    pub id: ProxyId,
    /// Why.
    pub reason: String,
}
