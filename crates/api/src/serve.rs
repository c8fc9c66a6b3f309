//! Serving until told to stop: answers in flight are finished and WebSockets closed politely, but nobody is waited
//! for longer than 3 s.

use std::io;
use std::time::Duration;

use axum::serve::ListenerExt;
use holdfast_engine::Engine;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Options;
use crate::router::build;

/// How long those who are being answered may take when the server stops.
const GRACE: Duration = Duration::from_secs(3);

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
    let listener = listener.tap_io(|tcp| {
        // Without it small frames wait for the acknowledgement of the one before. Failing, it is only slower.
        let _ = tcp.set_nodelay(true);
    });
    let answered = axum::serve(listener, router).with_graceful_shutdown(soft.clone().cancelled_owned());
    let done = async {
        answered.await?;
        sockets.close();
        sockets.wait().await;
        Ok(())
    };
    let enough = async {
        soft.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = done => result,
        () = enough => Ok(()),
    }
}
