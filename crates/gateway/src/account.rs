//! Accounts: who is behind a connection. A recording has one account for its whole life and a lease, with a
//! password of its own, for each child process and live check. The account keeps the ledger: which routes carried
//! it, when they changed and why, and which proxies it avoids for now.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use holdfast_model::{Event, ProxyId, RecordingId, RouteUse, Secret, Via};
use tokio::sync::broadcast;
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
    events: broadcast::Sender<Event>,
}

#[derive(Debug, Default)]
struct Ledger {
    routes: Vec<Stretch>,
    failovers: u32,
    /// The first sign that the present route fails, and in what words.
    trouble: Option<(Instant, String)>,
    last_fault: Option<Instant>,
    last_unreached: Option<Instant>,
    why_unreached: Option<String>,
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
    /// When it was left though nothing had failed yet.
    left_as_a_precaution: Option<Instant>,
}

/// What an account carried so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountTraffic {
    /// Every route used, in order.
    pub routes: Vec<RouteUse>,
    /// How often a route failed and another one carried on.
    pub failovers: u32,
    /// When a route last failed: a try by the proxy's fault, or one that another route then succeeded in; a tunnel that was
    /// cut or broke; a dial without a route. Not when a destination refuses on every route.
    pub last_fault: Option<Instant>,
    /// When a dial last reached its destination by no route, whoever was at fault.
    pub last_unreached: Option<Instant>,
    /// What was said then: where to, by how many proxies, and why not; passwords masked.
    pub why_unreached: Option<String>,
    /// When a dial last succeeded.
    pub last_success: Option<Instant>,
    /// True while the last dial found no route at all.
    pub no_route: bool,
}

impl Account {
    /// `events`: where its failovers are announced.
    pub(crate) fn new(
        recording: Option<RecordingId>,
        tags: Vec<String>,
        events: broadcast::Sender<Event>,
    ) -> Self {
        Self { recording, tags, ledger: Mutex::default(), events }
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
            last_unreached: ledger.last_unreached,
            why_unreached: ledger.why_unreached.clone(),
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

    /// A route shows a sign of failure. Only the route in use matters, and the one before it if it was left while this
    /// failure was under way already: a suspicion moves traffic before anybody can say that the route really fails.
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
        } else if let Some((from, to, took)) = ledger.left_in_time(via, why, since) {
            self.announce(from, to, why.to_owned(), took);
        }
    }

    /// A dial that began at `begun` failed on every route.
    pub(crate) fn dial_failed(&self, no_route: bool) {
        let mut ledger = self.lock();
        ledger.last_fault = Some(Instant::now());
        ledger.no_route = no_route;
    }

    /// A dial was given up, for this reason; `no_route`: because there was none.
    pub(crate) fn unreached(&self, no_route: bool, why: String) {
        let mut ledger = self.lock();
        (ledger.last_unreached, ledger.why_unreached) = (Some(Instant::now()), Some(why));
        ledger.no_route = no_route;
    }

    /// A dial succeeded: announces a failover if another route failed before. Returns the counter for the route's bytes.
    pub(crate) fn dialed(&self, via: &Via, begun: Instant) -> Arc<AtomicU64> {
        let mut ledger = self.lock();
        ledger.last_success = Some(Instant::now());
        ledger.no_route = false;
        if let Some(last) = ledger.routes.last()
            && last.ended_at.is_none()
            && last.via == *via
        {
            let bytes = Arc::clone(&last.bytes);
            ledger.trouble = None;
            return bytes;
        }
        self.switch(&mut ledger, via, begun);
        let bytes = Arc::new(AtomicU64::new(0));
        let stretch = Stretch {
            via: via.clone(),
            started_at: Utc::now(),
            ended_at: None,
            bytes: Arc::clone(&bytes),
            reason: None,
            left_as_a_precaution: None,
        };
        ledger.push(stretch, self.is_recording());
        bytes
    }

    fn switch(&self, ledger: &mut Ledger, to: &Via, begun: Instant) {
        let trouble = ledger.trouble.take();
        let Some(last) = ledger.routes.last_mut().filter(|s| s.ended_at.is_none()) else { return };
        last.ended_at = Some(Utc::now());
        let Some((since, reason)) = trouble else {
            last.reason = Some(RouteUse::BETTER_ROUTE.to_owned());
            last.left_as_a_precaution = Some(Instant::now());
            return;
        };
        last.reason = Some(reason.clone());
        let from = last.via.clone();
        ledger.failovers += 1;
        // What is noticed by a dial began with that dial at the latest.
        self.announce(from, to.clone(), reason, since.min(begun).elapsed());
    }

    fn announce(&self, from: Via, to: Via, reason: String, took: Duration) {
        let event = Event::Failover { recording: self.recording, from, to, reason, took };
        // No listener is no error.
        let _ = self.events.send(event);
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
    /// If the route was left for the present one while it was failing already, books that as a failover. Returns from
    /// where, to where, and how long after the failure began.
    fn left_in_time(&mut self, via: &Via, why: &str, since: Instant) -> Option<(Via, Via, Duration)> {
        let [.., before, now] = self.routes.as_mut_slice() else { return None };
        let left = before.left_as_a_precaution.filter(|left| before.via == *via && since <= *left)?;
        before.left_as_a_precaution = None;
        before.reason = Some(why.to_owned());
        self.failovers += 1;
        Some((before.via.clone(), now.via.clone(), left.duration_since(since)))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn via(id: i64) -> Via {
        let url: holdfast_model::ProxyUrl = format!("http://proxy{id}:80").parse().expect("a URL");
        Via::Proxy(ProxyId(id), url.masked())
    }

    fn account() -> (Account, broadcast::Receiver<Event>) {
        let (events, listener) = broadcast::channel(8);
        (Account::new(Some(RecordingId::new()), Vec::new(), events), listener)
    }

    /// The playlist's dial falls into the milliseconds of a suspicion, and the stuck tunnel is cut seconds later.
    #[test]
    fn a_route_left_on_suspicion_counts_as_a_failover_once_it_is_known_to_have_failed() {
        let (account, mut events) = account();
        let before = Instant::now();
        account.dialed(&via(1), before);
        account.dialed(&via(2), Instant::now());
        assert_eq!(account.traffic().failovers, 0);
        account.trouble_since(&via(1), "stuck", before);
        account.trouble_since(&via(1), "stuck as well", before);
        let traffic = account.traffic();
        assert_eq!((traffic.failovers, traffic.routes[0].reason.as_deref()), (1, Some("stuck")));
        assert!(matches!(events.try_recv(), Ok(Event::Failover { .. })));
        assert!(events.try_recv().is_err(), "told once");
    }

    #[test]
    fn trouble_on_a_route_that_was_left_before_is_no_failover() {
        let (account, mut events) = account();
        account.dialed(&via(1), Instant::now());
        account.dialed(&via(2), Instant::now());
        account.trouble(&via(1), "it broke later");
        let traffic = account.traffic();
        assert_eq!(
            (traffic.failovers, traffic.routes[0].reason.as_deref()),
            (0, Some("a better route is available"))
        );
        assert!(events.try_recv().is_err());
    }
}
