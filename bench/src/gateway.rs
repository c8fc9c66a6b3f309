//! The gateways under test, each as its own process and each set up as somebody who knows it would.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tempfile::TempDir;

use crate::client;
use crate::process::{Process, raise_file_limit};

const CONVICTIONS: [&str; 3] = ["Proxy failed: ", "Proxy cannot reach ", "Proxy auto-disabled "];

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// `holdfast gateway`.
    Holdfast,
    /// HAProxy, mode tcp: passes bytes to an upstream without reading them.
    Haproxy,
    /// The same with `option splice-auto`: bytes that do not leave the kernel.
    HaproxySplice,
    /// Squid with its upstreams as cache peers, never direct.
    Squid,
}

impl Kind {
    /// As the tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Holdfast => "holdfast",
            Self::Haproxy => "HAProxy",
            Self::HaproxySplice => "HAProxy, splice",
            Self::Squid => "Squid",
        }
    }

    /// Its name and version, as it tells them.
    #[must_use]
    pub fn version(self, holdfast: &Path) -> Option<String> {
        let flag = if self == Self::Holdfast { "--version" } else { "-v" };
        let output = Command::new(self.program(holdfast)?).arg(flag).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
    }

    /// The peer's program, where it is installed. Debian keeps both outside a user's PATH.
    #[must_use]
    pub fn program(self, holdfast: &Path) -> Option<PathBuf> {
        let name = match self {
            Self::Holdfast => return holdfast.is_file().then(|| holdfast.to_owned()),
            Self::Haproxy | Self::HaproxySplice => "haproxy",
            Self::Squid => "squid",
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
            .map(|dir| dir.join(name))
            .find(|file| file.is_file())
    }
}

/// The `holdfast` binary of the running profile: beside this executable, or above it when that is a test.
#[must_use]
pub fn find_holdfast() -> Option<PathBuf> {
    let exe = std::env::current_exe().ok()?;
    exe.ancestors().skip(1).take(2).map(|dir| dir.join("holdfast")).find(|file| file.is_file())
}

/// A running gateway. Dropping it kills it.
#[derive(Debug)]
pub struct Gateway {
    addr: SocketAddr,
    process: Process,
    dir: TempDir,
}

impl Gateway {
    /// Starts one in front of `upstreams`, in order of priority, and waits until it carries to `origin`.
    ///
    /// # Errors
    /// If its program is missing, or it does not come up within 15 s.
    pub async fn start(
        kind: Kind,
        holdfast: &Path,
        upstreams: &[SocketAddr],
        origin: SocketAddr,
    ) -> Result<Self> {
        let program = kind.program(holdfast).with_context(|| format!("{} is not installed", kind.name()))?;
        let dir = tempfile::Builder::new().prefix("holdfast-bench").tempdir()?;
        let addr = free_address()?;
        // The usual limit of a session, 1,024 open files: to raise it is the gateway's own task.
        let mut command = Command::new("sh");
        command.args(["-c", r#"ulimit -S -n 1024; exec "$0" "$@""#]).arg(program);
        // HAProxy does not start when the system refuses it the files for all its connections.
        let connections = (raise_file_limit()? / 3).min(6000);
        match kind {
            Kind::Holdfast => {
                command.args(["gateway", "--no-direct", "--listen", &addr.to_string()]);
                command.args(["--check-url", &format!("http://{origin}/hello")]);
                for upstream in upstreams {
                    command.args(["--proxy", &format!("http://{upstream}")]);
                }
            }
            Kind::Haproxy | Kind::HaproxySplice => {
                let config = dir.path().join("haproxy.cfg");
                fs::write(
                    &config,
                    haproxy(addr, upstreams, origin, connections, kind == Kind::HaproxySplice)?,
                )?;
                command.args(["-db", "-f"]).arg(config);
            }
            Kind::Squid => {
                let config = dir.path().join("squid.conf");
                fs::write(&config, squid(addr, upstreams)?)?;
                command.args(["-N", "-f"]).arg(config);
            }
        }
        let log = File::create(dir.path().join("log"))?;
        command.env("NO_COLOR", "1").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = Process::start(&mut command)?;
        let mut gateway = Self { addr, process, dir };
        gateway.until_ready(kind, origin).await?;
        Ok(gateway)
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// What it wrote last.
    pub(crate) fn last_words(&self) -> String {
        let lines = self.log();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// Lines of its log that tell of an upstream found wanting, as Holdfast words them.
    pub(crate) fn convictions(&self) -> Vec<String> {
        let tells = |line: &String| CONVICTIONS.iter().any(|words| line.contains(words));
        self.log().into_iter().filter(tells).collect()
    }

    fn log(&self) -> Vec<String> {
        let log = fs::read(self.dir.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).lines().map(str::to_owned).collect()
    }

    async fn until_ready(&mut self, kind: Kind, origin: SocketAddr) -> Result<()> {
        let begun = Instant::now();
        loop {
            let hello =
                tokio::time::timeout(Duration::from_secs(5), client::hello_by_connect(self.addr, origin));
            let failed = match hello.await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "silence".to_owned(),
            };
            if begun.elapsed() > Duration::from_secs(15) || !self.process.runs() {
                bail!("{} did not come up: {failed}\n{}", kind.name(), self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// An address to listen on that is free now and stays so: one of this process alone, and a port that no outgoing
/// connection is given.
pub(crate) fn free_address() -> Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let [.., high, low] = std::process::id().to_be_bytes();
    let ip = Ipv4Addr::new(127, 88, high, low);
    for _ in 0..1000 {
        let addr = SocketAddr::from((ip, NEXT.fetch_add(1, Ordering::Relaxed)));
        if TcpListener::bind(addr).is_ok() {
            return Ok(addr);
        }
    }
    bail!("no free port at {ip}")
}

/// The first upstream carries; the others are backups, checked by a CONNECT to the origin. Tunnels of an upstream
/// that is marked down are ended.
fn haproxy(
    listen: SocketAddr,
    upstreams: &[SocketAddr],
    origin: SocketAddr,
    connections: u64,
    splice: bool,
) -> Result<String> {
    let mut text = format!(
        "global
  maxconn {connections}
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  timeout check 2s
  retries 3
  option redispatch 1
listen gateway
  bind {listen}
  option tcp-check
  tcp-check connect
  tcp-check send \"CONNECT {origin} HTTP/1.1\\r\\nHost: {origin}\\r\\n\\r\\n\"
  tcp-check expect rstring ^HTTP/1\\.[01]\\ 200
  default-server check inter 2s fastinter 500ms downinter 1s fall 2 rise 2 observe layer4 error-limit 1 \
             on-error mark-down on-marked-down shutdown-sessions
"
    );
    if splice {
        text.push_str("  option splice-auto\n");
    }
    for (index, upstream) in upstreams.iter().enumerate() {
        writeln!(text, "  server u{index} {upstream}{}", if index > 0 { " backup" } else { "" })?;
    }
    Ok(text)
}

/// No cache, no log, parents only, in order; the first silence of a parent counts.
fn squid(listen: SocketAddr, upstreams: &[SocketAddr]) -> Result<String> {
    let mut text = format!(
        "http_port {listen}
visible_hostname bench
http_access allow all
never_direct allow all
cache deny all
access_log none
cache_log /dev/null
cache_store_log none
netdb_filename none
pid_filename none
pinger_enable off
max_filedescriptors 16384
shutdown_lifetime 0 seconds
read_timeout 5 seconds
"
    );
    for (index, upstream) in upstreams.iter().enumerate() {
        writeln!(
            text,
            "cache_peer {} parent {} 0 no-query no-digest name=u{index} connect-timeout=2 connect-fail-limit=1",
            upstream.ip(),
            upstream.port()
        )?;
    }
    Ok(text)
}
