//! A server under test and what to ask it with.

use std::net::SocketAddr;
use std::time::Duration;

use holdfast_api::Options;
use holdfast_engine::Engine;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running server.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) soft: CancellationToken,
    pub(crate) serving: JoinHandle<std::io::Result<()>>,
    client: Client,
}

impl Rig {
    /// On a port of its own.
    pub(crate) async fn start() -> Self {
        // Another test may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let soft = CancellationToken::new();
        let options =
            Options { allowed_hosts: vec!["Rec.Example".into(), "one.example:81".into()], version: "1.2.3" };
        let serving = tokio::spawn(holdfast_api::serve(listener, Engine, options, soft.clone()));
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self { address, soft, serving, client: client.expect("a client") }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request as `curl -X METHOD -d BODY` sends it, but without any Content-Type.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path)).timeout(PATIENCE)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        Answer::of(self.request(Method::POST, path).body(body.to_owned())).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &str) -> Answer {
        Answer::of(self.request(method, path).body(body.to_owned())).await
    }

    /// Sends bytes and reads the answer to the end of the connection.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("in time").expect("it answers");
        String::from_utf8(answer).expect("text")
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("it answers");
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.expect("the whole body").to_vec() }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The JSON of a success.
    pub(crate) fn json(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text());
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The sentence of a problem of this status, whose shape must be right.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let problem: Value = serde_json::from_slice(&self.body).expect("JSON");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["title"], self.status.canonical_reason().expect("a usual status"));
        let detail = problem["detail"].as_str().expect("a sentence");
        assert!(detail.len() > 10, "{detail}");
        detail.to_owned()
    }
}
