//! A client of `/ws` that keeps every frame it gets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::log::{PATIENCE, lock};

/// An open WebSocket.
pub struct Socket {
    frames: Arc<Mutex<Vec<Value>>>,
    count: watch::Receiver<usize>,
    reader: JoinHandle<()>,
    mark: usize,
}

impl Socket {
    /// Connects, and waits for its hello: from then on it misses nothing.
    ///
    /// # Errors
    /// If there is no such server, or it does not say hello.
    pub async fn open(addr: SocketAddr) -> Result<Self> {
        let (mut stream, _) = tokio_tungstenite::connect_async(format!("ws://{addr}/ws")).await?;
        let (frames, (sender, count)) = (Arc::<Mutex<Vec<Value>>>::default(), watch::channel(0));
        let sink = Arc::clone(&frames);
        let reader = tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                let Message::Text(text) = message else { continue };
                let frame = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.to_string()));
                lock(&sink).push(frame);
                sender.send_modify(|n| *n += 1);
            }
        });
        let mut socket = Self { frames, count, reader, mark: 0 };
        socket.until("hello", |frame| frame["type"] == "hello").await?;
        Ok(socket)
    }

    /// Everything so far.
    pub fn frames(&self) -> Vec<Value> {
        lock(&self.frames).clone()
    }

    /// Everything of one type so far.
    pub fn of_type(&self, kind: &str) -> Vec<Value> {
        self.frames().into_iter().filter(|frame| frame["type"] == kind).collect()
    }

    /// From here on only later frames are waited for.
    pub fn mark(&mut self) {
        self.mark = lock(&self.frames).len();
    }

    /// The first frame after the mark that is meant; waits for it.
    ///
    /// # Errors
    /// If it does not come in a minute, or the socket is closed.
    pub async fn until(&mut self, what: &str, meant: impl Fn(&Value) -> bool) -> Result<Value> {
        let wait = async {
            loop {
                let found = lock(&self.frames).iter().skip(self.mark).find(|frame| meant(frame)).cloned();
                if let Some(found) = found {
                    return anyhow::Ok(found);
                }
                self.count.changed().await.context("the socket was closed")?;
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(Ok(frame)) => Ok(frame),
            Ok(Err(error)) => bail!("{error} before {what} came:\n{}", self.story()),
            Err(_) => bail!("{what} did not come in a minute:\n{}", self.story()),
        }
    }

    /// Every frame, a line each, for a failure message.
    pub fn story(&self) -> String {
        self.frames().iter().map(|frame| format!("{frame}\n")).collect()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
