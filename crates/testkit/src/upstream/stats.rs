//! What a proxy saw: counters, and a log of requests that a test can assert on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::fault::Direction;

/// One request a proxy read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProxyRequest {
    /// When its head was complete.
    pub at: DateTime<Utc>,
    /// `CONNECT`, `SOCKS`, or the method of a plain request.
    pub method: String,
    /// `host:port` as the client named it.
    pub destination: String,
    /// The user it presented, if any.
    pub user: Option<String>,
}

/// A proxy's counters at one moment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Connections accepted.
    pub accepted: u64,
    /// Tunnels and plain forwards open now.
    pub open_tunnels: u64,
    /// Bytes from clients to origins.
    pub bytes_up: u64,
    /// Bytes from origins to clients.
    pub bytes_down: u64,
    /// CONNECTs (and SOCKS requests) per destination.
    pub connects: BTreeMap<String, u64>,
    /// All requests, in order.
    pub requests: Vec<ProxyRequest>,
    /// Local addresses of the connections made to origins.
    pub outgoing: Vec<SocketAddr>,
}

#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) accepted: AtomicU64,
    open: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    log: Mutex<(Vec<ProxyRequest>, Vec<SocketAddr>)>,
}

impl Meter {
    pub(crate) fn moved(&self, direction: Direction, bytes: usize) {
        let counter = if direction == Direction::ToClient { &self.down } else { &self.up };
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn asked(&self, method: &str, destination: &str, user: Option<String>) {
        self.log.lock().expect("no holder of this lock panics").0.push(ProxyRequest {
            at: Utc::now(),
            method: method.to_owned(),
            destination: destination.to_owned(),
            user,
        });
    }

    pub(crate) fn dialed(&self, local: SocketAddr) {
        self.log.lock().expect("no holder of this lock panics").1.push(local);
    }

    pub(crate) fn tunnel(&self) -> OpenTunnel<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenTunnel(self)
    }

    pub(crate) fn stats(&self) -> Stats {
        let log = self.log.lock().expect("no holder of this lock panics");
        let mut connects = BTreeMap::new();
        for request in log.0.iter().filter(|r| r.method == "CONNECT" || r.method == "SOCKS") {
            *connects.entry(request.destination.clone()).or_insert(0) += 1;
        }
        Stats {
            accepted: self.accepted.load(Ordering::Relaxed),
            open_tunnels: self.open.load(Ordering::Relaxed),
            bytes_up: self.up.load(Ordering::Relaxed),
            bytes_down: self.down.load(Ordering::Relaxed),
            connects,
            requests: log.0.clone(),
            outgoing: log.1.clone(),
        }
    }
}

/// Counts a tunnel as open for as long as it lives.
pub(crate) struct OpenTunnel<'a>(&'a Meter);

impl Drop for OpenTunnel<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
