//! The newest figures of proxies, on their way to those who listen: which proxies have some, and what is said of them.
//! Only the newest count, so each is waited for once, however many come while a database is away.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use holdfast_model::{ProxyId, milliseconds};
use serde_json::{Value, json};

use super::Note;
use super::note::{HEALTH, STATISTICS};
use crate::gateways::{Gateways, Load};
use crate::memory::Memory;
use crate::view::{HealthView, ProxyView};

/// What is to be told anew, by the type of the frame.
#[derive(Default)]
pub(super) struct Fresh {
    wanted: BTreeSet<(&'static str, ProxyId)>,
}

impl Fresh {
    /// There is something newer to be told of this proxy.
    pub(super) fn add(&mut self, kind: &'static str, id: ProxyId) {
        self.wanted.insert((kind, id));
    }

    /// So many of them at most.
    pub(super) fn take(&mut self, most: usize) -> Vec<(&'static str, ProxyId)> {
        let rest = self.wanted.iter().nth(most).copied();
        let rest = rest.map(|first| self.wanted.split_off(&first)).unwrap_or_default();
        std::mem::replace(&mut self.wanted, rest).into_iter().collect()
    }
}

/// What proxies carry, read once for all that is told at one moment.
pub(super) struct LoadNow {
    gateway: Gateways,
    read: OnceLock<Load>,
}

impl LoadNow {
    pub(super) fn of(gateway: Gateways) -> Self {
        Self { gateway, read: OnceLock::new() }
    }

    /// The moment is over.
    pub(super) fn expire(&mut self) {
        self.read = OnceLock::new();
    }

    fn get(&self) -> &Load {
        self.read.get_or_init(|| self.gateway.load())
    }
}

/// Puts the present figures of the proxy that a note is about into it.
pub(super) fn fill_in(note: &mut Note, id: ProxyId, memory: &Memory, load: &LoadNow) {
    let view = || memory.view(id, load.get());
    let value = match note.kind {
        HEALTH => health(id, memory),
        STATISTICS => view().map(|view| statistics(&view)),
        "proxy_recovered" | "proxy_added" | "proxy_updated" => {
            view().and_then(|view| serde_json::to_value(view).ok())
        }
        _ => return,
    };
    if let Some(value) = value {
        note.data.insert("proxy".to_owned(), value);
    }
}

fn health(id: ProxyId, memory: &Memory) -> Option<Value> {
    memory.pool().read(|pool| {
        let p = pool.get(id)?;
        Some(json!({
            "id": id,
            "health_status": HealthView::from(p.health),
            "response_time_ms": p.response_time.map(milliseconds),
            "average_response_time_ms": p.average_response_time.map(milliseconds),
            "consecutive_failures": p.consecutive_failures,
            "enabled": p.enabled,
            "auto_disabled": p.auto_disabled,
            "last_health_check": p.last_health_check,
            "last_error": p.last_error,
            "drill_until": p.drill_until,
        }))
    })
}

fn statistics(view: &ProxyView) -> Value {
    json!({
        "id": view.id,
        "total_recordings": view.total_recordings,
        "failed_recordings": view.failed_recordings,
        "success_rate": view.success_rate,
        "bytes_up": view.bytes_up,
        "bytes_down": view.bytes_down,
        "active_connections": view.active_connections,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_and_none_is_forgotten() {
        let mut fresh = Fresh::default();
        for id in [3, 1, 2, 1, 3] {
            fresh.add(HEALTH, ProxyId(id));
        }
        fresh.add(STATISTICS, ProxyId(1));
        assert_eq!(fresh.take(0), []);
        assert_eq!(fresh.take(2), [(HEALTH, ProxyId(1)), (HEALTH, ProxyId(2))]);
        fresh.add(HEALTH, ProxyId(1));
        let rest = [(HEALTH, ProxyId(1)), (HEALTH, ProxyId(3)), (STATISTICS, ProxyId(1))];
        assert_eq!(fresh.take(9), rest);
        assert_eq!(fresh.take(9), []);
    }
}
