//! Before a recording starts: select, check the chosen proxy and the next two side by side, and start with the best
//! that passed. A night's recording should not begin on a proxy that died an hour ago.

use std::time::{Duration, Instant};

use holdfast_model::{Health, ProxyId, Trigger, Via};
use holdfast_pool::{Choice, Proxy, Request};
use tokio::time::sleep_until;

use crate::decision;
use crate::keeper::{CHECK_LIMIT, PoolHandle};

/// For all the checks together.
const LIMIT: Duration = Duration::from_secs(3);
/// How many proxies are checked side by side.
const CANDIDATES: usize = 3;

/// There is no way to the outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no route: {reason}")]
pub struct NoRoute {
    /// Why, in words a person can act on.
    pub reason: String,
}

/// Chooses the route of a recording that is about to start, and logs the decision.
pub(crate) async fn prepare(pool: &PoolHandle, tags: &[String]) -> Result<Via, NoRoute> {
    let mut tried = Vec::new();
    let deadline = Instant::now() + LIMIT;
    loop {
        let candidates = candidates(pool, tags, &tried);
        check(pool, &candidates, deadline).await;
        tried.extend(candidates);
        let choice = pool.read(|pool| pool.select(&Request { tags, ..Request::default() }));
        match choice {
            // One that was not among the checked ones is checked before it is trusted, while there is time.
            Choice::Proxy { id, .. } if !tried.contains(&id) && Instant::now() < deadline => {}
            choice => return decide(pool, tags, choice),
        }
    }
}

/// Checks side by side, and waits in order of preference: once a preferred one has passed, those behind it need not
/// be waited for. Their checks go on by themselves.
async fn check(pool: &PoolHandle, candidates: &[ProxyId], deadline: Instant) {
    let begin = |&id: &ProxyId| Some((id, pool.start_check(id, Trigger::Suspicion, CHECK_LIMIT)?));
    let checks: Vec<_> = candidates.iter().filter_map(begin).collect();
    for (id, judged) in checks {
        // Judged, convicted before the whole check has ended, or out of time.
        tokio::select! {
            _ = judged => {}
            () = convicted(pool, id) => {}
            () = sleep_until(deadline.into()) => return,
        }
        if pool.read(|pool| pool.get(id).is_some_and(|p| p.health == Health::Healthy && !p.is_convicted())) {
            return;
        }
    }
}

async fn convicted(pool: &PoolHandle, id: ProxyId) {
    let mut changes = pool.watch_changes();
    while !pool.read(|pool| pool.get(id).is_none_or(Proxy::is_convicted)) {
        // The sender lives as long as the handle.
        let _ = changes.changed().await;
    }
}

fn candidates(pool: &PoolHandle, tags: &[String], tried: &[ProxyId]) -> Vec<ProxyId> {
    let mut seen = tried.to_vec();
    let mut found = Vec::new();
    while found.len() < CANDIDATES {
        let choice = pool.read(|pool| pool.select(&Request { tags, tried: &seen, ..Request::default() }));
        let Choice::Proxy { id, .. } = choice else { break };
        seen.push(id);
        found.push(id);
    }
    found
}

fn decide(pool: &PoolHandle, tags: &[String], choice: Choice) -> Result<Via, NoRoute> {
    pool.read(|pool| decision::log_losers(pool, &Request { tags, ..Request::default() }));
    decision::log_start(pool, tags, &choice);
    match choice {
        Choice::Proxy { id, url, .. } => Ok(Via::Proxy(id, url.masked())),
        Choice::Direct(_) => Ok(Via::Direct),
        Choice::NoRoute(reason) => Err(NoRoute { reason: reason.to_string() }),
    }
}
