//! The gateway of the recordings and the one for other tools, asked together: what a proxy carries, and what is cut when
//! it goes, does not depend on who uses it.

use std::collections::HashMap;

use holdfast_gateway::{Gateway, Totals};
use holdfast_model::ProxyId;

/// What proxies carried and carry, at one moment.
#[derive(Default)]
pub(crate) struct Load {
    totals: HashMap<ProxyId, Totals>,
    open: HashMap<ProxyId, u64>,
}

impl Load {
    /// Bytes through this proxy since the start.
    pub(crate) fn totals(&self, id: ProxyId) -> Totals {
        self.totals.get(&id).copied().unwrap_or_default()
    }

    /// Connections open through it.
    pub(crate) fn open(&self, id: ProxyId) -> u64 {
        self.open.get(&id).copied().unwrap_or_default()
    }

    /// Those that carried something.
    pub(crate) fn carriers(&self) -> impl Iterator<Item = (ProxyId, Totals)> {
        self.totals.iter().map(|(id, totals)| (*id, *totals))
    }
}

/// One or two gateways over the same pool. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gateways {
    /// On loopback, for the recordings alone.
    pub(crate) recordings: Gateway,
    /// For other tools, if that is wanted.
    pub(crate) public: Option<Gateway>,
}

impl Gateways {
    /// What each proxy carried since the start, and carries now. All of them at once: whoever asks for each alone reads
    /// everything as often as there are proxies.
    pub(crate) fn load(&self) -> Load {
        let mut load = Load::default();
        for (via, more) in self.all().flat_map(Gateway::totals) {
            // One proxy may have had several addresses, each with totals of its own.
            if let Some(id) = via.proxy_id() {
                let totals = load.totals.entry(id).or_default();
                totals.bytes_up += more.bytes_up;
                totals.bytes_down += more.bytes_down;
            }
        }
        for (id, more) in self.all().flat_map(Gateway::open_by_proxy) {
            *load.open.entry(id).or_default() += more;
        }
        load
    }

    /// Connections open.
    pub(crate) fn open_tunnels(&self) -> usize {
        self.all().map(Gateway::open_tunnels).sum()
    }

    /// Cuts every connection over a proxy.
    pub(crate) fn cut_proxy(&self, id: ProxyId, reason: &str) {
        self.all().for_each(|gateway| gateway.cut_proxy(id, reason));
    }

    /// Cuts every direct connection.
    pub(crate) fn cut_direct(&self, reason: &str) {
        self.all().for_each(|gateway| gateway.cut_direct(reason));
    }

    fn all(&self) -> impl Iterator<Item = &Gateway> {
        std::iter::once(&self.recordings).chain(&self.public)
    }
}
