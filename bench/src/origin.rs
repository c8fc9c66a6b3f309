//! Where all tunnels lead: an HTTP server with one page for each kind of load. Every answer names the address the
//! request came from, which tells the client what upstream carried it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::head::Head;

/// A few bytes.
pub(crate) const HELLO: &str = "/hello";
/// A steady stream without end: [`DRIP`] bytes every [`TICK`].
pub(crate) const STREAM: &str = "/stream";
/// As many bytes as the way takes, without end.
pub(crate) const FIREHOSE: &str = "/firehose";
/// A few bytes, then silence until the client leaves.
pub(crate) const HOLD: &str = "/hold";

/// The header that names the address a request came from.
pub(crate) const PEER: &str = "x-peer";

/// What [`HELLO`] says.
pub(crate) const BODY: &[u8] = b"hello\n";

/// The pace of [`STREAM`]: with 75 KB ten times a second it is a video of 6 Mbit/s.
pub(crate) const TICK: Duration = Duration::from_millis(100);
const DRIP: usize = 75_000;

/// A running origin; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Origin {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Origin {
    /// Starts one on loopback.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                // A client that leaves is how most of these end.
                tokio::spawn(async move { drop(serve(stream, peer).await) });
            }
        });
        Ok(Self { addr, task })
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, peer: SocketAddr) -> Result<()> {
    stream.set_nodelay(true)?;
    let head = Head::read(&mut stream).await?;
    let path = head.target();
    let length = if path == HELLO { format!("Content-Length: {}\r\n", BODY.len()) } else { String::new() };
    let reply = format!("HTTP/1.1 200 OK\r\n{PEER}: {}\r\nConnection: close\r\n{length}\r\n", peer.ip());
    stream.write_all(reply.as_bytes()).await?;
    match path {
        STREAM => drip(&mut stream).await,
        FIREHOSE => pour(&mut stream).await,
        HOLD => {
            stream.write_all(BODY).await?;
            Ok(stream.read_exact(&mut [0]).await.map(drop)?)
        }
        _ => Ok(stream.write_all(BODY).await?),
    }
}

async fn drip(stream: &mut TcpStream) -> Result<()> {
    let bytes = vec![b'.'; DRIP];
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        stream.write_all(&bytes).await?;
    }
}

async fn pour(stream: &mut TcpStream) -> Result<()> {
    let bytes = vec![b'.'; 256 * 1024];
    loop {
        stream.write_all(&bytes).await?;
    }
}
