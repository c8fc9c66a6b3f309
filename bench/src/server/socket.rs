//! A client of the server's WebSocket that waits for the news of one change.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const PATIENCE: Duration = Duration::from_secs(10);

/// An open WebSocket that has heard hello.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects; from then on it misses nothing.
    pub(super) async fn open(addr: SocketAddr) -> Result<Self> {
        let (stream, _) = tokio_tungstenite::connect_async(format!("ws://{addr}/ws")).await?;
        let mut socket = Self(stream);
        let hello = timeout(PATIENCE, socket.frame()).await.context("no hello in 10 s")??;
        ensure!(hello["type"] == "hello", "{hello} instead of hello");
        Ok(socket)
    }

    /// When the frame came that tells of this proxy under this label.
    pub(super) async fn labelled(&mut self, id: i64, label: &str) -> Result<Instant> {
        let wait = async {
            loop {
                let frame = self.frame().await?;
                let proxy = &frame["proxy"];
                if frame["type"] == "proxy_updated" && proxy["id"] == id && proxy["label"] == label {
                    return anyhow::Ok(Instant::now());
                }
            }
        };
        timeout(PATIENCE, wait).await.with_context(|| format!("the change of proxy {id} was not told"))?
    }

    async fn frame(&mut self) -> Result<Value> {
        loop {
            match self.0.next().await.context("the WebSocket was closed")?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(why) => bail!("the WebSocket was closed: {why:?}"),
                _ => {}
            }
        }
    }
}
