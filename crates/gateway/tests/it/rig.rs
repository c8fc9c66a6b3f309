//! A gateway over real test proxies, as the tests of this crate use it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use holdfast_gateway::dial::Dialer;
use holdfast_gateway::probe::CheckTarget as Target;
use holdfast_gateway::{Access, Gateway, PoolHandle, keeper};
use holdfast_model::{Event, ProxyId, ProxyUrl};
use holdfast_pool::{NewProxy, Pool, Settings};
use holdfast_testkit::{Ca, CheckTarget, Kind, Options, UpstreamProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Longer than anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running gateway.
pub(crate) struct Rig {
    pub(crate) gateway: Gateway,
    pub(crate) pool: PoolHandle,
    pub(crate) target: CheckTarget,
    /// What the gateway and the checks run on.
    pub(crate) tracker: TaskTracker,
    events: broadcast::Receiver<Event>,
    _stop: DropGuard,
}

impl Rig {
    /// Over these proxies, in order of priority, never direct.
    pub(crate) async fn new(proxies: &[&UpstreamProxy]) -> Self {
        Self::with(proxies.iter().map(|p| p.url()).collect(), false, Access::Anyone).await
    }

    /// Direct, and listening on every address of this machine.
    pub(crate) async fn open_to_all() -> Self {
        Self::listening("0.0.0.0:0", Vec::new(), true, Access::Anyone, false).await
    }

    /// Over these proxies, checked over TLS.
    pub(crate) async fn over_tls(proxies: &[&UpstreamProxy], direct: bool, access: Access) -> Self {
        let urls = proxies.iter().map(|p| p.url()).collect();
        Self::listening("127.0.0.1:0", urls, direct, access, true).await
    }

    pub(crate) async fn with(urls: Vec<String>, direct: bool, access: Access) -> Self {
        Self::listening("127.0.0.1:0", urls, direct, access, false).await
    }

    async fn listening(address: &str, urls: Vec<String>, direct: bool, access: Access, tls: bool) -> Self {
        let target = CheckTarget::start(200, tls).await.expect("a check target");
        let settings = Settings { fallback_to_direct: direct, ..Settings::default() };
        let mut pool = Pool::new(settings, 1);
        for (index, url) in urls.iter().enumerate() {
            pool.add(new(index, url), keeper::now());
        }
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let tls = Ca::shared().expect("a CA").client_config().expect("a client configuration");
        let check = Target::parse(&target.url()).expect("a check target");
        let pool = PoolHandle::start(pool, Dialer::with_tls(tls), Arc::new(vec![check]), &stop, &tracker);
        let events = pool.subscribe();
        let listener = TcpListener::bind(address).await.expect("a listener");
        let gateway =
            Gateway::start(listener, pool.clone(), access, stop.clone(), &tracker).expect("a gateway");
        Self { gateway, pool, target, tracker, events, _stop: stop.drop_guard() }
    }

    /// Adds a proxy behind those that are there, and waits until it has been checked.
    pub(crate) async fn add(&mut self, proxy: &UpstreamProxy) {
        self.put(proxy);
        self.checked(1).await;
    }

    /// The same without waiting for its check.
    pub(crate) fn put(&self, proxy: &UpstreamProxy) {
        let url = proxy.url();
        self.pool.change(|pool, now| {
            pool.add(new(pool.proxies().count(), &url), now);
            Vec::new()
        });
    }

    /// Sends a CONNECT and returns the stream and the whole reply head.
    pub(crate) async fn connect(&self, to: SocketAddr) -> (TcpStream, String) {
        self.ask(&format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n")).await
    }

    /// The same with credentials.
    pub(crate) async fn connect_as(&self, pair: &str, to: SocketAddr) -> (TcpStream, String) {
        let basic = base64::engine::general_purpose::STANDARD.encode(pair);
        self.ask(&format!("CONNECT {to} HTTP/1.0\r\nProxy-Authorization: Basic {basic}\r\n\r\n")).await
    }

    /// Sends a request and reads up to the end of the reply head.
    pub(crate) async fn ask(&self, request: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.gateway.local_addr().port()))
            .await
            .expect("the gateway listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut head = Vec::new();
        let read = async {
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("it answers"));
            }
        };
        timeout(PATIENCE, read).await.expect("in time");
        (stream, String::from_utf8(head).expect("text"))
    }

    /// Waits for an event.
    pub(crate) async fn event(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let find = async {
            loop {
                let event = self.events.recv().await.expect("the pool lives");
                if wanted(&event) {
                    return event;
                }
            }
        };
        timeout(PATIENCE, find).await.expect("the event comes in time")
    }

    /// Waits until every proxy has been checked.
    pub(crate) async fn checked(&mut self, count: usize) {
        for _ in 0..count {
            self.event(|e| matches!(e, Event::ProxyHealth { .. })).await;
        }
    }

    /// Everything that has happened and was not waited for.
    pub(crate) fn events_so_far(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

/// The proxy in this place, counted from 0.
fn new(index: usize, url: &str) -> NewProxy {
    let id = ProxyId(i64::try_from(index).expect("few") + 1);
    let priority = u32::try_from(index).expect("few");
    let url = ProxyUrl::parse(url).expect("a proxy URL");
    NewProxy { id, url, label: None, tags: Vec::new(), priority, enabled: true }
}

/// An HTTP test proxy.
pub(crate) async fn proxy(kind: Kind) -> UpstreamProxy {
    UpstreamProxy::start(kind, Options::default().credentials("user", "p:w%@")).await.expect("a proxy")
}

/// Sends `text` and reads it back from an echo.
pub(crate) async fn echoes(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("it takes bytes");
    let mut back = vec![0; text.len()];
    timeout(PATIENCE, stream.read_exact(&mut back)).await.expect("in time").expect("it echoes");
    assert_eq!(back, text.as_bytes());
}

/// Waits for the end of a stream: the error's kind, or `None` for a clean end; and how long it took.
pub(crate) async fn end_of(stream: &mut TcpStream) -> (Option<std::io::ErrorKind>, Duration) {
    let began = Instant::now();
    let mut rest = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it ends in time");
    (end.err().map(|e| e.kind()), began.elapsed())
}
