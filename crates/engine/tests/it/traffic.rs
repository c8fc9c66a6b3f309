//! The bytes that proxies carry: counted to the byte, stored, and counted once across restarts.

use std::net::SocketAddr;
use std::time::Duration;

use holdfast_model::ProxyId;
use holdfast_testkit::Greeter;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::server::Server;
use crate::world::{PATIENCE, World, proxy};

on_both!(
    bytes_are_stored_and_survive_restarts_without_doubling,
    what_is_carried_is_told,
    tunnels_end_with_the_permission_to_use_their_route,
);

const BANNER: &[u8] = b"hello from beyond";

/// A tunnel through the gateway for other tools, up to the greeter's banner.
async fn open(gateway: SocketAddr, greeter: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(gateway).await.expect("it listens");
    let head = format!("CONNECT {greeter} HTTP/1.1\r\nHost: {greeter}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("asked");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("an answer"));
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    let mut banner = vec![0; BANNER.len()];
    stream.read_exact(&mut banner).await.expect("a banner");
    stream
}

/// So many bytes there and back, beside the banner.
async fn carry(gateway: SocketAddr, greeter: SocketAddr, bytes: usize) {
    let mut stream = open(gateway, greeter).await;
    stream.write_all(&vec![7; bytes]).await.expect("sent");
    stream.shutdown().await.expect("the end");
    let mut back = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut back)).await.expect("in time").expect("a clean end");
    assert_eq!(back.len(), bytes);
}

/// It ends by a reset.
async fn is_cut(stream: &mut TcpStream) {
    let end = timeout(PATIENCE, stream.read_u8()).await.expect("it is cut");
    assert_eq!(end.expect_err("no byte").kind(), std::io::ErrorKind::ConnectionReset);
}

/// Waits until the server shows so many bytes, up and down: a way is counted while it is being closed.
async fn shown(server: &Server, id: ProxyId, up: u64, down: u64) {
    let shown = async {
        while (server.view(id).bytes_up, server.view(id).bytes_down) != (up, down) {
            tokio::task::yield_now().await;
        }
    };
    let view = || server.view(id);
    timeout(PATIENCE, shown).await.unwrap_or_else(|_| panic!("({up}, {down}) is not {:?}", view()));
}

async fn bytes_are_stored_and_survive_restarts_without_doubling(world: World) {
    let one = proxy().await;
    let greeter = Greeter::start(BANNER).await.expect("a destination");
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    shown(&server, id, 0, 0).await;
    carry(server.gateway, greeter.addr(), 10_000).await;
    let banner = BANNER.len() as u64;
    shown(&server, id, 10_000, 10_000 + banner).await;
    // Stored while it runs, and not again by the next time or by the end.
    let stored = format!("SELECT bytes_down AS n FROM proxy_settings WHERE id = {id}");
    let written = async {
        // It is written down each second, perhaps in the middle of them.
        while world.number(&stored).await != 10_017 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, written).await.expect("it is stored");
    carry(server.gateway, greeter.addr(), 5).await;
    server.stop().await;

    let server = Server::start(&world).await;
    shown(&server, id, 10_005, 10_005 + 2 * banner).await;
    carry(server.gateway, greeter.addr(), 100).await;
    shown(&server, id, 10_105, 10_105 + 3 * banner).await;
    server.stop().await;

    let server = Server::start(&world).await;
    shown(&server, id, 10_105, 10_105 + 3 * banner).await;
    assert_eq!(server.view(id).active_connections, 0);
    server.stop().await;
}

async fn what_is_carried_is_told(world: World) {
    let one = proxy().await;
    let greeter = Greeter::start(BANNER).await.expect("a destination");
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    let tunnel = open(server.gateway, greeter.addr()).await;
    let told = |open: u64| {
        move |frame: &serde_json::Value| {
            let proxy = &frame["proxy"];
            proxy["active_connections"] == open && proxy["bytes_down"] == BANNER.len()
        }
    };
    let frame = server.ears.find("proxy_statistics", told(1)).await;
    assert_eq!((&frame["proxy_id"], &frame["proxy"]["id"]), (&json!(id), &json!(id)));
    assert!(frame["proxy"]["success_rate"].is_null(), "no recording yet: {frame}");
    drop(tunnel);
    server.ears.find("proxy_statistics", told(0)).await;
    server.stop().await;
}

async fn tunnels_end_with_the_permission_to_use_their_route(world: World) {
    let (one, two) = (proxy().await, proxy().await);
    let greeter = Greeter::start(BANNER).await.expect("a destination");
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    let mut tunnel = open(server.gateway, greeter.addr()).await;
    assert_eq!(server.view(id).active_connections, 1);
    server.drill(id).await.expect("drilled");
    is_cut(&mut tunnel).await;

    let other = server.add_good(&two, 1).await;
    let mut tunnel = open(server.gateway, greeter.addr()).await;
    assert_eq!(server.view(other).active_connections, 1);
    server.toggle_proxy(other).await.expect("switched off");
    is_cut(&mut tunnel).await;
    server.toggle_proxy(other).await.expect("switched on");
    server.ears.health(other.0, "healthy").await;
    let mut tunnel = open(server.gateway, greeter.addr()).await;
    server.remove_proxy(other).await.expect("removed");
    is_cut(&mut tunnel).await;

    // The first is still under its drill.
    let mut tunnel = open(server.gateway, greeter.addr()).await;
    let patch = json!({ "fallback_to_direct_connection": false });
    server.set_config(serde_json::from_value(patch).expect("a patch")).await.expect("set");
    is_cut(&mut tunnel).await;
    server.stop().await;
}
