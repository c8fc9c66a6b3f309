//! `holdfast gateway`: the failover gateway alone, for curl, yt-dlp, ffmpeg, a browser: any tool that takes an
//! HTTP proxy.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use clap::parser::ValueSource;
use holdfast_gateway::{Access, Gateway};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use super::{Context, FAILURE, Failure, PoolArgs, usage, user_and_password};
use crate::lifecycle::Lifecycle;
use crate::{files, wiring};

const DEFAULT_LISTEN: &str = "127.0.0.1:8118";
/// How long open connections may take to end when the gateway is stopped.
const CLOSING: Duration = Duration::from_secs(5);

/// Run the failover gateway for other tools
///
/// An HTTP proxy on this machine that passes every connection on through the best of your proxies, and moves to
/// the next when one dies.
#[derive(Args, Serialize)]
#[command(after_help = "Examples:
  holdfast gateway --proxy-file proxies.txt
  curl -x http://127.0.0.1:8118 https://example.com/
  yt-dlp --proxy http://127.0.0.1:8118 ADDRESS
  HOLDFAST_AUTH=me:secret holdfast gateway --listen 0.0.0.0:8118 --proxy-file proxies.txt

Ctrl-C or SIGTERM stops it (exit status 0); open connections have 5 s to end.")]
pub(super) struct GatewayArgs {
    /// Where to listen; port 0 takes any free one, and the ready line tells it [default: 127.0.0.1:8118]
    #[arg(short, long, value_name = "ADDR:PORT", env = "HOLDFAST_LISTEN", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<String>,

    /// Ask clients for this user and password. It can be seen in the process list: prefer HOLDFAST_AUTH
    #[arg(long, value_name = "USER:PASS", env = "HOLDFAST_AUTH", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<String>,

    #[arg(skip)]
    #[serde(skip)]
    auth_in_argv: bool,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) pool: PoolArgs,
}

impl GatewayArgs {
    /// Remembers where the passwords came from.
    pub(super) fn settle(&mut self, matches: &clap::ArgMatches) {
        self.pool.proxies.settle(matches);
        self.auth_in_argv = matches.value_source("auth") == Some(ValueSource::CommandLine);
    }
}

/// Runs until it is told to stop.
pub(super) async fn run(args: &GatewayArgs, cx: Context) -> Result<u8, Failure> {
    let Context { settings, .. } = cx;
    args.pool.proxies.warn_of_password();
    if args.auth_in_argv {
        warn!("the password given by --auth can be read in the process list: use HOLDFAST_AUTH instead");
    }
    let access = match &settings.auth {
        Some(auth) => {
            user_and_password(auth).map(|(user, password)| Access::Password(user, password)).map_err(usage)?
        }
        None => Access::Anyone,
    };
    let asked = settings.listen.as_deref().unwrap_or(DEFAULT_LISTEN);
    if asked.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
        return Err(usage(anyhow::anyhow!("--listen: ADDR:PORT is wanted, such as {DEFAULT_LISTEN}")));
    }
    let plan = wiring::plan(&settings).map_err(usage)?;

    // Two for each tunnel. Asking raises the limit, so it must not depend on what is logged.
    let room = files::room_for(2);
    debug!("room for {room} tunnels");
    let life = Lifecycle::start()?;
    let listener = TcpListener::bind(asked).await.with_context(|| format!("cannot listen on {asked}"))?;
    let open_to_others = !listener.local_addr().context("the listener has no address")?.ip().is_loopback();
    if open_to_others && matches!(access, Access::Anyone) {
        warn!("everyone who reaches {asked} can use your proxies: set HOLDFAST_AUTH=USER:PASS");
    }
    let gateway = wiring::start(plan, listener, access, &life)?;
    // Whoever closed stdout does not want to know.
    let _ = writeln!(std::io::stdout(), "listening on http://{}", gateway.local_addr());
    life.soft.cancelled().await;
    drain(&gateway, &life).await;
    life.finish().await;
    info!("stopped");
    Ok(if life.panicked() { FAILURE } else { 0 })
}

/// Lets open connections come to their end for a while; a second signal ends the process meanwhile.
async fn drain(gateway: &Gateway, life: &Lifecycle) {
    let until = Instant::now() + CLOSING;
    while gateway.open_tunnels() > 0 && Instant::now() < until && !life.hard.is_cancelled() {
        sleep(Duration::from_millis(50)).await;
    }
}
