//! One request and its answer on one connection of its own. A task drives the connection; it ends with the
//! exchange, so that a try that lost, or whose client has left, leaves nothing behind.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use holdfast_model::Blame;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::tap::{Tap, Tapped};
use super::{Body, is_absolute};
use crate::connect::reset;
use crate::context::Context;
use crate::dial::{DialError, Fault, Opened, Phase};
use crate::head::MAX_HEADERS;
use crate::race::Route;
use crate::tunnels::Tunnel;

/// The longest head of an answer, and the most that is read ahead of a slow client.
const READ_AHEAD: usize = 64 * 1024;

/// How long a finished exchange may take to close.
const FAREWELL: Duration = Duration::from_secs(5);

type Head = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

/// A request under way.
///
/// The driver's end comes first, so that it is dropped first: an exchange that is given up must be reset before
/// hyper sees that nobody listens and closes in order.
pub(super) struct Exchange {
    complete: oneshot::Sender<()>,
    head: Option<Head>,
    tap: Tap,
}

impl Exchange {
    /// Starts to write `request`.
    pub(super) async fn start(
        context: &Context,
        opened: Opened,
        request: Request<Body>,
    ) -> hyper::Result<Self> {
        let tap = Tap::default();
        let io = TokioIo::new(Tapped { stream: opened.stream, tap: tap.clone() });
        let (mut sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .max_buf_size(READ_AHEAD)
            .max_headers(MAX_HEADERS)
            .handshake(io)
            .await?;
        let (complete, end) = oneshot::channel();
        context.tasks.spawn(drive(Box::new(connection), end, context.stop.clone()));
        let head: Head = Box::pin(async move { sender.send_request(request).await });
        Ok(Self { head: Some(head), tap, complete })
    }

    /// Waits for the head of the answer. Once it is there, there is nothing more to wait for. Can be cancelled and
    /// called again.
    pub(super) async fn head(&mut self) -> hyper::Result<Response<Incoming>> {
        let Some(head) = &mut self.head else { return std::future::pending().await };
        let answer = head.await;
        self.head = None;
        answer
    }

    /// Counts for `tunnel` from now on.
    pub(super) fn attach(&self, tunnel: &Arc<Tunnel>) {
        self.tap.attach(tunnel);
    }

    /// The answer is complete: the connection may close in order.
    pub(super) fn complete(self) {
        // The driver may have seen the end already.
        let _ = self.complete.send(());
    }
}

type Connection = http1::Connection<TokioIo<Tapped>, Body>;

/// Drives a connection to its end. `end` tells that the exchange is complete, or, dropped, that it was given up.
async fn drive(mut connection: Box<Connection>, end: oneshot::Receiver<()>, stop: CancellationToken) {
    let given_up = async {
        if end.await.is_ok() {
            tokio::select! {
                () = sleep(FAREWELL) => {}
                () = stop.cancelled() => {}
            }
        }
    };
    tokio::select! {
        biased;
        () = given_up => {}
        // What went wrong, if anything, is told to whoever waits for the head or reads the body.
        _ = &mut *connection => return,
    }
    // Nobody wants the rest. A close in order would have the upstream send on until its buffers are full.
    let stream = connection.into_parts().io.into_inner();
    reset(stream.stream.tcp());
}

/// Waits for the head for at most `limit` and puts failures in the words of a dial.
pub(super) async fn head_within(
    exchange: &mut Exchange,
    route: &Route,
    limit: Duration,
) -> Result<Response<Incoming>, DialError> {
    match timeout(limit, exchange.head()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(failure(route, fault(&error))),
        Err(_) => Err(failure(route, Fault::Timeout(limit))),
    }
}

/// A failure between the request and the head of its answer.
pub(super) fn failure(route: &Route, fault: Fault) -> DialError {
    let blame = if is_absolute(route) { Blame::Proxy } else { Blame::Target };
    DialError { phase: Phase::Request, fault, blame, direct: matches!(route, Route::Direct(_)) }
}

pub(super) fn fault(error: &hyper::Error) -> Fault {
    if error.is_parse() {
        return Fault::Protocol(error.to_string());
    }
    match error.source().and_then(|e| e.downcast_ref::<io::Error>()) {
        Some(e) if !matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
            Fault::Io(e.to_string())
        }
        _ => Fault::Reset,
    }
}
