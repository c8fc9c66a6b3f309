//! A client of a forward proxy, as plain as can be: it sees what any tool would see.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::head::Head;
use crate::origin::{BODY, HELLO, PEER};

/// Opens a tunnel through a proxy.
pub(crate) async fn connect(proxy: SocketAddr, to: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(proxy).await.context("connecting to the gateway")?;
    stream.set_nodelay(true)?;
    stream.write_all(connect_request(to).as_bytes()).await.context("writing CONNECT")?;
    let head = Head::read(&mut stream).await.context("after CONNECT")?;
    ensure!(head.status()? == 200, "CONNECT was answered {}", head.first);
    Ok(stream)
}

/// What [`connect`] sends.
pub(crate) fn connect_request(to: SocketAddr) -> String {
    format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n")
}

/// Opens a tunnel and asks the origin for a page. Returns the stream behind the reply's head.
pub(crate) async fn open(proxy: SocketAddr, to: SocketAddr, path: &str) -> Result<(TcpStream, Head)> {
    let mut stream = connect(proxy, to).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.context("writing into the tunnel")?;
    let head = Head::read(&mut stream).await.context("after GET in the tunnel")?;
    ensure!(head.status()? == 200, "the tunnel answered {}", head.first);
    Ok((stream, head))
}

/// Fetches [`HELLO`] through a tunnel and returns what upstream carried it.
pub(crate) async fn hello_by_connect(proxy: SocketAddr, to: SocketAddr) -> Result<IpAddr> {
    let (stream, head) = open(proxy, to, HELLO).await?;
    finish(stream, head).await
}

/// Fetches [`HELLO`] by a plain request and returns what upstream carried it.
pub(crate) async fn hello_by_get(proxy: SocketAddr, to: SocketAddr) -> Result<IpAddr> {
    let mut stream = TcpStream::connect(proxy).await.context("connecting to the gateway")?;
    let request = format!("GET http://{to}{HELLO} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.context("writing GET")?;
    let head = Head::read(&mut stream).await.context("after GET")?;
    ensure!(head.status()? == 200, "GET was answered {}", head.first);
    finish(stream, head).await
}

async fn finish(mut stream: TcpStream, mut head: Head) -> Result<IpAddr> {
    while head.rest.len() < BODY.len() {
        let read = stream.read_buf(&mut head.rest).await.context("reading the body")?;
        ensure!(read > 0, "the body ended after {} bytes", head.rest.len());
    }
    ensure!(head.rest == BODY, "another body than the origin's");
    carrier(&head)
}

/// What upstream carried a request.
pub(crate) fn carrier(head: &Head) -> Result<IpAddr> {
    Ok(head.get(PEER).context("the origin's answer names no peer")?.parse()?)
}
