//! One proxy as the pool knows it: what a person set, what checks found, and what is on its way.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use holdfast_model::{Blame, Destination, Event, Health, ProxyId, ProxyUrl, Trigger};

use crate::plan::Plan;

/// A proxy to be taken into the pool.
#[derive(Clone, Debug)]
pub struct NewProxy {
    /// Its identity, never used before in this pool.
    pub id: ProxyId,
    /// Where it is.
    pub url: ProxyUrl,
    /// A name given by a person.
    pub label: Option<String>,
    /// Who may use it: a request that names tags takes only proxies that carry all of them.
    pub tags: Vec<String>,
    /// 0 is asked first.
    pub priority: u32,
    /// False: disabled by a person from the start.
    pub enabled: bool,
}

/// What a person changes; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// Another address or other credentials: everything known of the old one is forgotten.
    pub url: Option<ProxyUrl>,
    /// `Some(None)` takes the label away.
    pub label: Option<Option<String>>,
    /// All of them anew.
    pub tags: Option<Vec<String>>,
    /// 0 is asked first.
    pub priority: Option<u32>,
}

/// A proxy of the pool.
#[derive(Debug)]
pub struct Proxy {
    /// Its identity.
    pub id: ProxyId,
    /// Where it is.
    pub url: ProxyUrl,
    /// A name given by a person.
    pub label: Option<String>,
    /// Who may use it.
    pub tags: Vec<String>,
    /// 0 is asked first.
    pub priority: u32,
    /// False: never selected. By a person, unless `auto_disabled` says otherwise.
    pub enabled: bool,
    /// Disabled by the pool after too many failures; it comes back by itself. Never together with `enabled`.
    pub auto_disabled: bool,
    /// What the last check said that said anything.
    pub health: Health,
    /// When the last check finished.
    pub last_health_check: Option<DateTime<Utc>>,
    /// How long the last check took to its answer; `None` if it got none.
    pub response_time: Option<Duration>,
    /// The moving average of it over successful checks.
    pub average_response_time: Option<Duration>,
    /// How many regular checks and manual tests failed in a row.
    pub consecutive_failures: u32,
    /// What was wrong the last time something was, in words, passwords masked; `None` after a good check.
    pub last_error: Option<String>,
    /// Convicted by a check for traffic, and on what side; never selected until a check passes.
    pub(crate) convicted: Option<Blame>,
    /// Its password cannot be read: failed for good, and never checked.
    pub(crate) locked: bool,
    /// Until when a drill treats it as failed; it takes no traffic till then.
    pub drill_until: Option<DateTime<Utc>>,
    /// Under suspicion: ranked behind all that are not, until a check passes.
    pub(crate) suspicion: Option<Box<Mark>>,
    /// What selection does not look at, kept apart so that a pass over many proxies touches little memory.
    pub(crate) track: Box<Track>,
}

/// A suspicion that no check has answered yet.
#[derive(Debug)]
pub(crate) struct Mark {
    /// When it was raised. A check that was begun earlier cannot clear it.
    pub(crate) raised: Instant,
    /// For which destinations the proxy answered 5xx: they carry the blame if the check passes. Bounded.
    pub(crate) destinations: Vec<Destination>,
}

/// A check that was ordered and not handed back.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) serial: u64,
    pub(crate) trigger: Trigger,
    pub(crate) begun: Instant,
}

/// The moment a working proxy failed, why, and how it was before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fall {
    pub(crate) at: Instant,
    pub(crate) blame: Blame,
    pub(crate) health: Health,
    pub(crate) failures: u32,
}

/// Failed on a target while nobody could say whether others reach it.
#[derive(Debug)]
pub(crate) struct Unproven {
    /// The targets.
    pub(crate) targets: Vec<String>,
    /// In words.
    pub(crate) reason: String,
    /// The check that found it is still waiting for an answer.
    pub(crate) waiting: bool,
}

/// What the pool remembers of a proxy beside what it shows.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) plan: Plan,
    pub(crate) in_flight: Vec<InFlight>,
    /// Usual time of a successful dial, of traffic and of checks.
    pub(crate) dial: Option<Duration>,
    /// The targets of its latest check: they may be others with each, and of one proxy others than of the next.
    pub(crate) asked: Vec<String>,
    pub(crate) fall: Option<Fall>,
    pub(crate) unproven: Option<Unproven>,
    /// When it first brought a 5xx of a target itself, since its last check that passed.
    pub(crate) brought: Option<Instant>,
    /// When the latest check began that passed. What older checks say against the proxy is old news.
    pub(crate) passed: Option<Instant>,
}

impl Track {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            in_flight: Vec::new(),
            dial: None,
            asked: Vec::new(),
            fall: None,
            unproven: None,
            brought: None,
            passed: None,
        }
    }
}

impl Proxy {
    /// Whether traffic raised a suspicion that no check has answered yet.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.suspicion.is_some()
    }

    /// Whether no traffic may go through it by what checks said: failed, or the answer to a suspicion check is
    /// overdue and the whole check is still running.
    #[must_use]
    pub fn is_convicted(&self) -> bool {
        self.convicted.is_some()
    }

    /// Whose fault the conviction is; `None` if it is not convicted.
    #[must_use]
    pub fn conviction(&self) -> Option<Blame> {
        self.convicted
    }

    /// Whether its password cannot be read.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// Whether a connection may go through it, tags aside.
    pub(crate) fn is_usable(&self) -> bool {
        self.enabled && !self.is_convicted() && self.drill_until.is_none()
    }

    /// Whether the pool may bring it back: all but those that a person disabled.
    pub(crate) fn is_wanted(&self) -> bool {
        self.enabled || self.auto_disabled
    }

    /// Whether it makes sense to check it.
    pub(crate) fn is_checkable(&self) -> bool {
        self.is_wanted() && !self.locked
    }

    /// Whether a check found that it works, and nothing since convicted it.
    pub(crate) fn is_working(&self) -> bool {
        self.is_usable() && self.health != Health::Unknown
    }

    /// What its last check said, for those outside.
    pub(crate) fn health_event(&self, from: Health) -> Event {
        Event::ProxyHealth {
            id: self.id,
            url: self.url.masked(),
            from,
            to: self.health,
            response_time: self.response_time,
            error: self.last_error.clone(),
        }
    }

    /// It has a new address: nothing that was known holds any longer, and a check is due at once.
    pub(crate) fn forget(&mut self, at: Instant) {
        self.health = Health::Unknown;
        self.last_health_check = None;
        self.response_time = None;
        self.average_response_time = None;
        self.consecutive_failures = 0;
        self.last_error = None;
        self.convicted = None;
        self.locked = false;
        self.suspicion = None;
        *self.track = Track::new(Plan::first(at));
    }
}
