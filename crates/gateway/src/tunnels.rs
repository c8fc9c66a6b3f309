//! The register of open ways: every tunnel and every plain response in flight, with its meter and a switch to cut
//! it. The watch reads the meters; an eviction pulls the switches.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use holdfast_model::{Destination, ProxyId, Via};
use tokio_util::sync::CancellationToken;

use crate::account::Lease;
use crate::meter::Meter;

/// One open way.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(crate) id: u64,
    pub(crate) lease: Arc<Lease>,
    pub(crate) via: Via,
    pub(crate) destination: Destination,
    pub(crate) meter: Meter,
    /// Its destination is being asked on a fresh way.
    pub(crate) witnessed: AtomicBool,
    opened: Instant,
    cut: CancellationToken,
    reason: OnceLock<String>,
}

impl Tunnel {
    /// Cuts it: both sides see a reset. The first reason stays.
    pub(crate) fn cut(&self, reason: &str) {
        if self.reason.set(reason.to_owned()).is_ok() {
            let reading = self.meter.read();
            let waited = reading.unanswered.max(reading.blocked).unwrap_or_default();
            let since = Instant::now().checked_sub(waited).unwrap_or(self.opened);
            self.lease.account.trouble_since(&self.via, reason, since);
            tracing::debug!(tunnel = self.id, via = %self.via, to = %self.destination, reason, "tunnel cut");
        }
        self.cut.cancel();
    }

    /// Resolves when it is cut.
    pub(crate) async fn until_cut(&self) {
        tokio::select! {
            () = self.cut.cancelled() => {}
            () = self.lease.ended.cancelled() => {}
        }
    }
}

/// All open ways.
#[derive(Debug)]
pub(crate) struct Tunnels {
    base: Instant,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Tunnel>>>,
    totals: Mutex<HashMap<Via, Totals>>,
}

/// Bytes carried by one route, closed ways included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Towards destinations.
    pub bytes_up: u64,
    /// From destinations.
    pub bytes_down: u64,
}

impl Tunnels {
    pub(crate) fn new() -> Self {
        Self {
            base: Instant::now(),
            next: AtomicU64::new(1),
            open: Mutex::default(),
            totals: Mutex::default(),
        }
    }

    /// Registers an open way until the guard is dropped.
    pub(crate) fn open(
        self: &Arc<Self>,
        lease: &Arc<Lease>,
        via: Via,
        destination: Destination,
        route_bytes: Arc<AtomicU64>,
    ) -> OpenTunnel {
        let id = self.next.fetch_add(1, Relaxed);
        let tunnel = Arc::new(Tunnel {
            id,
            lease: Arc::clone(lease),
            via,
            destination,
            meter: Meter::new(self.base, route_bytes),
            witnessed: AtomicBool::new(false),
            opened: Instant::now(),
            cut: CancellationToken::new(),
            reason: OnceLock::new(),
        });
        self.lock().insert(id, Arc::clone(&tunnel));
        OpenTunnel { tunnels: Arc::clone(self), tunnel }
    }

    /// Every open way, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Tunnel>> {
        self.lock().values().cloned().collect()
    }

    /// Those that `wanted` picks.
    pub(crate) fn filter(&self, wanted: impl Fn(&Tunnel) -> bool) -> Vec<Arc<Tunnel>> {
        self.lock().values().filter(|t| wanted(t)).cloned().collect()
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// How many are open through each proxy.
    pub(crate) fn by_proxy(&self) -> HashMap<ProxyId, u64> {
        let mut open = HashMap::new();
        for id in self.lock().values().filter_map(|t| t.via.proxy_id()) {
            *open.entry(id).or_default() += 1;
        }
        open
    }

    /// Bytes by route, open ways included.
    pub(crate) fn totals(&self) -> HashMap<Via, Totals> {
        let closed = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        // Both at once, or one that closes meanwhile would be missed or counted twice.
        let open = self.lock();
        let mut totals = closed.clone();
        for tunnel in open.values() {
            totals.entry(tunnel.via.clone()).or_default().add(&tunnel.meter);
        }
        totals
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Tunnel>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Totals {
    fn add(&mut self, meter: &Meter) {
        self.bytes_up += meter.up();
        self.bytes_down += meter.down();
    }
}

/// Keeps a tunnel registered while it lives.
#[derive(Debug)]
pub(crate) struct OpenTunnel {
    tunnels: Arc<Tunnels>,
    tunnel: Arc<Tunnel>,
}

impl std::ops::Deref for OpenTunnel {
    type Target = Arc<Tunnel>;

    fn deref(&self) -> &Self::Target {
        &self.tunnel
    }
}

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        let mut totals = self.tunnels.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.entry(self.tunnel.via.clone()).or_default().add(&self.tunnel.meter);
        self.tunnels.lock().remove(&self.tunnel.id);
    }
}
