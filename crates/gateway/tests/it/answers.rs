//! The gateway's own answers, and what it refuses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use holdfast_gateway::Access;
use holdfast_testkit::{Fault, Greeter, Kind};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::rig::{PATIENCE, Rig, proxy};

async fn whole(rig: &Rig, request: &str) -> String {
    let (mut stream, mut text) = rig.ask(request).await;
    timeout(PATIENCE, stream.read_to_string(&mut text)).await.expect("in time").expect("a clean end");
    text
}

#[tokio::test]
async fn bad_requests_are_told_why() {
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    let long = format!("GET http://h/ HTTP/1.1\r\nX: {}\r\n", "a".repeat(40_000));
    for (request, status, words) in [
        ("CONNECT no-port HTTP/1.1\r\n\r\n", "400", "host:port"),
        ("CONNECT host:0 HTTP/1.1\r\n\r\n", "400", "port"),
        ("\x16\x03\x01 nonsense\r\n\r\n", "400", "cannot be read"),
        (long.as_str(), "431", "longer than 32 KiB"),
    ] {
        let answer = whole(&rig, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("Proxy-Status: holdfast; error="), "{answer}");
        assert!(answer.lines().last().expect("a body").contains(words), "{answer}");
    }
}

#[tokio::test]
async fn its_own_listener_is_never_a_destination() {
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    let port = rig.gateway.local_addr().port();
    for host in ["127.0.0.1", "localhost", "[::1]", "127.9.9.9", "0.0.0.0", "[::ffff:127.0.0.1]"] {
        let answer = whole(&rig, &format!("CONNECT {host}:{port} HTTP/1.1\r\n\r\n")).await;
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.contains("proxy_loop_detected"),
            "{host}: {answer}"
        );
    }
    assert!(upstream.requests().iter().all(|r| !format!("{r:?}").contains(&port.to_string())));
}

#[tokio::test]
async fn no_listener_of_this_process_is_a_destination() {
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    let forbidden = async |host: IpAddr, port: u16| {
        let to = SocketAddr::new(host, port);
        for request in [
            format!("CONNECT {to} HTTP/1.1\r\n\r\n"),
            format!("GET http://{to}/ HTTP/1.1\r\nHost: x\r\n\r\n"),
        ] {
            let answer = whole(&rig, &request).await;
            assert!(
                answer.starts_with("HTTP/1.1 403 ") && answer.contains("proxy_loop_detected"),
                "{answer}"
            );
        }
    };
    let other = Greeter::start(b"").await.expect("a listener");
    rig.pool.never_dial(other.addr());
    forbidden(other.addr().ip(), other.addr().port()).await;
    // One that listens on every address, asked by the one that leads outside. Nothing is sent for that.
    let port = 4242;
    rig.pool.never_dial(SocketAddr::from(([0, 0, 0, 0], port)));
    forbidden(Ipv4Addr::LOCALHOST.into(), port).await;
    let outside = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    if outside.connect("192.0.2.1:9").is_ok() {
        forbidden(outside.local_addr().expect("bound").ip(), port).await;
    }
    let to = format!("CONNECT 192.0.2.1:{port} HTTP/1.1\r\n\r\n");
    assert!(!rig.ask(&to).await.1.starts_with("HTTP/1.1 403 "), "somebody else's");
}

/// The machine's own name leads there, too; that is known only once it is dialed.
#[tokio::test]
async fn a_name_that_leads_to_an_own_listener_is_refused_when_it_is_dialed() {
    let rig = Rig::with(Vec::new(), true, Access::Anyone).await;
    let other = Greeter::start(b"").await.expect("a listener");
    rig.pool.never_dial(other.addr());
    // Two spellings of 127.0.0.1 that only a resolver reads.
    for name in ["127.1", "0x7f.0.0.1"] {
        let answer = whole(&rig, &format!("CONNECT {name}:{} HTTP/1.1\r\n\r\n", other.addr().port())).await;
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("holdfast itself"), "{answer}");
    }
}

#[tokio::test]
async fn a_gateway_that_is_its_own_upstream_ends_at_once() {
    let echo = Greeter::start(b"").await.expect("an echo");
    let rig = Rig::with(Vec::new(), false, Access::Anyone).await;
    let own =
        holdfast_model::ProxyUrl::parse(&format!("http://{}", rig.gateway.local_addr())).expect("a URL");
    let proxy = holdfast_pool::NewProxy {
        id: holdfast_model::ProxyId(1),
        url: own,
        label: None,
        tags: Vec::new(),
        priority: 0,
        enabled: true,
    };
    rig.pool.change(|pool, now| {
        pool.add(proxy, now);
        Vec::new()
    });
    let (_, head) = rig.connect(echo.addr()).await;
    assert!(head.starts_with("HTTP/1.1 50"), "{head}");
    let error = rig.pool.read(|pool| pool.proxies().find_map(|p| p.last_error.clone()));
    assert!(error.is_some_and(|words| words.contains("it is holdfast itself")), "it was dialed");
}

#[tokio::test]
async fn without_a_route_the_dial_is_held_and_then_told() {
    let echo = Greeter::start(b"").await.expect("an echo");
    let upstream = proxy(Kind::Http).await;
    upstream.set_fault(Fault::Refuse).await;
    let mut rig = Rig::new(&[&upstream]).await;
    rig.checked(1).await;
    let began = Instant::now();
    let (_, head) = rig.connect(echo.addr()).await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(began.elapsed().as_secs_f64() > 4.5, "held for {:?} only", began.elapsed());
}

#[tokio::test]
async fn a_held_dial_goes_on_as_soon_as_a_proxy_is_back() {
    let echo = Greeter::start(b"").await.expect("an echo");
    let upstream = proxy(Kind::Http).await;
    upstream.set_fault(Fault::Refuse).await;
    let mut rig = Rig::new(&[&upstream]).await;
    rig.checked(1).await;
    let (answer, ()) = tokio::join!(rig.connect(echo.addr()), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        upstream.heal().await;
    });
    assert!(answer.1.starts_with("HTTP/1.1 200"), "{}", answer.1);
}

#[tokio::test]
async fn a_slow_head_is_told_after_10_seconds() {
    let rig = Rig::with(Vec::new(), true, Access::Anyone).await;
    let (_, head) = rig.ask("CONNECT host:1 HTT").await;
    assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
}

#[tokio::test]
async fn going_direct_reaches_nothing_private_from_an_open_listener() {
    // The rig listens on loopback, so the rule itself is asked.
    let rig = Rig::open_to_all().await;
    let echo = Greeter::start(b"").await.expect("an echo");
    let port = echo.addr().port();
    for host in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.1.1", "[fd00::1]", "localhost"] {
        let answer = whole(&rig, &format!("CONNECT {host}:{port} HTTP/1.1\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
        let answer =
            whole(&rig, &format!("GET http://{host}:{port}/ HTTP/1.1\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
    }
}
