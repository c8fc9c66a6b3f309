//! Joins the crates for the commands without a server: settings become a pool, and the pool gets its gateway.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use holdfast_gateway::dial::Dialer;
use holdfast_gateway::probe::CheckTarget;
use holdfast_gateway::{Access, Gateway, PoolHandle};
use holdfast_model::ProxyId;
use holdfast_pool::{NewProxy, Pool, Settings as PoolSettings};
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
    let pool = PoolHandle::start(empty, dialer, Arc::new(plan.targets), &life.hard, &life.tasks);
    life.tasks.spawn(log::follow_until(pool.subscribe(), life.hard.clone()));
    let gateway = Gateway::start(listener, pool.clone(), access, life.hard.clone(), &life.tasks)
        .context("the listener has no address")?;
    // Only now, when everybody listens: the first checks may be over in no time.
    pool.change(|pool, now| {
        plan.proxies.into_iter().for_each(|proxy| pool.add(proxy, now));
        Vec::new()
    });
    Ok(gateway)
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
pub(crate) fn rand_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
