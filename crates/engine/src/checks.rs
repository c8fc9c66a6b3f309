//! Checks that people ask for, their history, the choice and its reasons, and the drill.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use holdfast_gateway::Memory as _;
use holdfast_gateway::keeper::CHECK_LIMIT;
use holdfast_model::{Event, Level, ProxyId, RecordingId, Trigger, in_micros, milliseconds};
use holdfast_pool::{Choice, Request};
use serde_json::json;
use tokio::sync::broadcast;

use crate::journal::Note;
use crate::view::{Best, CheckList, CheckView, Considered, Drilled, Moved, PhasesView, RouteKind, Tested};
use crate::wish::Span;
use crate::{Engine, Refusal};

/// How long a drill lasts.
const DRILL: Duration = Duration::from_secs(60);
/// How long a drill waits for the recordings to move. One that fetches nothing meanwhile has nothing to move.
const MOVING: Duration = Duration::from_secs(10);
/// Checks that one answer carries at most.
const HISTORY: u64 = 5000;

impl Engine {
    /// Checks a proxy now. Counts like a scheduled check.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn test_proxy(&self, id: ProxyId) -> Result<Tested, Refusal> {
        let memory = &self.inner.memory;
        if memory.locked(id).is_some() {
            // Perhaps somebody has mended the row by hand: a check of it would not come by itself.
            memory.reread(id).await;
        }
        let locked = memory.locked(id);
        let report = match locked {
            Some(_) => None,
            None => {
                let pool = memory.pool().clone();
                // Whoever asked may hang up: a check that was begun has to be handed back all the same.
                self.carry_out(async move { Ok(pool.check_now(id, Trigger::Manual, CHECK_LIMIT).await) })
                    .await?
            }
        };
        let now =
            memory.pool().read(|pool| pool.get(id).map(|p| (p.health, p.consecutive_failures, p.enabled)));
        let (health, consecutive_failures, enabled) = now.ok_or_else(|| Refusal::no_proxy(id))?;
        let finding = report.map(|report| report.finding());
        Ok(Tested {
            // As it was judged: what fails through every proxy is the target's fault, and no proxy is failed for it.
            status: health.into(),
            response_time_ms: finding.as_ref().and_then(|f| f.response_time).map(milliseconds),
            error: finding.as_ref().map_or(locked, |f| f.error.clone()),
            consecutive_failures,
            enabled,
            phases: finding.map(|f| PhasesView::from(f.phases)).unwrap_or_default(),
        })
    }

    /// Checks all proxies that are enabled or were disabled by the program. The results come as events.
    pub fn check_all(&self) {
        let pool = self.inner.memory.pool();
        let wanted = pool.read(|pool| {
            pool.proxies().filter(|p| p.enabled || p.auto_disabled).map(|p| p.id).collect::<Vec<_>>()
        });
        for id in wanted {
            let (pool, stop) = (pool.clone(), self.inner.stop.clone());
            self.inner.tracker.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = pool.check_now(id, Trigger::Manual, CHECK_LIMIT) => {}
                }
            });
        }
    }

    /// The checks of a proxy, the newest first, 5,000 at most.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn checks(&self, id: ProxyId, span: Span) -> Result<CheckList, Refusal> {
        self.proxy(id)?;
        let memory = &self.inner.memory;
        let rows = memory.heed(memory.store().checks(id, span.from, span.to, HISTORY).await)?;
        let checks = rows.into_iter().map(|row| CheckView {
            at: row.at,
            status: row.status.into(),
            response_time_ms: row.response_time_ms,
            error: row.error,
            phases: row.phases.into(),
            trigger: row.trigger,
        });
        Ok(CheckList { checks: checks.collect() })
    }

    /// The route that a new connection with these tags would take, and why each other proxy lost.
    #[must_use]
    pub fn best(&self, tags: &[String]) -> Best {
        let request = Request { tags, ..Request::default() };
        let read = |pool: &holdfast_pool::Pool| (pool.select(&request), pool.explain(&request));
        let (choice, losers) = self.inner.memory.pool().read(read);
        let considered =
            losers.into_iter().map(|(id, reason)| Considered { id, reason: reason.to_string() }).collect();
        let (proxy, route, reason) = match choice {
            Choice::Proxy { id, .. } => (self.proxy(id).ok(), RouteKind::Proxy, None),
            Choice::Direct(why) => (None, RouteKind::Direct, Some(why.to_string())),
            Choice::NoRoute(why) => (None, RouteKind::None, Some(why.to_string())),
        };
        Best { proxy, route, reason, considered }
    }

    /// Cuts the proxy's tunnels and treats it as failed for 60 s, in memory only. Answers when the recordings that used
    /// it have moved, after 10 s at most.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn drill(&self, id: ProxyId) -> Result<Drilled, Refusal> {
        let memory = &self.inner.memory;
        let pool = memory.pool();
        let url = self.proxy(id)?.proxy_url;
        let events = pool.subscribe();
        let moving = self.inner.recordings.using(id);
        let until = in_micros(Utc::now()) + DRILL;
        let message = format!("Drill: {url} is treated as failed for {} s", DRILL.as_secs());
        memory.tell(Note::new("proxy_drill", Level::Warning, message).proxy(id).with("until", json!(until)));
        memory.drill(id, until);
        let (end, stop) = (Arc::clone(memory), self.inner.stop.clone());
        self.inner.tracker.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(DRILL) => {}
                () = stop.cancelled() => {}
            }
            end.end_drill(id, until);
        });
        memory.cut(id, "a drill");
        let moved = wait_for_moves(events, id, moving).await;
        Ok(Drilled { moved, until })
    }
}

async fn wait_for_moves(
    mut events: broadcast::Receiver<Event>,
    id: ProxyId,
    mut moving: Vec<RecordingId>,
) -> Vec<Moved> {
    let mut moved = Vec::new();
    let all = async {
        while !moving.is_empty() {
            match events.recv().await {
                Ok(Event::Failover { recording: Some(recording), from, to, took, .. })
                    if from.proxy_id() == Some(id) && moving.contains(&recording) =>
                {
                    moving.retain(|other| *other != recording);
                    moved.push(Moved {
                        recording_id: recording,
                        from: from.to_string(),
                        to: to.to_string(),
                        took_ms: u64::from(milliseconds(took)),
                    });
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    };
    // Those that fetch nothing meanwhile have not moved, and need not.
    let _ = tokio::time::timeout(MOVING, all).await;
    moved
}
