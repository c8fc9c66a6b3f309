//! Joins the crates: settings become a pool, the pool gets its gateway, and the recorder gets routes that it knows
//! by its own traits only.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use holdfast_gateway::dial::Dialer;
use holdfast_gateway::probe::CheckTarget;
use holdfast_gateway::{Access, AccountHandle, Gateway, LeaseHandle, PoolHandle, SlowReport};
use holdfast_model::{ProxyId, RecordingId, Secret, Via};
use holdfast_pool::{NewProxy, Pool, Settings as PoolSettings};
use holdfast_recorder::ports::{Account, Lease, NoRoute, Routes, SlowSegment, Traffic};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::config::{Proxies, Settings};
use crate::lifecycle::Lifecycle;
use crate::log;
use crate::term::count;

/// Time between two checks of a proxy, unless the settings say otherwise: shorter than the server's, because a
/// single recording has no passive knowledge of the proxies that it does not use.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);
/// Lines that cannot be used are told one by one up to here; the rest is counted.
const REJECTED_SHOWN: usize = 20;

/// What a pool and its gateway are made of, checked.
pub(crate) struct Plan {
    settings: PoolSettings,
    proxies: Vec<NewProxy>,
    targets: Vec<CheckTarget>,
}

/// The pool that the settings describe. What is wrong with single lines of a list is told, not fatal.
pub(crate) fn plan(settings: &Settings) -> Result<Plan> {
    let proxies = settings.proxies()?;
    tell_rejected(&proxies);
    if settings.names_proxies() && proxies.entries.is_empty() {
        bail!("none of the proxies that were named can be used");
    }
    let pool_settings = PoolSettings {
        interval: settings.check_interval.map_or(CHECK_INTERVAL, |span| span.0),
        fallback_to_direct: !settings.no_direct,
        ..PoolSettings::default()
    };
    let proxies = (1..).zip(proxies.entries).map(|(id, proxy)| {
        let (url, tags, priority) = (proxy.url, proxy.tags, proxy.priority);
        NewProxy { id: ProxyId(id), url, label: None, tags, priority, enabled: true }
    });
    Ok(Plan { settings: pool_settings, proxies: proxies.collect(), targets: settings.check_targets()? })
}

/// Starts the checks of the pool, the log of its events, and the gateway in front of it.
pub(crate) fn start(plan: Plan, listener: TcpListener, access: Access, life: &Lifecycle) -> Result<Gateway> {
    let dialer = Dialer::new().context("cannot read the certificates of this machine")?;
    // The hard token: while a recording is being finished, its gateway still has to work.
    let empty = Pool::new(plan.settings, rand_seed());
    let pool = PoolHandle::start(empty, dialer, plan.targets, life.hard.clone(), &life.tasks);
    let (events, hard) = (pool.subscribe(), life.hard.clone());
    life.tasks.spawn(async move {
        tokio::select! {
            () = hard.cancelled() => {}
            () = log::follow(events) => {}
        }
    });
    let gateway = Gateway::start(listener, pool.clone(), access, life.hard.clone(), &life.tasks)
        .context("the listener has no address")?;
    // Only now, when everybody listens: the first checks may be over in no time.
    pool.change(|pool, now| {
        plan.proxies.into_iter().for_each(|proxy| pool.add(proxy, now));
        Vec::new()
    });
    Ok(gateway)
}

/// The gateway as the recorder knows it.
pub(crate) struct GatewayRoutes(Gateway);

impl GatewayRoutes {
    /// Routes of this gateway.
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self(gateway)
    }
}

#[async_trait]
impl Routes for GatewayRoutes {
    async fn prepare(&self, tags: &[String]) -> Result<Via, NoRoute> {
        self.0.prepare(tags).await.map_err(|error| NoRoute { reason: error.reason })
    }

    fn open(&self, recording: RecordingId, tags: &[String]) -> Arc<dyn Account> {
        Arc::new(GatewayAccount(self.0.account(recording, tags)))
    }
}

struct GatewayAccount(AccountHandle);

impl Account for GatewayAccount {
    fn lease(&self) -> Box<dyn Lease> {
        Box::new(GatewayLease(self.0.lease()))
    }

    fn traffic(&self) -> Traffic {
        let traffic = self.0.traffic();
        Traffic {
            bytes_down: traffic.routes.iter().map(|route| route.bytes).sum(),
            routes: traffic.routes,
            failovers: traffic.failovers,
            last_fault: traffic.last_fault,
            last_success: traffic.last_success,
            no_route: traffic.no_route,
        }
    }

    fn close(&self, reason: &str) {
        self.0.close(reason);
    }
}

struct GatewayLease(LeaseHandle);

impl Lease for GatewayLease {
    fn proxy_url(&self) -> Secret {
        self.0.proxy_url()
    }

    fn segment_slow(&self, slow: SlowSegment) {
        self.0.segment_slow(SlowReport { in_flight: slow.in_flight, duration: slow.duration });
    }

    fn segment_complete(&self) {
        self.0.segment_complete();
    }
}

/// Says which lines of a list were left out, and why.
pub(crate) fn tell_rejected(proxies: &Proxies) {
    for (source, line) in proxies.rejected.iter().take(REJECTED_SHOWN) {
        warn!("{source}, line {}: {}", line.line, line.detail);
    }
    if let Some(more @ 1..) = proxies.rejected.len().checked_sub(REJECTED_SHOWN) {
        warn!("{more} more lines cannot be used");
    }
    if proxies.duplicates > 0 {
        info!("{} left out", count(proxies.duplicates as u64, "duplicate is", "duplicates are"));
    }
}

/// Different for each process, so that several do not check in step.
fn rand_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
