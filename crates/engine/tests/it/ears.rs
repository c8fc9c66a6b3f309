//! A listener like a page in a browser: it hears every frame, and looks into the database behind the server's back to
//! see whether what it was told is there already.

use holdfast_engine::{Frame, Subscription};
use sea_orm::DatabaseConnection;
use serde_json::Value;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::timeout;

use crate::world::{PATIENCE, TRACES, number};

/// Types that the event log keeps. `proxy_health_update` is kept only when the status changed.
const LOGGED: [&str; 8] = [
    "proxy_added",
    "proxy_updated",
    "proxy_removed",
    "proxy_disabled",
    "proxy_recovered",
    "proxy_convicted",
    "proxy_acquitted",
    "config_changed",
];

/// The listener.
pub(crate) struct Ears {
    subscription: Subscription,
    /// The database, behind the server's back.
    pub(crate) database: DatabaseConnection,
    /// Everything so far, in order.
    pub(crate) heard: Vec<Value>,
    /// Where the log stood when it began to listen.
    pub(crate) since: i64,
    pub(crate) boot: String,
}

impl Ears {
    pub(crate) fn new(subscription: Subscription, database: DatabaseConnection) -> Self {
        let hello: Value = serde_json::from_str(&subscription.hello.text).expect("JSON");
        assert_eq!(hello["type"], "hello");
        let (since, boot) = (subscription.hello.seq, hello["boot"].as_str().expect("a boot").to_owned());
        Self { subscription, database, heard: Vec::new(), since, boot }
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        match timeout(PATIENCE, self.subscription.live.recv()).await {
            Ok(Ok(frame)) => self.take(&frame).await,
            Ok(Err(RecvError::Lagged(n))) => panic!("{n} frames were missed"),
            other => panic!("no frame but {other:?} after {}", self.story()),
        }
    }

    /// The next frame of this type about which `wanted` says yes; those before it are kept in `heard`.
    pub(crate) async fn find(&mut self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let find = async {
            loop {
                let frame = self.next().await;
                if frame["type"] == kind && wanted(&frame) {
                    return frame;
                }
            }
        };
        let Ok(found) = timeout(PATIENCE, find).await else {
            panic!("no such {kind}, but {}", self.story());
        };
        found
    }

    /// The next frame of this type about this proxy.
    pub(crate) async fn about(&mut self, kind: &str, id: i64) -> Value {
        self.find(kind, |frame| frame["proxy_id"] == id).await
    }

    /// The next word that this proxy has this health.
    pub(crate) async fn health(&mut self, id: i64, health: &str) -> Value {
        self.find("proxy_health_update", |frame| {
            frame["proxy_id"] == id && frame["proxy"]["health_status"] == health
        })
        .await
    }

    /// Everything that was said and not heard yet. The server must have been stopped.
    pub(crate) async fn drain(&mut self) {
        loop {
            match self.subscription.live.try_recv() {
                Ok(frame) => drop(self.take(&frame).await),
                Err(TryRecvError::Lagged(n)) => panic!("{n} frames were missed"),
                Err(_) => return,
            }
        }
    }

    /// How often this type was heard.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.heard.iter().filter(|frame| frame["type"] == kind).count()
    }

    async fn take(&mut self, frame: &Frame) -> Value {
        for trace in TRACES {
            assert!(!frame.text.contains(trace), "a password: {}", frame.text);
        }
        let value: Value = serde_json::from_str(&frame.text).expect("JSON");
        assert_eq!(value["seq"], frame.seq);
        self.heard.push(value.clone());
        self.assert_stored(&value).await;
        value
    }

    /// What is told is in the database at this moment.
    async fn assert_stored(&self, frame: &Value) {
        let kind = frame["type"].as_str().expect("a type");
        if LOGGED.contains(&kind) {
            self.assert_logged(frame).await;
        }
    }

    /// The event log has this frame at this moment.
    pub(crate) async fn assert_logged(&self, frame: &Value) {
        let (seq, kind) = (&frame["seq"], frame["type"].as_str().expect("a type"));
        let sql = format!("SELECT count(*) AS n FROM events WHERE seq = {seq} AND type = '{kind}'");
        assert_eq!(number(&self.database, &sql).await, 1, "told before it was stored: {frame}");
    }

    /// The types that were heard, for a message.
    fn story(&self) -> String {
        let last = self.heard.iter().rev().take(12).map(Value::to_string).collect::<Vec<_>>();
        format!("{} frames, the last ones first: {}", self.heard.len(), last.join("\n  "))
    }
}
