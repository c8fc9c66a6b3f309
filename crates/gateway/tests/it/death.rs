//! Open tunnels when their proxy dies, and when it does not: cut at once in the one case, left alone in the other.

use std::io::ErrorKind;
use std::time::Duration;

use holdfast_gateway::Access;
use holdfast_model::{Event, RecordingId};
use holdfast_testkit::{Fault, Greeter, Kind, Options, ProxyProcess, ServerFault, UpstreamProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{Rig, echoes, end_of, proxy};

#[tokio::test]
async fn tunnels_on_a_frozen_proxy_are_cut() {
    let echo = Greeter::start(b"").await.expect("an echo");
    let frozen = ProxyProcess::start(Kind::Http, Options::default()).await.expect("a proxy");
    let second = proxy(Kind::Http).await;
    let mut rig = Rig::with(vec![frozen.url()], false, Access::Anyone).await;
    rig.checked(1).await;
    let (mut stream, _) = rig.connect(echo.addr()).await;
    echoes(&mut stream, "before").await;
    // Not before, or it might have overtaken the first.
    rig.add(&second).await;
    frozen.freeze().expect("frozen");
    stream.write_all(b"is anybody there?").await.expect("written");
    assert_eq!(end_of(&mut stream).await.0, Some(ErrorKind::ConnectionReset));
    // The next one goes through the second without delay.
    let (mut stream, _) = rig.connect(echo.addr()).await;
    echoes(&mut stream, "after").await;
    assert_eq!(second.stats().connects.len(), 1);
}

#[tokio::test]
async fn idle_tunnels_are_cut_when_their_proxy_is_killed() {
    let echo = Greeter::start(b"").await.expect("an echo");
    let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
    let mut rig = Rig::new(&[&first]).await;
    rig.checked(1).await;
    let (mut idle, _) = rig.connect(echo.addr()).await;
    echoes(&mut idle, "then idle").await;
    rig.add(&second).await;
    first.set_fault(Fault::RefuseNewOnly).await;
    // Somebody else's dial notices.
    let (mut other, _) = rig.connect(echo.addr()).await;
    echoes(&mut other, "elsewhere").await;
    rig.event(|e| matches!(e, Event::ProxyConvicted { proxy_side: true, .. })).await;
    assert_eq!(end_of(&mut idle).await.0, Some(ErrorKind::ConnectionReset));
}

struct Watched {
    rig: Rig,
    stream: TcpStream,
    _lease: holdfast_gateway::LeaseHandle,
    account: holdfast_gateway::AccountHandle,
    /// User and password of the lease.
    pair: String,
}

/// A recording's tunnel through the first proxy; the second comes later, so that it cannot overtake the first.
async fn recording(first: &UpstreamProxy, second: &UpstreamProxy, to: std::net::SocketAddr) -> Watched {
    let mut rig = Rig::over_tls(&[first], false, Access::LeasesOnly).await;
    rig.checked(1).await;
    let account = rig.gateway.account(RecordingId::new(), &[]);
    let lease = account.lease();
    let url = lease.proxy_url();
    let pair = url.expose().trim_start_matches("http://").split('@').next().expect("credentials").to_owned();
    let (stream, head) = rig.connect_as(&pair, to).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    rig.add(second).await;
    Watched { rig, stream, _lease: lease, account, pair }
}

const REQUEST: &[u8] = b"GET /check HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn a_recordings_single_stuck_tunnel_is_cut_though_its_proxy_is_fine() {
    let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
    let origin = holdfast_testkit::CheckTarget::start(200, false).await.expect("an origin");
    let mut watched = recording(&first, &second, origin.addr()).await;
    watched.stream.write_all(REQUEST).await.expect("written");
    let answered = watched.stream.read(&mut [0; 1024]).await.expect("an answer");
    assert!(answered > 0, "it ended");
    first.set_fault(Fault::FreezeTunnels).await;
    watched.stream.write_all(REQUEST).await.expect("written");
    let (end, took) = end_of(&mut watched.stream).await;
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    assert!(took > Duration::from_secs(3), "a tunnel gets 3.5 s before it counts as stuck, not {took:?}");
    assert!(!watched.rig.events_so_far().iter().any(|e| matches!(e, Event::ProxyConvicted { .. })));
}

/// It is often what a recording has just moved to, and then there is no time to lose.
#[tokio::test]
async fn a_new_tunnel_without_a_first_answer_is_cut_sooner() {
    let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
    let origin = holdfast_testkit::CheckTarget::start(200, true).await.expect("an origin");
    let mut watched = recording(&first, &second, origin.addr()).await;
    first.set_fault(Fault::FreezeTunnels).await;
    // As a TLS client begins (RFC 8446, 5.1): the first answer to that is one round trip away.
    watched.stream.write_all(&[0x16, 3, 1, 0, 200]).await.expect("written");
    let (end, took) = end_of(&mut watched.stream).await;
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    assert!(took >= Duration::from_secs(2), "one round trip may take a while, not {took:?}");
    watched.rig.connect_as(&watched.pair, origin.addr()).await;
    let reason = watched.account.traffic().routes[0].reason.clone();
    assert_eq!(reason.as_deref(), Some("a new connection got no first answer for 2 s"));
}

/// Its conviction is for what lies beyond it, which by itself cuts no tunnel.
#[tokio::test]
async fn a_stuck_tunnel_of_a_proxy_that_reaches_nothing_any_more_is_cut() {
    let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
    let origin = holdfast_testkit::CheckTarget::start(200, false).await.expect("an origin");
    let mut watched = recording(&first, &second, origin.addr()).await;
    first.set_fault(Fault::SilentAfterConnect).await;
    let (mut noticed, _) = watched.rig.connect_as(&watched.pair, origin.addr()).await;
    let (mut stream, head) = watched.rig.connect_as(&watched.pair, origin.addr()).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    noticed.write_all(REQUEST).await.expect("written");
    watched.rig.event(|e| matches!(e, Event::ProxyConvicted { proxy_side: false, .. })).await;
    stream.write_all(REQUEST).await.expect("written");
    assert_eq!(end_of(&mut stream).await.0, Some(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn an_origin_that_hangs_cuts_no_tunnel_and_convicts_nobody() {
    let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
    let origin = holdfast_testkit::CheckTarget::start(200, false).await.expect("an origin");
    let mut watched = recording(&first, &second, origin.addr()).await;
    origin.set_fault(ServerFault::HangRequests).await;
    watched.stream.write_all(REQUEST).await.expect("written");
    let hang = tokio::time::timeout(Duration::from_secs(10), end_of(&mut watched.stream)).await;
    assert!(hang.is_err(), "the tunnel was cut: {hang:?}");
    assert!(!watched.rig.events_so_far().iter().any(|e| matches!(e, Event::ProxyConvicted { .. })));
    assert_eq!(watched.account.traffic().failovers, 0);
}

#[tokio::test]
async fn a_destination_that_refuses_is_no_fault_of_the_route_until_another_one_reaches_it() {
    let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
    let origin = holdfast_testkit::CheckTarget::start(200, false).await.expect("an origin");
    let watched = recording(&first, &second, origin.addr()).await;
    let other = Greeter::start(b"").await.expect("an echo");
    for upstream in [&first, &second] {
        upstream.set_fault(Fault::status(502).only(other.addr().to_string())).await;
    }
    let head = watched.rig.connect_as(&watched.pair, other.addr()).await.1;
    assert!(head.starts_with("HTTP/1.1 502 "), "both say so: {head}");
    let traffic = watched.account.traffic();
    assert!(traffic.last_fault.is_none() && traffic.last_unreached.is_some(), "{traffic:?}");
    let why = traffic.why_unreached.expect("a sentence");
    assert!(why.starts_with(&format!("{} could not be reached through 2 proxies: ", other.addr())), "{why}");
    second.heal().await;
    let head = watched.rig.connect_as(&watched.pair, other.addr()).await.1;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let traffic = watched.account.traffic();
    assert!(traffic.last_fault.is_some() && traffic.last_success > traffic.last_fault, "{traffic:?}");
    assert_eq!((traffic.failovers, traffic.routes.len()), (1, 2), "{traffic:?}");
    assert!(traffic.routes[0].reason.as_deref().is_some_and(|why| why.contains("502")), "{traffic:?}");
}
