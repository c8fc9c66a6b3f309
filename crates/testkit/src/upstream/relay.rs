//! The two directions of a tunnel, obedient to the fault switch. Before every read and every write a direction looks
//! at what holds now: whether it may move, how fast, and whether it is to be cut.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::Shared;
use super::fault::{Cut, Direction, Fault};
use super::limit::Limiter;
use crate::switch::Now;

/// Any byte stream: plain TCP or TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Relays until both directions have ended; an error means: reset both sides.
pub(crate) async fn relay(
    shared: &Shared,
    client: impl Stream,
    origin: impl Stream,
    opened: Opened,
) -> io::Result<()> {
    let _open = shared.meter.tunnel();
    let (client_read, client_write) = tokio::io::split(client);
    let (origin_read, origin_write) = tokio::io::split(origin);
    let up = pump(shared, Direction::ToOrigin, opened.clone(), client_read, origin_write);
    let down = pump(shared, Direction::ToClient, opened, origin_read, client_write);
    match tokio::try_join!(up, down) {
        Err(End::Reset) => Err(io::ErrorKind::ConnectionReset.into()),
        Ok(_) | Err(End::Fin) => Ok(()),
    }
}

/// Under which circumstances a tunnel came to be.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// The switch's turn when it was answered.
    pub(crate) turn: u64,
    /// The fault it was answered under.
    pub(crate) fault: Fault,
    /// The host it leads to.
    pub(crate) host: String,
    /// The port there.
    pub(crate) port: u16,
}

enum End {
    Reset,
    Fin,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Reset
    }
}

/// What a direction may do now.
enum Leave {
    Move { rate: Option<u64>, cut: Option<(u64, Cut)> },
    Stand,
    Close,
}

fn leave(now: &Now<Fault>, opened: &Opened, direction: Direction) -> Leave {
    // A tunnel keeps the fault of its birth (`Once`, `Only`) as long as the switch has not moved on.
    let fault = if now.turn == opened.turn { &opened.fault } else { now.fault.at(&opened.host, opened.port) };
    match fault {
        Fault::Freeze => Leave::Stand,
        Fault::FreezeTunnels if opened.turn < now.turn => Leave::Stand,
        Fault::SilentAfterConnect if opened.turn == now.turn => Leave::Stand,
        Fault::Trickle(rate) => Leave::Move { rate: Some(*rate), cut: None },
        Fault::HalfClose(which) if *which == direction => Leave::Close,
        Fault::CutMidResponse { after, how } if direction == Direction::ToClient => {
            Leave::Move { rate: None, cut: Some((*after, *how)) }
        }
        _ => Leave::Move { rate: None, cut: None },
    }
}

async fn pump(
    shared: &Shared,
    direction: Direction,
    opened: Opened,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> Result<(), End> {
    let mut rx = shared.switch.subscribe();
    let mut buffer = vec![0; Limiter::chunk(None)];
    let (mut counted_turn, mut passed) = (opened.turn, 0_u64);
    loop {
        let (turn, leave) = look(&mut rx, &opened, direction);
        if turn != counted_turn {
            (counted_turn, passed) = (turn, 0);
        }
        let (rate, cut) = match leave {
            Leave::Move { rate, cut } => (shared.limiter.rate(rate), cut),
            Leave::Stand => {
                changed(&mut rx).await;
                continue;
            }
            Leave::Close => {
                to.shutdown().await?;
                return Ok(());
            }
        };
        if let Some((0, how)) = cut {
            return end(how, &mut to).await;
        }
        let mut want = Limiter::chunk(rate);
        if let Some((after, _)) = cut {
            want = want.min(usize::try_from(after - passed).unwrap_or(want));
        }
        let read = tokio::select! {
            biased;
            () = changed(&mut rx) => continue,
            read = from.read(&mut buffer[..want]) => read,
        };
        let count = match read {
            Ok(0) => 0,
            Ok(count) => count,
            // A TLS peer that closes without saying so has still closed.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(error.into()),
        };
        if count == 0 {
            stand_still(&mut rx, &opened, direction).await;
            to.shutdown().await?;
            return Ok(());
        }
        shared.limiter.pass(count, rate).await;
        write(&mut rx, &opened, direction, &mut to, &buffer[..count]).await?;
        shared.meter.moved(direction, count);
        passed += count as u64;
        if let Some((after, how)) = cut
            && passed >= after
        {
            return end(how, &mut to).await;
        }
    }
}

async fn end(how: Cut, to: &mut (impl AsyncWrite + Unpin)) -> Result<(), End> {
    match how {
        Cut::Rst => Err(End::Reset),
        Cut::Fin => {
            to.shutdown().await?;
            Err(End::Fin)
        }
    }
}

/// Writes all of it, pausing wherever a freeze catches it.
async fn write(
    rx: &mut watch::Receiver<Now<Fault>>,
    opened: &Opened,
    direction: Direction,
    to: &mut (impl AsyncWrite + Unpin),
    mut bytes: &[u8],
) -> io::Result<()> {
    while !bytes.is_empty() {
        stand_still(rx, opened, direction).await;
        tokio::select! {
            biased;
            () = changed(rx) => {}
            written = to.write(bytes) => bytes = &bytes[written?..],
        }
    }
    to.flush().await
}

async fn stand_still(rx: &mut watch::Receiver<Now<Fault>>, opened: &Opened, direction: Direction) {
    while matches!(look(rx, opened, direction).1, Leave::Stand) {
        changed(rx).await;
    }
}

fn look(rx: &mut watch::Receiver<Now<Fault>>, opened: &Opened, direction: Direction) -> (u64, Leave) {
    let now = rx.borrow_and_update();
    (now.turn, leave(&now, opened, direction))
}

async fn changed(rx: &mut watch::Receiver<Now<Fault>>) {
    if rx.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
