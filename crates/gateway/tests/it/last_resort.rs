//! Direct as the last resort: at once when the proxies fail, never beside one that works.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use holdfast_gateway::Access;
use holdfast_model::{ProxyId, RecordingId};
use holdfast_pool::Settings;
use holdfast_testkit::{CheckTarget, Fault, Kind, UpstreamProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::rig::{Rig, proxy};

/// Counts who comes, and says this half a second later.
async fn door(says: &'static [u8]) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let (addr, came) = (listener.local_addr().expect("bound"), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&came);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Relaxed);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let _ = stream.write_all(says).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            });
        }
    });
    (addr, came)
}

/// Over this proxy alone, with direct as the last resort.
async fn over(upstream: &UpstreamProxy) -> Rig {
    let mut rig = Rig::with(vec![upstream.url()], true, Access::Anyone).await;
    rig.checked(1).await;
    rig
}

#[tokio::test]
async fn a_host_that_the_only_proxy_does_not_reach_is_not_asked_directly() {
    let (to, came) = door(b"").await;
    let upstream = proxy(Kind::Http).await;
    let rig = over(&upstream).await;
    upstream.set_fault(Fault::status(502).only(to.to_string())).await;
    // The second time the destination carries the blame already.
    for _ in 0..2 {
        let (_, head) = rig.connect(to).await;
        assert!(head.starts_with("HTTP/1.1 502 ") && head.contains("502"), "{head}");
    }
    assert_eq!(came.load(Relaxed), 0, "it was dialed beside a healthy proxy");
}

#[tokio::test]
async fn a_dead_proxy_is_left_for_direct_at_once() {
    let origin = CheckTarget::start(200, false).await.expect("an origin");
    for fault in [Fault::Refuse, Fault::Reset, Fault::AbortConnect, Fault::WrongAuth] {
        let upstream = proxy(Kind::Http).await;
        let rig = over(&upstream).await;
        upstream.set_fault(fault.clone()).await;
        let began = Instant::now();
        let (_, head) = rig.connect(origin.addr()).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{fault:?}: {head}");
        assert!(began.elapsed() < Duration::from_secs(2), "{fault:?}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_proxy_that_reaches_nothing_any_more_is_left_for_direct_once_it_is_convicted() {
    let origin = CheckTarget::start(200, false).await.expect("an origin");
    let upstream = proxy(Kind::Http).await;
    let rig = over(&upstream).await;
    upstream.set_fault(Fault::status(502)).await;
    let began = Instant::now();
    let (_, head) = rig.connect(origin.addr()).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        began.elapsed() < Duration::from_millis(4500),
        "before the dial is given up: {:?}",
        began.elapsed()
    );
}

/// Their checks fail beyond them, all of them, so none is convicted: that speaks for nobody.
#[tokio::test]
async fn two_proxies_that_reach_nothing_any_more_are_left_for_direct() {
    let origin = CheckTarget::start(200, false).await.expect("an origin");
    let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
    let mut rig = Rig::with(vec![first.url(), second.url()], true, Access::Anyone).await;
    rig.checked(2).await;
    for upstream in [&first, &second] {
        upstream.set_fault(Fault::status(502)).await;
    }
    // Again and again, also when it is known by then that the target is out of reach.
    for _ in 0..3 {
        let (_, head) = rig.connect(origin.addr()).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
}

#[tokio::test]
async fn a_proxy_that_takes_no_orders_any_more_is_checked_and_left_for_direct() {
    let origin = CheckTarget::start(200, false).await.expect("an origin");
    let upstream = proxy(Kind::Http).await;
    let mut rig = Rig::over_tls(&[&upstream], true, Access::Anyone).await;
    rig.checked(1).await;
    upstream.set_fault(Fault::status(403)).await;
    let (_, head) = rig.connect(origin.addr()).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(rig.pool.read(|pool| pool.get(ProxyId(1)).is_some_and(|p| p.is_convicted())));
}

#[tokio::test]
async fn a_dial_whose_proxy_is_disabled_in_the_middle_goes_through_the_next() {
    let origin = CheckTarget::start(200, false).await.expect("an origin");
    let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
    let mut rig = Rig::with(vec![first.url()], false, Access::LeasesOnly).await;
    rig.checked(1).await;
    let account = rig.gateway.account(RecordingId::new(), &[]);
    let lease = account.lease();
    let url = lease.proxy_url();
    let pair = url.expose().trim_start_matches("http://").split('@').next().expect("credentials").to_owned();
    first.set_fault(Fault::DelayMs(900)).await;
    let ((_stream, head), ()) = tokio::join!(rig.connect_as(&pair, origin.addr()), async {
        until(|| first.requests().len() == 2).await;
        rig.put(&second);
        rig.pool.change(|pool, now| pool.set_enabled(ProxyId(1), false, now));
        rig.gateway.cut_proxy(ProxyId(1), "a person disabled it");
    });
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let traffic = account.traffic();
    let via: Vec<_> = traffic.routes.iter().map(|route| route.via.proxy_id()).collect();
    assert_eq!((via.as_slice(), traffic.failovers), ([Some(ProxyId(2))].as_slice(), 0), "{traffic:?}");
}

async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it comes to hold");
}

#[tokio::test]
async fn a_proxy_that_freezes_with_a_request_is_left_for_direct_once_it_is_convicted() {
    let origin = CheckTarget::start(200, false).await.expect("an origin");
    let upstream = proxy(Kind::Http).await;
    let rig = over(&upstream).await;
    upstream.set_fault(Fault::Freeze).await;
    let began = Instant::now();
    let request = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", origin.url());
    let (_, head) = rig.ask(&request).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

/// What an engine does when a person wants something: first the pool, then the cut.
#[tokio::test]
async fn a_dial_under_way_does_not_escape_what_a_person_decides_meanwhile() {
    let origin = CheckTarget::start(200, false).await.expect("an origin");
    let upstream = proxy(Kind::Http).await;
    let mut rig = Rig::new(&[&upstream]).await;
    rig.checked(1).await;
    upstream.set_fault(Fault::DelayMs(1500)).await;
    let id = ProxyId(1);
    let ((_, head), ()) = tokio::join!(rig.connect(origin.addr()), async {
        until(|| upstream.requests().len() == 2).await;
        rig.pool.change(|pool, now| pool.set_enabled(id, false, now));
        rig.gateway.cut_proxy(id, "a person disabled it");
    });
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("the proxy was disabled"), "{head}");
    assert_eq!(rig.gateway.open_tunnels(), 0);

    // Direct, with an origin that takes its time.
    let (to, came) = door(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let rig = Rig::with(Vec::new(), true, Access::Anyone).await;
    let request = format!("GET http://{to}/ HTTP/1.1\r\nHost: x\r\n\r\n");
    let ((_, head), ()) = tokio::join!(rig.ask(&request), async {
        until(|| came.load(Relaxed) == 1).await;
        let settings = Settings { fallback_to_direct: false, ..Settings::default() };
        rig.pool.change(|pool, now| pool.set_settings(settings, now));
        rig.gateway.cut_direct("a person forbade it");
    });
    assert!(
        head.starts_with("HTTP/1.1 503 ") && head.contains("direct connections were forbidden"),
        "{head}"
    );
    assert_eq!(came.load(Relaxed), 1);
}
