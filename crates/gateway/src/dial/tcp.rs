//! TCP: look a name up and connect to the first of its addresses that answers, within one limit.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::{DialError, Fault, Phase};

/// How long the first of several addresses is waited for before the next is tried as well. Curl uses 200 ms for
/// its happy eyeballs; RFC 8305 section 5 recommends 250 ms.
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// Connects within `limit`, name look-up included.
pub(super) async fn connect(host: &str, port: u16, limit: Duration) -> Result<TcpStream, DialError> {
    let deadline = Instant::now() + limit;
    let addresses = resolve(host, port, limit).await?;
    match timeout_at(deadline, first_of(&addresses)).await {
        Ok(Ok(stream)) => {
            tune(&stream);
            Ok(stream)
        }
        Ok(Err(error)) => Err(DialError::io(Phase::Connect, &error)),
        Err(_) => Err(DialError::proxy(Phase::Connect, Fault::Timeout(limit))),
    }
}

/// The addresses of a name, IPv6 and IPv4 in turn as the resolver sorted them. At least one.
pub(super) async fn resolve(host: &str, port: u16, limit: Duration) -> Result<Vec<SocketAddr>, DialError> {
    if let Ok(ip) = host.parse() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = timeout(limit, lookup_host((host, port)))
        .await
        .map_err(|_| DialError::proxy(Phase::Resolve, Fault::Timeout(limit)))?;
    let addresses: Vec<_> = found.map_err(|error| DialError::lookup(&error))?.collect();
    if addresses.is_empty() { Err(DialError::proxy(Phase::Resolve, Fault::Dns)) } else { Ok(addresses) }
}

async fn first_of(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    use futures_util::stream::{FuturesUnordered, StreamExt};
    let mut waiting = addresses.iter();
    let mut tries = FuturesUnordered::new();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        let more = waiting.next().map(|&address| tries.push(TcpStream::connect(address))).is_some();
        let patience = if waiting.len() > 0 { NEXT_ADDRESS } else { Duration::MAX };
        match timeout(patience, tries.next()).await {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(error))) => last = error,
            Ok(None) if !more => return Err(last),
            Ok(None) | Err(_) => {}
        }
    }
}

/// No Nagle delay, and keepalive so that a vanished peer does not leave a tunnel behind for ever.
pub(crate) fn tune(stream: &TcpStream) {
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    // A socket that refuses an option still carries bytes.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}
