//! What the recorder needs from the rest of the house. It knows these traits, not the gateway; the application
//! joins the two, and tests may join it to a gateway of their own.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use holdfast_model::{RecordingId, RouteUse, Secret, Via};

/// There is no way to the outside at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no route: {reason}")]
pub struct NoRoute {
    /// Why, in words a person can act on.
    pub reason: String,
}

/// The routes that the gateway offers to recordings.
#[async_trait]
pub trait Routes: Send + Sync {
    /// Chooses the route a recording would start with: selects, checks the chosen proxy and the next two side by
    /// side (3 s in all), and answers with the best that passed. Logs the decision.
    ///
    /// # Errors
    /// [`NoRoute`] if nothing passed and a direct connection is not allowed.
    async fn prepare(&self, tags: &[String]) -> Result<Via, NoRoute>;

    /// Opens an account for a recording: one ledger over all its leases, until it is dropped.
    fn open(&self, recording: RecordingId, tags: &[String]) -> Arc<dyn Account>;
}

/// A recording's account at the gateway. Dropping the last handle ends it.
pub trait Account: Send + Sync {
    /// Fresh credentials for one child process or one live check. Dropping the lease cuts its tunnels and makes
    /// its password worthless.
    fn lease(&self) -> Box<dyn Lease>;

    /// What the account carried so far.
    fn traffic(&self) -> Traffic;

    /// The recording leaves the route in use, for this reason: nothing is fetched any more.
    fn close(&self, reason: &str);
}

/// Credentials at the gateway for one child process or one live check.
pub trait Lease: Send + Sync {
    /// `http://user:password@127.0.0.1:port`, for `--http-proxy`.
    fn proxy_url(&self) -> Secret;

    /// Tells the gateway that a segment has been in flight for too long (see [`SlowSegment`]). The gateway
    /// decides whether to move the lease to another proxy; telling it again every second is harmless.
    fn segment_slow(&self, slow: SlowSegment);

    /// Tells the gateway that a segment arrived whole: ends a run of slow ones.
    fn segment_complete(&self);
}

/// A segment that takes longer than max(3 s, 1.5 × its duration).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowSegment {
    /// Since it was requested.
    pub in_flight: Duration,
    /// How much play time it carries.
    pub duration: Duration,
}

/// What a platform says by itself, where there is one to ask (Twitch, with credentials). Asked when Streamlink has ended,
/// before the stream itself is; an answer that takes longer than 15 s counts as unknown.
#[async_trait]
pub trait Platform: Send + Sync {
    /// Whether the channel is live.
    async fn is_live(&self) -> Liveness;
}

impl fmt::Debug for dyn Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Platform")
    }
}

/// Whether a channel is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// The platform says so.
    Live,
    /// The platform says that it is not. Believed when it says so twice.
    Offline,
    /// The platform cannot be asked; why, in words. The stream alone is asked.
    Unknown(String),
    /// The platform should know and fails to answer; why, in words. Then what its pages say is doubted: a "gone" counts only
    /// if it is said for a minute.
    Failing(String),
}

/// What an account carried so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Every route used, in order; the last is the current one if its `ended_at` is `None`.
    pub routes: Vec<RouteUse>,
    /// How often a route failed and another one carried on.
    pub failovers: u32,
    /// Bytes received from the outside.
    pub bytes_down: u64,
    /// When a route of this account last failed: a try by the proxy's fault, or one that another route then succeeded in; a
    /// tunnel that was cut or broke; a dial without a route. Not when a destination refuses on every route.
    pub last_fault: Option<Instant>,
    /// When a dial of this account last reached its destination by no route, whoever was at fault.
    pub last_unreached: Option<Instant>,
    /// What the gateway said then, in a sentence; passwords masked.
    pub why_unreached: Option<String>,
    /// When a dial of this account was last answered by a destination through any route.
    pub last_success: Option<Instant>,
    /// True while the last dial found no route at all.
    pub no_route: bool,
}

impl Traffic {
    /// When something last did not get through, whoever was at fault: what Streamlink says of the stream after that may
    /// come of it.
    #[must_use]
    pub fn last_failure(&self) -> Option<Instant> {
        self.last_fault.max(self.last_unreached)
    }

    /// The route in use, if there is one.
    #[must_use]
    pub fn current(&self) -> Option<&Via> {
        self.routes.last().filter(|r| r.ended_at.is_none()).map(|r| &r.via)
    }
}
