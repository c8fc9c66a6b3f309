//! When each proxy is checked. Nothing here waits: [`Pool::next_due`] says when to call [`Pool::due`].
//!
//! - **Regular**: every interval ± 10 %, for enabled proxies, while health checks are on. The first look at a new,
//!   changed or newly enabled proxy is due at once even when they are off.
//! - **Retry**: a convicted enabled proxy after 1, 2, 4, 8 … s up to the interval; an auto-disabled one after 1, 2,
//!   4, 8 … intervals up to an hour, and 10 s after a first good check.
//! - **Outage**: while no proxy can be used, all wanted ones at once, then each after a sixth of the outage's age,
//!   between 1 s and 5 s. Tries in an outage do not lengthen a proxy's own backoff, and when it ends all enabled
//!   ones that are still convicted start again at 1 s, for what ailed them may have been the same thing.
//! - **Extra**: the answer to a suspicion that could not be checked at once, or a comparison (see `target.rs`).
//!
//! One check of a proxy at a time, except that a suspicion waits only for another suspicion check: an ordinary
//! check may take 10 s to fail, and an open stream cannot wait for that.

use std::time::{Duration, Instant};

use holdfast_model::{ProxyId, Trigger};
use rand::RngExt;

use crate::plan::{MANY, Plan, spread};
use crate::proxy::InFlight;
use crate::{CheckOrder, Now, Pool, Proxy};

/// No two suspicion checks of one proxy begin closer together.
pub(crate) const SUSPICION_PAUSE: Duration = Duration::from_secs(2);
/// From the first good check of an auto-disabled proxy to the one that enables it.
pub(crate) const CONFIRM_AFTER: Duration = Duration::from_secs(10);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RECOVERY: Duration = Duration::from_secs(3600);
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// A check that was not handed back for so long never will be: its task died.
const LOST_AFTER: Duration = Duration::from_secs(60);

impl Pool {
    /// Takes all checks that are due and marks them under way. Run them all at once: each is another proxy, or a
    /// suspicion that cannot wait.
    pub fn due(&mut self, now: Now) -> Vec<CheckOrder> {
        self.forget_lost(now.at);
        self.watch_outage(now.at);
        let mut orders = Vec::new();
        for index in 0..self.proxies.len() {
            let proxy = &self.proxies[index];
            let due = self.candidates(proxy).into_iter().flatten().find(|(at, _)| *at <= now.at);
            if let Some((_, trigger)) = due {
                orders.push(self.order(index, trigger, now.at));
            }
        }
        orders
    }

    /// When to call [`Pool::due`] next, which may be now or earlier; `None` while nothing is planned. Ask again
    /// after every other call: anything may bring it forward.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        let planned = |p: &Proxy| self.candidates(p).into_iter().flatten().map(|(at, _)| at).min();
        let lost = |p: &Proxy| p.track.in_flight.iter().map(|f| f.begun + LOST_AFTER).min();
        self.proxies.iter().flat_map(|p| [planned(p), lost(p)]).flatten().min()
    }

    /// Orders a check outside the schedule: a manual test, or the check before a recording starts. It may run
    /// beside others. `None` if there is no such proxy, or if the pool or the proxy is switched off and it is not
    /// a person who asks ([`Trigger::Manual`]), or if its password cannot be read.
    pub fn begin_check(&mut self, id: ProxyId, trigger: Trigger, now: Now) -> Option<CheckOrder> {
        let index = self.index(id)?;
        let proxy = &self.proxies[index];
        let by_a_person = trigger == Trigger::Manual && !proxy.locked;
        let allowed = by_a_person || (self.settings.enabled && proxy.is_checkable());
        allowed.then(|| self.order(index, trigger, now.at))
    }

    /// Hands a check back that was not carried out: a shutdown, or an error of our own. Nothing is learned, and
    /// the next comes as planned.
    #[expect(clippy::needless_pass_by_value, reason = "an order is handed back once")]
    pub fn abandon_check(&mut self, order: CheckOrder) {
        if let Some(index) = self.take_back(order.id, order.serial) {
            self.secure_suspicion(index);
        }
    }

    /// What one proxy waits for, the most urgent first.
    fn candidates(&self, proxy: &Proxy) -> [Option<(Instant, Trigger)>; 3] {
        if !self.settings.enabled || !proxy.is_checkable() {
            return [None; 3];
        }
        let plan = &proxy.track.plan;
        let idle = proxy.track.in_flight.is_empty();
        let unsuspected = proxy.track.in_flight.iter().all(|f| f.trigger != Trigger::Suspicion);
        let regular = proxy.enabled && idle && (self.settings.health_checks || plan.first);
        let trigger = if self.settings.health_checks { Trigger::Schedule } else { Trigger::Recovery };
        let retry = idle && (proxy.auto_disabled || proxy.is_convicted());
        [
            plan.extra.filter(|_| proxy.enabled && unsuspected).map(|at| (at, Trigger::Suspicion)),
            regular.then_some((plan.regular, trigger)),
            retry.then(|| (self.retry_at(plan), Trigger::Recovery)),
        ]
    }

    fn retry_at(&self, plan: &Plan) -> Instant {
        match (self.outage, plan.tried) {
            (None, _) => plan.retry,
            (Some(since), None) => since,
            (Some(since), Some(tried)) => {
                let age = tried.saturating_duration_since(since);
                tried + (age / 6).clamp(FIRST_RETRY, FIRST_RETRY * 5)
            }
        }
    }

    /// Marks a check as under way and plans what comes after it.
    pub(crate) fn order(&mut self, index: usize, trigger: Trigger, at: Instant) -> CheckOrder {
        let regular = at + self.jittered();
        let pause = self.pause(&self.proxies[index]);
        let serial = self.next_serial;
        self.next_serial += 1;
        let proxy = &mut self.proxies[index];
        let plan = &mut proxy.track.plan;
        if plan.regular <= at && (plan.first || trigger == Trigger::Schedule) {
            plan.regular = regular;
            plan.first = false;
        }
        if plan.retry <= at {
            plan.retry = at + pause;
        }
        plan.begun = Some(at);
        plan.tried = self.outage.map(|_| at);
        if trigger == Trigger::Suspicion {
            plan.extra = None;
            plan.suspected = Some(at);
        }
        proxy.track.in_flight.push(InFlight { serial, trigger, begun: at });
        let convict_after = (trigger == Trigger::Suspicion).then(|| proxy.patience());
        CheckOrder { id: proxy.id, url: proxy.url.clone(), trigger, convict_after, serial, begun: at }
    }

    /// The proxy of a check that was under way and no longer is; `None` if the pool no longer waits for it.
    pub(crate) fn take_back(&mut self, id: ProxyId, serial: u64) -> Option<usize> {
        let index = self.index(id)?;
        let track = &mut self.proxies[index].track;
        let place = track.in_flight.iter().position(|f| f.serial == serial)?;
        track.in_flight.swap_remove(place);
        track.unproven.take_if(|u| u.waiting);
        Some(index)
    }

    /// Makes sure that an open suspicion has a check under way that can answer it, or one planned.
    pub(crate) fn secure_suspicion(&mut self, index: usize) {
        let proxy = &mut self.proxies[index];
        let Some(raised) = proxy.suspicion.as_ref().map(|mark| mark.raised) else { return };
        let answers = |f: &InFlight| f.trigger == Trigger::Suspicion && f.begun >= raised;
        let plan = &mut proxy.track.plan;
        if plan.extra.is_none() && !proxy.track.in_flight.iter().any(answers) {
            plan.extra = Some(plan.suspected.map_or(raised, |at| at + SUSPICION_PAUSE));
        }
    }

    /// A check failed, or said nothing while the proxy was convicted: when it is tried again.
    pub(crate) fn plan_retry(&mut self, index: usize, at: Instant, anew: bool) {
        if anew {
            self.proxies[index].track.plan.step = 0;
        }
        let pause = self.pause(&self.proxies[index]);
        let plan = &mut self.proxies[index].track.plan;
        plan.retry = at + pause;
        if anew || self.outage.is_none() {
            plan.step = plan.step.saturating_add(1);
        }
    }

    /// Notices that an outage begins or ends. Called after everything that may change who can be used.
    pub(crate) fn watch_outage(&mut self, at: Instant) {
        self.latest = Some(at);
        let wanted = self.settings.enabled && self.proxies.iter().any(Proxy::is_wanted);
        let out = wanted && !self.proxies.iter().any(Proxy::is_usable);
        if !out && self.outage.take().is_some() {
            for proxy in self.proxies.iter_mut().filter(|p| p.enabled && p.is_convicted()) {
                proxy.track.plan.retry = at + FIRST_RETRY;
                proxy.track.plan.step = 0;
            }
        } else if out && self.outage.is_none() {
            self.outage = Some(at);
            self.proxies.iter_mut().for_each(|p| p.track.plan.tried = None);
        }
    }

    /// The interval changed, or regular checks are on again: each proxy's next one is reckoned from its last.
    pub(crate) fn replan_all(&mut self, at: Instant) {
        let many = self.proxies.len() > MANY;
        for index in 0..self.proxies.len() {
            let jittered = self.jittered();
            let soonest =
                if many { spread(self.interval()).mul_f64(self.rng.random()) } else { Duration::ZERO };
            let pause = self.pause(&self.proxies[index]);
            let plan = &mut self.proxies[index].track.plan;
            if let Some(begun) = plan.begun.filter(|_| !plan.first) {
                plan.regular = (begun + jittered).max(at + soonest);
            }
            plan.retry = plan.retry.min(at + pause);
        }
    }

    /// The pause before a retry after `step` doublings.
    fn pause(&self, proxy: &Proxy) -> Duration {
        let (first, longest) = if proxy.auto_disabled {
            (self.interval(), LONGEST_RECOVERY.max(self.interval()))
        } else {
            (FIRST_RETRY, self.interval())
        };
        first.saturating_mul(1 << proxy.track.plan.step.min(20)).min(longest)
    }

    fn interval(&self) -> Duration {
        self.settings.interval.max(SHORTEST_INTERVAL)
    }

    /// The interval, ± 10 %.
    pub(crate) fn jittered(&mut self) -> Duration {
        self.interval().mul_f64(self.rng.random_range(0.9..=1.1))
    }

    fn forget_lost(&mut self, at: Instant) {
        for index in 0..self.proxies.len() {
            let track = &mut self.proxies[index].track;
            let before = track.in_flight.len();
            track.in_flight.retain(|f| f.begun + LOST_AFTER > at);
            if track.in_flight.len() < before {
                track.unproven.take_if(|u| u.waiting);
                self.secure_suspicion(index);
            }
        }
    }
}
