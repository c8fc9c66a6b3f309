//! Health checks against proxies that break on demand: the verdict, the blame and the words, through real sockets.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use holdfast_gateway::dial::{Dialer, Names};
use holdfast_gateway::probe::{self, CheckTarget, Progress};
use holdfast_model::{Blame, Destination, ProxyUrl, Secret, TargetOutcome, Verdict};
use holdfast_testkit::{
    Ca, CheckTarget as Origin, Fault, HttpServer, Kind, Options, Reply, ServerFault, UpstreamProxy,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// For what is never answered. What is answered has to come sooner, on a busy machine too.
const QUICK: Duration = Duration::from_secs(3);
/// For what is answered.
const LONG: Duration = Duration::from_secs(30);

fn dialer() -> Dialer {
    Dialer::with_tls(Ca::shared().expect("test CA").client_config().expect("client config"))
}

fn proxy_url(url: &str) -> ProxyUrl {
    ProxyUrl::parse(url).expect(url)
}

async fn check_url(proxy: &str, url: &str, limit: Duration) -> (TargetOutcome, Blame) {
    check_target(proxy, CheckTarget::parse(url).expect(url), limit).await
}

async fn check_target(proxy: &str, target: CheckTarget, limit: Duration) -> (TargetOutcome, Blame) {
    let progress = Progress::new();
    let report =
        probe::check(&dialer(), &proxy_url(proxy), &vec![target], limit, Names::AsScheme, &progress).await;
    let [outcome] = <[_; 1]>::try_from(report.outcomes).expect("one outcome a target");
    (outcome, progress.blame_if_stopped_now())
}

async fn start(kind: Kind, fault: Fault) -> UpstreamProxy {
    UpstreamProxy::start(kind, Options::default().credentials("u", "p").fault(fault)).await.expect("proxy")
}

/// A server that says these bytes to whoever connects, once it has heard something, and then ends or stays.
async fn raw(says: &'static [u8], stays: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(says).await;
                if stays {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            });
        }
    });
    addr
}

#[tokio::test]
async fn a_good_proxy_of_any_kind_is_healthy_over_tls_and_plain() {
    for tls in [true, false] {
        let origin = Origin::start(200, tls).await.expect("origin");
        for kind in [Kind::Http, Kind::Https, Kind::Socks5] {
            let proxy = start(kind, Fault::None).await;
            let (outcome, blame) = check_url(&proxy.url(), &origin.url(), LONG).await;
            assert_eq!(
                (outcome.verdict, outcome.error.as_deref()),
                (Verdict::Healthy, None),
                "{kind:?} {tls}"
            );
            assert_eq!(blame, Blame::Target, "past the proxy");
            assert!(outcome.response_time.is_some(), "{kind:?} {tls}");
            let phases = outcome.phases;
            assert!(phases.connect_ms.is_some() && phases.first_byte_ms.is_some(), "{phases:?}");
            assert_eq!(phases.tls_ms.is_some(), tls, "{phases:?}");
            assert_eq!(outcome.target, format!("localhost:{}", origin.addr().port()));
            let tunnelled = tls || kind == Kind::Socks5;
            let method = proxy.requests()[0].method.clone();
            assert_eq!(method != "GET", tunnelled, "{kind:?} {tls} {method}");
        }
        let asked = origin.requests();
        assert!(
            asked.iter().all(|a| a.headers["user-agent"].to_str().is_ok_and(|v| v.starts_with("holdfast/")))
        );
        assert!(asked.iter().all(|a| !a.headers.contains_key("proxy-authorization")), "{asked:?}");
    }
}

/// One fault of a proxy, seen through an https target.
async fn fault(kind: Kind, fault: Fault, verdict: Verdict, words: &str) {
    let origin = Origin::start(200, true).await.expect("origin");
    let proxy = start(kind, fault.clone()).await;
    let begun = Instant::now();
    let (outcome, progress) = check_url(&proxy.url(), &origin.url(), QUICK).await;
    let error = outcome.error.unwrap_or_default();
    assert_eq!(outcome.verdict, verdict, "{kind:?} {fault:?}: {error}");
    assert!(error.contains(words), "{kind:?} {fault:?}: {error}");
    assert!(!outcome.spoke, "{kind:?} {fault:?}: {error}");
    // A refusal in words of the proxy's is nothing beyond it, whosever fault that is.
    let refusal = fault == Fault::status(502) || kind == Kind::Socks5 && matches!(fault, Fault::NotHttp(_));
    if let Verdict::Failed(blame) = verdict
        && !refusal
    {
        assert_eq!(progress, blame, "{kind:?} {fault:?}: {error}");
    }
    assert!(begun.elapsed() < LONG, "{kind:?} {fault:?} took {:?}", begun.elapsed());
}

#[tokio::test]
async fn faults_of_the_proxy_are_its_own() {
    let proxy = Verdict::Failed(Blame::Proxy);
    for kind in [Kind::Http, Kind::Https, Kind::Socks5] {
        fault(kind, Fault::Refuse, proxy, "proxy refused the connection").await;
        fault(kind, Fault::WrongAuth, proxy, "wrong user or password").await;
        fault(kind, Fault::SilentConnect, proxy, "no answer to CONNECT in 3 s").await;
    }
    fault(Kind::Http, Fault::Freeze, proxy, "no answer to CONNECT in 3 s").await;
    fault(Kind::Https, Fault::Freeze, proxy, "no TLS answer from proxy in 3 s").await;
    fault(Kind::Http, Fault::AbortConnect, proxy, "closed the connection before it answered CONNECT").await;
    fault(Kind::Http, Fault::NotHttp(b"SSH-2.0-x\r\n\r\n".to_vec()), proxy, "does not speak its protocol")
        .await;
}

#[tokio::test]
async fn faults_beyond_the_proxy_are_the_targets() {
    let target = Verdict::Failed(Blame::Target);
    for kind in [Kind::Http, Kind::Https, Kind::Socks5] {
        fault(kind, Fault::SilentAfterConnect, target, "no TLS answer from localhost in 3 s").await;
    }
    fault(Kind::Http, Fault::status(502), target, "proxy answered CONNECT with 502").await;
    fault(Kind::Socks5, Fault::status(502), target, "the destination refused").await;
    let unknown = Fault::NotHttp(vec![5, 0x5b, 0, 1, 0, 0, 0, 0, 0, 0]);
    fault(Kind::Socks5, unknown, target, "answered with an unknown code").await;
}

#[tokio::test]
async fn a_target_that_objects_degrades_and_one_that_fails_fails() {
    let proxy = start(Kind::Http, Fault::None).await;
    for tls in [true, false] {
        for (status, verdict) in [
            (403, Verdict::Degraded),
            (304, Verdict::Degraded),
            (429, Verdict::Degraded),
            (500, Verdict::Failed(Blame::Target)),
            (503, Verdict::Failed(Blame::Target)),
        ] {
            let origin = Origin::start(status, tls).await.expect("origin");
            let (outcome, _) = check_url(&proxy.url(), &origin.url(), LONG).await;
            let error = outcome.error.unwrap_or_default();
            assert_eq!(outcome.verdict, verdict, "{error}");
            assert_eq!(outcome.spoke, tls, "{error}: in plain words a proxy may say anything");
            assert!(error.ends_with(&format!("target answered {status}")), "{error}");
            let target = CheckTarget::parse(&origin.url()).expect("valid").expecting(status).expect("valid");
            let (outcome, _) = check_target(&proxy.url(), target, LONG).await;
            assert_eq!((outcome.verdict, outcome.error), (Verdict::Healthy, None), "expected {status}");
        }
    }
}

#[tokio::test]
async fn a_silent_target_is_told_from_a_silent_proxy() {
    let (http, socks) = (start(Kind::Http, Fault::None).await, start(Kind::Socks5, Fault::None).await);
    let origin = Origin::start(200, true).await.expect("origin");
    origin.set_fault(ServerFault::HangRequests).await;
    let (outcome, _) = check_url(&http.url(), &origin.url(), QUICK).await;
    assert_eq!(outcome.verdict, Verdict::Failed(Blame::Target));
    assert_eq!(outcome.error.as_deref(), Some("no answer from localhost in 3 s"));
    assert!(outcome.phases.tls_ms.is_some() && outcome.phases.first_byte_ms.is_none());
    assert_eq!(outcome.response_time, None);

    let plain = Origin::start(200, false).await.expect("origin");
    plain.set_fault(ServerFault::HangRequests).await;
    let (outcome, progress) = check_url(&http.url(), &plain.url(), QUICK).await;
    assert_eq!(
        (outcome.verdict, progress),
        (Verdict::Failed(Blame::Proxy), Blame::Proxy),
        "it owes the answer"
    );
    assert_eq!(outcome.error.as_deref(), Some("no answer from the proxy in 3 s"));
    let (outcome, _) = check_url(&socks.url(), &plain.url(), QUICK).await;
    assert_eq!(outcome.verdict, Verdict::Failed(Blame::Target));
}

#[tokio::test]
async fn a_407_to_a_plain_request_is_the_proxys_fault() {
    let origin = Origin::start(200, false).await.expect("origin");
    let proxy = start(Kind::Http, Fault::None).await;
    let wrong = proxy.url().replace(":p@", ":wrong@");
    let (outcome, _) = check_url(&wrong, &origin.url(), LONG).await;
    assert_eq!(outcome.verdict, Verdict::Failed(Blame::Proxy));
    assert_eq!(outcome.error.as_deref(), Some("407 from the proxy: wrong user or password"));
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_fails_the_target() {
    let stranger = tempfile::tempdir().expect("temp dir");
    let ca = Ca::load_or_create(stranger.path()).expect("another CA");
    let tls = ca.server_config(&[]).expect("config");
    let origin = HttpServer::start(([127, 0, 0, 1], 0).into(), Some(tls), |_| Reply::status(200))
        .await
        .expect("origin");
    let proxy = start(Kind::Http, Fault::None).await;
    let (outcome, _) = check_url(&proxy.url(), &origin.base_url("localhost"), LONG).await;
    assert_eq!(outcome.verdict, Verdict::Failed(Blame::Target));
    let error = outcome.error.expect("words");
    assert!(error.starts_with("TLS with localhost failed: ") && error.contains("certificate"), "{error}");
    // For the question whether the origin is alive, that is an answer.
    let (dialer, to) = (dialer(), Destination::new("localhost", origin.addr().port()).expect("valid"));
    let proxy = proxy_url(&proxy.url());
    assert!(probe::answers(&dialer, Some(&proxy), &to, true, LONG, Names::AsScheme).await);
}

#[tokio::test]
async fn five_redirects_are_followed_and_a_token_stays_with_its_host() {
    let second = Origin::start(204, false).await.expect("origin");
    let there = second.url();
    let first = HttpServer::start(([127, 0, 0, 1], 0).into(), None, move |asked| {
        let next = match asked.path.strip_prefix('/').and_then(|n| n.parse::<u32>().ok()) {
            Some(4) => there.clone(),
            Some(n) if n < 100 => format!("/{}", n + 1),
            _ => "/100".to_owned(),
        };
        Reply { headers: vec![("Location", next)], ..Reply::status(302) }
    });
    let first = first.await.expect("origin");
    let proxy = start(Kind::Http, Fault::None).await;
    let token = Secret::new("Bearer token");
    let target = |path: &str| {
        let target = CheckTarget::parse(&format!("{}{path}", first.base_url("127.0.0.1"))).expect("valid");
        target.with_header(http::header::AUTHORIZATION, &token).expect("valid")
    };
    let (outcome, _) = check_target(&proxy.url(), target("/0"), LONG).await;
    assert_eq!(outcome.verdict, Verdict::Healthy, "{:?}", outcome.error);
    assert_eq!((first.requests().len(), second.requests().len()), (5, 1));
    assert!(first.requests().iter().all(|a| a.headers.contains_key("authorization")));
    assert!(second.requests().iter().all(|a| !a.headers.contains_key("authorization")));

    let (outcome, _) = check_target(&proxy.url(), target("/100"), LONG).await;
    assert_eq!(outcome.verdict, Verdict::Degraded, "a circle");
    assert_eq!(first.requests().len(), 5 + 6);
    assert_eq!(first.accepts_not_from(&[&proxy]), []);
}

#[tokio::test]
async fn hostile_answers_cost_little_and_are_put_in_words() {
    let proxy = start(Kind::Http, Fault::None).await;
    let socks = start(Kind::Socks5, Fault::None).await;
    let endless: &'static [u8] =
        Box::leak([b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'a'; 200_000]].concat().into());
    for (says, stays, words) in [
        (b"".as_slice(), false, "closed the connection before it answered"),
        (b"SSH-2.0-OpenSSH\r\n", true, "sent an answer that is not HTTP"),
        (b"HTTP/1.1 200 O", false, "closed the connection before it answered"),
        (b"HTTP/1.1 099 No\r\n\r\n", true, "sent an answer that is not HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", true, "no answer from"),
        (endless, true, "too long a head"),
    ] {
        let url = format!("http://{}/", raw(says, stays).await);
        for (via, blame, who) in [(&proxy, Blame::Proxy, "the proxy"), (&socks, Blame::Target, "127.0.0.1")] {
            let (outcome, _) = check_url(&via.url(), &url, QUICK).await;
            let error = outcome.error.unwrap_or_default();
            assert_eq!(outcome.verdict, Verdict::Failed(blame), "{error}");
            assert!(error.contains(words) && error.contains(who), "wanted {words:?}, got {error:?}");
        }
    }
    let odd =
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz", true).await;
    let (outcome, _) = check_url(&socks.url(), &format!("http://{odd}/"), QUICK).await;
    assert_eq!(outcome.verdict, Verdict::Healthy, "only the head counts: {:?}", outcome.error);
}

#[tokio::test]
async fn targets_are_asked_side_by_side_and_reported_in_order() {
    let (good, silent) =
        (Origin::start(200, true).await.expect("o"), Origin::start(200, true).await.expect("o"));
    silent.set_fault(ServerFault::Hang).await;
    let proxy = start(Kind::Http, Fault::None).await;
    let urls = [silent.url(), good.url(), silent.url()];
    let targets: Vec<_> = urls.iter().map(|u| CheckTarget::parse(u).expect("valid")).collect();
    let begun = Instant::now();
    let (dialer, progress) = (dialer(), Progress::new());
    let url = proxy_url(&proxy.url());
    let limit = Duration::from_secs(6);
    let report = probe::check(&dialer, &url, &targets, limit, Names::AsScheme, &progress).await;
    assert!(begun.elapsed() < limit * 2, "one after the other: {:?}", begun.elapsed());
    let verdicts: Vec<_> = report.outcomes.iter().map(|o| o.verdict).collect();
    let failed = Verdict::Failed(Blame::Target);
    assert_eq!(verdicts, [failed, Verdict::Healthy, failed]);
}

#[tokio::test]
async fn names_stay_with_the_proxy_when_they_must() {
    let origin = Origin::start(200, true).await.expect("origin");
    let options = Options::default().map("live.test", origin.addr());
    let proxy = UpstreamProxy::start(Kind::Socks5, options).await.expect("proxy");
    let url = proxy_url(&proxy.url_with_scheme("socks5"));
    let target = vec![CheckTarget::parse("https://live.test/").expect("valid")];
    let (dialer, progress) = (dialer(), Progress::new());
    let report = probe::check(&dialer, &url, &target, LONG, Names::Remote, &progress).await;
    assert_eq!(report.outcomes[0].verdict, Verdict::Healthy, "{:?}", report.outcomes[0].error);
    // The same with the name looked up here, where it does not exist: the target's fault, not the proxy's.
    let report = probe::check(&dialer, &url, &target, LONG, Names::AsScheme, &progress).await;
    assert_eq!(report.outcomes[0].verdict, Verdict::Failed(Blame::Target), "{:?}", report.outcomes[0].error);
}

#[tokio::test]
async fn answers_tells_a_living_destination_from_an_open_tunnel() {
    let dialer = dialer();
    let proxy = start(Kind::Http, Fault::None).await;
    let url = proxy_url(&proxy.url());
    for tls in [true, false] {
        let origin = Origin::start(404, tls).await.expect("origin");
        let to = Destination::new("localhost", origin.addr().port()).expect("valid");
        let ask = async |via: Option<&ProxyUrl>| {
            probe::answers(&dialer, via, &to, tls, QUICK, Names::AsScheme).await
        };
        assert!(ask(Some(&url)).await && ask(None).await, "tls {tls}");
        origin.set_fault(ServerFault::HangRequests).await;
        let (through, direct) = tokio::join!(ask(Some(&url)), ask(None));
        assert!(!through && !direct, "tls {tls}: TLS alone is no answer");
        origin.heal().await;
        proxy.set_fault(Fault::SilentAfterConnect).await;
        assert!(!ask(Some(&url)).await, "tls {tls}");
        proxy.set_fault(Fault::Refuse).await;
        assert!(!ask(Some(&url)).await, "tls {tls}");
        proxy.heal().await;
        origin.set_fault(ServerFault::Refuse).await;
        assert!(!ask(Some(&url)).await && !ask(None).await, "tls {tls}");
    }
    let mute = Destination::new("127.0.0.1", raw(b"", false).await.port()).expect("valid");
    assert!(
        !probe::answers(&dialer, None, &mute, false, QUICK, Names::AsScheme).await,
        "an end is no answer"
    );
}

#[tokio::test]
async fn a_proxy_that_allows_no_tunnel_to_a_plain_origin_is_asked_plainly() {
    // Refuses CONNECT and answers what it is asked plainly, as Squid does.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let url = proxy_url(&format!("http://{}", listener.local_addr().expect("bound")));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let count = stream.read(&mut head).await.unwrap_or(0);
            let asked = String::from_utf8_lossy(&head[..count]).into_owned();
            let status = match asked {
                asked if asked.starts_with("CONNECT") => "403 Forbidden",
                asked if asked.contains("//dead.test/") => "503 Service Unavailable",
                _ => "204 No Content",
            };
            let _ =
                stream.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n").as_bytes()).await;
        }
    });
    let dialer = dialer();
    for (host, tls, alive) in
        [("live.test", false, true), ("dead.test", false, false), ("live.test", true, false)]
    {
        let to = Destination::new(host, 80).expect("valid");
        assert_eq!(
            probe::answers(&dialer, Some(&url), &to, tls, QUICK, Names::Remote).await,
            alive,
            "{host} {tls}"
        );
    }
}

#[tokio::test]
async fn a_proxy_that_has_answered_once_is_not_blamed_for_the_next_host() {
    let second = Origin::start(200, true).await.expect("origin");
    let there = second.url();
    let first = HttpServer::start(([127, 0, 0, 1], 0).into(), None, move |_| {
        std::thread::sleep(Duration::from_millis(400));
        Reply { headers: vec![("Location", there.clone())], ..Reply::status(302) }
    });
    let first = first.await.expect("origin");
    let silent = Fault::SilentConnect.only(format!("localhost:{}", second.addr().port()));
    let proxy = start(Kind::Http, silent).await;
    let (outcome, _) = check_url(&proxy.url(), &first.base_url("127.0.0.1"), QUICK).await;
    assert_eq!(outcome.verdict, Verdict::Failed(Blame::Target));
    assert_eq!(outcome.error.as_deref(), Some("no answer to CONNECT in 3 s"), "the limit of the whole check");
    assert!(outcome.response_time.is_some(), "of the first hop");
}
