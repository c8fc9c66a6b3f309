//! The only code that opens a connection to the world: direct, or through an upstream proxy of any of the four
//! kinds. Health checks and recordings dial through the same functions, so a check that passes means that a
//! recording would have got through.

mod error;
mod http;
mod own;
mod reply;
mod socks;
mod stream;
mod tcp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_model::{Destination, ProxyUrl, Scheme};
use own::OwnListeners;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub(crate) use error::Seconds;
pub use error::{DialError, Fault, Phase};
pub(crate) use http::basic;
pub(crate) use own::leads_home;
pub use reply::{ConnectReply, MAX_REPLY_HEAD, ReplyError, parse_connect_reply};
pub use stream::Stream;
pub(crate) use tcp::tune;

/// How long one try may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For TCP, name look-up included.
    pub connect: Duration,
    /// For each handshake or reply with the proxy.
    pub reply: Duration,
}

impl Limits {
    /// For traffic: TCP 2 s, each reply 2.5 s, so that two tries one after the other fit into Streamlink's
    /// patience of 6 s.
    pub const TRAFFIC: Self = Self { connect: Duration::from_secs(2), reply: Duration::from_millis(2500) };

    /// The same limit for each step; the caller bounds the whole.
    #[must_use]
    pub fn each(limit: Duration) -> Self {
        Self { connect: limit, reply: limit }
    }
}

/// How patient a whole dial is: step by step (traffic), or up to one moment (checks).
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// Each step has its own limit.
    Steps(Limits),
    /// Each step may take what is left.
    Until(tokio::time::Instant),
}

impl Patience {
    fn now(self) -> Limits {
        match self {
            Self::Steps(limits) => limits,
            Self::Until(end) => Limits::each(end.saturating_duration_since(tokio::time::Instant::now())),
        }
    }
}

impl From<Limits> for Patience {
    fn from(limits: Limits) -> Self {
        Self::Steps(limits)
    }
}

impl From<tokio::time::Instant> for Patience {
    fn from(end: tokio::time::Instant) -> Self {
        Self::Until(end)
    }
}

/// Who resolves the name of a destination for `socks5://`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// As the scheme says.
    AsScheme,
    /// Never this machine: not even a DNS query may reveal a destination while direct connections are forbidden.
    Remote,
}

/// An open way to a destination.
#[derive(Debug)]
pub struct Opened {
    /// The way.
    pub stream: Stream,
    /// Bytes of the destination that arrived together with the proxy's reply.
    pub early: Bytes,
    /// How long TCP took.
    pub connect_took: Duration,
    /// How long the proxy's handshake took; zero without a proxy.
    pub proxy_took: Duration,
}

/// Opens connections. Cheap to clone.
#[derive(Clone)]
pub struct Dialer {
    tls: Arc<ClientConfig>,
    own: Arc<OwnListeners>,
}

impl Dialer {
    /// Trusts what this machine trusts (`SSL_CERT_FILE` is honoured) for TLS to proxies and to check targets.
    ///
    /// # Errors
    /// If the machine's certificates cannot be read.
    pub fn new() -> Result<Self, rustls::Error> {
        use rustls_platform_verifier::BuilderVerifierExt;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(config), own: Arc::default() })
    }

    /// Never again connects to this address, one of our own listeners: a gateway that is its own upstream would dial itself
    /// without end, and no client is to reach the API through it. All clones know.
    pub fn never_dial(&self, own: SocketAddr) {
        self.own.add(own);
    }

    /// Whether this destination is one of our own listeners, as far as its text tells.
    pub(crate) fn is_own(&self, to: &Destination) -> bool {
        self.own.includes(to)
    }

    /// Trusts what `tls` trusts, for tests and for people with an authority of their own.
    #[must_use]
    pub fn with_tls(tls: Arc<ClientConfig>) -> Self {
        Self { tls, own: Arc::default() }
    }

    /// For TLS with a destination through an open way.
    #[must_use]
    pub fn tls(&self) -> TlsConnector {
        TlsConnector::from(Arc::clone(&self.tls))
    }

    /// Opens a tunnel to `to` through `proxy`.
    ///
    /// # Errors
    /// [`DialError`] with the phase, whose fault it is, and a sentence.
    pub async fn tunnel(
        &self,
        proxy: &ProxyUrl,
        to: &Destination,
        patience: impl Into<Patience>,
        names: Names,
    ) -> Result<Opened, DialError> {
        let patience = patience.into();
        let Leg { stream, connect_took, started } = self.leg(proxy, patience).await?;
        let limits = patience.now();
        let (stream, early) = match proxy.scheme() {
            Scheme::Http | Scheme::Https => http::connect(stream, proxy, to, limits.reply).await?,
            Scheme::Socks5 | Scheme::Socks5h => {
                let local = proxy.scheme() == Scheme::Socks5 && names == Names::AsScheme;
                (socks::connect(stream, proxy, to, limits, local).await?, Bytes::new())
            }
        };
        Ok(Opened { stream, early, connect_took, proxy_took: started.elapsed() })
    }

    /// Opens a connection to an HTTP or HTTPS proxy itself, for a plain request in absolute form.
    ///
    /// # Errors
    /// [`DialError`], always the proxy's fault.
    pub async fn to_proxy(
        &self,
        proxy: &ProxyUrl,
        patience: impl Into<Patience>,
    ) -> Result<Opened, DialError> {
        let Leg { stream, connect_took, started } = self.leg(proxy, patience.into()).await?;
        Ok(Opened { stream, early: Bytes::new(), connect_took, proxy_took: started.elapsed() })
    }

    /// Opens a direct connection.
    ///
    /// # Errors
    /// [`DialError`], always the destination's fault.
    pub async fn direct(&self, to: &Destination, limits: Limits) -> Result<Opened, DialError> {
        let started = Instant::now();
        let tcp =
            tcp::connect(to.host(), to.port(), limits.connect).await.map_err(DialError::of_destination)?;
        self.refuse_own(&tcp).map_err(DialError::of_destination)?;
        let took = started.elapsed();
        Ok(Opened {
            stream: Stream::Tcp(tcp),
            early: Bytes::new(),
            connect_took: took,
            proxy_took: Duration::ZERO,
        })
    }

    async fn leg(&self, proxy: &ProxyUrl, patience: Patience) -> Result<Leg, DialError> {
        let begun = Instant::now();
        let tcp = tcp::connect(proxy.host(), proxy.port(), patience.now().connect).await?;
        self.refuse_own(&tcp)?;
        let (connect_took, started) = (begun.elapsed(), Instant::now());
        let stream = match proxy.scheme() {
            Scheme::Https => {
                stream::tls_to_proxy(&self.tls(), tcp, proxy.host(), patience.now().reply).await?
            }
            _ => Stream::Tcp(tcp),
        };
        Ok(Leg { stream, connect_took, started })
    }

    /// Whatever name led there: the far end of a connection tells whether it is one of our own listeners.
    fn refuse_own(&self, tcp: &TcpStream) -> Result<(), DialError> {
        let (Ok(far), Ok(near)) = (tcp.peer_addr(), tcp.local_addr()) else { return Ok(()) };
        if self.own.answered(far, near) {
            return Err(DialError::proxy(Phase::Connect, Fault::Own));
        }
        Ok(())
    }
}

struct Leg {
    stream: Stream,
    connect_took: Duration,
    started: Instant,
}
