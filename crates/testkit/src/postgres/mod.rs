//! A real PostgreSQL for tests: on loopback, with TLS, with data that nobody will miss. One server is shared by a test
//! process, and a test that wants to see its database go away starts one of its own.
//!
//! A static is never dropped and a test process may be killed, so neither the server nor its files are left to `Drop`:
//! see `server.rs` for who cleans up.

mod install;
mod server;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use socket2::Socket;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::Ca;
use crate::door::reserve;
use install::Install;
use server::Server;

/// A PostgreSQL server. Dropping it shuts it down and removes its data.
#[derive(Debug)]
pub struct Postgres {
    install: &'static Install,
    addr: SocketAddr,
    /// Held so that the port stays ours while the server is away.
    _port: Socket,
    home: PathBuf,
    running: Option<Server>,
}

impl Postgres {
    /// The server that all tests of this process share; started by the first that asks.
    ///
    /// # Errors
    /// If PostgreSQL is not installed or does not start.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    /// Starts a server of one's own; it takes connections when this returns.
    ///
    /// # Errors
    /// If PostgreSQL is not installed or does not start.
    pub async fn start() -> Result<Self> {
        tokio::task::spawn_blocking(Self::start_blocking).await?
    }

    fn start_blocking() -> Result<Self> {
        let install = Install::get()?;
        let (port, addr) = reserve(([127, 0, 0, 1], 0).into())?;
        let home = install.fresh_home()?;
        let running = Server::start(install, home.path(), addr)?;
        // From here on its keeper removes it.
        Ok(Self { install, addr, _port: port, home: TempDir::keep(home), running: Some(running) })
    }

    /// Shuts it down the fast way: open connections are closed, nothing committed is lost. Its port and its data wait
    /// for [`Postgres::start_again`].
    ///
    /// # Errors
    /// If it is not running or does not end.
    pub async fn stop(&mut self) -> Result<()> {
        let server = self.running.take().context("this PostgreSQL is stopped already")?;
        tokio::task::spawn_blocking(|| server.stop()).await?
    }

    /// Starts it again with the same data on the same port.
    ///
    /// # Errors
    /// If it is running or does not start.
    pub async fn start_again(&mut self) -> Result<()> {
        ensure!(self.running.is_none(), "this PostgreSQL is running");
        let (install, home, addr) = (self.install, self.home.clone(), self.addr);
        let server = tokio::task::spawn_blocking(move || Server::start(install, &home, addr)).await??;
        self.running = Some(server);
        Ok(())
    }

    /// SIGSTOP to every process of it: connections stay open, new ones are accepted by the kernel, nothing answers.
    ///
    /// # Errors
    /// If it is not running.
    pub fn freeze(&self) -> Result<()> {
        self.running()?.freeze()
    }

    /// SIGCONT to every process of it.
    ///
    /// # Errors
    /// If it is not running.
    pub fn thaw(&self) -> Result<()> {
        self.running()?.thaw()
    }

    /// The process id of the server, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Server::pid)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What the server has logged since it was last started.
    pub fn log(&self) -> String {
        self.running.as_ref().map(Server::log).unwrap_or_default()
    }

    /// A new, empty database that belongs to a user of its own: `postgres://user:password@127.0.0.1:PORT/name`. The
    /// password has characters that a URL must escape.
    ///
    /// # Errors
    /// If it cannot be made.
    pub async fn database(&self) -> Result<String> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}_{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
        let password = format!("pg@{:016x}/%", RandomState::new().build_hasher().finish());
        self.sql(&format!("CREATE USER {name} PASSWORD '{password}'")).await?;
        self.sql(&format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0")).await?;
        let password = utf8_percent_encode(&password, NON_ALPHANUMERIC);
        Ok(format!("postgres://{name}:{password}@{}/{name}", self.addr))
    }

    /// The same database over TLS: `localhost` with `sslmode=verify-full` and the authority that signed the server.
    ///
    /// # Errors
    /// If the authority cannot be read.
    pub fn tls_url(&self, url: &str) -> Result<String> {
        let ca = Ca::shared()?.pem_path();
        let ca =
            utf8_percent_encode(ca.to_str().context("the target directory is not UTF-8")?, NON_ALPHANUMERIC);
        let url = url.replacen(&self.addr.ip().to_string(), "localhost", 1);
        let joint = if url.contains('?') { '&' } else { '?' };
        Ok(format!("{url}{joint}sslmode=verify-full&sslrootcert={ca}"))
    }

    /// Runs SQL as the superuser, in the database `postgres`; the rows, `|` between columns.
    ///
    /// # Errors
    /// If the server refuses it.
    pub async fn sql(&self, sql: &str) -> Result<String> {
        self.psql(
            &format!("host={} port={} user=postgres dbname=postgres", self.home.display(), self.addr.port()),
            sql,
        )
        .await
    }

    /// Runs SQL in the database of a URL that [`Postgres::database`] gave, as a person with psql would.
    ///
    /// # Errors
    /// If the server refuses it.
    pub async fn sql_in(&self, url: &str, sql: &str) -> Result<String> {
        self.psql(url, sql).await
    }

    async fn psql(&self, target: &str, sql: &str) -> Result<String> {
        let mut psql = tokio::process::Command::new(self.install.bin("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
        psql.args(["--dbname", target, "--command", sql]).envs(install::ENVIRONMENT).stdin(Stdio::null());
        let rows = crate::verify::run(psql, Duration::from_secs(60)).await?;
        Ok(String::from_utf8_lossy(&rows).trim().to_owned())
    }

    fn running(&self) -> Result<&Server> {
        self.running.as_ref().context("this PostgreSQL is stopped")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        match self.running.take() {
            Some(server) => server.abandon(),
            None => drop(std::fs::remove_dir_all(&self.home)),
        }
    }
}
