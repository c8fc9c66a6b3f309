//! The server as a whole, by the contract: asked over HTTP, watched on the WebSocket, with proxies that die under real
//! recordings, a database that goes away, and a power cut of its own.

mod ads;
mod by_hand;
mod channel_faults;
mod channels;
mod crash;
mod database;
mod edits;
mod failover;
mod fuzzed;
mod nowhere;
mod on_air;
mod refused;
mod secrets;
mod selection;
mod taken;
mod target;
mod twitch;
mod walkthrough;

use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast_testkit::verify::{self, Verdict};
use holdfast_trials::{Case, Database, HOST, Scene, SceneOptions, ServerOptions, ServerProcess, eventually};
use serde_json::Value;
use tokio::sync::SemaphorePermit;

use crate::faults::STAGE;

/// The live stream, by the name that only the proxies can resolve.
fn stream() -> String {
    format!("hls://https://{HOST}/c/live/live.m3u8")
}

/// A scene, and a server that knows its proxies.
struct Play {
    /// Dropped first: the scene has its folder.
    server: ServerProcess,
    scene: Scene,
    /// The ids of the proxies, in order of priority.
    ids: Vec<i64>,
    _turn: SemaphorePermit<'static>,
}

impl Play {
    /// Opens when every proxy has been checked.
    async fn open(options: SceneOptions, server: ServerOptions) -> Self {
        let turn = STAGE.acquire().await.expect("never closed");
        let scene = Scene::start(options).await.expect("a scene");
        let server = ServerProcess::start(&scene, server).await.expect("a server");
        let mut ids = Vec::new();
        for (priority, proxy) in scene.proxies.iter().enumerate() {
            ids.push(server.add(&proxy.url(), priority).await.expect("added"));
        }
        let play = Self { scene, server, ids, _turn: turn };
        play.all_are("healthy").await;
        play
    }

    async fn on(database: Database) -> Self {
        let server = ServerOptions { database, ..ServerOptions::default() };
        Self::open(SceneOptions::default(), server).await
    }

    /// Waits until every proxy has this status.
    async fn all_are(&self, status: &str) {
        for &id in &self.ids {
            self.is(id, status).await;
        }
    }

    /// Waits until a proxy has this status.
    async fn is(&self, id: i64, status: &str) -> Value {
        let what = format!("proxy {id} is {status}");
        let all = eventually(&what, Duration::from_secs(60), async || {
            let proxy = self.server.proxy(id).await?;
            Ok((proxy["health_status"] == status).then_some(proxy))
        });
        all.await.unwrap_or_else(|e| panic!("{e:?}\n{}", self.server.story()))
    }

    /// A proxy's URL as everybody may see it.
    fn masked(&self, index: usize) -> String {
        format!("http://user{index}:***@{}", self.scene.proxies[index].addr())
    }

    /// Starts to record the live stream, and waits until bytes arrive.
    async fn record(&self) -> String {
        let id = self.server.record(&stream()).await.expect("it starts");
        self.flows(&id).await;
        id
    }

    /// Waits until a recording has more bytes than now.
    async fn flows(&self, id: &str) {
        let bytes = self.server.recording(id).await.expect("it is there")["bytes"].as_u64();
        let more = eventually("more bytes arrive", Duration::from_secs(60), async || {
            Ok((self.server.recording(id).await?["bytes"].as_u64() > bytes).then_some(()))
        });
        more.await.unwrap_or_else(|e| panic!("{e:?}\n{}", self.server.story()));
    }

    /// Judges a recording's file.
    async fn verdict(&self, id: &str) -> Verdict {
        let file = self.server.media(id).await.unwrap_or_else(|e| panic!("{e:?}\n{}", self.server.story()));
        verify::compare(&file, self.scene.origin.media().frames()).await.expect("a playable file")
    }

    /// Stops a recording in which nothing may be missing or twice, and that says so; what it says.
    async fn whole(&self, id: &str) -> Value {
        let recording = self.server.stop(id).await.unwrap_or_else(|e| panic!("{e:?}"));
        let verdict = self.verdict(id).await;
        assert!(verdict.is_clean(), "{verdict}\n{recording:#}\n{}", self.server.story());
        assert_eq!(recording["status"], "stopped", "{recording:#}");
        assert_eq!(recording["segments_lost"], 0, "{recording:#}");
        assert_eq!(recording["error"], Value::Null, "{recording:#}");
        recording
    }

    /// A recording was moved for a cause only, and no proxy but those that are ill was cut or convicted.
    fn explains(&self, recording: &Value, ill: &[(usize, DateTime<Utc>)]) {
        let log = self.server.log();
        let case = Case { scene: &self.scene, ids: &self.ids, ill, beyond: false, log: &log };
        let explained = case.explains(recording).and_then(|()| case.was_left(recording));
        explained.unwrap_or_else(|e| panic!("{e:?}\n{recording:#}\n{}", self.server.story()));
    }

    /// Which of the proxies a recording used.
    fn used(&self, recording: &Value) -> Vec<bool> {
        let routes = recording["routes"].as_array().expect("a list");
        let uses = |index| routes.iter().any(|route| route["via"] == self.masked(index));
        (0..self.ids.len()).map(uses).collect()
    }

    /// The events of one type, from the event log.
    async fn events(&self, kind: &str) -> Vec<Value> {
        let page = self.server.get(&format!("/api/events?type={kind}&limit=500")).await.expect("the log");
        page["items"].as_array().expect("a list").clone()
    }
}

/// Each trial on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            use holdfast_trials::Database;

            #[tokio::test]
            async fn on_sqlite() { super::$name(Database::Sqlite).await; }
            #[tokio::test]
            async fn on_postgresql() { super::$name(Database::postgres().await.expect("PostgreSQL")).await; }
        }
    )* };
}
use on_both;
