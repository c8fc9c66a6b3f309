//! Whose fault it is when a check target does not answer through a proxy.
//!
//! A proxy that cannot reach the target is only convicted of it if another reached the same target in the last
//! minute, or if there is no other to compare with. Where nobody did, up to three others are asked at once: if one
//! of them gets through, the first is checked again (or convicted on the spot while its answer is still overdue);
//! if none does, the target is down. That is told once, suspicions that rest on it are dropped, and everything
//! else stays as it was until somebody reaches the target again.
//!
//! A 5xx of the target itself, over its own TLS, was brought by a proxy that works: nothing presses, and it is most likely
//! the target that has just gone down. There only a witness counts that reached it after that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use holdfast_model::{Blame, Event, Level, ProxyId, TargetOutcome};

use crate::proxy::Unproven;
use crate::selection::rank;
use crate::{Pool, Proxy};

/// A success of another proxy proves that the target is up for so long.
pub(crate) const COMPARABLE_FOR: Duration = Duration::from_secs(60);
/// And needs no confirmation for so long.
const FRESH: Duration = Duration::from_secs(2);
/// Targets are configured, so there are few; a configuration that keeps changing must not fill the memory.
const MOST_TARGETS: usize = 64;
/// How many others are asked.
const ASKED: usize = 3;

/// What is known of the check targets.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    known: BTreeMap<String, Target>,
}

#[derive(Debug, Default)]
struct Target {
    /// The two proxies that reached it last, the latest first; two, so that there is always another.
    reached: [Option<(ProxyId, Instant)>; 2],
    /// A proxy failed on it without proof, and nobody reached it since.
    failing: bool,
    /// That it is down was told.
    told: bool,
}

impl Targets {
    /// A proxy reached it. True if it was in doubt.
    fn reached(&mut self, name: &str, id: ProxyId, at: Instant) -> bool {
        let target = self.entry(name);
        if target.reached[0].is_none_or(|(latest, _)| latest != id) {
            target.reached[1] = target.reached[0];
        }
        target.reached[0] = Some((id, at));
        target.told = false;
        std::mem::take(&mut target.failing)
    }

    /// When another proxy reached it last, if that is lately.
    fn reached_by_other(&self, name: &str, id: ProxyId, at: Instant) -> Option<Instant> {
        let mut others = self.known.get(name)?.reached.iter().flatten().filter(|(other, _)| *other != id);
        let latest = others.next().map(|(_, reached)| *reached)?;
        (at.saturating_duration_since(latest) <= COMPARABLE_FOR).then_some(latest)
    }

    fn entry(&mut self, name: &str) -> &mut Target {
        if self.known.len() >= MOST_TARGETS && !self.known.contains_key(name) {
            let oldest = self.known.iter().min_by_key(|(_, t)| t.reached[0].map(|(_, at)| at));
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.known.remove(&oldest);
            }
        }
        self.known.entry(name.to_owned()).or_default()
    }
}

impl Pool {
    /// Whether a failure of this proxy on this target tells against the proxy.
    pub(crate) fn is_proven(&self, target: &str, id: ProxyId, at: Instant) -> bool {
        self.targets.reached_by_other(target, id, at).is_some() || self.is_alone(id)
    }

    /// The same for a failure that a check has just found.
    pub(crate) fn tells_against(&self, index: usize, outcome: &TargetOutcome, at: Instant) -> bool {
        let proxy = &self.proxies[index];
        let brought = proxy.track.brought.filter(|_| outcome.spoke);
        // One that is convicted of it already has to show that it gets through.
        match brought.filter(|_| proxy.convicted != Some(Blame::Target) && !self.is_alone(proxy.id)) {
            None => self.is_proven(&outcome.target, proxy.id, at),
            Some(since) => {
                self.targets.reached_by_other(&outcome.target, proxy.id, at).is_some_and(|w| w > since)
            }
        }
    }

    /// Whether there is no other enabled proxy.
    pub(crate) fn is_alone(&self, id: ProxyId) -> bool {
        !self.proxies.iter().any(|p| p.enabled && p.id != id)
    }

    /// This proxy reached this target: whoever failed on it while nobody could tell is looked at again.
    pub(crate) fn target_reached(&mut self, target: &str, id: ProxyId, at: Instant, events: &mut Vec<Event>) {
        if !self.targets.reached(target, id, at) {
            return;
        }
        for index in 0..self.proxies.len() {
            let proxy = &mut self.proxies[index];
            let concerns = |u: &mut Unproven| u.targets.iter().any(|t| t == target);
            if proxy.id == id || !proxy.enabled {
                continue;
            }
            if let Some(unproven) = proxy.track.unproven.take_if(concerns) {
                if unproven.waiting {
                    self.convict(index, Blame::Target, unproven.reason, at, events);
                } else {
                    proxy.track.plan.extra = Some(at);
                }
            }
        }
    }

    /// This proxy failed on these targets and nobody can say whether others reach them. Asks others, or tells that
    /// the targets are down if there is nobody left to ask; true in the second case.
    pub(crate) fn targets_failed(
        &mut self,
        index: usize,
        unproven: Unproven,
        at: Instant,
        e: &mut Vec<Event>,
    ) -> bool {
        let names = unproven.targets.clone();
        let asked = self.ask_about(index, unproven, at);
        if !asked {
            names.iter().for_each(|name| self.tell(name, e));
        }
        !asked
    }

    /// Keeps the doubt, and asks others if it is the first about one of these targets. False if nobody was asked.
    pub(crate) fn ask_about(&mut self, index: usize, unproven: Unproven, at: Instant) -> bool {
        let mut fresh = false;
        for name in &unproven.targets {
            fresh |= !std::mem::replace(&mut self.targets.entry(name).failing, true);
        }
        self.proxies[index].track.unproven = Some(unproven);
        fresh && self.ask_others(index, at)
    }

    /// What these proxies were asked to reach last.
    pub(crate) fn asked(&self, indices: &[usize]) -> BTreeSet<String> {
        indices.iter().flat_map(|&index| self.proxies[index].track.asked.iter().cloned()).collect()
    }

    /// Whether anybody reached any of these targets after this moment.
    pub(crate) fn any_reached_since(&self, targets: &BTreeSet<String>, first: Instant) -> bool {
        let latest = |name: &String| self.targets.known.get(name)?.reached[0].map(|(_, at)| at);
        targets.iter().filter_map(latest).any(|at| at > first)
    }

    /// All working proxies failed on these targets: what was reached before proves nothing now.
    pub(crate) fn targets_are_down(&mut self, targets: &BTreeSet<String>, events: &mut Vec<Event>) {
        for name in targets {
            let target = self.targets.entry(name);
            (target.reached, target.failing) = ([None; 2], true);
            self.tell(name, events);
        }
    }

    fn tell(&mut self, name: &str, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.targets.entry(name).told, true) {
            let message = format!(
                "The check target {name} does not answer through any proxy that was asked: this is not counted \
                 against the proxies"
            );
            events.push(Event::Notice { level: Level::Warning, message });
        }
    }

    /// A proxy was convicted because others reached the target some time ago: they are asked whether that still
    /// holds, so that a target that has died meanwhile convicts nobody for long.
    pub(crate) fn confirm_target(&mut self, index: usize, at: Instant) {
        let recently = at.checked_sub(FRESH).unwrap_or(at);
        if !self.any_reached_since(&self.asked(&[index]), recently) {
            self.ask_others(index, at);
        }
    }

    /// Makes a check of the best others due. False if there are none.
    fn ask_others(&mut self, index: usize, at: Instant) -> bool {
        let asking = self.proxies[index].id;
        let mut others: Vec<&mut Proxy> =
            self.proxies.iter_mut().filter(|p| p.is_usable() && p.id != asking).collect();
        others.sort_by_key(|p| rank(p));
        for proxy in others.iter_mut().take(ASKED) {
            proxy.track.plan.extra = Some(at);
        }
        !others.is_empty()
    }
}
