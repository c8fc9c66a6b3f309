//! A fault-injecting upstream proxy: HTTP, HTTPS or SOCKS5, real sockets, one task per connection. Every proxy
//! dials from a loopback address of its own, so that an origin can tell who came through whom, and who came
//! directly.

mod fault;
mod http;
mod limit;
mod names;
mod relay;
mod socks;
mod stats;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use fault::{Cut, Direction, Fault};
pub use names::NameMap;
pub(crate) use names::matches;
pub use stats::{ProxyRequest, Stats};

use crate::door::{Door, Leash, Source, loopback_source};
use crate::switch::{Stance, Switch, purged};
use limit::Limiter;
use relay::{Opened, Stream};
use stats::Meter;

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS to the proxy, with a leaf of the shared test CA.
    Https,
    /// SOCKS5; serves `socks5://` and `socks5h://` clients alike.
    Socks5,
}

impl Kind {
    /// The usual scheme of its URL; for SOCKS the one that resolves names at the proxy.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5h",
        }
    }
}

/// How a proxy is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// User and password it demands.
    pub credentials: Option<(String, String)>,
    /// Bytes a second, for all tunnels and both directions together.
    pub bandwidth: Option<u64>,
    /// Where names lead.
    pub names: NameMap,
    /// The loopback address it dials from; a unique one when not given.
    pub source: Option<IpAddr>,
    /// The fault it starts with.
    pub fault: Fault,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 0).into(),
            credentials: None,
            bandwidth: None,
            names: NameMap::new(),
            source: None,
            fault: Fault::None,
        }
    }
}

impl Options {
    /// Demands these credentials.
    pub fn credentials(mut self, user: &str, password: &str) -> Self {
        self.credentials = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Moves at most so many bytes a second.
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.bandwidth = Some(bytes_per_second);
        self
    }

    /// Takes a name to an address; see [`NameMap`].
    pub fn map(mut self, pattern: &str, addr: SocketAddr) -> Self {
        self.names = self.names.with(pattern, addr);
        self
    }

    /// Starts with a fault.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }
}

/// A running proxy. Dropping it resets everything.
#[derive(Debug)]
pub struct UpstreamProxy {
    kind: Kind,
    addr: SocketAddr,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

#[derive(Debug)]
pub(crate) struct Shared {
    kind: Kind,
    credentials: Option<(String, String)>,
    names: NameMap,
    source: IpAddr,
    buffer: usize,
    pub(crate) limiter: Limiter,
    pub(crate) switch: Switch<Fault>,
    pub(crate) meter: Meter,
}

impl UpstreamProxy {
    /// Starts it; it accepts when this returns (unless its first fault says otherwise).
    pub async fn start(kind: Kind, options: Options) -> Result<Self> {
        // Small buffers make a bandwidth limit felt at both ends at once.
        let buffer = if options.bandwidth.is_some() { 32 * 1024 } else { 128 * 1024 };
        let door = Door::bind(options.listen, Some(buffer))
            .with_context(|| format!("binding a test proxy to {}", options.listen))?;
        let acceptor = match kind {
            Kind::Https => Some(TlsAcceptor::from(crate::Ca::shared()?.server_config(&[])?)),
            _ => None,
        };
        let shared = Arc::new(Shared {
            kind,
            credentials: options.credentials,
            names: options.names,
            source: options.source.unwrap_or_else(loopback_source),
            buffer,
            limiter: Limiter::new(options.bandwidth),
            switch: Switch::new(Fault::None),
            meter: Meter::default(),
        });
        let addr = door.addr();
        let cancel = CancellationToken::new();
        let (task_shared, token) = (Arc::clone(&shared), cancel.clone());
        tokio::spawn(async move {
            let shared = &task_shared;
            let on_connection = |stream| spawn(Arc::clone(shared), acceptor.clone(), token.clone(), stream);
            shared.switch.keep_door(door, token.clone(), stance, on_connection).await;
        });
        let proxy = Self { kind, addr, shared, _stop: cancel.drop_guard() };
        proxy.set_fault(options.fault).await;
        Ok(proxy)
    }

    /// Breaks it; returns when the listener is as the fault wants it and all tunnels have been told.
    pub async fn set_fault(&self, fault: Fault) {
        let purge = fault.purges();
        self.shared.switch.set(fault.lasting(), purge).await;
    }

    /// Makes it good again, on the same port.
    pub async fn heal(&self) {
        self.set_fault(Fault::None).await;
    }

    /// The fault in force.
    pub fn fault(&self) -> Fault {
        self.shared.switch.now().fault
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its URL with credentials; SOCKS as `socks5h://`.
    pub fn url(&self) -> String {
        self.url_with_scheme(self.kind.scheme())
    }

    /// Its URL under another scheme: `socks5` for names resolved at the client.
    pub fn url_with_scheme(&self, scheme: &str) -> String {
        url_of(scheme, self.addr, self.shared.credentials.as_ref())
    }

    /// Its counters and logs.
    pub fn stats(&self) -> Stats {
        self.shared.meter.stats()
    }

    /// Every request it read, in order.
    pub fn requests(&self) -> Vec<ProxyRequest> {
        self.stats().requests
    }

    /// Local addresses of the connections it made to origins.
    pub fn outgoing_addrs(&self) -> Vec<SocketAddr> {
        self.stats().outgoing
    }

    /// Tunnels open now.
    pub fn open_tunnels(&self) -> u64 {
        self.stats().open_tunnels
    }
}

impl Source for UpstreamProxy {
    fn source(&self) -> IpAddr {
        self.shared.source
    }
}

pub(crate) fn url_of(scheme: &str, addr: SocketAddr, credentials: Option<&(String, String)>) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    match credentials {
        Some((user, password)) => format!("{scheme}://{}:{}@{addr}", encode(user), encode(password)),
        None => format!("{scheme}://{addr}"),
    }
}

fn stance(fault: &Fault) -> Stance {
    match fault {
        Fault::Refuse | Fault::RefuseNewOnly => Stance::Closed,
        Fault::Freeze => Stance::Paused,
        _ => Stance::Accepting,
    }
}

fn spawn(shared: Arc<Shared>, acceptor: Option<TlsAcceptor>, cancel: CancellationToken, stream: TcpStream) {
    shared.meter.accepted.fetch_add(1, Ordering::Relaxed);
    let leash = Leash::default();
    leash.hold(&stream);
    let born = shared.switch.now().purge;
    let mut only = None;
    shared.switch.replace_if(|fault| {
        let Fault::Once(inner) = fault else { return None };
        only = Some((**inner).clone());
        Some(Fault::None)
    });
    tokio::spawn(async move {
        let purge = purged(shared.switch.subscribe(), born);
        let call = Call { shared: &shared, once: only, leash: &leash };
        let outcome = tokio::select! {
            outcome = serve(call, acceptor, stream) => outcome,
            () = purge => Err(io::ErrorKind::ConnectionReset.into()),
            () = cancel.cancelled() => Err(io::ErrorKind::ConnectionReset.into()),
        };
        if outcome.is_err() { leash.reset() } else { leash.release() }
    });
}

async fn serve(call: Call<'_>, acceptor: Option<TlsAcceptor>, client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let turn = call.shared.switch.now().turn;
    match call.current_fault() {
        // A connection that slipped in while the listener was being closed was never there.
        Fault::Reset | Fault::Refuse | Fault::RefuseNewOnly => {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Fault::SilentAfterAccept => {
            call.turn_after(turn).await;
            return Ok(());
        }
        _ => {}
    }
    call.thaw().await;
    match (call.shared.kind, acceptor) {
        (Kind::Socks5, _) => socks::serve(&call, client).await,
        (_, None) => http::serve(&call, client).await,
        (_, Some(acceptor)) => http::serve(&call, acceptor.accept(client).await?).await,
    }
}

/// One client connection and what it needs from the proxy.
pub(crate) struct Call<'a> {
    pub(crate) shared: &'a Shared,
    once: Option<Fault>,
    leash: &'a Leash,
}

pub(crate) enum Dialed {
    Open(TcpStream),
    Refused,
    Silent,
    Forbidden,
}

impl Call<'_> {
    fn current_fault(&self) -> Fault {
        self.once.clone().unwrap_or_else(|| self.shared.switch.now().fault)
    }

    /// The fault for one destination, and when that was asked.
    fn fault_for(&self, host: &str, port: u16) -> Opened {
        let turn = self.shared.switch.now().turn;
        let fault = self.current_fault().at(host, port).clone();
        Opened { turn, fault, host: host.to_owned(), port }
    }

    fn wants_credentials(&self) -> bool {
        self.shared.credentials.is_some()
    }

    fn admits(&self, given: Option<&(String, String)>) -> bool {
        self.shared.credentials.is_none() || self.shared.credentials.as_ref() == given
    }

    /// Waits while the whole proxy is frozen.
    async fn thaw(&self) {
        let mut rx = self.shared.switch.subscribe();
        let _ = rx.wait_for(|now| now.fault != Fault::Freeze).await.map(drop);
    }

    /// Waits for a change since this turn, in which the fault was read: one that came meanwhile is not missed.
    async fn turn_after(&self, turn: u64) {
        let mut rx = self.shared.switch.subscribe();
        let _ = rx.wait_for(|now| now.turn != turn).await.map(drop);
    }

    /// Keeps a client waiting, reading on, until it gives up or the fault is another than in this turn.
    async fn hold(&self, client: &mut impl Stream, turn: u64) -> io::Result<()> {
        let gone = async {
            let mut waste = [0; 1024];
            while client.read(&mut waste).await.is_ok_and(|count| count > 0) {}
        };
        tokio::select! {
            () = gone => {}
            () = self.turn_after(turn) => {}
        }
        Ok(())
    }

    async fn dial(&self, host: &str, port: u16) -> Dialed {
        let Some(addr) = self.shared.names.resolve(host, port) else { return Dialed::Forbidden };
        match tokio::time::timeout(Duration::from_secs(10), self.connect(addr)).await {
            Ok(Ok(stream)) => Dialed::Open(stream),
            Ok(Err(_)) => Dialed::Refused,
            Err(_) => Dialed::Silent,
        }
    }

    async fn connect(&self, addr: SocketAddr) -> io::Result<TcpStream> {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        let buffer = u32::try_from(self.shared.buffer).expect("a socket buffer is small");
        socket.set_recv_buffer_size(buffer)?;
        socket.set_send_buffer_size(buffer)?;
        if addr.is_ipv4() == self.shared.source.is_ipv4() {
            socket.bind(SocketAddr::new(self.shared.source, 0))?;
        }
        let stream = socket.connect(addr).await?;
        stream.set_nodelay(true)?;
        self.leash.hold(&stream);
        self.shared.meter.dialed(stream.local_addr()?);
        Ok(stream)
    }
}
