//! What a check does to a proxy.
//!
//! # States
//!
//! *What is shown* (`Health`): **unknown** until the first check; **healthy**, **degraded** or **failed** by the last
//! check that said anything. *Whether it takes traffic*: healthy, degraded and unknown ones do, preferred in that
//! order. Two marks stand beside the shown state because traffic cannot wait for a whole check, which may take
//! 10 s: **suspect** (traffic met something wrong; others go first) and **convicted** (a check said so, or its
//! answer is overdue; takes nothing). *Whether it may*: **enabled**, **auto-disabled**, or disabled by a person.
//!
//! ```text
//!            suspect()               overdue(), failed check          counter at the threshold
//!   in use ------------> suspect ---------------------------> failed -------------------------> auto-disabled
//!      ^                    |                                   |                                     |
//!      +---- check passes --+----------- one check passes ------+------- two pass, 10 s apart --------+
//! ```
//!
//! # Why
//!
//! Traffic sees a fault first but cannot tell whose it is, so it only raises a suspicion. A check can: it uses the
//! same dial code towards a target that is known to work. A failure of the proxy itself convicts at once. A failure
//! beyond it convicts only in comparison with others (`target.rs`), and if all working proxies fail together it is
//! our own line or the target (`together.rs`). The counter moves only by regular checks and manual tests, so that
//! traffic, however much of it, cannot disable a proxy faster than the interval allows. It returns to 0 by the same
//! checks, by a person, and when an auto-disabled proxy comes back.
//!
//! # How it recovers
//!
//! Any passing check takes the conviction away (and so does, from one that had been unreachable, any answer while the
//! target is down). Failed proxies are retried from 1 s on, auto-disabled ones from one
//! interval on and twice over; while nothing else can be used the first pass is enough (`schedule.rs`). A suspicion
//! is taken away only by a check that was ordered after it was raised.
//!
//! Checks may overlap. One that was ordered before the latest that passed is old news: it convicts nobody.
//!
//! # What it leaves out
//!
//! No half-open state and no share of failed requests: a check is the probe, and one is enough. A proxy that is
//! merely slow is no less healthy; the average response time and the recorder's own avoidance deal with that. And
//! nothing here cuts a tunnel: the gateway does, by the events.

use std::time::Instant;

use holdfast_model::{Blame, CheckReport, Event, Health, Trigger};

use crate::average::averaged;
use crate::proxy::Unproven;
use crate::schedule::CONFIRM_AFTER;
use crate::verdict::{Finding, Passed};
use crate::{CheckOrder, Now, Pool};

/// Whether this check moves the failure counter.
fn counts(trigger: Trigger) -> bool {
    matches!(trigger, Trigger::Schedule | Trigger::Manual)
}

impl Pool {
    /// A check is done. The events say what changed, in the order in which it did; a check whose proxy is gone or
    /// has another URL by now changes nothing, nor does one that failed although a later one passed.
    #[expect(clippy::needless_pass_by_value, reason = "an order is handed back once")]
    pub fn finish_check(&mut self, order: CheckOrder, report: &CheckReport, now: Now) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(index) = self.take_back(order.id, order.serial) else { return events };
        let (finding, unproven) = self.judge(index, report, now.at, &mut events);
        let old = self.proxies[index].track.passed.is_some_and(|passed| order.begun < passed);
        match finding {
            Finding::Passed(passed) => self.pass(index, &order, passed, now, &mut events),
            _ if old || report.outcomes.is_empty() => {}
            Finding::Failed { blame, reason } => self.fail(index, &order, blame, reason, now, &mut events),
            Finding::Nothing => self.learn_nothing(index, now, unproven.as_ref(), &mut events),
        }
        if let Some(unproven) = unproven.filter(|_| !old) {
            let down = self.targets_failed(index, unproven, now.at, &mut events);
            if down {
                self.drop_suspicion(index, order.begun);
                self.take_back_target_falls(now.at, &mut events);
            }
        }
        self.secure_suspicion(index);
        self.watch_outage(now.at);
        events
    }

    /// A suspicion check got no answer within its [`CheckOrder::convict_after`]; `blame` says how far it came. The
    /// proxy takes no traffic until a check of it passes. What is shown follows only from the whole check, which
    /// runs on. With [`Blame::Target`] this holds only if others are known to reach the target; if that is not
    /// known, others are asked, and their answer may convict it while its own is still outstanding. `targets`: what it
    /// is asked to reach just now, by the names of [`holdfast_model::TargetOutcome::target`].
    pub fn overdue(
        &mut self,
        order: &CheckOrder,
        blame: Blame,
        targets: Vec<String>,
        now: Now,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(index) = self.index(order.id) else { return events };
        let proxy = &self.proxies[index];
        let waited_for = proxy.track.in_flight.iter().any(|f| f.serial == order.serial);
        let old = proxy.track.passed.is_some_and(|passed| order.begun < passed);
        if !waited_for || old || !proxy.enabled {
            return events;
        }
        let waited = now.at.saturating_duration_since(order.begun).as_secs_f64();
        let reason = format!("no answer to the check in {waited:.1} s");
        self.proxies[index].track.asked.clone_from(&targets);
        let proven = self.is_alone(order.id) || targets.iter().any(|t| self.is_proven(t, order.id, now.at));
        if blame == Blame::Proxy || proven {
            self.convict(index, blame, reason, now.at, &mut events);
        } else {
            self.ask_about(index, Unproven { targets, reason, waiting: true }, now.at);
        }
        self.watch_outage(now.at);
        events
    }

    fn pass(&mut self, index: usize, order: &CheckOrder, passed: Passed, now: Now, events: &mut Vec<Event>) {
        let proxy = &mut self.proxies[index];
        let from = std::mem::replace(&mut proxy.health, passed.health);
        proxy.last_health_check = Some(now.wall);
        proxy.response_time = passed.response_time;
        if let Some(measured) = passed.response_time {
            proxy.average_response_time = Some(averaged(proxy.average_response_time, measured));
        }
        proxy.last_error = passed.error;
        proxy.convicted = None;
        if counts(order.trigger) {
            proxy.consecutive_failures = 0;
        }
        let track = &mut proxy.track;
        // One that is overtaken in every race learns of its own pace by its checks alone.
        if let Some(took) = passed.dial {
            track.dial = Some(averaged(track.dial, took));
        }
        (track.fall, track.unproven, track.brought) = (None, None, None);
        track.passed = track.passed.max(Some(order.begun));
        events.push(proxy.health_event(from));
        if let Some(mark) = proxy.suspicion.take_if(|mark| mark.raised <= order.begun) {
            proxy.track.plan.extra = None;
            mark.destinations.into_iter().for_each(|d| self.blamed.blame(d, now.at));
        }
        if self.proxies[index].auto_disabled {
            self.recover(index, order, now, events);
        }
    }

    /// An auto-disabled proxy passed a check: the second one enables it, or the first if there is no other.
    fn recover(&mut self, index: usize, order: &CheckOrder, now: Now, events: &mut Vec<Event>) {
        let regular = now.at + self.jittered();
        let proxy = &mut self.proxies[index];
        let plan = &mut proxy.track.plan;
        let confirmed = plan.good_since.is_some_and(|since| order.begun >= since + CONFIRM_AFTER);
        if confirmed || self.outage.is_some() {
            (plan.good_since, plan.step, plan.regular) = (None, 0, regular);
            (proxy.enabled, proxy.auto_disabled, proxy.consecutive_failures) = (true, false, 0);
            events.push(Event::ProxyRecovered { id: proxy.id, url: proxy.url.masked() });
        } else {
            plan.retry = *plan.good_since.get_or_insert(now.at) + CONFIRM_AFTER;
        }
    }

    fn fail(
        &mut self,
        index: usize,
        order: &CheckOrder,
        blame: Blame,
        reason: String,
        now: Now,
        events: &mut Vec<Event>,
    ) {
        let proxy = &mut self.proxies[index];
        let from = proxy.health;
        proxy.last_health_check = Some(now.wall);
        proxy.response_time = None;
        proxy.last_error = Some(reason.clone());
        proxy.suspicion = None;
        proxy.track.plan.extra = None;
        proxy.track.plan.good_since = None;
        self.note_fall(index, blame, now.at);
        self.proxies[index].health = Health::Failed;
        events.push(self.proxies[index].health_event(from));
        let was_convicted = self.proxies[index].is_convicted();
        self.convict(index, blame, reason, now.at, events);
        if was_convicted && order.trigger == Trigger::Recovery {
            self.plan_retry(index, now.at, false);
        }
        let proxy = &mut self.proxies[index];
        // Taken back, if they all fell together and the target is to blame.
        if counts(order.trigger) && !self.line_down && proxy.health == Health::Failed {
            proxy.consecutive_failures = proxy.consecutive_failures.saturating_add(1);
            self.disable_if_over(index, now.at, events);
        }
    }

    /// The proxy takes no traffic from now on. Tells of it only if that is new, or if it is now the proxy's own fault.
    pub(crate) fn convict(
        &mut self,
        index: usize,
        blame: Blame,
        reason: String,
        at: Instant,
        e: &mut Vec<Event>,
    ) {
        self.note_fall(index, blame, at);
        let proxy = &mut self.proxies[index];
        let before = proxy.convicted;
        let worse = before.is_none() || (before == Some(Blame::Target) && blame == Blame::Proxy);
        if !worse {
            return;
        }
        proxy.convicted = Some(blame);
        proxy.track.unproven = None;
        proxy.last_error = Some(reason.clone());
        if proxy.enabled {
            let (id, url, proxy_side) = (proxy.id, proxy.url.masked(), blame == Blame::Proxy);
            e.push(Event::ProxyConvicted { id, url, proxy_side, reason });
        }
        if before.is_none() {
            self.plan_retry(index, at, true);
        }
        self.watch_falls(index, blame, at, e);
    }

    /// It failed on targets that nobody is known to reach: the status and the counter stay as they were. Except that
    /// one convicted by its own fault has answered now, which is all that can be known while the target is down:
    /// it is unknown again, or nothing could ever bring it back before the target is.
    fn learn_nothing(
        &mut self,
        index: usize,
        now: Now,
        unproven: Option<&Unproven>,
        events: &mut Vec<Event>,
    ) {
        let proxy = &mut self.proxies[index];
        proxy.last_health_check = Some(now.wall);
        proxy.last_error = unproven.map(|u| u.reason.clone());
        let answered = unproven.is_some() && proxy.convicted == Some(Blame::Proxy);
        if answered && proxy.enabled {
            proxy.convicted = None;
            proxy.track.fall = None;
            if proxy.health == Health::Failed {
                proxy.health = Health::Unknown;
                events.push(proxy.health_event(Health::Failed));
            }
        } else if proxy.is_convicted() {
            self.plan_retry(index, now.at, false);
        }
    }

    /// The target is down, so a check of it can neither confirm nor refute the suspicion that it was to answer.
    fn drop_suspicion(&mut self, index: usize, begun: Instant) {
        let proxy = &mut self.proxies[index];
        if proxy.suspicion.take_if(|mark| mark.raised <= begun).is_some() {
            proxy.track.plan.extra = None;
        }
    }

    pub(crate) fn disable_if_over(&mut self, index: usize, at: Instant, events: &mut Vec<Event>) {
        let threshold = self.settings.max_consecutive_failures.max(1);
        let proxy = &mut self.proxies[index];
        let failures = proxy.consecutive_failures;
        if !proxy.enabled || failures < threshold {
            return;
        }
        (proxy.enabled, proxy.auto_disabled) = (false, true);
        proxy.suspicion = None;
        proxy.track.plan.extra = None;
        events.push(Event::ProxyDisabled { id: proxy.id, url: proxy.url.masked(), failures });
        self.plan_retry(index, at, true);
    }
}
