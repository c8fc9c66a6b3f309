//! Says which way traffic takes, and why: at the start of every recording, and whenever the kind of route changes under
//! running clients. The sentences are the contract's; people search their logs for them.

use holdfast_pool::{Choice, DirectReason, Pool, Proxy, Request};

use crate::keeper::PoolHandle;

/// The kinds of route, as the pool handle remembers the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing was chosen yet.
    Unknown,
    Proxy,
    Direct,
    None,
}

impl Kind {
    fn of(choice: &Choice) -> Self {
        match choice {
            Choice::Proxy { .. } => Self::Proxy,
            Choice::Direct(_) => Self::Direct,
            Choice::NoRoute(_) => Self::None,
        }
    }
}

/// Logs a choice if it is of another kind than the one before it.
pub(crate) fn log_change(pool: &PoolHandle, tags: &[String], choice: &Choice) {
    let kind = Kind::of(choice);
    let before = pool.note_kind(kind);
    // The first proxy of all is told by `prepare`, or is what everybody expects.
    if before != kind && (before, kind) != (Kind::Unknown, Kind::Proxy) {
        log(pool, tags, choice);
    }
}

/// Logs the choice that a recording starts with. That there is no route is said once, not at every try.
pub(crate) fn log_start(pool: &PoolHandle, tags: &[String], choice: &Choice) {
    let kind = Kind::of(choice);
    let before = pool.note_kind(kind);
    if kind != Kind::None || before != kind {
        log(pool, tags, choice);
    }
}

/// Logs why each proxy that was not chosen lost.
pub(crate) fn log_losers(pool: &Pool, request: &Request<'_>) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    for (id, reason) in pool.explain(request) {
        tracing::debug!(proxy = %id, %reason, "not chosen");
    }
}

fn log(pool: &PoolHandle, tags: &[String], choice: &Choice) {
    match choice {
        Choice::Proxy { url, health, priority, average, .. } => {
            let others = pool.read(|pool| usable(pool, tags)).saturating_sub(1);
            let time = average.map_or_else(|| "not measured".to_owned(), |t| format!("{} ms", t.as_millis()));
            tracing::info!(
                "Using proxy: {} ({health}, priority {priority}, {time}; {others} others)",
                url.masked()
            );
        }
        Choice::Direct(DirectReason::SystemOff) => {
            tracing::info!("Proxy system disabled - using direct connection");
        }
        Choice::Direct(DirectReason::NoneConfigured) => {
            tracing::info!("No proxies configured - using direct connection");
        }
        Choice::Direct(DirectReason::NoneUsable) => {
            tracing::warn!("No healthy proxies - using direct connection");
        }
        Choice::NoRoute(reason) => tracing::error!("No route: {reason}"),
    }
}

fn usable(pool: &Pool, tags: &[String]) -> usize {
    let fits = |p: &&Proxy| p.enabled && !p.is_convicted() && tags.iter().all(|t| p.tags.contains(t));
    pool.proxies().filter(fits).count()
}
