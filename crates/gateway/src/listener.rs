//! Accepts clients and reads their first request head. CONNECT goes straight to the relay; anything else is
//! replayed to hyper, which drives the plain requests of that connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::Lease;
use crate::answer::Answer;
use crate::connect;
use crate::context::Context;
use crate::dial::tune;
use crate::head::{HeadError, RequestHead, Wish, parse_request_head};
use crate::plain;

/// How long a client may take for its request head.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// Pause after a failed accept: without file descriptors it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long connections have to end by themselves once the gateway stops.
const LAST_MOMENT: Duration = Duration::from_millis(200);

/// Accepts until `stop`; the connections run on `tracker`.
pub(crate) async fn run(
    context: Arc<Context>,
    listener: TcpListener,
    stop: CancellationToken,
    tracker: TaskTracker,
) {
    // Said once until a client gets in again: without descriptors it fails twenty times a second.
    let mut told = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((client, _)) => {
                told = false;
                let (context, stop) = (Arc::clone(&context), stop.clone());
                tracker.spawn(async move {
                    tokio::select! {
                        () = serve(&context, client) => {}
                        () = last_moment(&stop) => {}
                    }
                });
            }
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "the gateway cannot accept a connection; raise the limit of open files if there are many");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Whoever is in the middle of something must not take the end for a clean one.
    for tunnel in context.tunnels.all() {
        tunnel.cut("the gateway stops");
    }
}

/// A moment after the stop, in which tunnels that were cut reset their sides.
async fn last_moment(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(LAST_MOMENT).await;
}

async fn serve(context: &Arc<Context>, client: TcpStream) {
    tune(&client);
    let (client, greeted) = Box::pin(greet(context, client)).await;
    match greeted {
        Ok(Greeted { lease, wish: Wish::Connect(to), bytes }) => {
            connect::connect(context, &lease, client, to, bytes).await;
        }
        Ok(Greeted { lease, wish: Wish::Plain, bytes }) => {
            Box::pin(plain::serve(Arc::clone(context), lease, client, bytes)).await;
        }
        Err(Some(answer)) => refuse(client, &answer).await,
        Err(None) => {}
    }
}

/// A client whose first request is known.
struct Greeted {
    lease: Arc<Lease>,
    wish: Wish,
    /// For CONNECT what came behind the head, else everything.
    bytes: Bytes,
}

async fn greet(context: &Context, mut client: TcpStream) -> (TcpStream, Result<Greeted, Option<Answer>>) {
    let mut buffer = BytesMut::with_capacity(2048);
    let head = match timeout(HEAD_LIMIT, read_head(&mut client, &mut buffer)).await {
        Ok(head) => head,
        // A client that connects in advance and says nothing has done no wrong.
        Err(_) if buffer.is_empty() => Err(None),
        Err(_) => Err(Some(Answer::slow_head())),
    };
    let greeted = head.and_then(|head| {
        let lease = context.leases.find(head.credentials.as_ref());
        let lease = lease.ok_or_else(|| Some(Answer::credentials()))?;
        let bytes = match head.wish {
            Wish::Connect(_) => buffer.split_off(head.head_len),
            Wish::Plain => buffer,
        };
        Ok(Greeted { lease, wish: head.wish, bytes: bytes.freeze() })
    });
    (client, greeted)
}

/// `Err(None)`: the client left, there is nobody to answer.
async fn read_head(client: &mut TcpStream, buffer: &mut BytesMut) -> Result<RequestHead, Option<Answer>> {
    loop {
        match client.read_buf(buffer).await {
            Ok(0) | Err(_) => return Err(None),
            Ok(_) => {}
        }
        match parse_request_head(buffer) {
            Ok(Some(head)) => return Ok(head),
            Ok(None) => {}
            Err(HeadError::TooLarge) => return Err(Some(Answer::large_head())),
            Err(error @ HeadError::Malformed(_)) => return Err(Some(Answer::malformed(error.to_string()))),
        }
    }
}

async fn refuse(mut client: TcpStream, answer: &Answer) {
    // The client may be gone already.
    let _ = client.write_all(&answer.to_bytes()).await;
    linger(client).await;
}

/// Closes so that the client can still read the answer: a close with unread bytes would be a reset, which throws
/// the answer away on the client's side (RFC 9112 section 9.6).
pub(crate) async fn linger(mut client: TcpStream) {
    let _ = client.shutdown().await;
    let mut rest = [0; 1024];
    let drain = async {
        let mut budget = 64;
        while budget > 0 && matches!(client.read(&mut rest).await, Ok(1..)) {
            budget -= 1;
        }
    };
    let _ = timeout(Duration::from_secs(1), drain).await;
}
