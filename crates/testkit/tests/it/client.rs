//! A client that speaks to proxies byte by byte, so that tests see what a library would hide.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use holdfast_testkit::UpstreamProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long something must stay away before it counts as silent: time itself is the subject.
pub(crate) const SILENCE: Duration = Duration::from_millis(300);
/// How long to wait for something that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("this should not take so long")
}

pub(crate) async fn silent<T>(what: impl Future<Output = T>) -> bool {
    tokio::time::timeout(SILENCE, what).await.is_err()
}

/// Sends a CONNECT and nothing else.
pub(crate) async fn ask(proxy: &UpstreamProxy, destination: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    stream.write_all(connect(destination, "").as_bytes()).await.unwrap();
    stream
}

pub(crate) fn connect(destination: impl std::fmt::Display, headers: &str) -> String {
    format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n{headers}\r\n")
}

/// Reads up to and including the end of a reply head.
pub(crate) async fn head(stream: &mut TcpStream) -> String {
    soon(async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    })
    .await
}

/// A tunnel that has been opened.
pub(crate) async fn tunnel(proxy: &UpstreamProxy, destination: SocketAddr) -> TcpStream {
    let mut stream = ask(proxy, destination).await;
    let head = head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    stream
}

/// Sends bytes and waits for the same bytes to come back.
pub(crate) async fn echo(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    let mut back = vec![0; bytes.len()];
    soon(stream.read_exact(&mut back)).await.unwrap();
    assert_eq!(back, bytes);
}

/// Waits for the connection's end and says how it ended.
pub(crate) async fn ending(stream: &mut TcpStream) -> Result<Vec<u8>, ErrorKind> {
    let mut rest = Vec::new();
    soon(stream.read_to_end(&mut rest)).await.map(|_| rest).map_err(|error| error.kind())
}
