//! Plain requests: what passes, what is repeated, and how an answer that breaks looks to the client.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use holdfast_gateway::dial::Limits;
use holdfast_gateway::{Access, LeaseHandle};
use holdfast_model::{RecordingId, Via};
use holdfast_testkit::{Asked, CheckTarget, Cut, Fault, HttpServer, Kind, Reply, UpstreamProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::rig::{PATIENCE, Rig, end_of, proxy};

/// Sends a request that asks for the connection's end and reads everything.
async fn fetch(rig: &Rig, request: &str) -> String {
    try_fetch(rig, request).await.expect("a clean end")
}

async fn try_fetch(rig: &Rig, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(rig.gateway.local_addr()).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut text)).await.expect("in time")?;
    Ok(text)
}

fn get(url: &str) -> String {
    format!("GET {url} HTTP/1.1\r\nHost: wrong\r\nConnection: close\r\n\r\n")
}

async fn origin(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> HttpServer {
    HttpServer::start(([127, 0, 0, 1], 0).into(), None, reply).await.expect("an origin")
}

/// How a raw origin ends.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Stay,
}

/// An origin that answers these very bytes to every connection, after a pause, and keeps what it was sent.
struct Raw {
    addr: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    async fn start(says: &'static [u8], then: Then) -> Self {
        Self::slow(says, then, Duration::ZERO).await
    }

    async fn slow(says: &'static [u8], then: Then, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let addr = listener.local_addr().expect("bound");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, says, then, pause, Arc::clone(&log)));
            }
        });
        Self { addr, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("whole").clone()
    }
}

async fn converse(
    mut stream: TcpStream,
    says: &[u8],
    then: Then,
    pause: Duration,
    log: Arc<Mutex<Vec<String>>>,
) {
    let mut head = vec![0; 8192];
    let count = stream.read(&mut head).await.unwrap_or(0);
    log.lock().expect("whole").push(String::from_utf8_lossy(&head[..count]).into_owned());
    tokio::time::sleep(pause).await;
    let _ = stream.write_all(says).await;
    match then {
        Then::Close => {
            let _ = stream.shutdown().await;
        }
        Then::Stay => loop {
            match stream.read(&mut head).await {
                Ok(0) => return log.lock().expect("whole").push("closed".to_owned()),
                Ok(_) => {}
                Err(_) => return log.lock().expect("whole").push("reset".to_owned()),
            }
        },
    }
}

#[tokio::test]
async fn requests_pass_by_every_kind_of_route_cleaned_of_what_is_not_theirs() {
    let origin = origin(|asked| Reply {
        headers: vec![
            ("Connection", "X-Hop".to_owned()),
            ("X-Hop", "1".to_owned()),
            ("Proxy-Trace", "1".to_owned()),
        ],
        ..Reply::ok("text/plain", format!("{}?{}", asked.path, asked.query))
    })
    .await;
    let request = format!(
        "GET http://user:secret@{}/a/b?c=d HTTP/1.1\r\nhost: wrong\r\nProxy-Authorization: Basic Z2F0ZTp3YXk=\r\n\
         Proxy-Connection: keep-alive\r\nConnection: close, x-named\r\nX-Named: 1\r\nX-Kept: 1\r\nTE: trailers\r\n\
         Keep-Alive: timeout=5\r\nUpgrade: h2c\r\n\r\n",
        origin.addr()
    );
    for kind in [Some(Kind::Http), Some(Kind::Https), Some(Kind::Socks5), None] {
        let upstream = match kind {
            Some(kind) => Some(proxy(kind).await),
            None => None,
        };
        let urls = upstream.iter().map(UpstreamProxy::url).collect();
        let rig = Rig::with(urls, kind.is_none(), Access::Anyone).await;
        let answer = fetch(&rig, &request).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("/a/b?c=d"),
            "{kind:?}: {answer}"
        );
        let head = answer.to_ascii_lowercase();
        assert!(
            head.contains("via: 1.1 holdfast") && head.contains("content-length: 8"),
            "{kind:?}: {answer}"
        );
        assert!(!head.contains("x-hop") && !head.contains("proxy-"), "{kind:?}: {answer}");

        let asked = origin.requests().pop().expect("it was asked");
        assert_eq!(asked.host, origin.addr().to_string(), "{kind:?}");
        for gone in ["proxy-authorization", "proxy-connection", "x-named", "te", "keep-alive", "upgrade"] {
            assert!(!asked.headers.contains_key(gone), "{kind:?} {gone}: {:?}", asked.headers);
        }
        assert!(asked.headers.contains_key("x-kept") && !format!("{asked:?}").contains("secret"), "{kind:?}");
        let via: Vec<_> = asked.headers.get_all("via").iter().map(|v| v.to_str().expect("text")).collect();
        assert_eq!(via[0], "1.1 holdfast", "{kind:?}");
        if let Some(upstream) = upstream {
            // The check goes there, too.
            let requests = upstream.requests();
            let ours =
                requests.iter().find(|r| r.destination == origin.addr().to_string()).expect("by the proxy");
            assert_eq!(ours.method, if kind == Some(Kind::Socks5) { "SOCKS" } else { "GET" });
        }
    }
}

#[tokio::test]
async fn bodies_pass_both_ways_however_they_are_framed() {
    let origin = origin(|asked| Reply::ok("text/plain", asked.body.clone())).await;
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    let line = format!("POST http://{}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", origin.addr());
    let large = "x".repeat(300_000);
    for (framing, body) in [
        ("Content-Length: 5\r\n\r\nhello".to_owned(), "hello"),
        ("Content-Length: 0\r\n\r\n".to_owned(), ""),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_owned(), "hello"),
        // The chunks win, and no length passes that could say otherwise to the next reader.
        (
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_owned(),
            "hello",
        ),
        (format!("Content-Length: {}\r\n\r\n{large}", large.len()), large.as_str()),
    ] {
        let answer = fetch(&rig, &format!("{line}{framing}")).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{}", &answer[..answer.len().min(300)]);
        assert_eq!(answer.split_once("\r\n\r\n").expect("a body").1, body);
    }
    let both = origin
        .requests()
        .iter()
        .any(|a| a.headers.contains_key("content-length") && a.headers.contains_key("transfer-encoding"));
    assert!(!both);
    let totals = rig.gateway.totals();
    let upward: u64 = totals.values().map(|t| t.bytes_up).sum();
    let downward: u64 = totals.values().map(|t| t.bytes_down).sum();
    assert!(upward > 300_000 && downward > 300_000, "{totals:?}");
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it_when_there_is_a_route() {
    let origin = origin(|asked| {
        assert!(!asked.headers.contains_key("expect"), "the gateway has said it already");
        Reply::ok("text/plain", asked.body.clone())
    })
    .await;
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    let line = format!("PUT http://{}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", origin.addr());
    let (mut stream, interim) =
        rig.ask(&format!("{line}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")).await;
    assert!(interim.starts_with("HTTP/1.1 100 "), "{interim}");
    stream.write_all(b"hello").await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("a clean end");
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn connections_are_kept_and_old_or_half_closed_clients_are_served() {
    let origin = origin(|asked| Reply::ok("text/plain", asked.path.clone())).await;
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    let url = format!("http://{}", origin.addr());
    let two = format!("GET {url}/1 HTTP/1.1\r\nHost: x\r\n\r\n{}", get(&format!("{url}/2")));
    let answer = fetch(&rig, &two).await;
    assert!(answer.contains("/1HTTP/1.1 200 OK") && answer.ends_with("/2"), "{answer}");

    let answer = fetch(&rig, &format!("GET {url}/old HTTP/1.0\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK") && answer.ends_with("/old"), "{answer}");
    assert_eq!(
        origin.requests().pop().expect("asked").headers.get_all("via").iter().next().expect("via"),
        "1.0 holdfast"
    );

    let answer =
        fetch(&rig, &format!("HEAD {url}/head HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
    assert!(
        answer.to_ascii_lowercase().contains("content-length: 5\r\n") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );

    let slow = Raw::slow(
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow",
        Then::Close,
        Duration::from_millis(300),
    );
    let slow = slow.await;
    let mut stream = TcpStream::connect(rig.gateway.local_addr()).await.expect("connected");
    stream.write_all(get(&format!("http://{}/", slow.addr)).as_bytes()).await.expect("written");
    stream.shutdown().await.expect("half-closed");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("a clean end");
    assert!(answer.ends_with("slow"), "{answer}");
    assert_eq!(rig.gateway.open_tunnels(), 0);
}

#[tokio::test]
async fn what_is_no_plain_request_is_told_why() {
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    let own = rig.gateway.local_addr();
    for (request, status, words) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400, "whole URL"),
        ("GET http://h:99999/ HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400, ""),
        ("GET http://h:0/ HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400, "port"),
        ("GET https://h/ HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 501, "CONNECT"),
        (
            "GET http://h/ HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n"
                .to_owned(),
            501,
            "CONNECT",
        ),
        (format!("GET http://{own}/ HTTP/1.1\r\nHost: x\r\n\r\n"), 403, "holdfast itself"),
        (
            format!(
                "POST http://{own}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n{}",
                "x".repeat(9000)
            ),
            403,
            "",
        ),
    ] {
        let answer = fetch(&rig, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(answer.contains(words), "{request}: {answer}");
    }
}

/// Before the first try has even timed out by itself.
const AT_ONCE: Duration = Limits::TRAFFIC.reply;

/// A GET and a POST over two proxies of which the first has a fault. The GET always gets through.
async fn over(fault: Fault, post_passes: bool) {
    let origin = origin(|_| Reply::ok("text/plain", "fine")).await;
    let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
    let rig = Rig::new(&[&first, &second]).await;
    breaks(&first, &fault, &origin).await;
    let began = Instant::now();
    let answer = fetch(&rig, &get(&format!("http://{}/", origin.addr()))).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("fine"), "{fault:?}: {answer}");
    assert!(began.elapsed() < AT_ONCE, "{fault:?}: {:?}", began.elapsed());
    let asked = origin.requests().len();
    assert_eq!(asked, 1, "{fault:?}");

    for body in ["hi", ""] {
        let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
        let rig = Rig::new(&[&first, &second]).await;
        breaks(&first, &fault, &origin).await;
        let post = format!(
            "POST http://{}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            origin.addr(),
            body.len()
        );
        let answer = fetch(&rig, &post).await;
        assert_eq!(answer.starts_with("HTTP/1.1 200 OK"), post_passes, "{fault:?}: {answer}");
        if !post_passes {
            assert!(answer.starts_with("HTTP/1.1 502 "), "{fault:?}: {answer}");
            let ours = |p: &UpstreamProxy| p.requests().iter().filter(|r| r.method == "POST").count();
            assert_eq!((ours(&first), ours(&second)), (1, 0), "{fault:?}: sent once");
        }
    }
}

/// Faults that only a listener can have hit everything, the others this origin alone.
async fn breaks(proxy: &UpstreamProxy, fault: &Fault, origin: &HttpServer) {
    let everything = matches!(fault, Fault::Refuse | Fault::Reset);
    let fault = if everything { fault.clone() } else { fault.clone().only(origin.addr().to_string()) };
    proxy.set_fault(fault).await;
}

#[tokio::test]
async fn a_get_moves_on_and_a_post_only_while_nothing_was_written() {
    over(Fault::Refuse, true).await;
    over(Fault::AbortConnect, false).await;
    over(Fault::WrongAuth, false).await;
    over(Fault::NotHttp(b"SSH-2.0-x\r\n\r\n".to_vec()), false).await;
    over(Fault::status(502), false).await;
}

#[tokio::test]
async fn a_silent_proxy_is_overtaken() {
    let origin = origin(|_| Reply::ok("text/plain", "fine")).await;
    for fault in [Fault::Freeze, Fault::SilentConnect, Fault::SilentAfterAccept] {
        let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Socks5).await);
        let rig = Rig::new(&[&first, &second]).await;
        first.set_fault(fault.clone()).await;
        let began = Instant::now();
        let answer = fetch(&rig, &get(&format!("http://{}/", origin.addr()))).await;
        assert!(answer.ends_with("fine"), "{answer}");
        assert!(began.elapsed() < AT_ONCE, "{fault:?}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn the_same_gateway_error_from_two_proxies_is_the_origins_own() {
    for (status, fallback) in [(502, false), (503, false), (504, false), (503, true)] {
        let origin = CheckTarget::start(status, false).await.expect("an origin");
        let (first, second, third) =
            (proxy(Kind::Http).await, proxy(Kind::Https).await, proxy(Kind::Http).await);
        let urls = [&first, &second, &third].map(UpstreamProxy::url).to_vec();
        let rig = Rig::with(urls, fallback, Access::Anyone).await;
        let answer = fetch(&rig, &get(&origin.url())).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{status}\n")), "the origin's own body: {answer}");
        assert_eq!(origin.requests().len(), 2, "one other proxy is asked");
        // With nobody else to ask it is relayed, too, and nobody is asked directly.
        let rig = Rig::with(vec![first.url()], fallback, Access::Anyone).await;
        let answer = fetch(&rig, &get(&origin.url())).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{status}\n")), "{answer}");
        assert_eq!(origin.requests().len(), 3, "fallback {fallback}");
    }
    // Through SOCKS it can only be the origin.
    let origin = CheckTarget::start(503, false).await.expect("an origin");
    let (first, second) = (proxy(Kind::Socks5).await, proxy(Kind::Socks5).await);
    let rig = Rig::new(&[&first, &second]).await;
    assert!(fetch(&rig, &get(&origin.url())).await.starts_with("HTTP/1.1 503 "));
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn a_407_of_the_upstream_is_never_relayed() {
    let origin = CheckTarget::start(407, false).await.expect("an origin");
    let (http, socks) = (proxy(Kind::Http).await, proxy(Kind::Socks5).await);
    for upstream in [&http, &socks] {
        let rig = Rig::new(&[upstream]).await;
        for method in ["GET", "POST"] {
            let request =
                format!("{method} {} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", origin.url());
            let answer = fetch(&rig, &request).await;
            assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("407"), "{answer}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_ends_in_a_reset() {
    let body = vec![b'x'; 400_000];
    let origin = origin(move |_| Reply::ok("text/plain", body.clone())).await;
    for kind in [Kind::Http, Kind::Https, Kind::Socks5] {
        for how in [Cut::Fin, Cut::Rst] {
            let upstream = proxy(kind).await;
            let rig = Rig::new(&[&upstream]).await;
            upstream.set_fault(Fault::CutMidResponse { after: 100_000, how }).await;
            let (mut stream, head) = rig.ask(&get(&format!("http://{}/", origin.addr()))).await;
            assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
            assert_eq!(end_of(&mut stream).await.0, Some(ErrorKind::ConnectionReset), "{kind:?} {how:?}");
            assert_eq!(rig.gateway.open_tunnels(), 0);
        }
    }
    let chunked =
        Raw::start(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Then::Close).await;
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    for version in ["1.1", "1.0"] {
        let request = format!("GET http://{}/ HTTP/{version}\r\nHost: x\r\n\r\n", chunked.addr);
        let error = try_fetch(&rig, &request).await.expect_err("chunks without an end");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{version}");
    }
}

#[tokio::test]
async fn an_answer_is_cut_with_its_proxy_even_if_nobody_reads_it() {
    let origin = origin(|_| Reply::ok("text/plain", vec![b'x'; 40_000_000])).await;
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    let (mut stream, head) = rig.ask(&get(&format!("http://{}/", origin.addr()))).await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(rig.gateway.open_tunnels(), 1);
    rig.gateway.cut_proxy(holdfast_model::ProxyId(1), "a person disabled it");
    assert_eq!(end_of(&mut stream).await.0, Some(ErrorKind::ConnectionReset));
    until("the register is empty", || rig.gateway.open_tunnels() == 0).await;
    until("the proxy is left", || upstream.open_tunnels() == 0).await;
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_leaves_nothing_behind() {
    let quiet = Raw::start(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::Stay).await;
    let silent = Raw::start(b"", Then::Stay).await;
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    for raw in [&quiet, &silent] {
        let mut stream = TcpStream::connect(rig.gateway.local_addr()).await.expect("connected");
        stream.write_all(get(&format!("http://{}/", raw.addr)).as_bytes()).await.expect("written");
        until("it was asked", || !raw.heard().is_empty()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.set_zero_linger().expect("a reset");
        drop(stream);
        until("the proxy is left", || upstream.open_tunnels() == 0).await;
        assert_eq!(rig.gateway.open_tunnels(), 0);
    }
}

#[tokio::test]
async fn every_task_is_tracked_and_ends_with_its_request() {
    let silent = Raw::start(b"", Then::Stay).await;
    let rig = Rig::with(Vec::new(), true, Access::Anyone).await;
    let at_rest = rig.tracker.len();
    let mut stream = TcpStream::connect(rig.gateway.local_addr()).await.expect("connected");
    stream.write_all(get(&format!("http://{}/", silent.addr)).as_bytes()).await.expect("written");
    until("it was asked", || !silent.heard().is_empty()).await;
    assert_eq!(rig.tracker.len(), at_rest + 2, "the client's connection and the upstream's");
    stream.set_zero_linger().expect("a reset");
    drop(stream);
    until("they end", || rig.tracker.len() == at_rest).await;

    let whole = Raw::start(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", Then::Close).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    fetch(&rig, &get(&format!("http://{}/", whole.addr))).await;
    let began = Instant::now();
    let before = tasks();
    for _ in 0..10 {
        fetch(&rig, &get(&format!("http://{}/", whole.addr))).await;
    }
    until("they end", || tasks() <= before).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_end_of_a_lease_cuts_its_answers_and_its_waiting_requests() {
    let quiet = Raw::start(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::Stay).await;
    let silent = Raw::start(b"", Then::Stay).await;
    for raw in [&quiet, &silent] {
        let upstream = proxy(Kind::Http).await;
        let rig = Rig::with(vec![upstream.url()], false, Access::LeasesOnly).await;
        let account = rig.gateway.account(RecordingId::new(), &[]);
        let lease = account.lease();
        let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair(&lease));
        let mut stream = TcpStream::connect(rig.gateway.local_addr()).await.expect("connected");
        let request =
            format!("GET http://{}/ HTTP/1.1\r\nProxy-Authorization: Basic {basic}\r\n\r\n", raw.addr);
        stream.write_all(request.as_bytes()).await.expect("written");
        until("it was asked", || !raw.heard().is_empty()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(lease);
        assert_eq!(end_of(&mut stream).await.0, Some(ErrorKind::ConnectionReset));
        until("the proxy is left", || upstream.open_tunnels() == 0).await;
        assert!(raw.heard().iter().all(|head| !head.contains(&basic)));
    }
}

#[tokio::test]
async fn an_upstream_that_is_given_up_sees_a_reset() {
    for says in [b"".as_slice(), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"] {
        let raw = Raw::start(says, Then::Stay).await;
        let rig = Rig::with(Vec::new(), true, Access::Anyone).await;
        let mut stream = TcpStream::connect(rig.gateway.local_addr()).await.expect("connected");
        stream.write_all(get(&format!("http://{}/", raw.addr)).as_bytes()).await.expect("written");
        until("it was asked", || !raw.heard().is_empty()).await;
        stream.set_zero_linger().expect("a reset");
        drop(stream);
        until("it is told", || raw.heard().len() > 1).await;
        assert_eq!(raw.heard()[1], "reset", "{:?}", raw.heard());
    }
}

#[tokio::test]
async fn the_end_of_a_second_lease_on_one_connection_is_felt_too() {
    let origin = origin(|_| Reply::ok("text/plain", "fine")).await;
    let silent = Raw::start(b"", Then::Stay).await;
    let rig = Rig::with(Vec::new(), true, Access::LeasesOnly).await;
    let account = rig.gateway.account(RecordingId::new(), &[]);
    let (first, second) = (account.lease(), account.lease());
    let request = |lease: &LeaseHandle, to: SocketAddr| {
        let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair(lease));
        format!("GET http://{to}/ HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic {basic}\r\n\r\n")
    };
    let (mut stream, head) = rig.ask(&request(&first, origin.addr())).await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    stream.write_all(request(&second, silent.addr).as_bytes()).await.expect("written");
    until("it was asked", || !silent.heard().is_empty()).await;
    drop(second);
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("in time").expect("a clean end");
    assert!(answer.contains("HTTP/1.1 503 ") && answer.contains("has ended"), "{answer}");
    until("the origin is left", || silent.heard().len() > 1).await;
}

fn pair(lease: &LeaseHandle) -> String {
    let url = lease.proxy_url();
    url.expose().trim_start_matches("http://").split('@').next().expect("credentials").to_owned()
}

#[tokio::test]
async fn an_origin_that_thinks_for_long_is_waited_for() {
    for (proxies, fallback) in [(2, false), (2, true), (1, true)] {
        let slow = Raw::slow(
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow",
            Then::Close,
            Duration::from_secs(3),
        );
        let slow = slow.await;
        let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Http).await);
        let urls = [&first, &second].map(UpstreamProxy::url)[..proxies].to_vec();
        let rig = Rig::with(urls, fallback, Access::Anyone).await;
        let began = Instant::now();
        let answer = fetch(&rig, &get(&format!("http://{}/", slow.addr))).await;
        assert!(answer.ends_with("slow"), "{answer}");
        // A try that is given up at 2.5 s and begun anew gets its answer at 5.5 s.
        assert!(
            began.elapsed() < Duration::from_millis(5400),
            "the first try went on: {:?}",
            began.elapsed()
        );
        assert_eq!(slow.heard().len(), proxies, "each proxy was asked, and nobody directly");
    }
}

#[tokio::test]
async fn two_lengths_never_reach_the_client() {
    let odd =
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    let raw = Raw::start(odd, Then::Close).await;
    let answer = fetch(&rig, &get(&format!("http://{}/", raw.addr))).await.to_ascii_lowercase();
    assert!(answer.contains("transfer-encoding: chunked") && !answer.contains("content-length"), "{answer}");
    let bad = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!";
    let raw = Raw::start(bad, Then::Close).await;
    let answer = fetch(&rig, &get(&format!("http://{}/", raw.addr))).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    let raw = Raw::start(switching, Then::Close).await;
    let answer = fetch(&rig, &get(&format!("http://{}/", raw.addr))).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let endless =
        Box::leak([b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'a'; 300_000]].concat().into_boxed_slice());
    let raw = Raw::start(endless, Then::Stay).await;
    let answer = fetch(&rig, &get(&format!("http://{}/", raw.addr))).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_makes_nobody_suspect() {
    let origin = origin(|_| Reply::ok("text/plain", vec![b'x'; 80_000_000])).await;
    let upstream = proxy(Kind::Http).await;
    let mut rig = Rig::new(&[&upstream]).await;
    rig.checked(1).await;
    let checks = rig.target.requests().len();
    // A small buffer, so that its pace is felt at once by those behind it.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(128 * 1024).expect("a small buffer");
    let mut stream = socket.connect(rig.gateway.local_addr()).await.expect("connected");
    stream.write_all(get(&format!("http://{}/", origin.addr())).as_bytes()).await.expect("written");
    // Steady for more than a second, then it stops reading.
    let mut part = vec![0; 128 * 1024];
    let (began, mut total) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_millis(1500) {
        let count = stream.read(&mut part).await.expect("bytes");
        total += count;
        assert!(count > 0, "{total}");
        tokio::time::sleep(Duration::from_micros(100 + 30 * (count as u64 / 1024))).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(rig.target.requests().len(), checks, "{:?}", rig.events_so_far());
    assert_eq!(rig.gateway.open_tunnels(), 1, "it is still under way after {total} bytes");
}

#[tokio::test]
async fn a_refusal_arrives_though_the_body_is_still_coming() {
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    let own = rig.gateway.local_addr();
    let head = format!("POST http://{own}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n");
    let mut stream = TcpStream::connect(own).await.expect("connected");
    for part in [head.as_bytes(), &[b'x'; 10_000], &[b'x'; 10_000]] {
        stream.write_all(part).await.expect("written");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("in time").expect("a clean end");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[tokio::test]
async fn every_byte_is_booked_on_its_proxy() {
    let origin = origin(|_| Reply::ok("text/plain", vec![b'x'; 100_000])).await;
    let upstream = proxy(Kind::Http).await;
    let rig = Rig::new(&[&upstream]).await;
    fetch(&rig, &get(&format!("http://{}/", origin.addr()))).await;
    let totals = rig.gateway.totals();
    let (via, sum) = totals.iter().next().expect("one route");
    assert!(matches!(via, Via::Proxy(id, _) if id.0 == 1), "{via:?}");
    assert!((100_000..101_000).contains(&sum.bytes_down), "{sum:?}");
    assert!((50..1000).contains(&sum.bytes_up), "{sum:?}");
}
