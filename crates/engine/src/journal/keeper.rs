//! Keeps the journal: the one task that takes notes and events in, stores them in batches, and tells them on.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast_model::{Event, ProxyId};
use holdfast_store::{Batch, StoreError};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::frame::Outlet;
use super::fresh::{Fresh, LoadNow, fill_in};
use super::history::History;
use super::note::{HEALTH, STATISTICS, of_event};
use super::traffic::Traffic;
use super::{Entry, Incoming, Journal, Note, batch_id};
use crate::figures;
use crate::gateways::Gateways;
use crate::memory::Memory;
use crate::view::SystemStatusView;

/// Notes, and states of proxies, that go into one transaction at most: with a database that is some milliseconds away
/// it has to be done in seconds.
const BATCH: usize = 500;
/// Notes that wait at most while the database is away.
const WAITING: usize = 50_000;
/// How often the bytes that proxies carried are stored.
const TRAFFIC_EVERY: Duration = Duration::from_secs(1);
/// How long the last event may take: it is on its way when it is waited for.
const LAST_LIMIT: Duration = Duration::from_secs(5);
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

impl Step {
    /// Whether there is nothing in it that anybody stores.
    fn is_fleeting(&self) -> bool {
        let Batch { id: _, states, checks, events, traffic } = &self.batch;
        let empty = states.is_empty() && checks.is_empty() && events.is_empty() && traffic.is_empty();
        empty && self.changed.is_empty()
    }
}

/// Keeps the journal; run it as a task.
pub(crate) struct Keeper {
    memory: Arc<Memory>,
    gateway: Gateways,
    load: LoadNow,
    outlet: Arc<Outlet>,
    incoming: mpsc::UnboundedReceiver<Incoming>,
    /// No more events will come.
    ended: bool,
    waiting: VecDeque<Entry>,
    /// Too much waited while the database was away, and that was said.
    overflowed: bool,
    /// Figures of proxies that are newer than what was told; told behind all that waits.
    fresh: Fresh,
    history: History,
    /// Proxies whose state is newer than what is stored.
    dirty: HashSet<ProxyId>,
    traffic: Traffic,
    /// A batch that the database did not take, and what it was to tell.
    stuck: Option<Step>,
    retry_at: Option<Instant>,
    status: Option<SystemStatusView>,
}

impl Keeper {
    pub(crate) fn new(memory: Arc<Memory>, gateway: Gateways, last_seq: i64) -> (Journal, Self) {
        let (sender, incoming) = mpsc::unbounded_channel();
        let outlet = Arc::new(Outlet::new(last_seq));
        let keeper = Self {
            memory,
            load: LoadNow::of(gateway.clone()),
            gateway,
            outlet: Arc::clone(&outlet),
            incoming,
            ended: false,
            waiting: VecDeque::new(),
            overflowed: false,
            fresh: Fresh::default(),
            history: History::default(),
            dirty: HashSet::new(),
            traffic: Traffic::default(),
            stuck: None,
            retry_at: None,
            status: None,
        };
        (Journal { incoming: sender, outlet }, keeper)
    }

    /// Keeps the journal until `stop`, and then writes down what is still there.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut traffic = interval(TRAFFIC_EVERY);
        traffic.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.load.expire();
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
            while !self.ended
                && let Some(incoming) = self.incoming.recv().await
            {
                self.take_in(incoming);
            }
        };
        if tokio::time::timeout(LAST_LIMIT, all).await.is_err() {
            error!("the last events were not handed over in {} s and are not stored", LAST_LIMIT.as_secs());
        }
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
            Incoming::Last => self.ended = true,
            Incoming::Note(entry) => self.take(entry),
            Incoming::Event(event, at) => self.take_event(&event, at),
            // The pool still knows how all of them are.
            Incoming::Missed => {
                let all = self.memory.pool().read(|pool| pool.proxies().map(|p| p.id).collect::<Vec<_>>());
                self.dirty.extend(all);
            }
        }
    }

    fn take_event(&mut self, event: &Event, at: DateTime<Utc>) {
        figures::count(event);
        match event {
            Event::ProxyChecked { id, trigger, finding } => {
                self.dirty.insert(*id);
                self.history.take(*id, *trigger, finding, at);
                // Also if it changed nothing: whoever asked for the check waits for its time.
                self.fresh.add(HEALTH, *id);
            }
            Event::ProxyHealth { id, .. }
            | Event::ProxyConvicted { id, .. }
            | Event::ProxyAcquitted { id, .. }
            | Event::ProxyDisabled { id, .. }
            | Event::ProxyRecovered { id, .. } => {
                self.dirty.insert(*id);
            }
            Event::Failover { .. }
            | Event::Gap { .. }
            | Event::QualityDropped { .. }
            | Event::Notice { .. } => {}
        }
        if let Some(note) = of_event(event) {
            let told_of = match event {
                Event::ProxyDisabled { id, .. } | Event::ProxyRecovered { id, .. } => Some(*id),
                _ => None,
            };
            self.take(Note { at, ..note }.into());
            if let Some(id) = told_of {
                self.fresh.add(HEALTH, id);
            }
        }
    }

    fn take(&mut self, mut entry: Entry) {
        let note = &mut entry.note;
        if let Some(id) = note.proxy {
            if !note.logged {
                // Only the newest figures count, however many come while the database is away.
                return self.fresh.add(note.kind, id);
            }
            fill_in(note, id, &self.memory, &self.load);
        }
        let away = self.stuck.is_some() || self.memory.is_away().is_some();
        if away && !note.logged {
            let seq = self.outlet.told();
            self.outlet.publish(seq, note.at, note.kind, &note.data, false);
            return;
        }
        if self.waiting.len() >= WAITING {
            if !std::mem::replace(&mut self.overflowed, true) {
                warn!(
                    "the database has been away for long: from now on the oldest waiting events are not kept"
                );
            }
            self.waiting.pop_front();
        }
        self.waiting.push_back(entry);
    }

    /// Reads what proxies carried, to be stored, and now and then to be told.
    fn book_traffic(&mut self) {
        for id in self.traffic.read(&self.gateway) {
            self.fresh.add(STATISTICS, id);
        }
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
            if step.is_fleeting() {
                self.stored(step);
                continue;
            }
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
        (self.retry_at, self.overflowed) = (None, false);
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
        let (traffic, checks) = (self.traffic.take_unstored(), self.history.next(BATCH));
        let entries = self.next_entries();
        let changed = self.next_changed(&entries);
        if changed.is_empty() && traffic.is_empty() && checks.is_empty() && entries.is_empty() {
            return None;
        }
        let notes: Vec<_> = entries.into_iter().map(|entry| (self.outlet.next(), entry)).collect();
        let events = notes.iter().filter(|(_, e)| e.note.logged).map(|(seq, e)| e.note.row(*seq)).collect();
        let id = batch_id();
        let batch = Batch { id, states: Vec::new(), checks, events, traffic };
        Some(Step { batch, changed, notes, again: false })
    }

    /// What is told next: what waits, and behind the last of it the newest figures.
    fn next_entries(&mut self) -> Vec<Entry> {
        let count = self.waiting.len().min(BATCH);
        let mut entries: Vec<Entry> = self.waiting.drain(..count).collect();
        if self.waiting.is_empty() {
            self.load.expire();
            for (kind, id) in self.fresh.take(BATCH - entries.len()) {
                let mut note = Note::new(kind, holdfast_model::Level::Info, "").proxy(id).fleeting();
                fill_in(&mut note, id, &self.memory, &self.load);
                entries.push(note.into());
            }
        }
        entries
    }

    /// Whose state is stored next: those that are told of, so that nothing is told before it is stored, and of the others
    /// as many as there is room for.
    fn next_changed(&mut self, entries: &[Entry]) -> HashSet<ProxyId> {
        let told_of = entries.iter().filter_map(|entry| entry.note.proxy);
        let mut changed: HashSet<_> = told_of.filter(|id| self.dirty.remove(id)).collect();
        let more: Vec<_> = self.dirty.iter().copied().take(BATCH.saturating_sub(changed.len())).collect();
        for id in more {
            self.dirty.remove(&id);
            changed.insert(id);
        }
        changed
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
