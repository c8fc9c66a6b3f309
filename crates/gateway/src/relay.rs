//! Moves the bytes of a tunnel both ways. An idle tunnel holds no buffer: bytes are read into one scratch buffer
//! per thread and written on at once; only what the other side does not take is kept. Half-closes pass both ways.
//! Every byte leaves its time in the [`Meter`], which is all that the watch needs to see a silent upstream.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::meter::Meter;

/// Large enough that a fast stream needs few system calls, small enough to stay in the second-level cache.
const SCRATCH: usize = 256 * 1024;

/// Reads in a row before other tasks of the thread get their turn.
const TURN: u32 = 8;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// How a relay ended by itself.
#[derive(Debug)]
pub(crate) enum End {
    /// Both sides closed in order.
    Closed,
    /// The client's side broke.
    ClientFailed,
    /// The upstream's side broke: the client must see a broken connection too, never a clean end.
    UpstreamFailed(io::Error),
}

/// Moves bytes until both sides have closed or one has broken.
pub(crate) async fn relay<C, U>(client: &mut C, upstream: &mut U, early: Early, meter: &Meter) -> End
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let mut up = Pump::new(early.from_client);
    let mut down = Pump::new(early.from_upstream);
    std::future::poll_fn(|cx| {
        let down_done = down.poll(cx, upstream, client, &Downward(meter));
        let up_done = up.poll(cx, client, upstream, &Upward(meter));
        match (down_done, up_done) {
            (Poll::Ready(Err(broken)), _) => Poll::Ready(broken.end(false)),
            (_, Poll::Ready(Err(broken))) => Poll::Ready(broken.end(true)),
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(End::Closed),
            _ => Poll::Pending,
        }
    })
    .await
}

/// Bytes that arrived together with the heads.
#[derive(Debug, Default)]
pub(crate) struct Early {
    pub(crate) from_client: Bytes,
    pub(crate) from_upstream: Bytes,
}

/// What one direction reports.
trait Watcher {
    fn read(&self, bytes: &[u8]);
    fn written(&self, count: usize);
    fn blocked(&self);
    fn closed(&self);
}

struct Upward<'a>(&'a Meter);

impl Watcher for Upward<'_> {
    fn read(&self, bytes: &[u8]) {
        self.0.client_spoke(bytes);
    }
    fn written(&self, count: usize) {
        self.0.sent_up(count);
    }
    fn blocked(&self) {
        self.0.write_blocked();
    }
    fn closed(&self) {
        self.0.half_closed();
    }
}

struct Downward<'a>(&'a Meter);

impl Watcher for Downward<'_> {
    fn read(&self, bytes: &[u8]) {
        self.0.received_down(bytes.len());
    }
    fn written(&self, _count: usize) {
        self.0.client_took();
    }
    fn blocked(&self) {
        self.0.client_blocked();
    }
    fn closed(&self) {
        self.0.half_closed();
    }
}

enum Broken {
    Reading(io::Error),
    Writing(io::Error),
}

impl Broken {
    /// `upward`: the direction from the client to the upstream.
    fn end(self, upward: bool) -> End {
        match (self, upward) {
            (Self::Reading(_), true) | (Self::Writing(_), false) => End::ClientFailed,
            (Self::Reading(e), false) | (Self::Writing(e), true) => End::UpstreamFailed(e),
        }
    }
}

struct Pump {
    left: Bytes,
    eof: bool,
    shut: bool,
    unflushed: bool,
}

impl Pump {
    fn new(early: Bytes) -> Self {
        Self { left: early, eof: false, shut: false, unflushed: false }
    }

    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        watch: &impl Watcher,
    ) -> Poll<Result<(), Broken>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        for _ in 0..TURN {
            while !self.left.is_empty() {
                let Poll::Ready(written) = Pin::new(&mut *to).poll_write(cx, &self.left) else {
                    watch.blocked();
                    return Poll::Pending;
                };
                let written = nonzero(written).map_err(Broken::Writing)?;
                self.left.advance(written);
                self.unflushed = true;
                watch.written(written);
            }
            if self.eof {
                return self.poll_shutdown(cx, to, watch);
            }
            if self.poll_read(cx, from, to, watch)?.is_pending() {
                return self.poll_flush(cx, to);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// One read into the scratch buffer and one write out of it; the rest is kept.
    fn poll_read<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        watch: &impl Watcher,
    ) -> Result<Poll<()>, Broken>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        BUFFER.with_borrow_mut(|scratch| {
            let mut buf = ReadBuf::new(scratch);
            match Pin::new(from).poll_read(cx, &mut buf) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Err(error)) => return Err(Broken::Reading(error)),
                Poll::Ready(Ok(())) => {}
            }
            let bytes = buf.filled();
            if bytes.is_empty() {
                self.eof = true;
                return Ok(Poll::Ready(()));
            }
            watch.read(bytes);
            let written = match Pin::new(to).poll_write(cx, bytes) {
                Poll::Ready(written) => nonzero(written).map_err(Broken::Writing)?,
                Poll::Pending => 0,
            };
            if written > 0 {
                self.unflushed = true;
                watch.written(written);
            }
            self.left = Bytes::copy_from_slice(&bytes[written..]);
            Ok(Poll::Ready(()))
        })
    }

    fn poll_flush<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
    ) -> Poll<Result<(), Broken>> {
        if self.unflushed
            && let Poll::Ready(flushed) = Pin::new(to).poll_flush(cx)
        {
            flushed.map_err(Broken::Writing)?;
            self.unflushed = false;
        }
        Poll::Pending
    }

    fn poll_shutdown<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
        watch: &impl Watcher,
    ) -> Poll<Result<(), Broken>> {
        if !self.shut {
            let shut = ready!(Pin::new(to).poll_shutdown(cx));
            self.shut = true;
            watch.closed();
            // Both may close at once; the second to notice finds the socket gone.
            if let Err(error) = shut
                && error.kind() != io::ErrorKind::NotConnected
            {
                return Poll::Ready(Err(Broken::Writing(error)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn nonzero(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        other => other,
    }
}
