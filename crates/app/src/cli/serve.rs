//! `holdfast serve`: database, health checks, gateway, recorder and API in one process.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use clap::parser::ValueSource;
use holdfast_engine::{Engine, Options};
use holdfast_gateway::dial::Dialer;
use holdfast_model::Secret;
use holdfast_recorder::Tools;
use holdfast_store::{DatabaseUrl, Store, Vault};
use serde::Serialize;
use tokio::net::TcpListener;
use tracing::{debug, info, warn};

use super::{Context, FAILURE, Failure, TargetArgs, ToolArgs, usage};
use crate::config::{Settings, Span};
use crate::lifecycle::Lifecycle;
use crate::{data_dir, files, log, wiring};

pub(crate) const DEFAULT_LISTEN: &str = "127.0.0.1:8000";
pub(crate) const DEFAULT_DATA_DIR: &str = "./data";
/// For how long checks are remembered, unless the settings say otherwise.
const KEEP_CHECKS: Duration = Duration::from_secs(7 * 86_400);
/// The same for events.
const KEEP_EVENTS: Duration = Duration::from_secs(30 * 86_400);
/// How long answers under way may take once the recordings are finished.
const CLOSING: Duration = Duration::from_secs(1);
/// How long the database may take to close its files.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Where everything is kept.
#[derive(Args, Serialize)]
pub(super) struct DatabaseArgs {
    /// Where everything is kept; created if it is not there [default: ./data]
    #[arg(long, value_name = "DIR", env = "HOLDFAST_DATA_DIR", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<PathBuf>,

    /// The database: sqlite://FILE or postgres://… [default: SQLite in the data directory]
    ///
    /// A password given here can be seen in the process list: prefer HOLDFAST_DATABASE_URL. TLS to PostgreSQL:
    /// ?sslmode=verify-full&sslrootcert=FILE.
    #[arg(long, value_name = "URL", env = "HOLDFAST_DATABASE_URL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    database_url: Option<String>,
}

/// Run the server: API, health checks, recorder and gateway
///
/// Everything it remembers is in the data directory: the database, the key of the stored passwords, the recordings.
/// Settings that change at run time (the check interval, the fallback to a direct connection …) live in the database
/// and are changed over the API.
#[derive(Args, Serialize)]
#[command(after_help = "Examples:
  holdfast serve
  holdfast serve --listen 127.0.0.1:9000 --data-dir /srv/holdfast
  HOLDFAST_DATABASE_URL=postgres://holdfast:secret@db/holdfast holdfast serve

It prints one line when it is ready. Ctrl-C or SIGTERM stops it: recordings are finished first, which takes up to
15 s. A second signal stops it at once.")]
pub(crate) struct ServeArgs {
    /// Where API and page listen, on this machine only; port 0 takes any free one [default: 127.0.0.1:8000]
    #[arg(short, long, value_name = "ADDR:PORT", env = "HOLDFAST_LISTEN", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<String>,

    #[command(flatten)]
    #[serde(flatten)]
    database: DatabaseArgs,

    /// Where recordings go [default: recordings/ in the data directory]
    #[arg(long, value_name = "DIR", env = "HOLDFAST_RECORDINGS_DIR", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    recordings_dir: Option<PathBuf>,

    /// Also offer the failover gateway to other tools there [default: off]
    #[arg(long, value_name = "ADDR:PORT", env = "HOLDFAST_GATEWAY_LISTEN", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_listen: Option<String>,

    /// Ask its clients for this user and password. It can be seen in the process list: prefer HOLDFAST_AUTH
    #[arg(long, value_name = "USER:PASS", env = "HOLDFAST_AUTH", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<String>,

    /// A name under which browsers may reach the server, such as that of a reverse proxy; may be repeated
    #[arg(
        long,
        value_name = "HOST",
        env = "HOLDFAST_ALLOWED_HOST",
        hide_env_values = true,
        value_delimiter = ','
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_host: Vec<String>,

    /// For how long the checks of each proxy are remembered [default: 7d]
    #[arg(long, value_name = "TIME", env = "HOLDFAST_KEEP_CHECKS", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_checks: Option<Span>,

    /// For how long the event log goes back [default: 30d]
    #[arg(long, value_name = "TIME", env = "HOLDFAST_KEEP_EVENTS", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_events: Option<Span>,

    #[command(flatten)]
    #[serde(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    #[serde(flatten)]
    tools: ToolArgs,

    #[arg(skip)]
    #[serde(skip)]
    secrets_in_argv: Vec<&'static str>,
}

impl ServeArgs {
    /// Remembers where the passwords came from.
    pub(super) fn settle(&mut self, matches: &clap::ArgMatches) {
        let given = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        if given("auth") {
            self.secrets_in_argv.push("--auth can be read in the process list: use HOLDFAST_AUTH instead");
        }
        let has_password =
            self.database.database_url.as_deref().is_some_and(|url| url.contains('@') && url.contains(':'));
        if given("database_url") && has_password {
            self.secrets_in_argv
                .push("--database-url can be read in the process list: use HOLDFAST_DATABASE_URL instead");
        }
    }
}

/// What `serve` is to do, read and checked.
pub(crate) struct Wanted {
    pub(super) listen: SocketAddr,
    pub(super) data_dir: PathBuf,
    pub(super) database: DatabaseUrl,
    pub(super) recordings_dir: PathBuf,
    gateway: Option<(String, Option<(String, Secret)>)>,
}

/// Checks what can be checked without touching anything.
pub(crate) fn wanted(settings: &Settings) -> anyhow::Result<Wanted> {
    let data_dir = settings.data_dir.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR));
    // Paths of recordings are stored: they must not depend on where the server is started.
    let data_dir = std::path::absolute(data_dir).context("the current directory is gone")?;
    let database = database(settings, &data_dir)?;
    settings.check_targets()?;
    let auth = settings.auth.as_deref().map(super::user_and_password).transpose()?;
    if auth.is_some() && settings.gateway_listen.is_none() {
        bail!("--auth is for the gateway of other tools: it needs --gateway-listen");
    }
    Ok(Wanted {
        listen: loopback(settings.listen.as_deref().unwrap_or(DEFAULT_LISTEN))?,
        recordings_dir: match &settings.recordings_dir {
            Some(named) => std::path::absolute(named).context("the current directory is gone")?,
            None => data_dir.join("recordings"),
        },
        database,
        gateway: settings.gateway_listen.clone().map(|listen| (listen, auth)),
        data_dir,
    })
}

/// Runs until it is told to stop.
pub(super) async fn run(args: &ServeArgs, cx: Context) -> Result<u8, Failure> {
    let Context { settings, .. } = cx;
    for warning in &args.secrets_in_argv {
        warn!("what is given by {warning}");
    }
    let wanted = wanted(&settings).map_err(usage)?;
    let targets = settings.check_targets().map_err(usage)?;
    let _data = data_dir::take(&wanted.data_dir)?;
    let _recordings = data_dir::take(&wanted.recordings_dir)?;
    let room = files::room_for(2);
    debug!("room for {room} tunnels");
    let life = Lifecycle::start()?;
    let store = open_store(&wanted.database, &wanted.data_dir).await?;
    let tools = Tools::find(settings.streamlink.as_deref(), settings.ffmpeg.as_deref());
    if let Err(error) = &tools {
        warn!("recordings will be refused: {error}");
    }
    let api = TcpListener::bind(wanted.listen).await;
    let api = api.with_context(|| format!("cannot listen on {}", wanted.listen))?;
    let address = api.local_addr().context("the listener has no address")?;
    let dialer = Dialer::new().context("cannot read the certificates of this machine")?;
    // No client of the gateway gets to the API through it.
    dialer.never_dial(address);
    let options = Options {
        store: store.clone(),
        dialer,
        targets,
        replace_targets: !settings.names_check_targets(),
        tools,
        recordings_dir: wanted.recordings_dir.clone(),
        listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on loopback")?,
        public_gateway: public_gateway(&wanted).await?,
        seed: wiring::rand_seed(),
        keep_checks: keep_checks(&settings),
        keep_events: keep_events(&settings),
        version: env!("CARGO_PKG_VERSION"),
    };
    let follow = |events| drop(life.tasks.spawn(log::follow_until(events, life.hard.clone())));
    let engine = Engine::start(options, life.hard.clone(), &life.tasks, follow);
    let engine = Box::pin(engine).await.context("the server cannot start")?;
    let options = holdfast_api::Options {
        allowed_hosts: settings.allowed_host.clone(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let door = tokio::spawn(holdfast_api::serve(api, engine.clone(), options, life.soft.clone()));
    // Whoever closed stdout does not want to know.
    let _ = writeln!(std::io::stdout(), "listening on http://{address}");
    life.soft.cancelled().await;
    engine.shut_down().await;
    let _ = tokio::time::timeout(CLOSING, door).await;
    life.finish().await;
    // A database that is away must not hold up the end.
    let _ = tokio::time::timeout(LAST_MOMENT, store.close()).await;
    info!("stopped");
    Ok(if life.panicked() { FAILURE } else { 0 })
}

/// For how long checks are remembered.
pub(super) fn keep_checks(settings: &Settings) -> Duration {
    settings.keep_checks.map_or(KEEP_CHECKS, |span| span.0)
}

/// For how long events are remembered.
pub(super) fn keep_events(settings: &Settings) -> Duration {
    settings.keep_events.map_or(KEEP_EVENTS, |span| span.0)
}

/// Opens the store with its key.
pub(crate) async fn open_store(database: &DatabaseUrl, data_dir: &Path) -> anyhow::Result<Store> {
    let key = std::env::var("HOLDFAST_SECRET_KEY").ok().filter(|key| !key.is_empty()).map(Secret::new);
    let vault = Vault::from_env_or_file(key, &data_dir.join("secret.key"))?;
    Box::pin(Store::open(database, vault))
        .await
        .with_context(|| format!("the database {database} cannot be opened"))
}

/// The database that the settings name.
pub(crate) fn database(settings: &Settings, data_dir: &Path) -> anyhow::Result<DatabaseUrl> {
    match &settings.database_url {
        Some(url) => DatabaseUrl::parse(url).context("--database-url"),
        None => Ok(DatabaseUrl::for_data_dir(data_dir)),
    }
}

/// An address of this machine only: until there are accounts, whoever reaches the API may do everything.
fn loopback(text: &str) -> anyhow::Result<SocketAddr> {
    let wrong = || anyhow::anyhow!("--listen: ADDR:PORT is wanted, such as {DEFAULT_LISTEN}");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let address: IpAddr = match host {
        "localhost" => Ipv4Addr::LOCALHOST.into(),
        host => host.trim_matches(['[', ']']).parse().map_err(|_| wrong())?,
    };
    if !address.is_loopback() {
        bail!(
            "--listen: the server listens on this machine only (127.0.0.1, [::1]) until it has accounts; \
             reach it through ssh -L or a reverse proxy that asks for a password"
        );
    }
    Ok(SocketAddr::new(address, port))
}

async fn public_gateway(wanted: &Wanted) -> anyhow::Result<Option<(TcpListener, Option<(String, Secret)>)>> {
    let Some((listen, auth)) = &wanted.gateway else { return Ok(None) };
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("--gateway-listen: cannot listen on {listen}"))?;
    let address = listener.local_addr().context("the listener has no address")?;
    if !address.ip().is_loopback() && auth.is_none() {
        warn!("everyone who reaches {listen} can use your proxies: set HOLDFAST_AUTH=USER:PASS");
    }
    info!("gateway for other tools on http://{address}");
    Ok(Some((listener, auth.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_listened_on() {
        for (text, good) in [
            ("127.0.0.1:8000", true),
            ("127.9.9.9:0", true),
            ("localhost:1", true),
            ("[::1]:8000", true),
            ("0.0.0.0:8000", false),
            ("[::]:8000", false),
            ("192.168.1.5:8000", false),
            ("example.com:80", false),
            ("8000", false),
            ("127.0.0.1:99999", false),
        ] {
            assert_eq!(loopback(text).is_ok(), good, "{text}");
        }
    }
}
