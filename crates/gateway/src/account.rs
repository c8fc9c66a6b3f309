//! Accounts: who is behind a connection. A recording has one account for its whole life and a lease, with a
//! password of its own, for each child process and live check. The account keeps the ledger: which routes carried
//! it, when they changed and why, and which proxies it avoids for now.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use holdfast_model::{Event, ProxyId, RecordingId, RouteUse, Secret, Via};
use tokio_util::sync::CancellationToken;

use crate::slow::SlowRun;

/// Stretches of routes that are kept for one recording. Beyond it the oldest are forgotten, their bytes too, so that
/// months of flapping cannot eat the memory.
const MAX_ROUTES: usize = 4096;

/// Whose traffic it is.
#[derive(Debug)]
pub(crate) struct Account {
    /// The recording; `None` for the clients of an open gateway.
    pub(crate) recording: Option<RecordingId>,
    /// Tags that its proxies must have.
    pub(crate) tags: Vec<String>,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    routes: Vec<Stretch>,
    failovers: u32,
    /// The first sign that the present route fails, and in what words.
    trouble: Option<(Instant, String)>,
    last_fault: Option<Instant>,
    last_success: Option<Instant>,
    no_route: bool,
    avoid: Vec<(ProxyId, Instant)>,
    slow: SlowRun,
}

#[derive(Debug)]
struct Stretch {
    via: Via,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    bytes: Arc<AtomicU64>,
    reason: Option<String>,
}

/// What an account carried so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountTraffic {
    /// Every route used, in order.
    pub routes: Vec<RouteUse>,
    /// How often a route failed and another one carried on.
    pub failovers: u32,
    /// When a dial last failed on every route, a tunnel was cut, or its upstream died.
    pub last_fault: Option<Instant>,
    /// When a dial last succeeded.
    pub last_success: Option<Instant>,
    /// True while the last dial found no route at all.
    pub no_route: bool,
}

impl Account {
    pub(crate) fn new(recording: Option<RecordingId>, tags: Vec<String>) -> Self {
        Self { recording, tags, ledger: Mutex::default() }
    }

    /// True for recordings: their dials are bounded tighter and their tunnels watched closer.
    pub(crate) fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    /// A copy of the ledger.
    #[must_use]
    pub(crate) fn traffic(&self) -> AccountTraffic {
        let ledger = self.lock();
        AccountTraffic {
            routes: ledger.routes.iter().map(Stretch::to_use).collect(),
            failovers: ledger.failovers,
            last_fault: ledger.last_fault,
            last_success: ledger.last_success,
            no_route: ledger.no_route,
        }
    }

    /// The proxy in use.
    pub(crate) fn current(&self) -> Option<ProxyId> {
        self.lock().routes.last().filter(|s| s.ended_at.is_none()).and_then(|s| s.via.proxy_id())
    }

    /// Proxies to keep away from for now.
    pub(crate) fn avoided(&self) -> Vec<ProxyId> {
        let mut ledger = self.lock();
        let now = Instant::now();
        ledger.avoid.retain(|(_, until)| *until > now);
        ledger.avoid.iter().map(|(id, _)| *id).collect()
    }

    /// Keeps away from a proxy for a while.
    pub(crate) fn avoid(&self, id: ProxyId, span: Duration) {
        let mut ledger = self.lock();
        ledger.avoid.retain(|(other, _)| *other != id);
        ledger.avoid.push((id, Instant::now() + span));
    }

    /// Lets the account use this proxy again.
    pub(crate) fn forgive(&self, id: ProxyId) {
        self.lock().avoid.retain(|(other, _)| *other != id);
    }

    /// The run of slow segments, for [`crate::slow`].
    pub(crate) fn with_slow_run<T>(&self, change: impl FnOnce(&mut SlowRun) -> T) -> T {
        change(&mut self.lock().slow)
    }

    /// A route shows a sign of failure; only the route in use matters.
    pub(crate) fn trouble(&self, via: &Via, why: &str) {
        self.trouble_since(via, why, Instant::now());
    }

    /// The same for one that has been failing since then.
    pub(crate) fn trouble_since(&self, via: &Via, why: &str, since: Instant) {
        let mut ledger = self.lock();
        ledger.last_fault = Some(Instant::now());
        let is_current = ledger.routes.last().is_some_and(|s| s.ended_at.is_none() && s.via == *via);
        let first = ledger.trouble.as_ref().is_none_or(|(known, _)| since < *known);
        if is_current && first {
            ledger.trouble = Some((since, why.to_owned()));
        }
    }

    /// A dial that began at `begun` failed on every route.
    pub(crate) fn dial_failed(&self, no_route: bool) {
        let mut ledger = self.lock();
        ledger.last_fault = Some(Instant::now());
        ledger.no_route = no_route;
    }

    /// A dial succeeded. Returns the counter for the route's bytes and, if another route failed before, what to
    /// announce.
    pub(crate) fn dialed(&self, via: &Via, begun: Instant) -> (Arc<AtomicU64>, Option<Event>) {
        let mut ledger = self.lock();
        ledger.last_success = Some(Instant::now());
        ledger.no_route = false;
        if let Some(last) = ledger.routes.last()
            && last.ended_at.is_none()
            && last.via == *via
        {
            let bytes = Arc::clone(&last.bytes);
            ledger.trouble = None;
            return (bytes, None);
        }
        let event = self.switch(&mut ledger, via, begun);
        let bytes = Arc::new(AtomicU64::new(0));
        let stretch = Stretch {
            via: via.clone(),
            started_at: Utc::now(),
            ended_at: None,
            bytes: Arc::clone(&bytes),
            reason: None,
        };
        ledger.push(stretch, self.is_recording());
        (bytes, event)
    }

    fn switch(&self, ledger: &mut Ledger, to: &Via, begun: Instant) -> Option<Event> {
        let trouble = ledger.trouble.take();
        let last = ledger.routes.last_mut().filter(|s| s.ended_at.is_none())?;
        last.ended_at = Some(Utc::now());
        let Some((since, reason)) = trouble else {
            last.reason = Some("a better route is available".to_owned());
            return None;
        };
        last.reason = Some(reason.clone());
        let from = last.via.clone();
        ledger.failovers += 1;
        // What is noticed by a dial began with that dial at the latest.
        let took = since.min(begun).elapsed();
        Some(Event::Failover { recording: self.recording, from, to: to.clone(), reason, took })
    }

    /// Ends the stretch in use, when the recording ends.
    pub(crate) fn close(&self, reason: &str) {
        let mut ledger = self.lock();
        if let Some(last) = ledger.routes.last_mut().filter(|s| s.ended_at.is_none()) {
            last.ended_at = Some(Utc::now());
            last.reason = Some(reason.to_owned());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    fn push(&mut self, stretch: Stretch, keep: bool) {
        let limit = if keep { MAX_ROUTES } else { 1 };
        if self.routes.len() >= limit {
            self.routes.remove(0);
        }
        self.routes.push(stretch);
    }
}

impl Stretch {
    fn to_use(&self) -> RouteUse {
        RouteUse {
            via: self.via.clone(),
            started_at: self.started_at,
            ended_at: self.ended_at,
            bytes: self.bytes.load(Relaxed),
            reason: self.reason.clone(),
        }
    }
}

/// Credentials of one child process or live check, or the open gateway's standing lease.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) account: Arc<Account>,
    pub(crate) password: Secret,
    /// Ends the lease: its tunnels are cut and its password is worthless.
    pub(crate) ended: CancellationToken,
}
