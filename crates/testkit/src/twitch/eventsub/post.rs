//! Posts a message to a callback and reads the answer, as Twitch's servers do: plain HTTP/1.1, ten seconds.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use url::Url;

use super::Message;

/// Twitch waits a few seconds; this is long enough for a slow test machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of an answer's body.
const MOST: usize = 1 << 20;

/// A message that was posted, and what the callback answered.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// The id of the message.
    pub message_id: String,
    /// The id of the subscription it was for.
    pub subscription_id: String,
    /// The status of the answer; 0 when there was none.
    pub status: u16,
    /// The body of the answer, or why there was none.
    pub body: String,
    /// From the connection to the whole answer.
    pub took: Duration,
}

impl Delivery {
    /// One that was not answered.
    pub(super) fn failed(message: &Message, about: &str, why: &anyhow::Error) -> Self {
        let (message_id, subscription_id) = (message.id.clone(), about.to_owned());
        Self { message_id, subscription_id, status: 0, body: format!("{why:#}"), took: Duration::ZERO }
    }
}

/// Posts it to `callback`, which is really at `to`.
///
/// # Errors
/// If there is no whole answer within ten seconds.
pub(super) async fn post(callback: &str, to: SocketAddr, message: &Message, about: &str) -> Result<Delivery> {
    let started = Instant::now();
    let answered = tokio::time::timeout(PATIENCE, exchange(callback, to, message)).await;
    let (status, body) = answered
        .with_context(|| format!("{callback} did not answer within {PATIENCE:?}"))?
        .with_context(|| format!("posting to {callback}"))?;
    let (message_id, subscription_id) = (message.id.clone(), about.to_owned());
    Ok(Delivery { message_id, subscription_id, status, body, took: started.elapsed() })
}

async fn exchange(callback: &str, to: SocketAddr, message: &Message) -> Result<(u16, String)> {
    let url = Url::parse(callback)?;
    let stream = TcpStream::connect(to).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut request = hyper::Request::post(path)
        .header("Host", url[url::Position::BeforeHost..url::Position::AfterPort].to_owned());
    for (name, value) in &message.headers {
        request = request.header(*name, value);
    }
    let response = sender.send_request(request.body(Full::new(message.body.clone()))?).await?;
    let status = response.status().as_u16();
    let body: Result<Bytes, _> =
        Limited::new(response.into_body(), MOST).collect().await.map(|body| body.to_bytes());
    let body = body.map_err(anyhow::Error::from_boxed).context("reading the answer")?;
    connection.abort();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
