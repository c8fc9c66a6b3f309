//! CONNECT: dial first, answer then, relay until somebody closes, breaks or cuts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_model::Destination;
use holdfast_pool::{Suspicion, SuspicionCause};
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::account::Lease;
use crate::answer::Answer;
use crate::context::Context;
use crate::dial::{DialError, Limits, Opened};
use crate::race::{Lost, Route, Won, race};
use crate::relay::{Early, End, relay};
use crate::tunnels::OpenTunnel;

/// A dial whose route was forbidden in the middle is begun anew if it took no longer than this: a client such as
/// Streamlink waits for 6 s in all.
const AGAIN_WITHIN: Duration = Duration::from_secs(2);

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// Serves one CONNECT on a client's connection. `early`: bytes that came behind the request head.
pub(crate) async fn connect(
    context: &Context,
    lease: &Arc<Lease>,
    mut client: TcpStream,
    to: Destination,
    early: Bytes,
) {
    // The dial's state is large; boxed, it is gone when the long life of the tunnel begins.
    let opened = Box::pin(open(context, lease, to)).await;
    match opened {
        Ok((tunnel, upstream)) => {
            if client.write_all(ESTABLISHED).await.is_ok() {
                carry(context, &tunnel, client, upstream, early).await;
            }
        }
        Err(answer) => {
            // The client may be gone already.
            let _ = client.write_all(&answer.to_bytes()).await;
            crate::listener::linger(client).await;
        }
    }
}

/// Admits, dials and registers.
pub(crate) async fn open(
    context: &Context,
    lease: &Arc<Lease>,
    to: Destination,
) -> Result<(OpenTunnel, Opened), Answer> {
    context.admit(&to)?;
    let begun = Instant::now();
    let mut objected = None;
    loop {
        let won = dial(context, lease, &to).await;
        let won = won.map_err(|lost| objected.take().unwrap_or_else(|| answer(&to, lost)))?;
        match context.register(lease, &won.landing, &to) {
            Ok(tunnel) => return Ok((tunnel, won.value)),
            // Forbidden in the middle, but the client has patience for another route.
            Err(refusal) if begun.elapsed() < AGAIN_WITHIN => objected = Some(refusal),
            Err(refusal) => return Err(refusal),
        }
    }
}

/// Opens a tunnel by the rules of [`race`], unless the lease ends meanwhile.
async fn dial(context: &Context, lease: &Arc<Lease>, to: &Destination) -> Result<Won<Opened>, Lost> {
    let attempt = |route| async move { try_route(context, route, to).await.into() };
    tokio::select! {
        won = race(&context.pool, &lease.account, to, attempt) => won,
        () = lease.ended.cancelled() => Err(Lost::NoRoute("the recording has ended".to_owned())),
    }
}

async fn try_route(context: &Context, route: Route, to: &Destination) -> Result<Opened, DialError> {
    let dialer = context.pool.dialer();
    match route {
        Route::Proxy(_, url) => dialer.tunnel(&url, to, Limits::TRAFFIC, context.pool.names()).await,
        Route::Direct(_) => context.open_direct(to).await,
    }
}

/// What the client is told when a dial failed.
pub(crate) fn answer(to: &Destination, lost: Lost) -> Answer {
    match lost {
        Lost::NoRoute(why) => Answer::no_route(format!("no route to {to}: {why}")),
        Lost::Forbidden(why) => Answer::refused(format!("{to}: {why}")),
        Lost::AllFailed(why) => Answer::all_failed(format!("{to} was not reached: {why}")),
    }
}

/// Relays until the end, and passes a broken end on as one.
pub(crate) async fn carry(
    context: &Context,
    tunnel: &OpenTunnel,
    mut client: TcpStream,
    opened: Opened,
    from_client: Bytes,
) {
    let mut upstream = opened.stream;
    let early = Early { from_client, from_upstream: opened.early };
    tunnel.meter.client_spoke(&early.from_client);
    tunnel.meter.received_down(early.from_upstream.len());
    let end = tokio::select! {
        end = relay(&mut client, &mut upstream, early, &tunnel.meter) => Some(end),
        () = tunnel.until_cut() => None,
    };
    match end {
        Some(End::Closed) => {}
        Some(End::ClientFailed) => reset(upstream.tcp()),
        Some(End::UpstreamFailed(error)) => {
            tunnel.lease.account.trouble(&tunnel.via, &format!("the connection broke: {error}"));
            suspect(context, tunnel);
            reset(&client);
        }
        None => {
            reset(&client);
            reset(upstream.tcp());
        }
    }
    // Dropping them now closes both; a TLS upstream is not owed a farewell that could block.
    drop((client, upstream));
}

/// A break may be the destination's doing as well, so it is only a reason to check the proxy.
fn suspect(context: &Context, tunnel: &OpenTunnel) {
    if let Some(id) = tunnel.via.proxy_id() {
        let destination = Some(tunnel.destination.clone());
        context.pool.suspect(id, &Suspicion { cause: SuspicionCause::Reset, destination });
    }
}

/// Makes the coming close a reset: the other side must not take it for a clean end.
pub(crate) fn reset(stream: &TcpStream) {
    // A socket that is gone already cannot be reset any more.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
