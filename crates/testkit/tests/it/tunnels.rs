//! Faults of tunnels that are open, and the manners of a healthy one.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use holdfast_testkit::{Cut, Direction, Fault, Greeter, Kind, Options, UpstreamProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{PATIENCE, ask, echo, ending, head, silent, soon, tunnel};

async fn start() -> (UpstreamProxy, Greeter) {
    let proxy = UpstreamProxy::start(Kind::Http, Options::default()).await.unwrap();
    (proxy, Greeter::start(b"").await.unwrap())
}

/// Sends without end to whoever connects.
async fn fountain() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move { while stream.write_all(&[7; 16 * 1024]).await.is_ok() {} });
        }
    });
    addr
}

/// Reads at least so many bytes.
async fn receive(stream: &mut TcpStream, bytes: usize) {
    let (mut total, mut buffer) = (0, vec![0; 64 * 1024]);
    soon(async {
        while total < bytes {
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "it ended after {total} bytes");
            total += count;
        }
    })
    .await;
}

async fn received_in(stream: &mut TcpStream, time: Duration) -> usize {
    let (mut total, end, mut buffer) = (0, Instant::now() + time, vec![0; 64 * 1024]);
    while let Ok(Ok(count)) = tokio::time::timeout_at(end.into(), stream.read(&mut buffer)).await {
        total += count;
    }
    total
}

#[tokio::test]
async fn half_close_passes_both_ways() {
    let (proxy, target) = start().await;
    let mut stream = tunnel(&proxy, target.addr()).await;
    stream.write_all(b"last words").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(ending(&mut stream).await.unwrap(), b"last words", "the client closed first");

    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut stream = tunnel(&proxy, listener.local_addr().unwrap()).await;
    let (mut origin, _) = listener.accept().await.unwrap();
    origin.shutdown().await.unwrap();
    assert_eq!(soon(stream.read(&mut [0; 8])).await.unwrap(), 0, "the origin closed first");
    stream.write_all(b"still listening?").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(ending(&mut origin).await.unwrap(), b"still listening?");
}

#[tokio::test]
async fn a_reset_passes_as_a_reset() {
    let (proxy, _) = start().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut stream = tunnel(&proxy, listener.local_addr().unwrap()).await;
    let (origin, _) = listener.accept().await.unwrap();
    socket2::SockRef::from(&origin).set_linger(Some(Duration::ZERO)).unwrap();
    drop(origin);
    assert_eq!(ending(&mut stream).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn one_direction_ends_early() {
    let (proxy, target) = start().await;
    let mut stream = tunnel(&proxy, target.addr()).await;
    proxy.set_fault(Fault::HalfClose(Direction::ToClient)).await;
    assert_eq!(ending(&mut stream).await.unwrap(), b"");
    proxy.heal().await;

    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut stream = tunnel(&proxy, listener.local_addr().unwrap()).await;
    let (mut origin, _) = listener.accept().await.unwrap();
    proxy.set_fault(Fault::HalfClose(Direction::ToOrigin)).await;
    assert_eq!(ending(&mut origin).await.unwrap(), b"");
    origin.write_all(b"answer").await.unwrap();
    soon(stream.read_exact(&mut [0; 6])).await.unwrap();
}

#[tokio::test]
async fn all_tunnels_reset_and_new_ones_fine() {
    let (proxy, target) = start().await;
    let mut open = [tunnel(&proxy, target.addr()).await, tunnel(&proxy, target.addr()).await];
    proxy.set_fault(Fault::ResetTunnels).await;
    for stream in &mut open {
        assert_eq!(ending(stream).await, Err(ErrorKind::ConnectionReset));
    }
    echo(&mut tunnel(&proxy, target.addr()).await, b"new").await;
}

#[tokio::test]
async fn all_tunnels_reset_and_new_ones_refused() {
    let (proxy, target) = start().await;
    let mut open = tunnel(&proxy, target.addr()).await;
    proxy.set_fault(Fault::status(502).resetting()).await;
    assert_eq!(ending(&mut open).await, Err(ErrorKind::ConnectionReset));
    let mut refused = ask(&proxy, target.addr()).await;
    assert!(head(&mut refused).await.starts_with("HTTP/1.1 502 "));
    assert_eq!(proxy.fault(), Fault::status(502));
}

#[tokio::test]
async fn frozen_tunnels_while_new_ones_work() {
    let (proxy, target) = start().await;
    let mut old = tunnel(&proxy, target.addr()).await;
    proxy.set_fault(Fault::FreezeTunnels).await;
    old.write_all(b"x").await.unwrap();
    assert!(silent(old.read_u8()).await, "an open tunnel stands still");
    echo(&mut tunnel(&proxy, target.addr()).await, b"new").await;
    proxy.heal().await;
    assert_eq!(soon(old.read_u8()).await.unwrap(), b'x');
}

#[tokio::test]
async fn silent_after_connect_spares_older_tunnels() {
    let (proxy, target) = start().await;
    let mut old = tunnel(&proxy, target.addr()).await;
    proxy.set_fault(Fault::SilentAfterConnect).await;
    let mut new = tunnel(&proxy, target.addr()).await;
    new.write_all(b"anybody?").await.unwrap();
    assert!(silent(new.read_u8()).await);
    echo(&mut old, b"still here").await;
}

#[tokio::test]
async fn bandwidth_is_shared_and_reaches_back() {
    let options = Options::default().bandwidth(200_000);
    let proxy = UpstreamProxy::start(Kind::Http, options).await.unwrap();
    let source = fountain().await;
    let (mut one, mut two) = (tunnel(&proxy, source).await, tunnel(&proxy, source).await);
    // What was let through before the clock starts: 0.2 s of credit, and the time since the first tunnel was opened.
    receive(&mut one, 50_000).await;
    receive(&mut two, 50_000).await;
    let began = Instant::now();
    let (mut a, mut b) = ([0; 4096], [0; 4096]);
    let (mut from_one, mut from_two) = (0, 0);
    while from_one + from_two < 400_000 {
        tokio::select! {
            count = one.read(&mut a) => from_one += count.unwrap(),
            count = two.read(&mut b) => from_two += count.unwrap(),
            () = tokio::time::sleep(PATIENCE) => panic!("{from_one} and {from_two}, and no more"),
        }
    }
    // A busy machine may take longer, but nobody is served faster; what lay in a socket buffer comes at once.
    assert!(began.elapsed() > Duration::from_millis(1200), "400 kB at 200 kB/s in {:?}", began.elapsed());
    assert!(from_one.min(from_two) > 100_000, "{from_one} and {from_two} are no fair shares");
}

#[tokio::test]
async fn a_trickle_begins_and_ends() {
    let (proxy, _) = start().await;
    let mut stream = tunnel(&proxy, fountain().await).await;
    receive(&mut stream, 2_000_000).await;
    proxy.set_fault(Fault::Trickle(40_000)).await;
    // What lay in the socket buffers comes first.
    let mut took = Duration::ZERO;
    for _ in 0..200 {
        let began = Instant::now();
        receive(&mut stream, 80_000).await;
        took = began.elapsed();
        if took > Duration::from_millis(1200) {
            break;
        }
    }
    assert!(took > Duration::from_millis(1200), "80 kB at 40 kB/s in {took:?}");
    proxy.heal().await;
    // More than that rate makes while anybody here waits.
    receive(&mut stream, 10_000_000).await;
}

#[tokio::test]
async fn cut_in_mid_response() {
    let (proxy, _) = start().await;
    let source = fountain().await;
    for (how, expect) in [(Cut::Fin, Ok(5_000)), (Cut::Rst, Err(ErrorKind::ConnectionReset))] {
        proxy.set_fault(Fault::CutMidResponse { after: 5_000, how }).await;
        let mut stream = tunnel(&proxy, source).await;
        assert_eq!(ending(&mut stream).await.map(|bytes| bytes.len()), expect);
    }
}

#[tokio::test]
async fn counters() {
    let (proxy, target) = start().await;
    let mut stream = tunnel(&proxy, target.addr()).await;
    echo(&mut stream, b"12345").await;
    let stats = proxy.stats();
    assert_eq!((stats.accepted, stats.open_tunnels, stats.bytes_up, stats.bytes_down), (1, 1, 5, 5));
    drop(stream);
    soon(async {
        while proxy.open_tunnels() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn open_tunnels_to_one_destination_slow_down() {
    let (proxy, target) = start().await;
    let mut slow = tunnel(&proxy, fountain().await).await;
    let mut other = tunnel(&proxy, target.addr()).await;
    let destination = slow_destination(&proxy);
    proxy.set_fault(Fault::SilentConnect.only(destination.clone())).await;
    // More than all buffers on the way hold: that one spares open tunnels.
    receive(&mut slow, 4_000_000).await;
    proxy.set_fault(Fault::Freeze.only(destination)).await;
    received_in(&mut slow, Duration::from_millis(200)).await;
    assert!(silent(slow.read_u8()).await);
    echo(&mut other, b"still here").await;
}

fn slow_destination(proxy: &UpstreamProxy) -> String {
    proxy.requests()[0].destination.clone()
}
