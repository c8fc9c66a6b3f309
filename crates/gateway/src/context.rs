//! What every connection of the gateway shares.

use std::net::SocketAddr;
use std::sync::Arc;

use holdfast_model::Destination;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::Lease;
use crate::answer::Answer;
use crate::dial::{DialError, Limits, Opened, leads_home};
use crate::keeper::PoolHandle;
use crate::leases::Leases;
use crate::race::{Landing, Route};
use crate::tunnels::{OpenTunnel, Tunnels};

/// Shared by all connections of one listener.
pub(crate) struct Context {
    pub(crate) pool: PoolHandle,
    pub(crate) leases: Leases,
    pub(crate) tunnels: Arc<Tunnels>,
    /// What runs beside the connections.
    pub(crate) tasks: TaskTracker,
    /// The gateway stops.
    pub(crate) stop: CancellationToken,
    /// Where this gateway listens.
    pub(crate) own: SocketAddr,
}

impl Context {
    /// Refuses destinations that no client may reach.
    pub(crate) fn admit(&self, to: &Destination) -> Result<(), Answer> {
        if self.pool.dialer().is_own(to) {
            return Err(Answer::own_listener());
        }
        let ip = to.ip().map(|ip| ip.to_canonical());
        let private = leads_home(to) || ip.is_some_and(|ip| ip == self.own.ip() || is_private(ip));
        if private && !self.own.ip().is_loopback() {
            return Err(Answer::refused(format!(
                "{to} is a private address, and this gateway listens to more than this machine"
            )));
        }
        Ok(())
    }

    /// Books a connection that won a dial on its account, and registers it as an open way, unless its route was forbidden
    /// while it was dialed. Whoever forbids a route changes the pool first and then cuts what is registered. So the pool
    /// is asked again once it is registered: whatever happens in that moment, one of the two ends it.
    pub(crate) fn register(
        &self,
        lease: &Arc<Lease>,
        landing: &Landing,
        to: &Destination,
    ) -> Result<OpenTunnel, Answer> {
        let objection = || {
            self.pool.read(|pool| match &landing.route {
                Route::Proxy(id, url) => pool.objection(*id, url),
                Route::Direct(reason) => pool.objection_to_direct(*reason, &lease.account.tags),
            })
        };
        let refusal =
            |reason: &str| Answer::no_route(format!("no route to {to}: {reason} while it was dialed"));
        if let Some(reason) = objection() {
            return Err(refusal(reason));
        }
        let via = landing.route.via();
        for doubt in landing.doubts.iter().filter(|doubt| doubt.via != via) {
            lease.account.trouble_since(&doubt.via, &doubt.words, doubt.at);
        }
        let bytes = lease.account.dialed(&via, landing.begun);
        let tunnel = self.tunnels.open(lease, via, to.clone(), bytes);
        match objection() {
            None => Ok(tunnel),
            Some(reason) => {
                tunnel.cut(reason);
                Err(refusal(reason))
            }
        }
    }

    /// Connects without a proxy, unless that would lead where no client may go.
    pub(crate) async fn open_direct(&self, to: &Destination) -> Result<Opened, DialError> {
        let opened = self.pool.dialer().direct(to, Limits::TRAFFIC).await?;
        self.admit_address(&opened)?;
        Ok(opened)
    }

    /// The same as [`Self::admit`] for what a name turned out to be.
    fn admit_address(&self, opened: &Opened) -> Result<(), DialError> {
        let far = opened.stream.tcp().peer_addr().map(|a| a.ip().to_canonical());
        let hidden = far.is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified() || is_private(ip));
        if hidden && !self.own.ip().is_loopback() { Err(DialError::private_destination()) } else { Ok(()) }
    }
}

/// Addresses that only mean something inside a network (RFC 1918, 3927, 4193, 4291, 6598).
fn is_private(ip: std::net::IpAddr) -> bool {
    match ip {
        std::net::IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private()
                || ip.is_link_local()
                || ip.is_broadcast()
                || ip.is_multicast()
                || (a == 100 && b & 0xc0 == 64)
        }
        std::net::IpAddr::V6(ip) => {
            let first = ip.segments()[0];
            first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80 || first & 0xff00 == 0xff00
        }
    }
}
