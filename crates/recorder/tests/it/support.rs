//! A recording under test: its origin, its proxy, its reins.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use holdfast_model::{Event, ProxyId, ProxyUrl, RecordingId, RouteUse, Secret, Via};
use holdfast_recorder::ports::{Account, Lease, NoRoute, Routes, SlowSegment, Traffic};
use holdfast_recorder::{
    Control, Observer, Output, Progress, RecordRequest, Status, Summary, Tools, record, settled,
};
use holdfast_testkit::{Ca, Kind, Media, Options, Origin, OriginOptions, UpstreamProxy, verify};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) const PASSWORD: &str = "pa:ss-w0rd";
/// Of a Twitch user. No log may show it, so it stands here in two pieces.
pub(crate) const TOKEN: &str = concat!("u5ert0", "ken0123456789");
/// Nothing here may take longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Runs a test in a process of its own, with the test CA trusted.
pub(crate) fn isolated<F: Future<Output = ()>>(name: &str, test: impl FnOnce() -> F) {
    if std::env::var_os("HOLDFAST_TEST_ISOLATED").is_some() {
        tracing_subscriber::fmt()
            .with_env_filter("debug,hyper_util=info,rustls=info")
            .with_writer(std::io::stderr)
            .init();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        return runtime
            .block_on(async { timeout(PATIENCE * 2, test()).await.expect("the test ends in time") });
    }
    let ca = Ca::shared().expect("a CA").pem_path();
    let me = std::env::current_exe().expect("a path");
    let output = Command::new(me)
        .args(["--exact", name, "--nocapture"])
        .env("HOLDFAST_TEST_ISOLATED", "1")
        .env("SSL_CERT_FILE", &ca)
        .env_remove("REQUESTS_CA_BUNDLE")
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("https_proxy", "http://127.0.0.1:9")
        .output()
        .expect("it runs");
    let said =
        format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{name} failed:\n{said}");
    assert!(!said.contains(TOKEN), "{name} has a token in its log:\n{said}");
}

/// A test whose name is that of its function.
#[macro_export]
macro_rules! live_test {
    ($(#[$attribute:meta])* async fn $name:ident() $body:block) => {
        $(#[$attribute])*
        #[test]
        fn $name() {
            let module = module_path!().split_once("::").map_or("", |(_, module)| module);
            $crate::support::isolated(&format!("{module}::{}", stringify!($name)), || async $body);
        }
    };
}

/// One proxy, no gateway: the lease is the proxy's own URL.
#[derive(Clone)]
pub(crate) struct TestRoutes {
    url: Secret,
    via: Via,
    pub(crate) traffic: Arc<Mutex<Traffic>>,
    pub(crate) slow: Arc<Mutex<Vec<SlowSegment>>>,
    pub(crate) completed: Arc<Mutex<u32>>,
    pub(crate) no_route: bool,
}

impl TestRoutes {
    pub(crate) fn new(url: &str) -> Self {
        let via = Via::Proxy(ProxyId(1), ProxyUrl::parse(url).expect("a proxy URL").masked());
        Self {
            url: Secret::new(url),
            via,
            traffic: Arc::default(),
            slow: Arc::default(),
            completed: Arc::default(),
            no_route: false,
        }
    }
}

#[async_trait]
impl Routes for TestRoutes {
    async fn prepare(&self, _tags: &[String]) -> Result<Via, NoRoute> {
        if self.no_route {
            Err(NoRoute { reason: "all proxies are down".into() })
        } else {
            Ok(self.via.clone())
        }
    }

    fn open(&self, _recording: RecordingId, _tags: &[String]) -> Arc<dyn Account> {
        let route = RouteUse {
            via: self.via.clone(),
            started_at: Utc::now(),
            ended_at: None,
            bytes: 0,
            reason: None,
        };
        self.traffic.lock().expect("unpoisoned").routes = vec![route];
        Arc::new(self.clone())
    }
}

impl Account for TestRoutes {
    fn lease(&self) -> Box<dyn Lease> {
        Box::new(self.clone())
    }

    fn traffic(&self) -> Traffic {
        self.traffic.lock().expect("unpoisoned").clone()
    }

    fn close(&self, reason: &str) {
        let mut traffic = self.traffic.lock().expect("unpoisoned");
        if let Some(last) = traffic.routes.last_mut().filter(|route| route.ended_at.is_none()) {
            last.ended_at = Some(Utc::now());
            last.reason = Some(reason.to_owned());
        }
    }
}

impl Lease for TestRoutes {
    fn proxy_url(&self) -> Secret {
        self.url.clone()
    }

    fn segment_slow(&self, slow: SlowSegment) {
        self.slow.lock().expect("unpoisoned").push(slow);
    }

    fn segment_complete(&self) {
        *self.completed.lock().expect("unpoisoned") += 1;
    }
}

/// Where everything happens.
pub(crate) struct Stage {
    pub(crate) origin: Origin,
    pub(crate) proxy: UpstreamProxy,
    pub(crate) directory: TempDir,
    pub(crate) routes: TestRoutes,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with_window(8).await
    }

    /// A playlist of so many segments of 2 s.
    pub(crate) async fn with_window(segments: usize) -> Self {
        let media = Media::ready(120).await.expect("media");
        let options = OriginOptions::new(media).window(segments);
        let origin = Origin::start(options).await.expect("an origin");
        let options = Options::default().credentials("user", PASSWORD).map("live.test", origin.addr());
        let proxy = UpstreamProxy::start(Kind::Http, options).await.expect("a proxy");
        let routes = TestRoutes::new(&proxy.url());
        Self { origin, proxy, directory: tempfile::tempdir().expect("a directory"), routes }
    }

    pub(crate) fn url(&self) -> String {
        self.origin.url("live.test")
    }

    pub(crate) fn request(&self, file: &str) -> RecordRequest {
        let output = Output::file(self.directory.path().join(file), false).expect("an output");
        let mut request = RecordRequest::new(self.url(), output, tools());
        request.disk_floor = 1 << 20;
        request
    }

    pub(crate) fn start(&self, request: RecordRequest) -> Running {
        Running::start(request, self.routes.clone())
    }

    /// What the judge says of the finished file.
    pub(crate) async fn judge(&self, summary: &Summary) -> verify::Verdict {
        let output = summary.output.as_deref().expect("a finished file");
        verify::compare(output, self.origin.media().frames()).await.expect("a verdict")
    }

    pub(crate) fn files(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(self.directory.path()).expect("readable");
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
    }
}

pub(crate) fn tools() -> Tools {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let local = root.join(".venv/bin/streamlink");
    let given = std::env::var_os("HOLDFAST_STREAMLINK").map(PathBuf::from);
    let streamlink = given.or_else(|| local.is_file().then_some(local));
    Tools::find(streamlink.as_deref(), None).expect("Streamlink and ffmpeg")
}

/// A recording that is being made.
pub(crate) struct Running {
    pub(crate) control: Control,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) events: Arc<Mutex<Vec<Event>>>,
    task: JoinHandle<Summary>,
    /// Where it is to go.
    meant: PathBuf,
}

impl Running {
    pub(crate) fn start(request: RecordRequest, routes: TestRoutes) -> Self {
        let (sender, progress) = watch::channel(Progress::default());
        let (control, events) = (Control::new(), Arc::<Mutex<Vec<Event>>>::default());
        let heard = Arc::clone(&events);
        let meant = request.output.path().to_owned();
        let observer = Observer::new(sender, move |event| heard.lock().expect("unpoisoned").push(event));
        let task = tokio::spawn(record(request, Arc::new(routes), control.clone(), observer));
        Self { control, progress, events, task, meant }
    }

    /// Waits for something to be so.
    pub(crate) async fn until(&mut self, what: &str, condition: impl Fn(&Progress) -> bool) -> Progress {
        let seen = timeout(PATIENCE, self.progress.wait_for(|progress| condition(progress))).await;
        match seen.map(|seen| seen.map(|progress| progress.clone())) {
            Ok(Ok(progress)) => progress,
            Ok(Err(_)) => panic!("never seen: {what}; it ended: {:?}", (&mut self.task).await),
            Err(_) => panic!("never seen: {what}; last: {:?}", *self.progress.borrow()),
        }
    }

    /// Waits until this much play time has come.
    pub(crate) async fn until_media(&mut self, seconds: u64) {
        self.until("play time", |p| p.media >= Duration::from_secs(seconds)).await;
    }

    pub(crate) async fn until_status(&mut self, status: Status) {
        self.until(&format!("{status:?}"), |p| p.status == status).await;
    }

    /// Ends it without a word, as nearly like a kill -9 as it can be from within: nothing is finished, nothing told.
    pub(crate) async fn vanish(self) -> Progress {
        self.task.abort();
        assert!(self.task.await.expect_err("it does not end").is_cancelled());
        let last = self.progress.borrow().clone();
        while !children().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        last
    }

    /// Its end, and somebody keeps the summary.
    pub(crate) async fn end(self) -> Summary {
        let meant = self.meant.clone();
        let summary = self.end_without_a_trace().await;
        settled(&meant);
        summary
    }

    /// Its end, which nobody comes to keep.
    pub(crate) async fn end_without_a_trace(self) -> Summary {
        timeout(PATIENCE, self.task).await.expect("it ends").expect("it does not panic")
    }
}

/// The running Streamlinks of this process.
pub(crate) fn children() -> Vec<u32> {
    let me = std::process::id();
    let processes = std::fs::read_dir("/proc")
        .expect("proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mine = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let parent = after_name.split_whitespace().nth(1).and_then(|p| p.parse::<u32>().ok());
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        parent == Some(me) && command.contains("streamlink") && !command.contains("holdfast-guard")
    };
    processes.filter(mine).collect()
}

/// All children of this process, dead ones included.
pub(crate) fn zombies() -> usize {
    let me = std::process::id().to_string();
    let stats = std::fs::read_dir("/proc")
        .expect("proc")
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    stats
        .filter(|stat| {
            let rest: Vec<_> =
                stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
            rest.first() == Some(&"Z") && rest.get(1) == Some(&me.as_str())
        })
        .count()
}

/// Sends a signal to a child of ours.
pub(crate) fn signal(pid: u32, name: &str) {
    let status =
        Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().expect("kill runs");
    assert!(status.success());
}
