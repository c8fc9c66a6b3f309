//! One `holdfast serve` under trial: started with the flags a person would use, asked over HTTP, listened to, stopped or
//! killed, and started again over the same data.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use holdfast_testkit::Ca;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustix::process::Signal;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

use crate::binary;
use crate::database::Database;
use crate::log::{Log, PATIENCE, lock};
use crate::processes::Seen;
use crate::scene::Scene;
use crate::socket::Socket;

/// How a server is started.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Its database.
    pub database: Database,
    /// Its `--log-level`.
    pub log_level: &'static str,
    /// More arguments.
    pub more: Vec<String>,
    /// A command to start it with, in front of its own.
    pub under: Vec<String>,
    /// The program under trial, if it is not to be built first.
    pub holdfast: Option<PathBuf>,
    /// Its `--streamlink`.
    pub streamlink: PathBuf,
    /// Variables beside those it always gets.
    pub environment: Vec<(OsString, OsString)>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            database: Database::Sqlite,
            log_level: "debug",
            more: Vec::new(),
            under: Vec::new(),
            holdfast: None,
            streamlink: binary::streamlink(),
            environment: Vec::new(),
        }
    }
}

/// A running `holdfast serve`. Dropping it kills it.
pub struct ServerProcess {
    child: Child,
    addr: SocketAddr,
    data: PathBuf,
    database: Database,
    stdout: Log,
    stderr: Log,
    seen: Arc<Mutex<Seen>>,
    /// Everything it answered, but media and what was asked for by `reveal`.
    answers: Mutex<String>,
    /// The same, and what was asked.
    asked: Mutex<String>,
}

/// What it answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The value of Content-Type.
    pub content_type: String,
    /// The body.
    pub bytes: Bytes,
    /// The body as JSON; null if it is none.
    pub json: Value,
}

impl ServerProcess {
    /// Starts it over the data directory of a scene; it is ready when this returns.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn start(scene: &Scene, options: ServerOptions) -> Result<Self> {
        let data = scene.dir.path().join("data");
        let ca = Ca::shared()?.pem_path();
        let mut words: VecDeque<_> = options.under.iter().map(OsString::from).collect();
        words.push_back(options.holdfast.unwrap_or_else(|| binary::holdfast().to_owned()).into());
        let mut command = Command::new(words.pop_front().context("a command")?);
        command
            .args(words)
            .args(["serve", "--listen", "127.0.0.1:0", "--log-level", options.log_level])
            .arg("--data-dir")
            .arg(&data)
            .arg("--streamlink")
            .arg(&options.streamlink)
            .args(&options.more)
            .env("SSL_CERT_FILE", &ca)
            .env("REQUESTS_CA_BUNDLE", &ca)
            .env("TZ", "UTC")
            .envs(options.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Database::Postgres(url) = &options.database {
            command.env("HOLDFAST_DATABASE_URL", url);
        }
        let mut child = command.spawn().context("starting holdfast serve")?;
        let seen = Arc::<Mutex<Seen>>::default();
        let (eyes, pid) = (Arc::clone(&seen), child.id().unwrap_or_default());
        let stderr = child.stderr.take().context("stderr is piped")?;
        let stderr = Log::of(stderr, move || lock(&eyes).look(pid));
        let mut stdout = Log::of(child.stdout.take().context("stdout is piped")?, || {});
        stdout.says("listening on http://").await.with_context(|| stderr.text())?;
        let ready = stdout.text();
        let addr = ready.trim().trim_start_matches("listening on http://").parse();
        let addr = addr.with_context(|| format!("its ready line is {ready:?}"))?;
        let database = options.database;
        Ok(Self {
            child,
            addr,
            data,
            database,
            stdout,
            stderr,
            seen,
            answers: Mutex::default(),
            asked: Mutex::default(),
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Opens a WebSocket.
    ///
    /// # Errors
    /// If it does not say hello.
    pub async fn socket(&self) -> Result<Socket> {
        Socket::open(self.addr).await
    }

    /// Asks; any answer is an answer.
    ///
    /// # Errors
    /// If there is none.
    pub async fn call(&self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let answer = timeout(PATIENCE, self.ask(method, path, body)).await;
        let answer = answer.with_context(|| format!("{method} {path} was not answered in a minute"))?;
        let answer =
            answer.with_context(|| format!("{method} {path} failed, and it said\n{}", self.log()))?;
        if !path.ends_with("/reveal") && !path.ends_with("/file") {
            let text = String::from_utf8_lossy(&answer.bytes);
            lock(&self.answers).push_str(&format!("{} {text}\n", answer.status));
            lock(&self.asked).push_str(&format!("{method} {path}: {} {text}\n", answer.status));
        }
        Ok(answer)
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let stream = TcpStream::connect(self.addr).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.addr.to_string())
            .body(Full::new(Bytes::from(body.to_owned())))?;
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let bytes = response.into_body().collect().await?.to_bytes();
        connection.abort();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Answer { status, content_type, bytes, json })
    }

    /// The JSON of a page that must be there.
    ///
    /// # Errors
    /// If it is not.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.ok("GET", path, "").await
    }

    /// The JSON of the answer to a POST that must be taken.
    ///
    /// # Errors
    /// If it is not.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ok("POST", path, &body.to_string()).await
    }

    /// The JSON of the answer to a request that must be taken.
    ///
    /// # Errors
    /// If it is not.
    pub async fn ok(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let answer = self.call(method, path, body).await?;
        let said = String::from_utf8_lossy(&answer.bytes);
        ensure!((200..300).contains(&answer.status), "{method} {path}: {} {said}", answer.status);
        Ok(answer.json)
    }

    /// Adds a proxy; its id.
    ///
    /// # Errors
    /// If it is not taken.
    pub async fn add(&self, url: &str, priority: usize) -> Result<i64> {
        let wish = serde_json::json!({ "proxy_url": url, "priority": priority });
        let added = self.post("/api/proxy/add", &wish).await?;
        added["proxy_id"].as_i64().with_context(|| format!("no proxy_id in {added}"))
    }

    /// One proxy.
    ///
    /// # Errors
    /// If there is none.
    pub async fn proxy(&self, id: i64) -> Result<Value> {
        self.get(&format!("/api/proxy/{id}")).await
    }

    /// Starts to record; the recording's id.
    ///
    /// # Errors
    /// If it is not taken.
    pub async fn record(&self, url: &str) -> Result<String> {
        let recording = self.post("/api/recordings", &serde_json::json!({ "url": url })).await?;
        let id = recording["id"].as_str().with_context(|| format!("no id in {recording}"))?;
        Ok(id.to_owned())
    }

    /// One recording.
    ///
    /// # Errors
    /// If there is none.
    pub async fn recording(&self, id: &str) -> Result<Value> {
        self.get(&format!("/api/recordings/{id}")).await
    }

    /// Stops a recording, waits for its file, and answers with the whole of it.
    ///
    /// # Errors
    /// If it does not stop.
    pub async fn stop(&self, id: &str) -> Result<Value> {
        self.post(&format!("/api/recordings/{id}/stop"), &Value::Null).await?;
        eventually("the recording ends", PATIENCE, async || {
            let recording = self.recording(id).await?;
            Ok((!recording["ended_at"].is_null()).then_some(recording))
        })
        .await
    }

    /// The media of a recording, fetched over HTTP into a file.
    ///
    /// # Errors
    /// If it is not given out.
    pub async fn media(&self, id: &str) -> Result<PathBuf> {
        let answer = self.call("GET", &format!("/api/recordings/{id}/file"), "").await?;
        let said = || String::from_utf8_lossy(&answer.bytes).chars().take(300).collect::<String>();
        ensure!(answer.status == 200, "the file of {id}: {} {}", answer.status, said());
        let path = self.data.with_file_name(format!("{id}.ts"));
        tokio::fs::write(&path, &answer.bytes).await?;
        Ok(path)
    }

    /// What it has written to stderr so far.
    pub fn log(&self) -> String {
        self.stderr.text()
    }

    /// Waits until its log contains `text`.
    ///
    /// # Errors
    /// If it ends or says nothing of the kind for a minute.
    pub async fn says(&mut self, text: &str) -> Result<()> {
        self.stderr.says(text).await
    }

    /// Its process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The processes below it.
    pub fn children(&self) -> Vec<u32> {
        self.pid().map(Seen::below).unwrap_or_default()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        let sent = rustix::process::kill_process(pid.expect("it still runs"), signal);
        sent.expect("a process of ours takes signals");
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If it takes longer than `limit`.
    pub async fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        match timeout(limit, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("it did not end in {limit:?}:\n{}", self.log()),
        }
    }

    /// Changes its database as a person with `sqlite3` or `psql` would, behind its back; the rows, `|` between columns.
    ///
    /// # Errors
    /// If the database refuses it.
    pub async fn sql(&self, sql: &str) -> Result<String> {
        self.database.sql(&self.data, sql).await
    }

    /// None of the secrets is in anything that came out of it: what it wrote, answered and sent, its files, the arguments
    /// and environments of what it started.
    ///
    /// # Errors
    /// Where one is.
    pub fn keeps_secrets(&self, secrets: &[String], more: &[(&str, &str)]) -> Result<()> {
        let (out, log, answers) = (self.stdout.text(), self.log(), lock(&self.answers).clone());
        let mut texts = vec![("stdout", out.as_str()), ("the log", &log), ("an answer", &answers)];
        texts.extend(more);
        let files = files(&self.data)?;
        texts.extend(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        lock(&self.seen).keeps_secrets(secrets, &texts)
    }

    /// Everything there is to say about it, for a failure message.
    pub fn story(&self) -> String {
        format!("{}\n{}", lock(&self.asked), self.log())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Its folder is removed next; a file written meanwhile would stay behind.
        let _ = self.child.start_kill();
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Every file below a folder, as text as far as it is.
fn files(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(files(&path)?);
        } else if let Ok(bytes) = std::fs::read(&path) {
            // A file that has gone since is no leak.
            all.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(all)
}

/// Asks again and again until there is an answer: for what nobody announces.
///
/// # Errors
/// If there is none within `limit`, or asking fails.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        ensure!(Instant::now() < deadline, "not in {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
