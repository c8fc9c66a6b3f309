//! One run of the server, under a keeper: a small shell that holds the other end of a pipe. When the pipe closes, because
//! we let go of it or because this process died in whatever way, the keeper shuts the server down and removes its files.
//! (`PR_SET_PDEATHSIG` would not do: it belongs to the thread that started the child, and a test's thread ends with it.)

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::install::Install;

/// A line on its standard input keeps the files; the end of it does not. A frozen server has to move to end.
const KEEPER: &str = r#"
# Stopped processes in a group whose parent dies: the kernel hangs up on all of the group.
trap "" HUP
home=$1; shift
"$@" 2>&1 &
server=$!
echo "server $server"
read -r word
kill -CONT "$server" $(cat "/proc/$server/task/$server/children") 2>/dev/null
kill -INT "$server" 2>/dev/null
wait "$server"
[ "$word" = keep ] || rm -rf "$home"
"#;

/// Longer than a busy machine needs to start it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    keeper: Child,
    leash: ChildStdin,
    pid: u32,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts it over the data in `home/data`; it takes connections when this returns.
    pub(super) fn start(install: &Install, home: &Path, addr: SocketAddr) -> Result<Self> {
        let mut keeper = install
            .command(Path::new("/bin/sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(home)
            .arg(install.bin("postgres"))
            .arg("-D")
            .arg(home.join("data"))
            .arg("-k")
            .arg(home)
            .args(["-p", &addr.port().to_string()])
            // Ctrl-C is for the tests; the keeper has to be there after them.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting PostgreSQL")?;
        let leash = keeper.stdin.take().context("its standard input is piped")?;
        let output = keeper.stdout.take().context("its standard output is piped")?;
        let log = Arc::<Mutex<String>>::default();
        let (sink, (heard, lines)) = (Arc::clone(&log), channel());
        std::thread::spawn(move || listen(output, &sink, &heard));
        let pid = wait_for(&lines, |line| line.strip_prefix("server ")?.parse().ok(), &log)?;
        wait_for(&lines, |line| line.contains("ready to accept connections").then_some(()), &log)?;
        Ok(Self { keeper, leash, pid, log })
    }

    /// Ends it and keeps its files.
    pub(super) fn stop(mut self) -> Result<()> {
        self.leash.write_all(b"keep\n")?;
        let status = self.keeper.wait()?;
        ensure!(status.success(), "PostgreSQL's keeper ended with {status}:\n{}", self.log());
        Ok(())
    }

    /// Ends it and removes its files, in its own time.
    pub(super) fn abandon(self) {
        let Self { mut keeper, leash, .. } = self;
        drop(leash);
        std::thread::spawn(move || keeper.wait());
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn freeze(&self) -> Result<()> {
        // The postmaster first: what it does not start need not be stopped.
        signal(self.pid, Signal::STOP)?;
        for child in self.children()? {
            signal(child, Signal::STOP)?;
        }
        Ok(())
    }

    pub(super) fn thaw(&self) -> Result<()> {
        for child in self.children()? {
            signal(child, Signal::CONT)?;
        }
        signal(self.pid, Signal::CONT)
    }

    fn children(&self) -> Result<Vec<u32>> {
        let list = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid))?;
        Ok(list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect())
    }
}

fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(pid.cast_signed()).context("a process id")?;
    match kill_process(pid, signal) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        outcome => outcome.context("signalling PostgreSQL"),
    }
}

fn listen(output: impl Read, log: &Mutex<String>, heard: &Sender<String>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        log.push('\n');
        drop(log);
        // Nobody waits for a line once it is ready.
        drop(heard.send(line));
    }
}

fn wait_for<T>(
    lines: &Receiver<String>,
    found: impl Fn(&str) -> Option<T>,
    log: &Mutex<String>,
) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(found) = found(&line) {
                    return Ok(found);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                bail!(
                    "PostgreSQL was not ready in {PATIENCE:?}:\n{}",
                    log.lock().unwrap_or_else(PoisonError::into_inner)
                )
            }
            Err(RecvTimeoutError::Disconnected) => {
                bail!(
                    "PostgreSQL ended before it was ready:\n{}",
                    log.lock().unwrap_or_else(PoisonError::into_inner)
                )
            }
        }
    }
}
