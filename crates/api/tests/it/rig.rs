//! A server under test and what to ask it with: a real engine over SQLite, and a target for its health checks.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use holdfast_api::Options;
use holdfast_engine::Engine;
use holdfast_gateway::dial::Dialer;
use holdfast_gateway::probe::CheckTarget as Target;
use holdfast_recorder::Tools;
use holdfast_store::{DatabaseUrl, Store, Vault};
use holdfast_testkit::{Ca, CheckTarget};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Longer than anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) soft: CancellationToken,
    pub(crate) serving: JoinHandle<std::io::Result<()>>,
    /// The database, to take it away.
    pub(crate) store: Store,
    client: Client,
    _target: CheckTarget,
    _directory: TempDir,
    _hard: DropGuard,
}

impl Rig {
    /// On a port of its own, with nothing in the database.
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = open(directory.path()).await;
        Self::over(store, directory).await
    }

    /// Over a database that was prepared.
    pub(crate) async fn over(store: Store, directory: TempDir) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
        let target = CheckTarget::start(200, false).await.expect("a check target");
        let engine = Box::pin(engine(store.clone(), &target, directory.path(), hard.clone())).await;
        let options =
            Options { allowed_hosts: vec!["Rec.Example".into(), "one.example:81".into()], version: "1.2.3" };
        let serving = tokio::spawn(holdfast_api::serve(listener, engine, options, soft.clone()));
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self {
            address,
            soft,
            serving,
            store,
            client: client.expect("a client"),
            _target: target,
            _directory: directory,
            _hard: hard.drop_guard(),
        }
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

    /// Adds a proxy and says its id.
    pub(crate) async fn add(&self, url: &str, priority: u32) -> i64 {
        let body = format!("{{\"proxy_url\": \"{url}\", \"priority\": {priority}}}");
        self.post("/api/proxy/add", &body).await.json()["proxy_id"].as_i64().expect("an id")
    }

    /// Sends bytes and reads the answer to the end of the connection.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("in time").expect("it answers");
        String::from_utf8(answer).expect("text")
    }

    /// A WebSocket; `query` begins with `?` if it is not empty.
    pub(crate) async fn socket(&self, query: &str) -> Socket {
        let url = format!("ws://{}/ws{query}", self.address);
        let (socket, _) = tokio_tungstenite::connect_async(url).await.expect("it opens");
        Socket(socket)
    }
}

/// The database of the tests.
pub(crate) async fn open(directory: &Path) -> Store {
    // Another test may have done it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let vault = Vault::from_env_or_file(None, &directory.join("secret.key")).expect("a key");
    Box::pin(Store::open(&DatabaseUrl::for_data_dir(directory), vault)).await.expect("a database")
}

async fn engine(store: Store, target: &CheckTarget, directory: &Path, hard: CancellationToken) -> Engine {
    let tls = Ca::shared().expect("a CA").client_config().expect("a client configuration");
    let options = holdfast_engine::Options {
        store,
        dialer: Dialer::with_tls(tls),
        targets: vec![Target::parse(&target.url()).expect("a target")],
        replace_targets: false,
        tools: Tools::find(Some(Path::new("/nowhere/streamlink")), None),
        recordings_dir: directory.join("recordings"),
        listener: TcpListener::bind("127.0.0.1:0").await.expect("a listener"),
        public_gateway: None,
        seed: 1,
        keep_checks: Duration::from_secs(86_400),
        keep_events: Duration::from_secs(86_400),
        version: "1.2.3",
    };
    Engine::start(options, hard, &TaskTracker::new(), drop).await.expect("an engine")
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

/// A WebSocket of a client.
pub(crate) struct Socket(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("in time") {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).expect("JSON"),
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("no frame but {other:?}"),
            }
        }
    }

    /// The next frame of this type about which `wanted` says yes.
    pub(crate) async fn find(&mut self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let find = async {
            loop {
                let frame = self.next().await;
                if frame["type"] == kind && wanted(&frame) {
                    return frame;
                }
            }
        };
        timeout(PATIENCE, find).await.expect("it comes in time")
    }

    /// The code with which the server closes it, whatever comes before.
    pub(crate) async fn end(&mut self) -> u16 {
        let find = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Close(Some(close)))) => return close.code.into(),
                    Some(Ok(_)) => {}
                    other => panic!("no farewell but {other:?}"),
                }
            }
        };
        timeout(PATIENCE, find).await.expect("it ends in time")
    }
}
