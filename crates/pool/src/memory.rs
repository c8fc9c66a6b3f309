//! What comes from outside the checks: a pool that is filled from a store after a restart, rows that somebody edited
//! by hand, a proxy whose password cannot be read, and the drill.

use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast_model::{Blame, Event, Health, ProxyId};

use crate::plan::Plan;
use crate::{NewProxy, Now, Pool};

/// What a store remembers of a proxy beside what a person set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Disabled by the pool.
    pub auto_disabled: bool,
    /// What the last check said.
    pub health: Option<Health>,
    /// When that was.
    pub last_health_check: Option<DateTime<Utc>>,
    /// How long it took to its answer.
    pub response_time: Option<Duration>,
    /// The moving average of it.
    pub average_response_time: Option<Duration>,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// What was wrong, in words, masked.
    pub last_error: Option<String>,
}

/// What somebody changed behind the pool's back; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Whether it may be used, and whether the program is to bring it back (`enabled`, `auto_disabled`).
    pub enabled: Option<(bool, bool)>,
    /// What is shown; failed takes no traffic until a check passes, any other word does.
    pub health: Option<Health>,
    /// Failures in a row.
    pub consecutive_failures: Option<u32>,
    /// How long the last check took to its answer.
    pub response_time: Option<Option<Duration>>,
    /// The moving average of it, which decides between equals.
    pub average_response_time: Option<Option<Duration>>,
}

impl Pool {
    /// Takes a proxy in with what is remembered of it. Its first check is due as for a new one: much may have
    /// happened since.
    pub fn restore(&mut self, new: NewProxy, remembered: Remembered, now: Now) {
        let id = new.id;
        self.add(new, now);
        let Some(proxy) = self.get_mut(id) else { return };
        proxy.auto_disabled = remembered.auto_disabled && !proxy.enabled;
        proxy.health = remembered.health.unwrap_or(Health::Unknown);
        proxy.convicted = (proxy.health == Health::Failed).then_some(Blame::Proxy);
        proxy.last_health_check = remembered.last_health_check;
        proxy.response_time = remembered.response_time;
        proxy.average_response_time = remembered.average_response_time;
        proxy.consecutive_failures = remembered.consecutive_failures;
        proxy.last_error = remembered.last_error;
        self.watch_outage(now.at);
    }

    /// Takes over what somebody changed in the store by hand. A counter at the threshold disables nothing by itself;
    /// the next failed check does.
    pub fn adopt(&mut self, id: ProxyId, adopted: &Adopted, now: Now) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(proxy) = self.get_mut(id) else { return events };
        if let Some((enabled, auto_disabled)) = adopted.enabled {
            proxy.enabled = enabled;
            proxy.auto_disabled = auto_disabled && !enabled;
            proxy.suspicion = None;
            proxy.track.fall = None;
            proxy.track.plan = Plan::first(now.at);
        }
        if let Some(failures) = adopted.consecutive_failures {
            proxy.consecutive_failures = failures;
        }
        if let Some(measured) = adopted.response_time {
            proxy.response_time = measured;
        }
        if let Some(average) = adopted.average_response_time {
            proxy.average_response_time = average;
        }
        if let Some(health) = adopted.health.filter(|health| *health != proxy.health) {
            let from = std::mem::replace(&mut proxy.health, health);
            proxy.convicted = (health == Health::Failed).then_some(Blame::Proxy);
            proxy.track.plan.retry = now.at;
            events.push(proxy.health_event(from));
        }
        self.watch_outage(now.at);
        events
    }

    /// A proxy whose password cannot be read is failed and stays so: it is never used and never checked until it gets
    /// another URL ([`Pool::edit`]).
    pub fn lock(&mut self, id: ProxyId, why: &str, now: Now) {
        let Some(proxy) = self.get_mut(id) else { return };
        proxy.locked = true;
        proxy.health = Health::Failed;
        proxy.convicted = Some(Blame::Proxy);
        proxy.last_error = Some(why.to_owned());
        proxy.suspicion = None;
        self.watch_outage(now.at);
    }

    /// Treats a proxy as failed until [`Pool::end_drill`], which is to come at `until`. Nothing is counted and its health
    /// stays. False if there is no such proxy.
    pub fn drill(&mut self, id: ProxyId, until: DateTime<Utc>, now: Now) -> bool {
        self.set_drill(id, Some(until), now)
    }

    /// The drill that was to end at `until` is over. False if a later one goes on, or the proxy is gone.
    pub fn end_drill(&mut self, id: ProxyId, until: DateTime<Utc>, now: Now) -> bool {
        let present = self.get(id).and_then(|proxy| proxy.drill_until);
        present == Some(until) && self.set_drill(id, None, now)
    }

    fn set_drill(&mut self, id: ProxyId, until: Option<DateTime<Utc>>, now: Now) -> bool {
        let Some(proxy) = self.get_mut(id) else { return false };
        proxy.drill_until = until;
        self.watch_outage(now.at);
        true
    }
}
