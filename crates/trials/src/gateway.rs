//! A `holdfast gateway` under trial, for other tools.

use std::net::SocketAddr;
use std::process::Stdio;

use anyhow::{Context, Result};
use holdfast_testkit::Ca;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::binary;
use crate::log::Log;
use crate::scene::Scene;

/// A running `holdfast gateway`. Dropping it kills it.
pub struct GatewayProcess {
    _child: Child,
    addr: SocketAddr,
    log: Log,
}

impl GatewayProcess {
    /// Starts it over the proxies of a scene, never direct.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn start(scene: &Scene) -> Result<Self> {
        let ca = Ca::shared()?.pem_path();
        let mut child = Command::new(binary::holdfast())
            .args(["gateway", "--listen", "127.0.0.1:0", "--no-direct", "--log-level", "debug"])
            .arg("--proxy-file")
            .arg(scene.proxy_file()?)
            .env("SSL_CERT_FILE", &ca)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting holdfast gateway")?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let log = Log::of(stderr, || {});
        let ready =
            BufReader::new(stdout).lines().next_line().await?.context("it ended before it was ready")?;
        let addr = ready.trim_start_matches("listening on http://").parse().with_context(|| ready.clone())?;
        Ok(Self { _child: child, addr, log })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it has written to stderr so far.
    pub fn log(&self) -> String {
        self.log.text()
    }
}
