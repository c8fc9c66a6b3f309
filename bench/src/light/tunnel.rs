//! A TLS connection through a proxy that is kept open from request to request, as Streamlink keeps its own.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use holdfast_testkit::Ca;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::job::Job;
use crate::head::Head;

/// For one request and its answer, as Holdfast tells Streamlink.
const LIMIT: Duration = Duration::from_secs(6);

/// A connection, opened when it is needed and opened anew when it broke.
pub(super) struct Tunnel<'a> {
    job: &'a Job,
    tls: TlsConnector,
    open: Option<TlsStream<TcpStream>>,
}

impl<'a> Tunnel<'a> {
    /// To the host of a job, through its proxy.
    pub(super) fn to(job: &'a Job) -> Result<Self> {
        let tls = TlsConnector::from(Arc::clone(&Ca::shared()?.client_config()?));
        Ok(Self { job, tls, open: None })
    }

    /// The body of a page.
    pub(super) async fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        // What failed is not asked again: its answer might still come.
        let kept = self.open.take();
        let (stream, body) = timeout(LIMIT, self.ask(kept, path)).await.context("no answer in 6 s")??;
        self.open = Some(stream);
        Ok(body)
    }

    async fn ask(
        &self,
        kept: Option<TlsStream<TcpStream>>,
        path: &str,
    ) -> Result<(TlsStream<TcpStream>, Vec<u8>)> {
        let mut stream = match kept {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.job.host);
        stream.write_all(request.as_bytes()).await?;
        let head = Head::read(&mut stream).await?;
        ensure!(head.status()? == 200, "{} Client Error", head.status()?);
        let length: usize = head.get("content-length").context("no length")?.parse()?;
        let mut body = head.rest;
        body.reserve_exact(length.saturating_sub(body.len()));
        while body.len() < length {
            ensure!(stream.read_buf(&mut body).await? > 0, "cut after {} bytes of {length}", body.len());
        }
        Ok((stream, body))
    }

    async fn connect(&self) -> Result<TlsStream<TcpStream>> {
        let Job { proxy, authority, host, .. } = self.job;
        let address = (proxy.host_str().context("a proxy without a host")?, proxy.port().unwrap_or(80));
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let who = format!("{}:{}", proxy.username(), proxy.password().unwrap_or_default());
        let who = BASE64_STANDARD.encode(who);
        let request = format!(
            "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nProxy-Authorization: Basic {who}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let head = Head::read(&mut stream).await?;
        ensure!(head.status()? == 200, "CONNECT was answered {}", head.first);
        Ok(self.tls.connect(ServerName::try_from(host.clone())?, stream).await?)
    }
}
