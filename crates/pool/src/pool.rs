//! The pool: its proxies, what a person does to them, and the settings. Everything else it can do stands in the
//! file of its subject: `schedule.rs`, `suspicion.rs`, `breaker.rs`, `selection.rs`, `status.rs`.

use std::time::{Duration, Instant};

use holdfast_model::{Event, Health, ProxyId};
use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::average::averaged;
use crate::plan::{Burst, Plan};
use crate::proxy::Track;
use crate::suspicion::Blamed;
use crate::target::Targets;
use crate::{Edit, NewProxy, Now, Proxy, Settings};

/// All proxies and all that is known of them. Give it to one owner; nothing in it waits or locks.
#[derive(Debug)]
pub struct Pool {
    pub(crate) settings: Settings,
    /// By priority, then id.
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) rng: SmallRng,
    pub(crate) next_serial: u64,
    /// Since when no proxy can be used although some are wanted.
    pub(crate) outage: Option<Instant>,
    /// All working proxies became unreachable at once, and none was reached since.
    pub(crate) line_down: bool,
    pub(crate) targets: Targets,
    pub(crate) blamed: Blamed,
    pub(crate) burst: Burst,
    /// The latest time anybody told, for the one call that brings none.
    pub(crate) latest: Option<Instant>,
}

impl Pool {
    /// An empty pool. `seed` decides the jitter of the schedule and nothing else.
    #[must_use]
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            proxies: Vec::new(),
            rng: SmallRng::seed_from_u64(seed),
            next_serial: 0,
            outage: None,
            line_down: false,
            targets: Targets::default(),
            blamed: Blamed::default(),
            burst: Burst::default(),
            latest: None,
        }
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Puts new settings in force at once. A lower threshold disables the failed proxies that are over it.
    pub fn set_settings(&mut self, settings: Settings, now: Now) -> Vec<Event> {
        let old = std::mem::replace(&mut self.settings, settings);
        if old.interval != self.settings.interval || (!old.health_checks && self.settings.health_checks) {
            self.replan_all(now.at);
        }
        match (old.enabled, self.settings.enabled) {
            (true, false) => self.switch_off(),
            (false, true) => self.switch_on(now.at),
            _ => {}
        }
        let mut events = Vec::new();
        if self.settings.enabled && !self.line_down {
            for index in 0..self.proxies.len() {
                if self.proxies[index].health == Health::Failed {
                    self.disable_if_over(index, now.at, &mut events);
                }
            }
        }
        self.watch_outage(now.at);
        events
    }

    /// Takes a proxy in as unknown; its first check is due at once, or within 5 s if many came together. One with
    /// an id that is already there replaces it.
    pub fn add(&mut self, new: NewProxy, now: Now) {
        self.remove(new.id);
        let delay = self.burst.delay(self.settings.interval, now.at, &mut self.rng);
        let proxy = Proxy {
            id: new.id,
            url: new.url,
            label: new.label,
            tags: new.tags,
            priority: new.priority,
            enabled: new.enabled,
            auto_disabled: false,
            health: Health::Unknown,
            last_health_check: None,
            response_time: None,
            average_response_time: None,
            consecutive_failures: 0,
            last_error: None,
            convicted: None,
            locked: false,
            drill_until: None,
            suspicion: None,
            track: Box::new(Track::new(Plan::first(now.at + delay))),
        };
        let place = self.place(&proxy);
        self.proxies.insert(place, proxy);
        self.watch_outage(now.at);
    }

    /// Takes a proxy out and hands it over. Checks of it that are under way may still be handed back; nothing
    /// comes of them.
    pub fn remove(&mut self, id: ProxyId) -> Option<Proxy> {
        let index = self.index(id)?;
        let proxy = self.proxies.remove(index);
        if let Some(at) = self.latest {
            self.watch_outage(at);
        }
        Some(proxy)
    }

    /// Changes what a person may change; false if there is no such proxy. With a new URL it is unknown again, its
    /// counter is 0, and a check is due at once.
    pub fn edit(&mut self, id: ProxyId, edit: Edit, now: Now) -> bool {
        let Some(index) = self.index(id) else { return false };
        let mut proxy = self.proxies.remove(index);
        if let Some(url) = edit.url.filter(|url| *url != proxy.url) {
            proxy.url = url;
            proxy.forget(now.at);
        }
        proxy.label = edit.label.unwrap_or(proxy.label);
        proxy.tags = edit.tags.unwrap_or(proxy.tags);
        proxy.priority = edit.priority.unwrap_or(proxy.priority);
        let place = self.place(&proxy);
        self.proxies.insert(place, proxy);
        self.watch_outage(now.at);
        true
    }

    /// A person switches a proxy on (its counter is 0 again, and a check is due at once) or off (it stays off
    /// until a person switches it on).
    pub fn set_enabled(&mut self, id: ProxyId, on: bool, now: Now) -> Vec<Event> {
        if let Some(proxy) = self.get_mut(id) {
            proxy.enabled = on;
            proxy.auto_disabled = false;
            proxy.suspicion = None;
            proxy.track.fall = None;
            proxy.track.plan = Plan::first(now.at);
            if on {
                proxy.consecutive_failures = 0;
            }
            self.watch_outage(now.at);
        }
        Vec::new()
    }

    /// One proxy.
    #[must_use]
    pub fn get(&self, id: ProxyId) -> Option<&Proxy> {
        self.proxies.iter().find(|p| p.id == id)
    }

    /// All of them, by priority, then id.
    pub fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.proxies.iter()
    }

    /// A dial through this proxy succeeded after `took`.
    pub fn observe_dial(&mut self, id: ProxyId, took: Duration) {
        if let Some(proxy) = self.get_mut(id) {
            proxy.track.dial = Some(averaged(proxy.track.dial, took));
        }
    }

    /// How long a successful dial through this proxy usually takes, by traffic and checks. Until one has told, it is as long
    /// as a whole check; `None` before the first.
    #[must_use]
    pub fn usual_dial(&self, id: ProxyId) -> Option<Duration> {
        let proxy = self.get(id)?;
        proxy.track.dial.or(proxy.average_response_time)
    }

    pub(crate) fn get_mut(&mut self, id: ProxyId) -> Option<&mut Proxy> {
        self.proxies.iter_mut().find(|p| p.id == id)
    }

    pub(crate) fn index(&self, id: ProxyId) -> Option<usize> {
        self.proxies.iter().position(|p| p.id == id)
    }

    fn place(&self, proxy: &Proxy) -> usize {
        self.proxies.partition_point(|p| (p.priority, p.id) < (proxy.priority, proxy.id))
    }

    /// Nothing is checked from now on, so nothing may wait for a check.
    fn switch_off(&mut self) {
        self.line_down = false;
        for proxy in &mut self.proxies {
            proxy.suspicion = None;
            proxy.track.plan.extra = None;
        }
    }

    /// Everything may have changed while nothing was checked.
    fn switch_on(&mut self, at: Instant) {
        for proxy in self.proxies.iter_mut().filter(|p| p.enabled) {
            let delay = self.burst.delay(self.settings.interval, at, &mut self.rng);
            proxy.track.plan = Plan::first(at + delay);
        }
    }
}
