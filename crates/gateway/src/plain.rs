//! A connection with plain requests, driven by hyper: each request is authenticated, then forwarded; a CONNECT that
//! comes later on the same connection becomes a tunnel.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use holdfast_model::Destination;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::account::Lease;
use crate::answer::Answer;
use crate::connect;
use crate::context::Context;
use crate::forward::{self, Body, Client};
use crate::head::{MAX_HEADERS, MAX_REQUEST_HEAD, parse_basic};
use crate::listener::linger;
use crate::watch::HALF_CLOSED_IDLE;

/// How long an idle connection is kept for the next request.
const NEXT_HEAD: Duration = Duration::from_secs(60);

/// How often a client is looked at that has sent more or closed its side while its answer is under way.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Serves the connection of `lease`; `bytes` were read from it already.
pub(crate) async fn serve(context: Arc<Context>, lease: Arc<Lease>, stream: TcpStream, bytes: Bytes) {
    let ended = lease.ended.clone();
    // A second handle on the same socket: hyper owns the first one and gives it back in no case.
    let twin = SockRef::from(&stream).try_clone().and_then(|socket| TcpStream::from_std(socket.into()));
    let Ok(twin) = twin else { return };
    let client = Arc::new(Client::default());
    let of_requests = Arc::clone(&client);
    let service = service_fn(move |request| {
        let (context, client) = (Arc::clone(&context), Arc::clone(&of_requests));
        async move { Ok::<_, Infallible>(answer(context, client, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(NEXT_HEAD)
        .max_buf_size(MAX_REQUEST_HEAD * 2)
        .max_headers(MAX_HEADERS)
        .half_close(true)
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(Replayed { bytes, stream, client: Arc::clone(&client) }), service)
        .with_upgrades();
    let broken = tokio::select! {
        biased;
        () = client.until_broken() => true,
        () = ended.cancelled() => true,
        () = left(&twin, &client) => true,
        _ = connection => client.is_broken(),
    };
    if broken {
        // A response that broke off must not look like a whole one: hyper would close in order. The connection is
        // gone by now, this handle is the last on its socket, and closing it sends the reset.
        connect::reset(&twin);
    } else if client.was_refused() {
        // The rest of a request body may still be on its way.
        linger(twin).await;
    }
}

/// Resolves when the client has closed its side and nothing has moved for a minute, or at once when it has reset
/// the connection. Hyper does not look while an answer is under way (a client may well half-close and read on).
async fn left(twin: &TcpStream, client: &Client) {
    let mut closed = None;
    loop {
        // Two questions: it is practically always writable, so that the second one alone would never wait.
        let ready = match twin.ready(Interest::READABLE).await {
            Ok(_) => twin.ready(Interest::READABLE | Interest::WRITABLE).await,
            failed => failed,
        };
        let Ok(ready) = ready else { return };
        if ready.is_read_closed() && ready.is_write_closed() {
            return;
        }
        if ready.is_read_closed() {
            let closed = closed.get_or_insert_with(Instant::now).elapsed();
            if client.idle().map_or(closed, |idle| idle.min(closed)) >= HALF_CLOSED_IDLE {
                return;
            }
        }
        // Readiness stays until somebody reads, and hyper reads through the other handle.
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn answer(
    context: Arc<Context>,
    client: Arc<Client>,
    mut request: Request<Incoming>,
) -> Response<Body> {
    request.extensions_mut().insert(Arc::clone(&client));
    let response = route(context, request).await;
    // Only answers of our own have it: the upstream's never passes.
    if response.headers().contains_key("proxy-status") {
        client.refuses();
    }
    response
}

async fn route(context: Arc<Context>, request: Request<Incoming>) -> Response<Body> {
    // Each request says anew who sends it; the first one's word holds only for the first.
    let header = request.headers().get(http::header::PROXY_AUTHORIZATION);
    let credentials = header.and_then(|value| parse_basic(value.as_bytes()));
    let lease = match context.leases.find(credentials.as_ref()) {
        Some(lease) => lease,
        None => return own(&Answer::credentials()),
    };
    if request.method() == Method::CONNECT {
        return later_connect(context, lease, request).await;
    }
    forward::forward(&context, &lease, request).await
}

/// A CONNECT on a connection that has carried plain requests before.
async fn later_connect(
    context: Arc<Context>,
    lease: Arc<Lease>,
    request: Request<Incoming>,
) -> Response<Body> {
    let Some(to) = request.uri().authority().and_then(|a| a.as_str().parse::<Destination>().ok()) else {
        return own(&Answer::malformed("CONNECT needs host:port"));
    };
    match connect::open(&context, &lease, to).await {
        Ok((tunnel, upstream)) => {
            let tasks = context.tasks.clone();
            tasks.spawn(async move {
                let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
                let Ok(parts) = upgraded.downcast::<TokioIo<Replayed>>() else { return };
                let mut early = BytesMut::from(parts.read_buf.as_ref());
                let Replayed { bytes, stream, .. } = parts.io.into_inner();
                early.extend_from_slice(&bytes);
                connect::carry(&context, &tunnel, stream, upstream, early.freeze()).await;
            });
            Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync())
        }
        Err(answer) => own(&answer),
    }
}

/// An answer of our own as a response.
pub(crate) fn own(answer: &Answer) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let body = Full::new(Bytes::from(answer.body())).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in answer.headers() {
        let name = http::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A client's stream with the bytes that were read ahead put back in front.
struct Replayed {
    bytes: Bytes,
    stream: TcpStream,
    client: Arc<Client>,
}

impl AsyncRead for Replayed {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.bytes.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let count = this.bytes.len().min(buf.remaining());
        buf.put_slice(&this.bytes.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replayed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        if polled.is_pending() {
            this.client.blocked();
        } else {
            this.client.took();
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
