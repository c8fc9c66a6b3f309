//! One run of `holdfast serve` over a data directory that outlives it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::Process;

/// The contract's 15 s for the end of a server, and a little.
const STOPPING: Duration = Duration::from_secs(20);

/// What all runs share.
pub(super) struct Place {
    holdfast: PathBuf,
    target: String,
    ca: PathBuf,
    dir: TempDir,
}

impl Place {
    /// With an empty data directory; checks ask for `target`, whose certificate is from `ca`.
    pub(super) fn new(holdfast: &Path, target: &str, ca: &Path) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("holdfast-bench").tempdir()?;
        Ok(Self { holdfast: holdfast.to_owned(), target: target.to_owned(), ca: ca.to_owned(), dir })
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn command(&self) -> Result<Command> {
        let mut command = Command::new(&self.holdfast);
        command.args(["serve", "--listen", "127.0.0.1:0", "--check-url", &self.target]);
        command.arg("--data-dir").arg(self.dir.path().join("data"));
        // A person's own database and settings are not for this.
        let own = |name: &OsString| name.to_string_lossy().starts_with("HOLDFAST_");
        for name in std::env::vars_os().map(|(name, _)| name).filter(own) {
            command.env_remove(name);
        }
        command.env("SSL_CERT_FILE", &self.ca).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::options().create(true).append(true).open(self.log())?);
        Ok(command)
    }

    /// What the servers wrote last.
    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

/// A running server. Dropping it kills it.
pub(super) struct Instance {
    process: Process,
    addr: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

impl Instance {
    /// Starts one; how long it took from before the start of the process to its ready line.
    pub(super) async fn start(place: &Place) -> Result<(Duration, Self)> {
        let mut command = place.command()?;
        let started = tokio::task::spawn_blocking(move || launch(&mut command)).await?;
        started.with_context(|| place.last_words())
    }

    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The process, to be measured.
    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    /// Stops it as a person would, and waits for its end.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.process.signal(Signal::TERM)?;
        let begun = Instant::now();
        while self.process.runs() {
            if begun.elapsed() > STOPPING {
                bail!("the server did not stop within {} s of SIGTERM", STOPPING.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// Blocks until the ready line: the clock is stopped by nobody's turn but ours.
fn launch(command: &mut Command) -> Result<(Duration, Instance)> {
    let begun = Instant::now();
    let mut process = Process::start(command)?;
    let mut stdout = BufReader::new(process.child().stdout.take().context("its output is piped")?);
    let mut line = String::new();
    stdout.read_line(&mut line)?;
    let took = begun.elapsed();
    let addr = line.trim().strip_prefix("listening on http://").context("the server did not start")?;
    let addr = addr.parse().with_context(|| format!("its ready line is {line:?}"))?;
    Ok((took, Instance { process, addr, _stdout: stdout }))
}
