//! What is done now and then: the database is asked how it is, old checks and events are forgotten, and what was
//! measured is summed up.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::figures;
use crate::memory::Memory;

/// How often a database that is there is asked how it is. Trouble is noticed earlier by whoever uses it.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How often one that is away is.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often old rows are deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// For how long things are remembered.
#[derive(Clone, Copy)]
pub(crate) struct Keep {
    pub(crate) checks: Duration,
    pub(crate) events: Duration,
}

/// Does it until `stop`.
pub(crate) async fn run(memory: Arc<Memory>, keep: Keep, stop: CancellationToken) {
    let mut prune_at = Instant::now();
    loop {
        if Instant::now() >= prune_at && memory.is_away().is_none() {
            prune_at = Instant::now() + PRUNE_EVERY;
            prune(&memory, keep).await;
        }
        let pause = if memory.is_away().is_some() { LOOK_AGAIN } else { LOOK_EVERY };
        tokio::select! {
            () = sleep(pause) => {}
            () = memory.goes_away() => {}
            () = stop.cancelled() => return,
        }
        memory.look_after().await;
        figures::sum_up();
    }
}

async fn prune(memory: &Memory, keep: Keep) {
    let before = |span: Duration| Utc::now() - span;
    let done = memory.store().prune(before(keep.checks), before(keep.events)).await;
    match memory.heed(done) {
        Ok((0, 0)) => {}
        Ok((checks, events)) => tracing::debug!(checks, events, "old rows deleted"),
        Err(error) => tracing::warn!("old checks and events were not deleted: {error}"),
    }
}
