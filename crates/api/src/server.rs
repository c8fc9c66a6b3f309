//! What every handler is given.

use std::sync::Arc;

use holdfast_engine::Engine;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Server {
    /// Does what is asked.
    pub(crate) engine: Engine,
    /// The version of the program.
    pub(crate) version: &'static str,
    /// A permit for each WebSocket that may still be opened.
    pub(crate) seats: Arc<Semaphore>,
    /// The open WebSockets, so that stopping can wait for their goodbyes.
    pub(crate) sockets: TaskTracker,
    /// Cancelled when the server is to stop.
    pub(crate) soft: CancellationToken,
}
