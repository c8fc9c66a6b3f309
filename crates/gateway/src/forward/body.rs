//! The body of an answer on its way to the client. It holds the open way while it lives, and it never lets a broken
//! answer end like a whole one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use holdfast_pool::{Suspicion, SuspicionCause};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::BoxError;
use super::client::Client;
use super::exchange::Exchange;
use crate::context::Context;
use crate::tunnels::OpenTunnel;

/// What belongs to an answer under way.
pub(super) struct Link {
    pub(super) context: Arc<Context>,
    pub(super) client: Arc<Client>,
    pub(super) exchange: Exchange,
    pub(super) tunnel: OpenTunnel,
}

impl Link {
    fn broke(&self, error: &hyper::Error) {
        let words = format!("the connection broke: {error}");
        self.tunnel.lease.account.trouble(&self.tunnel.via, &words);
        tracing::debug!(via = %self.tunnel.via, to = %self.tunnel.destination, %error, "answer broke off");
        if let Some(id) = self.tunnel.via.proxy_id() {
            let destination = Some(self.tunnel.destination.clone());
            self.context.pool.suspect(id, &Suspicion { cause: SuspicionCause::Reset, destination });
        }
        self.client.breaks();
    }
}

/// An upstream's body with its link.
pub(super) struct Relayed {
    incoming: Incoming,
    link: Option<Link>,
}

impl Relayed {
    pub(super) fn new(incoming: Incoming, link: Link) -> Self {
        Self { incoming, link: Some(link) }
    }

    fn complete(&mut self) {
        if let Some(link) = self.link.take() {
            link.client.released();
            link.exchange.complete();
        }
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        Poll::Ready(match ready!(Pin::new(&mut this.incoming).poll_frame(cx)) {
            Some(Ok(frame)) => Some(Ok(frame)),
            Some(Err(error)) => {
                if let Some(link) = this.link.take() {
                    link.broke(&error);
                }
                Some(Err(error.into()))
            }
            None => {
                this.complete();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Relayed {
    fn drop(&mut self) {
        // A body of known length is never asked for its end.
        if self.incoming.is_end_stream() {
            self.complete();
        }
        if let Some(link) = self.link.take() {
            link.client.released();
        }
    }
}
