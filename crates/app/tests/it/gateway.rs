//! `holdfast gateway` as a process: its ready line, its password, its end. What it does with broken proxies is
//! tried in the gateway's own crate.

use holdfast_testkit::{CheckTarget, Kind, Options, UpstreamProxy};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Child;

use crate::run::{PASSWORD, holdfast};

async fn address(child: &mut Child) -> String {
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("piped");
    BufReader::new(stdout).read_line(&mut line).await.expect("a ready line");
    line.trim().strip_prefix("listening on http://").expect("the ready line").to_owned()
}

async fn ask(gateway: &str, url: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(gateway).await.expect("it listens");
    let host = url.trim_start_matches("http://").split('/').next().expect("a host");
    let request = format!("GET {url} HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let target = CheckTarget::start(200, false).await.expect("a target");
    let options = Options::default().credentials("user", PASSWORD);
    let proxy = UpstreamProxy::start(Kind::Http, options).await.expect("a proxy");
    for (signal, auth) in [(Signal::TERM, None), (Signal::INT, Some("me:open sesame"))] {
        let run =
            holdfast(&["gateway", "--listen", "127.0.0.1:0", "--no-direct", "--check-url", &target.url()]);
        let run = run.env("HOLDFAST_PROXIES", proxy.url()).env("HOLDFAST_AUTH", auth.unwrap_or_default());
        let (mut child, _home) = run.spawn();
        let gateway = address(&mut child).await;

        let good = "Proxy-Authorization: Basic bWU6b3BlbiBzZXNhbWU=\r\n";
        assert_eq!(ask(&gateway, &target.url(), good).await, "HTTP/1.1 200 OK");
        let without = ask(&gateway, &target.url(), "").await;
        assert!(
            without.starts_with(if auth.is_some() { "HTTP/1.1 407" } else { "HTTP/1.1 200" }),
            "{without}"
        );

        let pid = Pid::from_raw(child.id().expect("it runs").cast_signed()).expect("a pid");
        kill_process(pid, signal).expect("it is ours");
        let output = child.wait_with_output().await.expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains(PASSWORD) && !told.contains("sesame"), "{told}");
    }
    assert!(target.requests().len() >= 3);
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let ran = holdfast(&["gateway", "--listen", &address]).done().await;
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stderr.contains(&format!("cannot listen on {address}")), "{}", ran.stderr);
}
