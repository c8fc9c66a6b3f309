//! A plain client of the API on one connection that stays open: nothing between the clock and the server.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::head::Head;

/// An open connection to the API.
pub(super) struct Door {
    addr: SocketAddr,
    stream: TcpStream,
}

impl Door {
    /// Connects.
    pub(super) async fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.context("connecting to the server")?;
        stream.set_nodelay(true)?;
        Ok(Self { addr, stream })
    }

    /// Asks for what must be granted; the body of the answer.
    pub(super) async fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.addr,
            body.len()
        );
        self.stream.write_all(head.as_bytes()).await.with_context(|| format!("{method} {path}"))?;
        let mut head = Head::read(&mut self.stream).await.with_context(|| format!("{method} {path}"))?;
        let length: usize = head.get("content-length").context("an answer without its length")?.parse()?;
        let mut filled = head.rest.len();
        head.rest.resize(length.max(filled), 0);
        while filled < length {
            let read = self.stream.read(&mut head.rest[filled..]).await?;
            ensure!(read > 0, "{method} {path}: the answer ended after {filled} of {length} bytes");
            filled += read;
        }
        let said = || String::from_utf8_lossy(&head.rest);
        ensure!((200..300).contains(&head.status()?), "{method} {path}: {} {}", head.first, said());
        Ok(head.rest)
    }
}
