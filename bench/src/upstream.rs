//! The upstream proxy behind every gateway: CONNECT and plain requests over HTTP/1.1, nothing more. In this process
//! where its own cost does not matter, as a process of its own where it is to be killed or stopped.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use rustix::process::{Signal, set_parent_process_death_signal};
use tokio::io::{AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::head::Head;
use crate::process::Process;

/// Large, so that the upstream is not what is measured.
const BUFFER: usize = 256 * 1024;

/// A loopback address for each of many proxies, as lists have them; the port is one that needs no rights.
pub(crate) fn loopback(block: u8, number: usize) -> SocketAddr {
    let [.., high, low] = number.to_be_bytes();
    (Ipv4Addr::new(127, 77, block + high, low), 31280).into()
}

/// One fault at the next request, for a proxy that is otherwise good.
#[derive(Debug, Default)]
struct Blips {
    bad_gateway: AtomicBool,
    reset: AtomicBool,
}

/// An upstream in this process; dropping it ends its listener.
#[derive(Debug)]
pub(crate) struct Upstream {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Upstream {
    /// Starts one; port 0 takes any.
    pub(crate) async fn start(listen: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
        let addr = listener.local_addr()?;
        static NO_BLIPS: Blips = Blips { bad_gateway: AtomicBool::new(false), reset: AtomicBool::new(false) };
        let task = tokio::spawn(accept(listener, IpAddr::V4(Ipv4Addr::LOCALHOST), &NO_BLIPS));
        Ok(Self { addr, task })
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, source: IpAddr, blips: &'static Blips) {
    while let Ok((client, _)) = listener.accept().await {
        // A side that leaves is how a tunnel ends.
        tokio::spawn(async move { drop(serve(client, source, blips).await) });
    }
}

async fn serve(mut client: TcpStream, source: IpAddr, blips: &Blips) -> Result<()> {
    client.set_nodelay(true)?;
    let head = Head::read(&mut client).await?;
    if blips.reset.swap(false, Ordering::Relaxed) {
        return Ok(client.set_zero_linger()?);
    }
    if blips.bad_gateway.swap(false, Ordering::Relaxed) {
        return Ok(client
            .write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await?);
    }
    let target = head.target();
    let (authority, request) = match target.strip_prefix("http://") {
        None => (target, None),
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
            (authority, Some(request))
        }
    };
    let mut origin = dial(authority, source).await?;
    match request {
        None => client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?,
        Some(request) => origin.write_all(request.as_bytes()).await?,
    }
    copy_bidirectional_with_sizes(&mut client, &mut origin, BUFFER, BUFFER).await?;
    Ok(())
}

async fn dial(authority: &str, source: IpAddr) -> Result<TcpStream> {
    let to: SocketAddr = match authority.rsplit_once(':') {
        // The name a certificate can be for.
        Some(("localhost", port)) => (Ipv4Addr::LOCALHOST, port.parse()?).into(),
        _ => authority.parse().with_context(|| format!("{authority} is no address"))?,
    };
    ensure!(to.ip().is_loopback(), "only loopback");
    let socket = TcpSocket::new_v4()?;
    // A port that is bound before it connects is nobody else's while it is in TIME_WAIT: thousands would use them up.
    if source != Ipv4Addr::LOCALHOST {
        socket.bind((source, 0).into())?;
    }
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// An upstream in a process of its own.
#[derive(Debug)]
pub(crate) struct UpstreamProcess {
    exe: PathBuf,
    addr: SocketAddr,
    source: IpAddr,
    process: Mutex<Option<Process>>,
}

impl UpstreamProcess {
    /// Starts one that dials from `source`. `exe`: the binary of this crate.
    pub(crate) fn start(exe: &Path, source: IpAddr) -> Result<Self> {
        let addr = crate::gateway::free_address()?;
        let it = Self { exe: exe.to_owned(), addr, source, process: Mutex::new(None) };
        it.restart()?;
        Ok(it)
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address it dials from, by which the origin knows it.
    pub(crate) fn source(&self) -> IpAddr {
        self.source
    }

    /// Starts it again at the same address.
    pub(crate) fn restart(&self) -> Result<()> {
        let mut process = Process::start(
            Command::new(&self.exe)
                .args(["upstream", "--listen", &self.addr.to_string(), "--source", &self.source.to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped()),
        )?;
        let mut line = String::new();
        let stdout = process.child().stdout.take().context("its output is piped")?;
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line.trim() == "ready", "an upstream process did not start");
        *self.lock() = Some(process);
        Ok(())
    }

    /// SIGKILL; returns when it is gone.
    pub(crate) fn kill(&self) {
        drop(self.lock().take());
    }

    /// SIGSTOP or SIGCONT.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        self.lock().as_ref().context("the upstream is dead")?.signal(signal)
    }

    /// "502" or "reset": what the next request meets.
    pub(crate) fn blip(&self, what: &str) -> Result<()> {
        let mut guard = self.lock();
        let stdin = guard.as_mut().and_then(|p| p.child().stdin.as_mut()).context("the upstream is dead")?;
        Ok(writeln!(stdin, "{what}")?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What the subcommand `upstream` does: serves until its standard input ends, and takes the words of
/// `UpstreamProcess::blip` from it.
///
/// # Errors
/// If it cannot listen.
pub async fn serve_as_process(listen: SocketAddr, source: IpAddr) -> Result<()> {
    // Not even a stopped process may stay behind.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    static BLIPS: Blips = Blips { bad_gateway: AtomicBool::new(false), reset: AtomicBool::new(false) };
    let listener = TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    println!("ready");
    tokio::spawn(accept(listener, source, &BLIPS));
    let words = tokio::task::spawn_blocking(|| {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            match line.as_str() {
                "502" => BLIPS.bad_gateway.store(true, Ordering::Relaxed),
                "reset" => BLIPS.reset.store(true, Ordering::Relaxed),
                _ => {}
            }
        }
    });
    Ok(words.await?)
}
