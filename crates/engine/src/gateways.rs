//! The gateway of the recordings and the one for other tools, asked together: what a proxy carries, and what is cut when
//! it goes, does not depend on who uses it.

use std::collections::HashMap;

use holdfast_gateway::{Gateway, Totals};
use holdfast_model::{ProxyId, Via};

/// One or two gateways over the same pool. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gateways {
    /// On loopback, for the recordings alone.
    pub(crate) recordings: Gateway,
    /// For other tools, if that is wanted.
    pub(crate) public: Option<Gateway>,
}

impl Gateways {
    /// Bytes by route since the start.
    pub(crate) fn totals(&self) -> HashMap<Via, Totals> {
        let mut sum = self.recordings.totals();
        for (via, more) in self.public.iter().flat_map(Gateway::totals) {
            let totals = sum.entry(via).or_default();
            totals.bytes_up += more.bytes_up;
            totals.bytes_down += more.bytes_down;
        }
        sum
    }

    /// Connections open through each proxy that has any.
    pub(crate) fn open_by_proxy(&self) -> HashMap<ProxyId, u64> {
        let mut sum = self.recordings.open_by_proxy();
        for (id, more) in self.public.iter().flat_map(Gateway::open_by_proxy) {
            *sum.entry(id).or_default() += more;
        }
        sum
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
