//! A running engine, and the questions that every case ends with.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use holdfast_engine::view::ProxyView;
use holdfast_engine::{Engine, EventsWanted, Options, Refusal};
use holdfast_gateway::dial::Dialer;
use holdfast_gateway::probe::CheckTarget as Target;
use holdfast_model::ProxyId;
use holdfast_recorder::Tools;
use holdfast_store::{ProxyRow, Store};
use holdfast_testkit::{Ca, UpstreamProxy};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ears::Ears;
use crate::world::{PATIENCE, TRACES, World, wish};

/// For so long things are remembered, unless a case says otherwise.
const LONG: Duration = Duration::from_secs(86_400);

/// A running engine and somebody who listens.
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) ears: Ears,
    /// The gateway for other tools.
    pub(crate) gateway: SocketAddr,
    store: Store,
    hard: CancellationToken,
    tracker: TaskTracker,
}

impl Deref for Server {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl Server {
    /// On the world's database.
    pub(crate) async fn start(world: &World) -> Self {
        Self::over(world, world.store().await, LONG).await
    }

    /// On that store; checks and events are remembered for so long.
    pub(crate) async fn over(world: &World, store: Store, keep: Duration) -> Self {
        let tls = Ca::shared().expect("a CA").client_config().expect("a client configuration");
        let public = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let gateway = public.local_addr().expect("an address");
        let options = Options {
            store: store.clone(),
            dialer: Dialer::with_tls(tls),
            targets: vec![Target::parse(&world.target.url()).expect("a target")],
            replace_targets: false,
            // Nothing here comes as far as to start it.
            tools: Tools::find(Some(Path::new("true")), None),
            recordings_dir: world.folder.path().join("recordings"),
            listener: TcpListener::bind("127.0.0.1:0").await.expect("a listener"),
            public_gateway: Some((public, None)),
            seed: 1,
            keep_checks: keep,
            keep_events: keep,
            version: "1.2.3",
        };
        let (hard, tracker) = (CancellationToken::new(), TaskTracker::new());
        let started = Box::pin(Engine::start(options, hard.clone(), &tracker, drop)).await;
        let engine = started.expect("an engine");
        let ears = Ears::new(engine.subscribe(None), world.connect().await);
        Self { engine, ears, gateway, store, hard, tracker }
    }

    /// Adds a proxy and waits for what its first check says of it.
    pub(crate) async fn add(&mut self, url: &str, priority: u32, health: &str) -> ProxyId {
        let id = self.add_proxy(wish(url, priority)).await.expect("added");
        self.ears.health(id.0, health).await;
        id
    }

    /// Adds a proxy that works.
    pub(crate) async fn add_good(&mut self, proxy: &UpstreamProxy, priority: u32) -> ProxyId {
        self.add(&proxy.url(), priority, "healthy").await
    }

    /// One proxy.
    pub(crate) fn view(&self, id: ProxyId) -> ProxyView {
        self.proxy(id).expect("a proxy")
    }

    /// What a new connection would take: the id of a proxy, `direct` or `none`.
    pub(crate) fn choice(&self) -> Value {
        let best = self.best(&[]);
        best.proxy.map_or_else(|| json!(best.route), |proxy| json!(proxy.id))
    }

    /// The whole event log after this number.
    pub(crate) async fn log(&self, mut after: i64) -> Vec<Value> {
        let mut log = Vec::new();
        loop {
            let wanted = EventsWanted { after, limit: Some(1000), ..Default::default() };
            let page = self.events(wanted).await.expect("a page");
            log.extend(page.items.into_iter().map(|event| json!(event)));
            let Some(next) = page.next_cursor else { return log };
            after = next.parse().expect("a number");
        }
    }

    /// Looks into the database over a new connection: the old one died with it.
    pub(crate) async fn look_anew(&mut self, world: &World) {
        self.ears.database = world.connect().await;
    }

    /// Forgets what was told so far and listens from here on.
    pub(crate) async fn listen_anew(&mut self, world: &World) {
        self.ears = Ears::new(self.engine.subscribe(None), world.connect().await);
    }

    /// Stops it and asks: was everything told once and in order, does the database remember what the pool knows, and
    /// did a password get out?
    pub(crate) async fn stop(mut self) -> Ears {
        self.hard.cancel();
        self.engine.shut_down().await;
        self.tracker.close();
        timeout(PATIENCE, self.tracker.wait()).await.expect("every task ends");
        self.ears.drain().await;
        self.assert_remembered().await;
        self.assert_told_once_in_order().await;
        let seen = format!("{} {}", json!(self.proxies()), json!(self.log(0).await));
        assert_clean(&seen);
        // As the program does. What an engine is made of refers to itself in circles, so nothing else would close them, and
        // all tests share one PostgreSQL.
        self.store.close().await;
        self.ears
    }

    async fn assert_told_once_in_order(&self) {
        let numbers: Vec<_> = self.ears.heard.iter().map(|frame| frame["seq"].as_i64()).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        let mut told = self.ears.heard.iter();
        for event in self.log(self.ears.since).await {
            let same = |frame: &&Value| frame["seq"] == event["seq"] && frame["type"] == event["type"];
            let frame = told.by_ref().find(same).unwrap_or_else(|| panic!("never told: {event}"));
            for (key, value) in event["data"].as_object().expect("particulars") {
                assert_eq!(frame[key], *value, "{key} of {event}");
            }
        }
        let logged = |frame: &&Value| frame["type"] != "notice" && frame["type"] != "system_status";
        let told: Vec<_> = self.ears.heard.iter().filter(logged).map(|frame| frame["seq"].as_i64()).collect();
        assert!(told.windows(2).all(|two| two[0] < two[1]), "a number twice: {told:?}");
    }

    async fn assert_remembered(&self) {
        let rows = self.store.proxies().await.expect("the rows");
        let views = self.proxies().proxies;
        let stored: Vec<_> = rows.iter().map(|row| row.id.0).collect();
        let known: Vec<_> = views.iter().map(|view| view.id).collect();
        assert_eq!(stored, known, "the same proxies in the same order");
        for (row, view) in rows.iter().zip(&views).filter(|(row, _)| row.locked.is_none()) {
            assert_eq!(of_row(row), of_view(view));
        }
    }
}

/// No password in it.
pub(crate) fn assert_clean(text: &str) {
    for trace in TRACES {
        assert!(!text.contains(trace), "a password: {text}");
    }
}

/// The sentence of a refusal, which must hold no password.
pub(crate) fn sentence<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> String {
    let refusal = answer.expect_err("it is refused");
    let text = format!("{refusal:?}: {refusal}");
    assert_clean(&text);
    text
}

fn of_row(row: &ProxyRow) -> Value {
    let health = &row.health;
    json!([
        row.id,
        row.url.masked(),
        row.label,
        row.tags,
        row.priority,
        row.enabled,
        row.auto_disabled,
        health.status.to_string(),
        health.last_health_check,
        health.response_time_ms,
        health.average_response_time_ms,
        health.consecutive_failures,
        health.last_error,
        row.totals.bytes_up,
        row.totals.bytes_down,
        row.created_at,
    ])
}

/// The same of what the server shows.
pub(crate) fn of_view(view: &ProxyView) -> Value {
    json!([
        view.id,
        view.proxy_url,
        view.label,
        view.tags,
        view.priority,
        view.enabled,
        view.auto_disabled,
        view.health_status,
        view.last_health_check,
        view.response_time_ms,
        view.average_response_time_ms,
        view.consecutive_failures,
        view.last_error,
        view.bytes_up,
        view.bytes_down,
        view.created_at,
    ])
}
