//! The proxy in a process of its own: killed, stopped, and told what to do.

use std::io::ErrorKind;

use holdfast_testkit::{Fault, Greeter, Kind, Options, ProxyProcess};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{connect, echo, ending, head, silent, soon};

async fn tunnel(proxy: &ProxyProcess, target: &Greeter) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    stream.write_all(connect("live.test:443", "").as_bytes()).await.unwrap();
    let reply = head(&mut stream).await;
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply} ({})", target.addr());
    stream
}

#[tokio::test]
async fn killed_stopped_and_restarted() {
    let target = Greeter::start(b"").await.unwrap();
    let options = Options::default().map("live.test:443", target.addr());
    let mut proxy = ProxyProcess::start(Kind::Http, options).await.unwrap();
    let mut stream = tunnel(&proxy, &target).await;
    echo(&mut stream, b"alive").await;

    proxy.freeze().unwrap();
    stream.write_all(b"x").await.unwrap();
    assert!(silent(stream.read_u8()).await);
    let mut waiting =
        TcpStream::connect(proxy.addr()).await.expect("the kernel accepts for a stopped process");
    waiting.write_all(connect("live.test:443", "").as_bytes()).await.unwrap();
    assert!(silent(waiting.peek(&mut [0])).await);
    proxy.thaw().unwrap();
    assert_eq!(soon(stream.read_u8()).await.unwrap(), b'x');
    assert!(head(&mut waiting).await.starts_with("HTTP/1.1 200"));

    let addr = proxy.addr();
    proxy.kill().await.unwrap();
    assert_eq!(TcpStream::connect(addr).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(matches!(ending(&mut stream).await, Ok(_) | Err(ErrorKind::ConnectionReset)));
    proxy.restart().await.unwrap();
    assert_eq!(proxy.addr(), addr);
    echo(&mut tunnel(&proxy, &target).await, b"back").await;
}

#[tokio::test]
async fn faults_and_counters_over_standard_input() {
    let target = Greeter::start(b"").await.unwrap();
    let options = Options::default().map("live.test:443", target.addr()).fault(Fault::status(503));
    let mut proxy = ProxyProcess::start(Kind::Http, options).await.unwrap();
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    stream.write_all(connect("live.test:443", "").as_bytes()).await.unwrap();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 503"));
    proxy.heal().await.unwrap();
    echo(&mut tunnel(&proxy, &target).await, b"fine").await;
    let stats = proxy.stats().await.unwrap();
    assert_eq!(stats.connects["live.test:443"], 2);
    assert_eq!(stats.outgoing.len(), 1);
}
