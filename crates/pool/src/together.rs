//! Failing together. When all proxies that were working, two or more, fail within a short time, it is not they that
//! failed, and what the first of them were charged with is taken back:
//!
//! - All became *unreachable* within 10 s: it is our own line. They are shown as failed and carry nothing, but no
//!   counter moves, what moved in those 10 s is undone, and none is disabled, until a check gets through to any proxy.
//! - All failed *on the target* within a minute, and none has reached it since the first of them failed: the target
//!   is down. The first ones were convicted because others had reached it shortly before. They are as before again,
//!   in use included, and those old successes prove nothing any more. So that this takes no minute, each such
//!   conviction makes others check whether their success still holds.

use std::time::{Duration, Instant};

use holdfast_model::{Blame, Event, Health, Level};

use crate::proxy::Fall;
use crate::target::COMPARABLE_FOR;
use crate::{Pool, Proxy};

const LINE_TOGETHER: Duration = Duration::from_secs(10);
/// What failed instead of those that were convicted.
const LINE: &str = "it looks like our own line";
const TARGET: &str = "the check target does not answer through any proxy that was asked";

impl Pool {
    /// This proxy fails. Call it before that shows in its health and before its counter moves.
    pub(crate) fn note_fall(&mut self, index: usize, blame: Blame, at: Instant) {
        let proxy = &mut self.proxies[index];
        let (health, failures) = (proxy.health, proxy.consecutive_failures);
        let worked = proxy.enabled && matches!(health, Health::Healthy | Health::Degraded);
        match &mut proxy.track.fall {
            // Blamed on its target while the check ran, and on itself when it had ended.
            Some(fall) if fall.blame == Blame::Target && blame == Blame::Proxy => {
                (fall.at, fall.blame) = (at, blame);
            }
            Some(_) => {}
            None if worked => proxy.track.fall = Some(Fall { at, blame, health, failures }),
            None => {}
        }
    }

    /// One more proxy fell and no longer counts as working: whether they fell together.
    pub(crate) fn watch_falls(&mut self, index: usize, blame: Blame, at: Instant, events: &mut Vec<Event>) {
        let others_work = self.proxies.iter().any(Proxy::is_working);
        match blame {
            Blame::Target if others_work => self.confirm_target(index, at),
            Blame::Target => self.watch_target(at, events),
            Blame::Ours => {}
            Blame::Proxy if self.line_down => self.proxies[index].acquit(LINE, events),
            Blame::Proxy if others_work => {}
            Blame::Proxy => self.watch_line(at, events),
        }
    }

    fn watch_line(&mut self, at: Instant, events: &mut Vec<Event>) {
        let fallen = self.fallen(Blame::Proxy, LINE_TOGETHER, at);
        if fallen.len() < 2 {
            return;
        }
        self.line_down = true;
        for &index in &fallen {
            self.proxies[index].uncount(at, events);
            self.proxies[index].acquit(LINE, events);
        }
        let message = format!(
            "All {} working proxies became unreachable within 10 s: it looks like our own line, and is not counted \
             against them",
            fallen.len()
        );
        events.push(Event::Notice { level: Level::Warning, message });
    }

    fn watch_target(&mut self, at: Instant, events: &mut Vec<Event>) {
        let fallen = self.fallen(Blame::Target, COMPARABLE_FOR, at);
        let targets = self.asked(&fallen);
        if fallen.len() >= 2 && self.take_back_target_falls(at, events) {
            self.targets_are_down(&targets, events);
        }
    }

    /// Those who fell lately on the target are as before, unless somebody reached it since the first of them fell.
    pub(crate) fn take_back_target_falls(&mut self, at: Instant, events: &mut Vec<Event>) -> bool {
        let fallen = self.fallen(Blame::Target, COMPARABLE_FOR, at);
        let first = fallen.iter().filter_map(|&i| self.proxies[i].track.fall).map(|f| f.at).min();
        if first.is_none_or(|first| self.any_reached_since(&self.asked(&fallen), first)) {
            return false;
        }
        for index in fallen {
            let proxy = &mut self.proxies[index];
            proxy.uncount(at, events);
            proxy.acquit(TARGET, events);
            let Some(fall) = proxy.track.fall.take() else { continue };
            proxy.convicted = None;
            let from = std::mem::replace(&mut proxy.health, fall.health);
            // Also if the shown health never changed, for it may be used again.
            events.push(proxy.health_event(from));
        }
        true
    }

    /// Who fell by this fault lately.
    fn fallen(&self, blame: Blame, within: Duration, at: Instant) -> Vec<usize> {
        let lately = |f: &Fall| f.blame == blame && at.saturating_duration_since(f.at) <= within;
        (0..self.proxies.len()).filter(|&i| self.proxies[i].track.fall.as_ref().is_some_and(lately)).collect()
    }
}

impl Proxy {
    /// Tells that its conviction counts for nothing. (In the first case it stays out of use all the same.)
    fn acquit(&self, reason: &str, events: &mut Vec<Event>) {
        if self.is_convicted() {
            let (id, url, reason) = (self.id, self.url.masked(), reason.to_owned());
            events.push(Event::ProxyAcquitted { id, url, reason });
        }
    }

    /// Its counter and its being enabled are as they were before it fell.
    fn uncount(&mut self, at: Instant, events: &mut Vec<Event>) {
        let Some(fall) = self.track.fall else { return };
        self.consecutive_failures = fall.failures;
        if std::mem::take(&mut self.auto_disabled) {
            self.enabled = true;
            self.track.plan.step = 0;
            self.track.plan.retry = at;
            events.push(Event::ProxyRecovered { id: self.id, url: self.url.masked() });
        }
    }
}
