//! The upstream's stream with a meter on it. A try counts for itself until it has won; then its bytes move to the
//! meter of the open way that it has become.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::dial::Stream;
use crate::tunnels::Tunnel;

/// Counts of one exchange; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tap(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    up: usize,
    down: usize,
    tunnel: Option<Arc<Tunnel>>,
}

impl Tap {
    /// From now on `tunnel` counts, and what was counted so far is its.
    pub(super) fn attach(&self, tunnel: &Arc<Tunnel>) {
        let mut counts = self.lock();
        // In this order, so that a request that was answered already does not look unanswered.
        if counts.up > 0 {
            tunnel.meter.sent_up(counts.up);
        }
        if counts.down > 0 {
            tunnel.meter.received_down(counts.down);
        }
        counts.tunnel = Some(Arc::clone(tunnel));
    }

    fn sent(&self, count: usize) {
        let mut counts = self.lock();
        match &counts.tunnel {
            Some(tunnel) => tunnel.meter.sent_up(count),
            None => counts.up += count,
        }
    }

    fn received(&self, count: usize) {
        let mut counts = self.lock();
        match &counts.tunnel {
            Some(tunnel) => tunnel.meter.received_down(count),
            None => counts.down += count,
        }
    }

    fn blocked(&self) {
        if let Some(tunnel) = &self.lock().tunnel {
            tunnel.meter.write_blocked();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream whose bytes are counted.
pub(super) struct Tapped {
    pub(super) stream: Stream,
    pub(super) tap: Tap,
}

impl AsyncRead for Tapped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        let count = buf.filled().len() - before;
        if count > 0 {
            this.tap.received(count);
        }
        polled
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        match &polled {
            Poll::Ready(Ok(count)) => this.tap.sent(*count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => this.tap.blocked(),
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
