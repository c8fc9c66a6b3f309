//! Tunnels: through every kind of proxy, past every odd but valid reply, and on to the next proxy past every fault,
//! without the client noticing.

use std::io::ErrorKind;

use holdfast_gateway::Access;
use holdfast_gateway::dial::Limits;
use holdfast_model::{Event, RecordingId, Secret};
use holdfast_testkit::{Cut, Fault, Greeter, Kind, UpstreamProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{Rig, echoes, end_of, proxy};

const OK: &str = "HTTP/1.1 200";

#[tokio::test]
async fn every_kind_of_proxy_carries_a_tunnel() {
    let echo = Greeter::start(b"").await.expect("an echo");
    for (kind, scheme) in
        [(Kind::Http, "http"), (Kind::Https, "https"), (Kind::Socks5, "socks5"), (Kind::Socks5, "socks5h")]
    {
        let upstream = proxy(kind).await;
        let url = upstream
            .url_with_scheme(scheme)
            .replace("127.0.0.1", if kind == Kind::Https { "localhost" } else { "127.0.0.1" });
        let rig = Rig::with(vec![url], false, Access::Anyone).await;
        let (mut stream, head) = rig.connect(echo.addr()).await;
        assert!(head.starts_with(OK), "{scheme}: {head}");
        echoes(&mut stream, "through").await;
        assert!(upstream.stats().connects.contains_key(&echo.addr().to_string()), "{scheme}");
    }
}

#[tokio::test]
async fn odd_but_valid_replies_are_taken() {
    let greeter = Greeter::start(b"early bytes").await.expect("a greeter");
    let faults = [
        Fault::FragmentedHead,
        Fault::EarlyBytes,
        Fault::DelayedHead,
        Fault::OddReason(String::new()),
        Fault::OddReason("Fine, go ahead \u{fc}".to_owned()),
        Fault::OtherSuccess(204),
        Fault::OtherSuccess(299),
        Fault::HugeHead(20_000),
        Fault::ExtraHeaders(vec![("Content-Length".to_owned(), "10".to_owned())]),
    ];
    for fault in faults {
        let upstream = proxy(Kind::Http).await;
        upstream.set_fault(fault.clone()).await;
        let rig = Rig::new(&[&upstream]).await;
        let (mut stream, head) = rig.connect(greeter.addr()).await;
        assert!(head.starts_with(OK), "{fault:?}: {head}");
        let mut banner = [0; 11];
        stream.read_exact(&mut banner).await.expect("the banner");
        assert_eq!(&banner, b"early bytes", "{fault:?}");
        echoes(&mut stream, "and on").await;
    }
}

#[tokio::test]
async fn a_dial_moves_on_past_every_fault() {
    let echo = Greeter::start(b"").await.expect("an echo");
    let faults = [
        Fault::Refuse,
        Fault::Reset,
        Fault::AbortConnect,
        Fault::WrongAuth,
        Fault::status(502),
        Fault::status(503),
        Fault::SilentAfterAccept,
        Fault::SilentConnect,
        Fault::HugeHead(200_000),
        Fault::NotHttp(b"SSH-2.0-OpenSSH_9\r\n".to_vec()),
    ];
    for fault in faults {
        let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Socks5).await);
        let mut rig = Rig::new(&[&first, &second]).await;
        rig.checked(2).await;
        first.set_fault(fault.clone()).await;
        let began = std::time::Instant::now();
        let (mut stream, head) = rig.connect(echo.addr()).await;
        assert!(head.starts_with(OK), "{fault:?}: {head}");
        // Before the first try has even timed out by itself.
        assert!(began.elapsed() < Limits::TRAFFIC.reply, "{fault:?} took {:?}", began.elapsed());
        echoes(&mut stream, "through the second").await;
    }
}

#[tokio::test]
async fn a_slow_proxy_that_comes_first_is_waited_for_as_long_as_is_usual_for_it() {
    let echo = Greeter::start(b"").await.expect("an echo");
    let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
    first.set_fault(Fault::DelayMs(600)).await;
    // A check target that needs a tunnel.
    let mut rig = Rig::over_tls(&[&first, &second], false, Access::Anyone).await;
    rig.checked(2).await;
    let checks = rig.target.requests().len();
    for _ in 0..2 {
        let (_stream, head) = rig.connect(echo.addr()).await;
        assert!(head.starts_with(OK), "{head}");
    }
    let to =
        |p: &UpstreamProxy| p.stats().connects.get(&echo.addr().to_string()).copied().unwrap_or_default();
    assert_eq!((to(&first), to(&second)), (2, 0));
    assert_eq!(rig.target.requests().len(), checks, "nobody was suspected");
}

#[tokio::test]
async fn half_closes_pass_both_ways() {
    let echo = Greeter::start(b"").await.expect("an echo");
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    let (mut stream, _) = rig.connect(echo.addr()).await;
    stream.write_all(b"last words").await.expect("written");
    stream.shutdown().await.expect("closed one way");
    let mut back = Vec::new();
    stream.read_to_end(&mut back).await.expect("a clean end");
    assert_eq!(back, b"last words");
}

#[tokio::test]
async fn an_upstream_that_breaks_is_a_reset_for_the_client() {
    let greeter = Greeter::start(b"a long answer").await.expect("a greeter");
    let upstream = proxy(Kind::Http).await;
    upstream.set_fault(Fault::CutMidResponse { after: 5, how: Cut::Rst }).await;
    let rig = Rig::new(&[&upstream]).await;
    let (mut stream, _) = rig.connect(greeter.addr()).await;
    assert_eq!(end_of(&mut stream).await.0, Some(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_single_502_or_reset_convicts_nobody() {
    let echo = Greeter::start(b"").await.expect("an echo");
    for fault in [Fault::status(502).once(), Fault::Reset.once()] {
        let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
        let mut rig = Rig::new(&[&first, &second]).await;
        rig.checked(2).await;
        first.set_fault(fault.clone()).await;
        let (_stream, head) = rig.connect(echo.addr()).await;
        assert!(head.starts_with(OK), "{fault:?}: {head}");
        // The suspicion's own check.
        rig.checked(1).await;
        assert!(!rig.events_so_far().iter().any(|e| matches!(e, Event::ProxyConvicted { .. })), "{fault:?}");
        assert!(
            rig.pool.read(|pool| pool.proxies().all(|p| !p.is_convicted() && !p.is_suspect())),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_lease_opens_the_gateway_and_closes_it_again() {
    let echo = Greeter::start(b"").await.expect("an echo");
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::with(vec![upstream.url()], false, Access::LeasesOnly).await;
    let account = rig.gateway.account(RecordingId::new(), &[]);
    let lease = account.lease();
    let url = lease.proxy_url();
    let pair = url.expose().trim_start_matches("http://").split('@').next().expect("credentials").to_owned();

    let (mut stream, head) = rig.connect_as(&pair, echo.addr()).await;
    assert!(head.starts_with(OK), "{head}");
    echoes(&mut stream, "mine").await;
    assert_eq!(account.traffic().routes.len(), 1);
    assert_eq!(account.traffic().routes[0].bytes, 4);

    let (_, head) = rig.connect_as("somebody:else", echo.addr()).await;
    assert!(head.starts_with("HTTP/1.1 407"), "{head}");
    let (_, head) = rig.connect(echo.addr()).await;
    assert!(head.starts_with("HTTP/1.1 407"), "{head}");

    drop(lease);
    assert_eq!(end_of(&mut stream).await.0, Some(ErrorKind::ConnectionReset), "its tunnels die with it");
    let (_, head) = rig.connect_as(&pair, echo.addr()).await;
    assert!(head.starts_with("HTTP/1.1 407"), "its password dies with it: {head}");
}

#[tokio::test]
async fn a_password_protects_the_open_gateway() {
    let echo = Greeter::start(b"").await.expect("an echo");
    let upstream = proxy(Kind::Http).await;
    let access = Access::Password("me".to_owned(), Secret::new("secret"));
    let rig = Rig::with(vec![upstream.url()], false, access).await;
    let (_, head) = rig.connect_as("me:wrong", echo.addr()).await;
    assert!(head.starts_with("HTTP/1.1 407") && head.contains("Proxy-Authenticate: Basic"), "{head}");
    let (_, head) = rig.connect_as("me:secret", echo.addr()).await;
    assert!(head.starts_with(OK), "{head}");
}
