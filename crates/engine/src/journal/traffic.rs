//! What proxies carried: how much of it is stored, and how much of it was told.

use std::collections::HashMap;
use std::time::Duration;

use holdfast_model::ProxyId;
use tokio::time::Instant;

use crate::gateways::Gateways;

/// How often figures of traffic are told: often enough for a person to see them move.
const TELL_EVERY: Duration = Duration::from_secs(3);

/// Bytes to and from destinations.
type Bytes = (u64, u64);

/// The books.
#[derive(Default)]
pub(super) struct Traffic {
    now: HashMap<ProxyId, Bytes>,
    stored: HashMap<ProxyId, Bytes>,
    /// With the connections that were open then.
    told: HashMap<ProxyId, (Bytes, u64)>,
    tell_at: Option<Instant>,
}

impl Traffic {
    /// Reads the counters. Answers with the proxies whose figures are to be told again: now and then, those that moved.
    pub(super) fn read(&mut self, gateway: &Gateways) -> Vec<ProxyId> {
        let load = gateway.load();
        self.now = load.carriers().map(|(id, totals)| (id, (totals.bytes_up, totals.bytes_down))).collect();
        if self.tell_at.is_some_and(|at| Instant::now() < at) {
            return Vec::new();
        }
        self.tell_at = Some(Instant::now() + TELL_EVERY);
        let figures = |(id, bytes): (&ProxyId, &Bytes)| (*id, (*bytes, load.open(*id)));
        let now: HashMap<_, _> = self.now.iter().map(figures).collect();
        let moved = now.iter().filter(|(id, figures)| self.told.get(id) != Some(figures));
        let moved = moved.map(|(id, _)| *id).collect();
        self.told = now;
        moved
    }

    /// What was carried since the last call, to be added to what is stored.
    pub(super) fn take_unstored(&mut self) -> Vec<(ProxyId, u64, u64)> {
        let mut more = Vec::new();
        for (id, (up, down)) in self.now.drain() {
            let seen = self.stored.insert(id, (up, down)).unwrap_or_default();
            let (up, down) = (up.saturating_sub(seen.0), down.saturating_sub(seen.1));
            if up + down > 0 {
                more.push((id, up, down));
            }
        }
        more
    }
}
