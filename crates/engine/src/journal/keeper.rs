//! Keeps the journal: the one task that takes notes and events in, stores them in batches, and tells them on.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast_model::{CheckFinding, Event, Health, ProxyId, Trigger};
use holdfast_store::rows::CheckRow;
use holdfast_store::{Batch, StoreError};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::frame::Outlet;
use super::note::of_event;
use super::{Entry, Incoming, Journal, Note, batch_id};
use crate::figures;
use crate::gateways::Gateways;
use crate::memory::Memory;
use crate::view::{HealthView, SystemStatusView};

/// Notes that go into one transaction at most.
const BATCH: usize = 500;
/// Notes that wait at most while the database is away; beyond it the oldest checks are not kept.
const WAITING: usize = 50_000;
/// How often the bytes that proxies carried are stored.
const TRAFFIC_EVERY: Duration = Duration::from_secs(1);
/// How often the same failure of a proxy that is tried again and again is kept in its history.
const SAME_FAILURE_EVERY: Duration = Duration::from_secs(60);
/// How long the last event may take.
const LAST_LIMIT: Duration = Duration::from_millis(200);
/// How often a batch is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// What goes into one transaction, and what is told after it.
struct Step {
    batch: Batch,
    /// Proxies whose present state goes with it.
    changed: HashSet<ProxyId>,
    notes: Vec<(i64, Entry)>,
    /// It was tried before, and nobody knows how that ended.
    again: bool,
}

/// Keeps the journal; run it as a task.
pub(crate) struct Keeper {
    memory: Arc<Memory>,
    gateway: Gateways,
    outlet: Arc<Outlet>,
    incoming: mpsc::UnboundedReceiver<Incoming>,
    waiting: VecDeque<Entry>,
    checks: VecDeque<CheckRow>,
    /// Proxies whose state is newer than what is stored.
    dirty: HashSet<ProxyId>,
    /// Bytes that were stored already, by proxy.
    booked: HashMap<ProxyId, (u64, u64)>,
    traffic: HashMap<ProxyId, (u64, u64)>,
    /// A batch that the database did not take, and what it was to tell.
    stuck: Option<Step>,
    retry_at: Option<Instant>,
    /// The failure of each proxy that was last kept in its history.
    last_failure: HashMap<ProxyId, (Instant, Option<String>)>,
    status: Option<SystemStatusView>,
}

impl Keeper {
    pub(crate) fn new(memory: Arc<Memory>, gateway: Gateways, last_seq: i64) -> (Journal, Self) {
        let (sender, incoming) = mpsc::unbounded_channel();
        let outlet = Arc::new(Outlet::new(last_seq));
        let keeper = Self {
            memory,
            gateway,
            outlet: Arc::clone(&outlet),
            incoming,
            waiting: VecDeque::new(),
            checks: VecDeque::new(),
            dirty: HashSet::new(),
            booked: HashMap::new(),
            traffic: HashMap::new(),
            stuck: None,
            retry_at: None,
            last_failure: HashMap::new(),
            status: None,
        };
        (Journal { incoming: sender, outlet }, keeper)
    }

    /// Keeps the journal until `stop`, and then writes down what is still there.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut traffic = interval(TRAFFIC_EVERY);
        traffic.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(incoming) = self.incoming.recv() => self.take_in(incoming),
                _ = traffic.tick() => self.book_traffic(),
                () = due(self.retry_at) => {}
            }
            self.drain();
            self.write().await;
        }
        self.take_the_last().await;
        self.book_traffic();
        self.retry_at = None;
        self.write().await;
        let lost = self.waiting.iter().filter(|entry| entry.note.logged).count();
        if lost > 0 || self.stuck.is_some() {
            error!("the database is away: {lost} lines of the event log were not stored");
        }
    }

    /// Takes everything up to the last event.
    async fn take_the_last(&mut self) {
        let all = async {
            while let Some(incoming) = self.incoming.recv().await {
                if matches!(incoming, Incoming::Last) {
                    break;
                }
                self.take_in(incoming);
            }
        };
        // It comes at once, unless it has been taken already.
        let _ = tokio::time::timeout(LAST_LIMIT, all).await;
        self.drain();
    }

    /// Takes what else is there, so that it goes into the same transaction.
    fn drain(&mut self) {
        while let Ok(incoming) = self.incoming.try_recv() {
            self.take_in(incoming);
        }
    }

    fn take_in(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Last => {}
            Incoming::Note(entry) => self.take(entry),
            Incoming::Event(event, at) => self.take_event(&event, at),
            // The pool still knows how all of them are.
            Incoming::Missed => {
                let all = self.memory.pool().read(|pool| pool.proxies().map(|p| p.id).collect::<Vec<_>>());
                self.dirty.extend(all);
            }
        }
    }

    /// Whether a check says more than the one before it. While a proxy is down it is tried again every few seconds, and a
    /// night of that with a thousand proxies would be millions of rows that say the same: one a minute is kept.
    fn is_news(&mut self, id: ProxyId, trigger: Trigger, finding: &CheckFinding) -> bool {
        let now = Instant::now();
        let vain = trigger == Trigger::Recovery && finding.status == Health::Failed;
        let same = self.last_failure.get(&id).is_some_and(|(at, error)| {
            *error == finding.error && now.duration_since(*at) < SAME_FAILURE_EVERY
        });
        if vain && same {
            return false;
        }
        if finding.status == Health::Failed {
            self.last_failure.insert(id, (now, finding.error.clone()));
        } else {
            self.last_failure.remove(&id);
        }
        true
    }

    fn take_event(&mut self, event: &Event, at: DateTime<Utc>) {
        figures::count(event);
        match event {
            Event::ProxyChecked { id, trigger, finding } => {
                self.dirty.insert(*id);
                let news = self.is_news(*id, *trigger, finding);
                if !news {
                    return;
                }
                self.checks.push_back(CheckRow {
                    proxy_id: *id,
                    at,
                    status: finding.status,
                    response_time_ms: finding.response_time.map(holdfast_model::milliseconds),
                    error: finding.error.clone(),
                    phases: finding.phases,
                    trigger: *trigger,
                });
                if self.checks.len() > WAITING {
                    self.checks.pop_front();
                }
            }
            Event::ProxyHealth { id, .. }
            | Event::ProxyConvicted { id, .. }
            | Event::ProxyDisabled { id, .. }
            | Event::ProxyRecovered { id, .. } => {
                self.dirty.insert(*id);
            }
            Event::Failover { .. } | Event::Gap { .. } | Event::Notice { .. } => {}
        }
        if let Some(note) = of_event(event) {
            let told_of = match event {
                Event::ProxyDisabled { id, .. } | Event::ProxyRecovered { id, .. } => Some(*id),
                _ => None,
            };
            self.take(Note { at, ..note }.into());
            if let Some(id) = told_of {
                let update = Note::new("proxy_health_update", holdfast_model::Level::Info, "").proxy(id);
                self.take(update.fleeting().into());
            }
        }
    }

    fn take(&mut self, mut entry: Entry) {
        let note = &mut entry.note;
        if let Some(id) = note.proxy {
            self.fill_in(note, id);
        }
        let away = self.stuck.is_some() || self.memory.is_away().is_some();
        if away && !note.logged && note.proxy.is_none() {
            let seq = self.outlet.told();
            self.outlet.publish(seq, note.at, note.kind, &note.data, false);
            return;
        }
        if self.waiting.len() >= WAITING {
            warn!("the database has been away for long: the oldest waiting event is not kept");
            self.waiting.pop_front();
        }
        self.waiting.push_back(entry);
    }

    /// The present figures of the proxy that a note is about.
    fn fill_in(&self, note: &mut Note, id: ProxyId) {
        let (key, value) = match note.kind {
            "proxy_health_update" => ("proxy", self.health(id)),
            "proxy_recovered" | "proxy_added" | "proxy_updated" => {
                let open = self.gateway.open_by_proxy();
                let view = self.memory.view(id, &self.gateway.totals(), &open);
                ("proxy", view.and_then(|view| serde_json::to_value(view).ok()))
            }
            _ => return,
        };
        if let Some(value) = value {
            note.data.insert(key.to_owned(), value);
        }
    }

    fn health(&self, id: ProxyId) -> Option<serde_json::Value> {
        self.memory.pool().read(|pool| {
            let p = pool.get(id)?;
            Some(json!({
                "id": id,
                "health_status": HealthView::from(p.health),
                "response_time_ms": p.response_time.map(holdfast_model::milliseconds),
                "average_response_time_ms": p.average_response_time.map(holdfast_model::milliseconds),
                "consecutive_failures": p.consecutive_failures,
                "enabled": p.enabled,
                "auto_disabled": p.auto_disabled,
                "last_health_check": p.last_health_check,
                "last_error": p.last_error,
            }))
        })
    }

    /// What proxies carried since it was last stored.
    fn book_traffic(&mut self) {
        // One proxy may have had several addresses, each with totals of its own.
        let mut now: HashMap<ProxyId, (u64, u64)> = HashMap::new();
        for (via, totals) in self.gateway.totals() {
            if let Some(id) = via.proxy_id() {
                let sum = now.entry(id).or_default();
                *sum = (sum.0 + totals.bytes_up, sum.1 + totals.bytes_down);
            }
        }
        self.traffic = now;
    }

    /// Stores and tells what waits, batch by batch.
    async fn write(&mut self) {
        loop {
            if self.retry_at.is_some_and(|at| at > Instant::now()) {
                return;
            }
            if self.stuck.is_none() {
                self.note_status();
                self.stuck = self.next_batch();
            }
            let Some(mut step) = self.stuck.take() else { return };
            match self.memory.commit(&mut step.batch, &step.changed).await {
                Ok(()) => self.stored(step),
                Err(StoreError::Unavailable(why)) => {
                    self.memory.away(&why);
                    self.stuck = Some(Step { again: true, ..step });
                    self.retry_at = Some(Instant::now() + RETRY_EVERY);
                    return;
                }
                Err(other) => {
                    // Trying again would fail again, and hold up all that comes after it.
                    error!("{} events could not be stored: {other}", step.notes.len());
                }
            }
        }
    }

    /// Tells what is stored now.
    fn stored(&mut self, step: Step) {
        self.retry_at = None;
        if step.again {
            // Perhaps the first try was stored, and with it an older state.
            self.dirty.extend(step.changed);
        }
        for (seq, Entry { note, stored }) in step.notes {
            if let Some(stored) = stored {
                // Whoever waited may be gone.
                let _ = stored.send(());
            }
            self.outlet.publish(seq, note.at, note.kind, &note.data, true);
        }
    }

    /// The next batch; `None` if there is nothing to store or to tell.
    fn next_batch(&mut self) -> Option<Step> {
        let changed = std::mem::take(&mut self.dirty);
        let traffic: Vec<_> = self
            .traffic
            .drain()
            .filter_map(|(id, (up, down))| {
                let seen = self.booked.insert(id, (up, down)).unwrap_or_default();
                let more = (id, up.saturating_sub(seen.0), down.saturating_sub(seen.1));
                (more.1 + more.2 > 0).then_some(more)
            })
            .collect();
        let checks: Vec<_> = self.checks.drain(..self.checks.len().min(BATCH)).collect();
        let count = self.waiting.len().min(BATCH);
        let notes: Vec<_> = self.waiting.drain(..count).map(|entry| (self.outlet.next(), entry)).collect();
        if changed.is_empty() && traffic.is_empty() && checks.is_empty() && notes.is_empty() {
            return None;
        }
        let events = notes.iter().filter(|(_, e)| e.note.logged).map(|(seq, e)| e.note.row(*seq)).collect();
        let id = batch_id();
        let batch = Batch { id, states: Vec::new(), checks, events, traffic };
        Some(Step { batch, changed, notes, again: false })
    }

    /// Tells of the pool as a whole when that changed.
    fn note_status(&mut self) {
        let status = SystemStatusView::from(self.memory.pool().read(holdfast_pool::Pool::system_status));
        if self.status.as_ref() == Some(&status) {
            return;
        }
        let note = Note::new("system_status", holdfast_model::Level::Info, status.message.clone()).fleeting();
        if self.status.is_some() {
            self.waiting.push_back(note.with("system_status", json!(status)).into());
        }
        self.status = Some(status);
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
