//! What a client's connection and the answer on it must know of each other: a client that does not read must not
//! make the upstream look silent, and an answer that breaks must break the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::tunnels::Tunnel;

/// One client connection with plain requests.
#[derive(Debug)]
pub(crate) struct Client {
    current: watch::Sender<Option<Arc<Tunnel>>>,
    broken: CancellationToken,
    refused: AtomicBool,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            current: watch::Sender::new(None),
            broken: CancellationToken::new(),
            refused: AtomicBool::new(false),
        }
    }
}

impl Client {
    /// The answer under way. Answers never overlap on one connection.
    pub(super) fn carries(&self, tunnel: &Arc<Tunnel>) {
        self.current.send_replace(Some(Arc::clone(tunnel)));
    }

    /// No answer is under way any more.
    pub(super) fn released(&self) {
        self.current.send_replace(None);
    }

    /// The answer under way cannot be finished.
    pub(super) fn breaks(&self) {
        self.broken.cancel();
    }

    /// True once an answer broke in the middle.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_cancelled()
    }

    /// A request gets an answer of the gateway's own, after which the connection ends.
    pub(crate) fn refuses(&self) {
        self.refused.store(true, Relaxed);
    }

    /// True if a request got an answer of the gateway's own.
    pub(crate) fn was_refused(&self) -> bool {
        self.refused.load(Relaxed)
    }

    /// How long nothing has moved on the answer under way.
    pub(crate) fn idle(&self) -> Option<Duration> {
        self.current.borrow().as_ref().map(|tunnel| tunnel.meter.read().idle)
    }

    /// A write to the client had to wait.
    pub(crate) fn blocked(&self) {
        if let Some(tunnel) = &*self.current.borrow() {
            tunnel.meter.client_blocked();
        }
    }

    /// The client took bytes.
    pub(crate) fn took(&self) {
        if let Some(tunnel) = &*self.current.borrow() {
            tunnel.meter.client_took();
        }
    }

    /// Resolves when the connection must be reset: its answer broke or was cut.
    pub(crate) async fn until_broken(&self) {
        tokio::select! {
            () = self.broken.cancelled() => {}
            () = self.until_cut() => {}
        }
    }

    async fn until_cut(&self) {
        let mut current = self.current.subscribe();
        loop {
            let tunnel = current.borrow_and_update().clone();
            let cut = async {
                match tunnel {
                    Some(tunnel) => tunnel.until_cut().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = cut => return,
                // The sender is a part of self.
                _ = current.changed() => {}
            }
        }
    }
}
