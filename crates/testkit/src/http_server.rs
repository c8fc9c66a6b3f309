//! An HTTP/1.1 server, over TLS or plain, whose faults are set at run time: what the live origin, the check target and
//! a pretended Twitch are made of. It logs who connected and what was asked, because "not one packet except through a
//! proxy" is asserted here.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::door::{Door, Leash, Source};
use crate::switch::{Now, Stance, Switch, purged};

/// What is wrong with a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServerFault {
    /// Nothing.
    #[default]
    None,
    /// The listener is closed and open connections reset.
    Refuse,
    /// Connections are accepted but TLS is not answered, and open requests and answers stop.
    Hang,
    /// TLS is answered, requests are not; answers under way go on.
    HangRequests,
    /// Every request gets this status.
    Status(u16),
    /// Requests whose path ends in `suffix` get this status.
    StatusFor {
        /// The end of the path, such as `.m3u8` or `.ts`.
        suffix: String,
        /// The status.
        status: u16,
    },
    /// Every answer's body moves at so many bytes a second.
    Slow(u64),
}

/// A request as the handler sees it and as the log keeps it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When it was read.
    pub at: DateTime<Utc>,
    /// The other end of its connection.
    pub peer: SocketAddr,
    /// GET, POST …
    pub method: String,
    /// The Host header.
    pub host: String,
    /// The path, without the query.
    pub path: String,
    /// The query, without the question mark.
    pub query: String,
    /// All headers.
    pub headers: http::HeaderMap,
    /// The body (up to 1 MiB).
    pub body: Bytes,
    /// The status it was answered with; 0 while unanswered.
    pub status: u16,
}

/// A handler's answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The Content-Type.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// 200 with a body.
    pub fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: 200, content_type, headers: Vec::new(), body: body.into() }
    }

    /// A status with a short text.
    pub fn status(status: u16) -> Self {
        let body = format!("{status}\n").into();
        Self { status, content_type: "text/plain", headers: Vec::new(), body }
    }
}

type Handler = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A running server. Dropping it resets everything.
pub struct HttpServer {
    addr: SocketAddr,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

struct Shared {
    handler: Box<Handler>,
    acceptor: Option<TlsAcceptor>,
    switch: Switch<ServerFault>,
    accepts: Mutex<Vec<SocketAddr>>,
    requests: Mutex<Vec<Asked>>,
}

impl HttpServer {
    /// Starts it on `listen`; over TLS when a configuration is given (see [`crate::Ca::server_config`]).
    pub async fn start(
        listen: SocketAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
        handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        let door = Door::bind(listen, None).with_context(|| format!("binding a test server to {listen}"))?;
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            acceptor: tls.map(TlsAcceptor::from),
            switch: Switch::new(ServerFault::None),
            accepts: Mutex::default(),
            requests: Mutex::default(),
        });
        let (addr, cancel) = (door.addr(), CancellationToken::new());
        let (task_shared, token) = (Arc::clone(&shared), cancel.clone());
        tokio::spawn(async move {
            let shared = &task_shared;
            let on_connection = |stream| spawn(Arc::clone(shared), token.clone(), stream);
            shared.switch.keep_door(door, token.clone(), stance, on_connection).await;
        });
        let server = Self { addr, shared, _stop: cancel.drop_guard() };
        server.heal().await;
        Ok(server)
    }

    /// Breaks it; returns when the listener is as the fault wants it.
    pub async fn set_fault(&self, fault: ServerFault) {
        let purge = fault == ServerFault::Refuse;
        self.shared.switch.set(fault, purge).await;
    }

    /// Makes it good again, on the same port.
    pub async fn heal(&self) {
        self.set_fault(ServerFault::None).await;
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `https://HOST:PORT` (or `http`) with the given host name.
    pub fn base_url(&self, host: &str) -> String {
        let scheme = if self.shared.acceptor.is_some() { "https" } else { "http" };
        format!("{scheme}://{host}:{}", self.addr.port())
    }

    /// Every request, in order.
    pub fn requests(&self) -> Vec<Asked> {
        lock(&self.shared.requests).clone()
    }

    /// The peer of every TCP connection accepted, in order.
    pub fn accepts(&self) -> Vec<SocketAddr> {
        lock(&self.shared.accepts).clone()
    }

    /// The peers of connections that came from none of these: direct ones.
    pub fn accepts_not_from(&self, sources: &[&dyn Source]) -> Vec<SocketAddr> {
        let known: Vec<IpAddr> = sources.iter().map(|source| source.source()).collect();
        self.accepts().into_iter().filter(|peer| !known.contains(&peer.ip())).collect()
    }
}

fn stance(fault: &ServerFault) -> Stance {
    if *fault == ServerFault::Refuse { Stance::Closed } else { Stance::Accepting }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

fn spawn(shared: Arc<Shared>, cancel: CancellationToken, stream: TcpStream) {
    let Ok(peer) = stream.peer_addr() else { return };
    lock(&shared.accepts).push(peer);
    let leash = Leash::default();
    leash.hold(&stream);
    let born = shared.switch.now().purge;
    tokio::spawn(async move {
        let reset = tokio::select! {
            () = serve(&shared, stream, peer) => false,
            () = purged(shared.switch.subscribe(), born) => true,
            () = cancel.cancelled() => true,
        };
        if reset { leash.reset() } else { leash.release() }
    });
}

async fn serve(shared: &Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    let _ = stream.set_nodelay(true);
    if shared.switch.now().fault == ServerFault::Refuse {
        return;
    }
    while_hanging(&mut shared.switch.subscribe(), |fault| *fault == ServerFault::Hang).await;
    match &shared.acceptor {
        None => http(shared, stream, peer).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                http(shared, stream, peer).await;
            }
        }
    }
}

async fn http(
    shared: &Arc<Shared>,
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    peer: SocketAddr,
) {
    let service = service_fn(|request| answer(Arc::clone(shared), request, peer));
    // A client that goes away in mid-answer is what these tests are about, not an error.
    let _ = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

type BodyStream =
    StreamBody<Pin<Box<dyn futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>>;

async fn answer(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
) -> Result<hyper::Response<BodyStream>, hyper::http::Error> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, 1 << 20).collect().await.map(http_body_util::Collected::to_bytes);
    let header = |name| head.headers.get(name).and_then(|v: &http::HeaderValue| v.to_str().ok());
    let mut asked = Asked {
        at: Utc::now(),
        peer,
        method: head.method.to_string(),
        host: header(http::header::HOST).unwrap_or_default().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.clone(),
        body: body.unwrap_or_default(),
        status: 0,
    };
    let index = {
        let mut requests = lock(&shared.requests);
        requests.push(asked.clone());
        requests.len() - 1
    };
    let mut rx = shared.switch.subscribe();
    while_hanging(&mut rx, |fault| matches!(fault, ServerFault::Hang | ServerFault::HangRequests)).await;
    let fault = shared.switch.now().fault;
    let reply = match fault {
        ServerFault::Status(status) => Reply::status(status),
        ServerFault::StatusFor { suffix, status } if asked.path.ends_with(&suffix) => Reply::status(status),
        _ => (shared.handler)(&asked),
    };
    asked.status = reply.status;
    lock(&shared.requests)[index] = asked;
    let mut response = hyper::Response::builder()
        .status(reply.status)
        .header("Content-Type", reply.content_type)
        .header("Content-Length", reply.body.len());
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(StreamBody::new(stream_of(rx, reply.body)))
}

/// The body in pieces, each of which waits while the server hangs or is slow.
fn stream_of(
    rx: watch::Receiver<Now<ServerFault>>,
    body: Bytes,
) -> Pin<Box<dyn futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>> {
    Box::pin(futures_util::stream::unfold((rx, body), |(mut rx, mut body)| async move {
        if body.is_empty() {
            return None;
        }
        while_hanging(&mut rx, |fault| *fault == ServerFault::Hang).await;
        let slow = if let ServerFault::Slow(rate) = rx.borrow().fault { Some(rate.max(1)) } else { None };
        let size = slow.map_or(64 * 1024, |rate| usize::try_from(rate / 10).unwrap_or(usize::MAX).max(1));
        let piece = body.split_to(size.min(body.len()));
        if let Some(rate) = slow {
            tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / rate as f64)).await;
        }
        Some((Ok(Frame::data(piece)), (rx, body)))
    }))
}

async fn while_hanging(rx: &mut watch::Receiver<Now<ServerFault>>, hangs: fn(&ServerFault) -> bool) {
    if rx.wait_for(|now| !hangs(&now.fault)).await.is_err() {
        std::future::pending::<()>().await;
    }
}
