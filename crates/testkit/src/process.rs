//! The same proxy in a process of its own, for the faults only a process can have: SIGKILL and SIGSTOP. Its port stays
//! reserved while it is dead, so that it comes back where it was.

use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use socket2::Socket;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::door::{Source, loopback_source, reserve};
use crate::upstream::{Fault, Kind, Options, Stats, url_of};

/// A proxy process. Dropping it kills it.
#[derive(Debug)]
pub struct ProxyProcess {
    kind: Kind,
    options: Options,
    addr: SocketAddr,
    source: IpAddr,
    _port: Socket,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl ProxyProcess {
    /// Starts it; it accepts when this returns.
    pub async fn start(kind: Kind, options: Options) -> Result<Self> {
        let (port, addr) = reserve(options.listen)?;
        let source = options.source.unwrap_or_else(loopback_source);
        let mut proxy = Self { kind, options, addr, source, _port: port, running: None };
        proxy.restart().await?;
        Ok(proxy)
    }

    /// Starts it again on the same port, healthy; kills it first if it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill().await?;
        let bin = tokio::task::spawn_blocking(crate::testkit_bin).await??;
        let mut command = Command::new(bin);
        command.args(["proxy", "--kind", &format!("{:?}", self.kind).to_lowercase()]);
        command.args(["--listen", &self.addr.to_string(), "--source", &self.source.to_string()]);
        if let Some((user, password)) = &self.options.credentials {
            // Not in argv: tests look there for passwords that somebody else let slip.
            command.args(["--user", user]).env("TESTKIT_PASSWORD", password);
        }
        if let Some(bandwidth) = self.options.bandwidth {
            command.args(["--bandwidth", &bandwidth.to_string()]);
        }
        for (pattern, addr) in self.options.names.entries() {
            command.args(["--map", &format!("{pattern}={addr}")]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("starting a proxy process")?;
        let stdin = child.stdin.take().context("its standard input is piped")?;
        let stdout = BufReader::new(child.stdout.take().context("its standard output is piped")?).lines();
        let mut running = Running { child, stdin, stdout };
        let ready = running.line().await?;
        if !ready.starts_with("ready ") {
            bail!("a proxy process said {ready:?} instead of being ready");
        }
        self.running = Some(running);
        if self.options.fault != Fault::None {
            let fault = std::mem::take(&mut self.options.fault);
            self.set_fault(fault).await?;
        }
        Ok(())
    }

    /// SIGKILL; returns when it is dead and its port refuses.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut running) = self.running.take() {
            running.child.kill().await?;
        }
        Ok(())
    }

    /// SIGSTOP; returns when every thread of it stands still, which the kernel does in its own time.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)?;
        let tasks = format!("/proc/{}/task", self.pid().context("the proxy process is dead")?);
        let deadline = Instant::now() + Duration::from_secs(30);
        while !all_stopped(&tasks)? {
            ensure!(Instant::now() < deadline, "a proxy process does not stop");
            std::thread::yield_now();
        }
        Ok(())
    }

    /// SIGCONT.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Sets a fault through its standard input; returns when it is in force. Not while stopped or dead.
    pub async fn set_fault(&mut self, fault: Fault) -> Result<()> {
        let answer = self.ask(&format!("fault {}", serde_json::to_string(&fault)?)).await?;
        if answer != "ok" { bail!("a proxy process answered {answer:?}") } else { Ok(()) }
    }

    /// Makes it good again.
    pub async fn heal(&mut self) -> Result<()> {
        self.set_fault(Fault::None).await
    }

    /// Its counters and logs. Not while stopped or dead.
    pub async fn stats(&mut self) -> Result<Stats> {
        let answer = self.ask("stats").await?;
        let json = answer.strip_prefix("stats ").with_context(|| format!("not counters: {answer:?}"))?;
        Ok(serde_json::from_str(json)?)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().and_then(|running| running.child.id())
    }

    /// Its URL with credentials; SOCKS as `socks5h://`.
    pub fn url(&self) -> String {
        self.url_with_scheme(self.kind.scheme())
    }

    /// Its URL under another scheme.
    pub fn url_with_scheme(&self, scheme: &str) -> String {
        url_of(scheme, self.addr, self.options.credentials.as_ref())
    }

    async fn ask(&mut self, command: &str) -> Result<String> {
        let running = self.running.as_mut().context("the proxy process is dead")?;
        running.stdin.write_all(format!("{command}\n").as_bytes()).await?;
        running.stdin.flush().await?;
        running.line().await
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        kill_process(pid.context("the proxy process is dead")?, signal).context("signalling a proxy process")
    }
}

impl Running {
    async fn line(&mut self) -> Result<String> {
        let line = tokio::time::timeout(Duration::from_secs(60), self.stdout.next_line()).await;
        let line = line.context("a proxy process did not answer")??;
        line.context("a proxy process ended unexpectedly")
    }
}

fn all_stopped(tasks: &str) -> Result<bool> {
    for task in std::fs::read_dir(tasks)? {
        // A thread that has just ended is as still as one that is stopped.
        let Ok(stat) = std::fs::read_to_string(task?.path().join("stat")) else { continue };
        // pid (name) state …, and the name may hold anything.
        if !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 't'])) {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Source for ProxyProcess {
    fn source(&self) -> IpAddr {
        self.source
    }
}
