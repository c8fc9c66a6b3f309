//! Faults up to and including the answer to a CONNECT or a plain request.

use std::io::ErrorKind;

use holdfast_testkit::{CheckTarget, Fault, Greeter, Kind, Options, UpstreamProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{ask, connect, echo, ending, head, silent, soon, tunnel};

async fn start() -> (UpstreamProxy, Greeter) {
    let proxy = UpstreamProxy::start(Kind::Http, Options::default()).await.unwrap();
    (proxy, Greeter::start(b"").await.unwrap())
}

#[tokio::test]
async fn refused_on_the_same_port_until_healed() {
    let (proxy, target) = start().await;
    let mut open = tunnel(&proxy, target.addr()).await;
    proxy.set_fault(Fault::Refuse).await;
    let refused = TcpStream::connect(proxy.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(ending(&mut open).await, Err(ErrorKind::ConnectionReset));
    proxy.heal().await;
    echo(&mut tunnel(&proxy, target.addr()).await, b"again").await;
}

#[tokio::test]
async fn refusing_only_new_ones_leaves_tunnels_alone() {
    let (proxy, target) = start().await;
    let mut open = tunnel(&proxy, target.addr()).await;
    proxy.set_fault(Fault::RefuseNewOnly).await;
    assert!(TcpStream::connect(proxy.addr()).await.is_err());
    echo(&mut open, b"still here").await;
}

#[tokio::test]
async fn reset_after_accept_leaves_tunnels_alone() {
    let (proxy, target) = start().await;
    let mut open = tunnel(&proxy, target.addr()).await;
    proxy.set_fault(Fault::Reset).await;
    let mut fresh = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(ending(&mut fresh).await, Err(ErrorKind::ConnectionReset));
    echo(&mut open, b"still here").await;
}

#[tokio::test]
async fn statuses_to_connect_and_plain_requests() {
    let (proxy, target) = start().await;
    for code in [407, 502, 503, 504] {
        proxy.set_fault(Fault::status(code)).await;
        let mut stream = ask(&proxy, target.addr()).await;
        let reply = head(&mut stream).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {code} ")), "{reply}");
        assert!(ending(&mut stream).await.is_ok(), "an answer ends in order");

        let mut plain = TcpStream::connect(proxy.addr()).await.unwrap();
        let request = format!("GET http://{}/ HTTP/1.1\r\nHost: x\r\n\r\n", target.addr());
        plain.write_all(request.as_bytes()).await.unwrap();
        assert!(head(&mut plain).await.starts_with(&format!("HTTP/1.1 {code} ")));
    }
    proxy.set_fault("status 502 Upstream fell over".parse().unwrap()).await;
    assert!(
        head(&mut ask(&proxy, target.addr()).await).await.starts_with("HTTP/1.1 502 Upstream fell over\r\n")
    );
}

#[tokio::test]
async fn silence_before_and_after_the_request() {
    let (proxy, target) = start().await;
    let mut open = tunnel(&proxy, target.addr()).await;
    for fault in [Fault::SilentAfterAccept, Fault::SilentConnect, Fault::Freeze] {
        proxy.set_fault(fault.clone()).await;
        let mut stream = ask(&proxy, target.addr()).await;
        assert!(silent(stream.read_u8()).await, "{fault:?}");
        if fault == Fault::Freeze {
            open.write_all(b"frozen").await.unwrap();
            assert!(silent(open.read_u8()).await);
            proxy.heal().await;
            assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "), "thawed, it answers");
            soon(open.read_exact(&mut [0; 6])).await.unwrap();
        } else {
            echo(&mut open, b"still here").await;
        }
    }
}

#[tokio::test]
async fn shapes_of_a_good_reply() {
    let (proxy, target) = start().await;
    let cases = [
        (Fault::FragmentedHead, "HTTP/1.1 200 Connection established\r\n"),
        (Fault::OddReason(String::new()), "HTTP/1.1 200\r\n"),
        (Fault::OddReason("ça va".into()), "HTTP/1.1 200 ça va\r\n"),
        (Fault::OtherSuccess(299), "HTTP/1.1 299 "),
        (
            Fault::ExtraHeaders(vec![("Content-Length".into(), "5".into())]),
            "HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n",
        ),
        (Fault::HugeHead(20_000), "HTTP/1.1 200 "),
    ];
    for (fault, expect) in cases {
        proxy.set_fault(fault.clone()).await;
        let mut stream = ask(&proxy, target.addr()).await;
        let reply = head(&mut stream).await;
        assert!(reply.starts_with(expect), "{fault:?}: {reply}");
        if let Fault::HugeHead(size) = fault {
            assert!(reply.len() >= size);
        }
        echo(&mut stream, b"a tunnel all the same").await;
    }
    proxy.set_fault(Fault::FragmentedHead).await;
    let mut stream = ask(&proxy, target.addr()).await;
    let first = soon(stream.read(&mut [0; 4096])).await.unwrap();
    assert!(first < 39, "the head came in one piece");
}

#[tokio::test]
async fn bytes_that_come_with_the_head() {
    let proxy = UpstreamProxy::start(Kind::Http, Options::default()).await.unwrap();
    let target = Greeter::start(b"hello").await.unwrap();
    proxy.set_fault(Fault::EarlyBytes).await;
    let mut stream = ask(&proxy, target.addr()).await;
    let mut buffer = [0; 4096];
    let first = soon(stream.read(&mut buffer)).await.unwrap();
    assert!(buffer[..first].ends_with(b"\r\n\r\nhello"), "one write, one read");
    echo(&mut stream, b"and on").await;

    proxy.set_fault(Fault::DelayedHead).await;
    let mut stream = ask(&proxy, target.addr()).await;
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
    soon(stream.read_exact(&mut buffer[..5])).await.unwrap();
    assert_eq!(&buffer[..5], b"hello");
}

#[tokio::test]
async fn broken_replies() {
    let (proxy, target) = start().await;
    proxy.set_fault(Fault::NotHttp(b"SSH-2.0-nope\r\n".to_vec())).await;
    assert_eq!(ending(&mut ask(&proxy, target.addr()).await).await.unwrap(), b"SSH-2.0-nope\r\n");
    proxy.set_fault(Fault::AbortConnect).await;
    assert_eq!(ending(&mut ask(&proxy, target.addr()).await).await, Err(ErrorKind::ConnectionReset));
    proxy.set_fault(Fault::DelayMs(400)).await;
    let mut slow = ask(&proxy, target.addr()).await;
    assert!(silent(slow.read_u8()).await);
    assert!(head(&mut slow).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn credentials_are_demanded() {
    let options = Options::default().credentials("user", "pa:ss");
    let proxy = UpstreamProxy::start(Kind::Http, options).await.unwrap();
    let target = Greeter::start(b"").await.unwrap();
    assert_eq!(proxy.url(), format!("http://user:pa%3Ass@{}", proxy.addr()));
    // dXNlcjpwYTpzcw== is user:pa:ss.
    for (header, expect) in [
        ("", "407"),
        ("Proxy-Authorization: Basic d3Jvbmc6eA==\r\n", "407"),
        ("Proxy-Authorization: Basic dXNlcjpwYTpzcw==\r\n", "200"),
    ] {
        let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
        stream.write_all(connect(target.addr(), header).as_bytes()).await.unwrap();
        let reply = head(&mut stream).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {expect}")), "{header:?}: {reply}");
    }
    proxy.set_fault(Fault::WrongAuth).await;
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    let request = connect(target.addr(), "Proxy-Authorization: Basic dXNlcjpwYTpzcw==\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 407"));
    assert_eq!(proxy.requests().last().unwrap().user.as_deref(), Some("user"));
}

#[tokio::test]
async fn faults_for_one_connection_or_one_destination() {
    let (proxy, target) = start().await;
    let other = Greeter::start(b"").await.unwrap();
    proxy.set_fault(Fault::status(502).only(target.addr().to_string())).await;
    assert!(head(&mut ask(&proxy, target.addr()).await).await.starts_with("HTTP/1.1 502"));
    assert!(head(&mut ask(&proxy, other.addr()).await).await.starts_with("HTTP/1.1 200"));
    proxy.set_fault(Fault::status(502).once()).await;
    assert!(head(&mut ask(&proxy, target.addr()).await).await.starts_with("HTTP/1.1 502"));
    assert!(head(&mut ask(&proxy, target.addr()).await).await.starts_with("HTTP/1.1 200"));
    assert_eq!(proxy.stats().connects[&target.addr().to_string()], 3);
}

#[tokio::test]
async fn destinations_that_fail_and_names_that_lead_nowhere() {
    let (proxy, target) = start().await;
    let gone = target.addr();
    drop(target);
    tokio::task::yield_now().await;
    assert!(head(&mut ask(&proxy, gone).await).await.starts_with("HTTP/1.1 502"));
    assert!(head(&mut ask(&proxy, ([192, 0, 2, 1], 80).into()).await).await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn plain_requests_are_forwarded_from_the_proxys_own_address() {
    let origin = CheckTarget::start(204, false).await.unwrap();
    let options = Options::default().map("live.test", origin.addr());
    let proxy = UpstreamProxy::start(Kind::Http, options).await.unwrap();
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    let request = "GET http://live.test/path?q=1 HTTP/1.1\r\nHost: live.test\r\nProxy-Connection: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 204"));
    let asked = origin.requests().remove(0);
    assert_eq!((&*asked.path, &*asked.query, &*asked.host), ("/path", "q=1", "live.test"));
    assert!(!asked.headers.contains_key("proxy-connection"));
    assert!(origin.accepts_not_from(&[&proxy]).is_empty());
    assert_eq!(proxy.outgoing_addrs(), origin.accepts());
    // One that came directly is found out.
    drop(TcpStream::connect(origin.addr()).await.unwrap());
    while origin.accepts().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(origin.accepts_not_from(&[&proxy]).len(), 1);
}
