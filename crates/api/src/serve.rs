//! Serving until told to stop: answers in flight are finished and WebSockets closed politely, but nobody is waited
//! for longer than 3 s. A client that says nothing, or not enough, loses its connection, and there are only so many:
//! each takes memory and one of the files that the recordings need too.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use holdfast_engine::Engine;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Options;
use crate::router::build;

/// How long those who are being answered may take when the server stops.
const GRACE: Duration = Duration::from_secs(3);
/// How long a request's head may take, the first of a connection and each after it.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// Connections at a time. Others wait in the listener's queue.
const CONNECTIONS: usize = 256;
/// After an error of accept (no more files) that will not be over at once.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `soft` is cancelled and what was in flight is done, or 3 s later.
///
/// # Errors
/// The listener's own, which does not happen while it is open.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    options: Options,
    soft: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let sockets = TaskTracker::new();
    let router = build(engine, options, Some(address), sockets.clone(), soft.clone());
    let (talks, seats) = (TaskTracker::new(), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let (tcp, seat) = tokio::select! {
            () = soft.cancelled() => break,
            accepted = accept(&listener, &seats) => accepted,
        };
        talks.spawn(talk(tcp, router.clone(), soft.clone(), seat));
    }
    let done = async {
        talks.close();
        talks.wait().await;
        sockets.close();
        sockets.wait().await;
    };
    // Whoever is not done by then is cut off with the process.
    let _ = tokio::time::timeout(GRACE, done).await;
    Ok(())
}

async fn accept(listener: &TcpListener, seats: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let seat = Arc::clone(seats).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => return (tcp, seat),
            Err(error) => {
                tracing::debug!("a connection could not be accepted: {error}");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// One connection; when the server stops, the answer under way is its last.
async fn talk(tcp: TcpStream, router: Router, soft: CancellationToken, seat: Option<OwnedSemaphorePermit>) {
    // Without it small frames wait for the acknowledgement of the one before. Failing, it is only slower.
    let _ = tcp.set_nodelay(true);
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
    let connection =
        http.serve_connection(TokioIo::new(tcp), TowerToHyperService::new(router)).with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = soft.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection ended early: {error}");
    }
    drop(seat);
}
