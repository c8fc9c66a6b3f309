//! Where we listen ourselves: the gateways and the API. No dial may lead there, whoever asks for it.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{PoisonError, RwLock};

use holdfast_model::Destination;

/// The addresses of all listeners of this process.
#[derive(Debug, Default)]
pub(super) struct OwnListeners(RwLock<Vec<SocketAddr>>);

impl OwnListeners {
    pub(super) fn add(&self, own: SocketAddr) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(own);
    }

    /// Whether a destination is one of them, as far as its text tells. Whatever leads to this machine counts on their
    /// ports, be it another of its loopback addresses: nothing is lost, and a proxy on this machine may forward it.
    pub(super) fn includes(&self, to: &Destination) -> bool {
        let ip = to.ip().map(|ip| ip.to_canonical());
        self.any(|own| {
            if own.port() != to.port() {
                return false;
            }
            let same = ip.is_some_and(|ip| match own.ip().to_canonical() {
                own if own.is_unspecified() => is_local(ip),
                own => own == ip,
            });
            leads_home(to) || same
        })
    }

    /// Whether a connection between these two ends is to one of them: whatever name led there, its ends tell.
    pub(super) fn answered(&self, far: SocketAddr, near: SocketAddr) -> bool {
        self.any(|own| {
            let any = own.ip().is_unspecified() && far.ip() == near.ip();
            own.port() == far.port() && (any || own.ip() == far.ip().to_canonical())
        })
    }

    fn any(&self, mine: impl Fn(&SocketAddr) -> bool) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().any(mine)
    }
}

/// Whether a destination is this machine by its very text.
pub(crate) fn leads_home(to: &Destination) -> bool {
    let ip = to.ip().map(|ip| ip.to_canonical());
    let name = to.host() == "localhost" || to.host().ends_with(".localhost");
    name || ip.is_some_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

/// Whether an address is one of this machine's: only those can be bound. Sends nothing. Where that cannot be tried, because
/// there are no files left, it counts as one.
fn is_local(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).map_or_else(|error| error.kind() != ErrorKind::AddrNotAvailable, |_| true)
}
