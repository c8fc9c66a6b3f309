//! Keeps the pool: the one place where the pure state machine meets the clock, the probe and the listeners of its
//! events. An owner task runs the checks; everybody else holds a cheap [`PoolHandle`].

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::Utc;
use holdfast_model::{CheckReport, Event, ProxyId, Trigger, in_micros};
use holdfast_pool::{CheckOrder, Now, Pool, Request, Suspicion};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::decision::Kind;
use crate::dial::{Dialer, Names};
use crate::outage::Outages;
use crate::probe::{self, Progress, Targets};

/// A whole check may take this long (contract section 5).
pub const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// Events a slow listener may lag behind before it misses some.
const EVENT_BUFFER: usize = 4096;

/// How long a check waits for the row of its proxy to be read again, beside the check itself.
const REREAD_LIMIT: Duration = Duration::from_secs(3);
/// The same if traffic waits for the check.
const REREAD_FOR_TRAFFIC: Duration = Duration::from_secs(1);

/// Where the pool is remembered across restarts, and where people edit it by hand.
#[async_trait]
pub trait Memory: Send + Sync {
    /// Reads what is remembered of this proxy and brings the pool up to date, before a check of it is judged.
    async fn reread(&self, id: ProxyId);
}

/// A cheap handle on the pool and its checks.
#[derive(Clone)]
pub struct PoolHandle {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Mutex<Pool>,
    events: broadcast::Sender<Event>,
    orders: mpsc::UnboundedSender<CheckOrder>,
    /// Counts changes of the pool; waiting dials and the driver's timer watch it.
    version: watch::Sender<u64>,
    dialer: Dialer,
    targets: Arc<dyn Targets>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// The kind of the last route that was chosen, for the log.
    kind: Mutex<Kind>,
    /// Destinations that no route reaches, for the log.
    outages: Outages,
    memory: OnceLock<Arc<dyn Memory>>,
}

impl PoolHandle {
    /// Takes the pool over and starts its checks on `tracker`, until `stop` or [`Self::close`].
    #[must_use]
    pub fn start(
        pool: Pool,
        dialer: Dialer,
        targets: Arc<dyn Targets>,
        stop: &CancellationToken,
        tracker: &TaskTracker,
    ) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let shared = Shared {
            pool: Mutex::new(pool),
            events: broadcast::Sender::new(EVENT_BUFFER),
            orders,
            version: watch::Sender::new(0),
            dialer,
            targets,
            tasks: tracker.clone(),
            stop: stop.child_token(),
            kind: Mutex::new(Kind::Unknown),
            outages: Outages::default(),
            memory: OnceLock::new(),
        };
        let handle = Self { shared: Arc::new(shared) };
        tracker.spawn(Driver { handle: handle.clone(), inbox }.run());
        handle
    }

    /// Everything that happens to the pool from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// From now on each check rereads the row of its proxy. Only the first memory counts.
    pub fn remember_by(&self, memory: Arc<dyn Memory>) {
        let _ = self.shared.memory.set(memory);
    }

    /// Reads the pool. Keep it short: dials wait meanwhile.
    pub fn read<T>(&self, read: impl FnOnce(&Pool) -> T) -> T {
        read(&self.lock())
    }

    /// Changes the pool and announces what came of it.
    pub fn change(&self, change: impl FnOnce(&mut Pool, Now) -> Vec<Event>) {
        let mut pool = self.lock();
        let events = change(&mut pool, now());
        // Still locked, so that events are told in the order of the changes they tell of.
        self.announce(events);
    }

    /// Ends the checks: from when this returns, nothing that is found changes the pool any more and nothing more is
    /// announced of it. For whoever is about to write the pool down for the last time.
    pub fn close(&self) {
        let _no_finding_under_way = self.lock();
        self.shared.stop.cancel();
    }

    /// Changes the pool by what was found, unless it is closed.
    fn find(&self, change: impl FnOnce(&mut Pool, Now) -> Vec<Event>) {
        let open = |pool: &mut Pool, now| {
            let closed = self.shared.stop.is_cancelled();
            if closed { Vec::new() } else { change(pool, now) }
        };
        self.change(open);
    }

    /// For those who announce by themselves.
    pub(crate) fn announcer(&self) -> broadcast::Sender<Event> {
        self.shared.events.clone()
    }

    /// Announces an event that did not come from the pool itself.
    pub fn announce_one(&self, event: Event) {
        // No listener is no error.
        let _ = self.shared.events.send(event);
    }

    /// Traffic makes a proxy suspect; a check is started unless one is running.
    pub fn suspect(&self, id: ProxyId, suspicion: &Suspicion) {
        tracing::debug!(proxy = %id, cause = %suspicion.cause, "proxy is suspect");
        let order = self.lock().suspect(id, suspicion, now());
        if let Some(order) = order {
            // The driver is gone only during shutdown.
            let _ = self.shared.orders.send(order);
        }
        self.bump();
    }

    /// Checks a proxy now and answers with what was seen; `None` if there is no such proxy.
    pub async fn check_now(&self, id: ProxyId, trigger: Trigger, limit: Duration) -> Option<CheckReport> {
        let order = self.lock().begin_check(id, trigger, now())?;
        Some(self.run_check(order, limit).await)
    }

    /// Starts a check that goes on by itself; the receiver resolves when it has been judged.
    pub(crate) fn start_check(
        &self,
        id: ProxyId,
        trigger: Trigger,
        limit: Duration,
    ) -> Option<oneshot::Receiver<()>> {
        let order = self.lock().begin_check(id, trigger, now())?;
        Some(self.spawn(order, limit))
    }

    fn spawn(&self, order: CheckOrder, limit: Duration) -> oneshot::Receiver<()> {
        let (done, judged) = oneshot::channel();
        let handle = self.clone();
        self.shared.tasks.spawn(async move {
            tokio::select! {
                () = handle.shared.stop.cancelled() => {}
                _ = handle.run_check(order, limit) => {}
            }
            // Nobody may be waiting.
            let _ = done.send(());
        });
        judged
    }

    /// Notes the kind of route that was chosen, and answers with the one before.
    pub(crate) fn note_kind(&self, kind: Kind) -> Kind {
        std::mem::replace(&mut *self.shared.kind.lock().unwrap_or_else(PoisonError::into_inner), kind)
    }

    pub(crate) fn outages(&self) -> &Outages {
        &self.shared.outages
    }

    /// A receiver that is told of each change of the pool.
    pub(crate) fn watch_changes(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    /// No client of any gateway over this pool is led to this address, and no dial goes there: one of our own listeners.
    pub fn never_dial(&self, own: SocketAddr) {
        self.shared.dialer.never_dial(own);
    }

    pub(crate) fn dialer(&self) -> &Dialer {
        &self.shared.dialer
    }

    /// Who may resolve destinations: only the proxies while direct connections are forbidden.
    pub(crate) fn names(&self) -> Names {
        let settings_allow_direct =
            self.read(|pool| !pool.settings().enabled || pool.settings().fallback_to_direct);
        if settings_allow_direct { Names::AsScheme } else { Names::Remote }
    }

    /// True if a new dial would find a way, be it direct.
    #[must_use]
    pub fn has_route(&self, tags: &[String]) -> bool {
        self.read(|pool| pool.has_route(&Request { tags, ..Request::default() }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Pool> {
        // A panic inside the pool is a bug that its property tests hunt; its data stays usable meanwhile.
        self.shared.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run_check(&self, order: CheckOrder, limit: Duration) -> CheckReport {
        let patience = order.convict_after.map_or(REREAD_LIMIT, |_| REREAD_FOR_TRAFFIC);
        let reread = self.reread(order.id, patience);
        let (report, ()) = tokio::join!(self.probe(&order, limit), reread);
        let Some(carried_out) = report.carried_out() else {
            tracing::debug!(proxy = %order.id, error = report.finding().error, "the check was not carried out");
            self.find(|pool, _| {
                pool.abandon_check(order);
                Vec::new()
            });
            return report;
        };
        let finding = report.finding();
        let checked = Event::ProxyChecked { id: order.id, trigger: order.trigger, finding };
        self.find(|pool, now| {
            let mut events = pool.finish_check(order, &carried_out, now);
            events.push(checked);
            events
        });
        report
    }

    /// The check itself; convicts on the way if a suspicion is not answered in time.
    async fn probe(&self, order: &CheckOrder, limit: Duration) -> CheckReport {
        let progress = Progress::default();
        let names = self.names();
        let url = order.url.clone();
        let check = probe::check(&self.shared.dialer, &url, &*self.shared.targets, limit, names, &progress);
        let mut check = std::pin::pin!(check);
        match order.convict_after {
            None => check.await,
            Some(patience) => match timeout(patience, &mut check).await {
                Ok(report) => report,
                Err(_) => {
                    if !progress.is_answered() {
                        let (blame, targets) = (progress.blame_if_stopped_now(), progress.targets());
                        self.find(|pool, now| pool.overdue(order, blame, targets, now));
                    }
                    check.await
                }
            },
        }
    }

    async fn reread(&self, id: ProxyId, limit: Duration) {
        let Some(memory) = self.shared.memory.get() else { return };
        if timeout(limit, memory.reread(id)).await.is_err() {
            tracing::debug!(proxy = %id, "the row was not read again in time: the check is judged by what is known");
        }
    }

    fn announce(&self, events: Vec<Event>) {
        for event in events {
            self.announce_one(event);
        }
        self.bump();
    }

    fn bump(&self) {
        self.shared.version.send_modify(|version| *version += 1);
    }
}

/// The pool's idea of now.
#[must_use]
pub fn now() -> Now {
    Now { at: Instant::now(), wall: in_micros(Utc::now()) }
}

struct Driver {
    handle: PoolHandle,
    inbox: mpsc::UnboundedReceiver<CheckOrder>,
}

impl Driver {
    async fn run(mut self) {
        let mut changes = self.handle.watch_changes();
        loop {
            let due = self.handle.lock().due(now());
            due.into_iter().for_each(|order| self.spawn(order));
            let next = self.handle.read(Pool::next_due);
            let timer = async {
                match next {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.handle.shared.stop.cancelled() => return,
                Some(order) = self.inbox.recv() => self.spawn(order),
                // Checks that end and suspicions move the schedule; the sender lives as long as the handle.
                _ = changes.changed() => {}
                () = timer => {}
            }
        }
    }

    fn spawn(&self, order: CheckOrder) {
        self.handle.spawn(order, CHECK_LIMIT);
    }
}
