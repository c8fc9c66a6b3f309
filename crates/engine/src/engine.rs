//! The engine itself: what it is made of, how it starts and how it stops. What it can do stands in the files of its
//! subjects: `proxies.rs`, `checks.rs`, `settings.rs`, `recordings/`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use holdfast_gateway::dial::Dialer;
use holdfast_gateway::probe::CheckTarget;
use holdfast_gateway::{Access, Gateway, PoolHandle};
use holdfast_model::Secret;
use holdfast_pool::Pool;
use holdfast_recorder::{ToolError, Tools};
use holdfast_store::Store;
use serde_json::{Map, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::channels::Channels;
use crate::gateways::Gateways;
use crate::journal::{Journal, Keeper, Subscription};
use crate::memory::{Memory, for_gateway, pool_settings};
use crate::recordings::{Left, Recordings};
use crate::targets::Targets;
use crate::view::{EventPage, EventView, SystemStatusView};
use crate::wish::page_limit;
use crate::{EventsWanted, Refusal, figures, upkeep};

/// What the server is made of.
pub struct Options {
    /// Where everything is remembered, opened.
    pub store: Store,
    /// Who opens connections.
    pub dialer: Dialer,
    /// What health checks ask for.
    pub targets: Vec<CheckTarget>,
    /// Whether Twitch's API takes the place of `targets` while there is a token for it; not if a person named them.
    pub replace_targets: bool,
    /// Streamlink and ffmpeg, or why there are none: then recordings are refused with that sentence.
    pub tools: Result<Tools, ToolError>,
    /// Where recordings go; created when the first one starts.
    pub recordings_dir: PathBuf,
    /// A loopback listener for the recordings' gateway.
    pub listener: TcpListener,
    /// A listener for other tools, and who may use it.
    pub public_gateway: Option<(TcpListener, Option<(String, Secret)>)>,
    /// Different for each process, so that several do not check in step.
    pub seed: u64,
    /// For how long checks are remembered.
    pub keep_checks: Duration,
    /// For how long events are remembered.
    pub keep_events: Duration,
    /// The version of the program, for hello.
    pub version: &'static str,
}

/// A handle on the running server. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) memory: Arc<Memory>,
    pub(crate) targets: Arc<Targets>,
    pub(crate) gateway: Gateways,
    pub(crate) journal: Journal,
    pub(crate) recordings: Recordings,
    pub(crate) channels: Channels,
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Ends the journal, when there is nothing more to tell.
    close: CancellationToken,
    version: &'static str,
}

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] holdfast_store::StoreError),
    /// A listener.
    #[error("a listener of the gateway cannot be used: {0}")]
    Listener(#[from] std::io::Error),
}

impl Engine {
    /// Starts it: fills the pool from the store, starts checks and gateways, and takes care of recordings that an earlier
    /// run left behind. Its tasks run on `tracker` until `hard`.
    ///
    /// # Errors
    /// [`StartError`] if the stored rows cannot be read or a listener has no address.
    pub async fn start(
        options: Options,
        hard: CancellationToken,
        tracker: &TaskTracker,
        log: impl FnOnce(tokio::sync::broadcast::Receiver<holdfast_model::Event>),
    ) -> Result<Self, StartError> {
        let settings = pool_settings(&options.store.settings().await?);
        let last_seq = first_after(options.store.last_seq().await?);
        let empty = Pool::new(settings, options.seed);
        let targets = Arc::new(Targets::new(options.targets, options.replace_targets, tracker, &hard));
        let pool = PoolHandle::start(empty, options.dialer, Arc::<Targets>::clone(&targets), &hard, tracker);
        log(pool.subscribe());
        figures::start();
        let events = pool.subscribe();
        let channels = Channels::new(options.store.channels().await?, options.store.server_settings().await?);
        let (memory, rows) = Memory::load(options.store, pool.clone()).await?;
        let memory = Arc::new(memory);
        // Before any gateway listens: an empty pool would send its first clients direct.
        memory.fill(&rows);
        let recordings =
            Gateway::start(options.listener, pool.clone(), Access::LeasesOnly, hard.clone(), tracker)?;
        let open = |(listener, auth): (TcpListener, Option<(String, Secret)>)| {
            let access = auth.map_or(Access::Anyone, |(user, password)| Access::Password(user, password));
            Gateway::start(listener, pool.clone(), access, hard.clone(), tracker)
        };
        let public = options.public_gateway.map(open).transpose()?;
        let gateway = Gateways { recordings, public };
        let (journal, keeper) = Keeper::new(Arc::clone(&memory), gateway.clone(), last_seq);
        memory.join(gateway.clone(), journal.clone());
        memory.tell_of_locked();
        pool.remember_by(for_gateway(&memory));
        let close = CancellationToken::new();
        let recordings = Recordings::new(options.tools, options.recordings_dir);
        let inner = Inner {
            memory,
            targets,
            gateway,
            journal,
            recordings,
            channels,
            tracker: tracker.clone(),
            stop: hard.clone(),
            close: close.clone(),
            version: options.version,
        };
        let engine = Self { inner: Arc::new(inner) };
        tracker.spawn(engine.inner.journal.clone().follow(events, close.clone()));
        tracker.spawn(keeper.run(close));
        let keep = upkeep::Keep { checks: options.keep_checks, events: options.keep_events };
        tracker.spawn(upkeep::run(Arc::clone(&engine.inner.memory), keep, hard));
        tracker.spawn(engine.clone().follow_convictions(pool.subscribe()));
        let left = engine.find_unfinished().await;
        engine.relink(None);
        tracker.spawn(engine.clone().unattended(left));
        tracker.spawn(engine.clone().keep_subscribed());
        tracker.spawn(engine.clone().keep_token());
        Ok(engine)
    }

    /// What goes on without anybody asking: first what an earlier run left is taken up, so that no channel is recorded twice.
    async fn unattended(self, left: Vec<Left>) {
        self.clone().go_on_with(left).await;
        self.watch_channels().await;
    }

    /// Finishes everything: recordings stop, their files are closed, what is to be told is stored. Takes at most about
    /// 10 s; parts that are not joined by then wait for the next start.
    pub async fn shut_down(&self) {
        self.inner.recordings.shut_down().await;
        // What a check found after the last word of the journal would be known and never written down.
        self.inner.memory.pool().close();
        self.inner.close.cancel();
    }

    /// Whether it can do its work; if not, why, in a sentence.
    ///
    /// # Errors
    /// The sentence.
    pub async fn ready(&self) -> Result<(), String> {
        self.inner.memory.look_after().await;
        self.inner.memory.is_away().map_or(Ok(()), Err)
    }

    /// A place among the listeners of the WebSocket. `since`: the number last seen, and the `boot` of the hello before.
    #[must_use]
    pub fn subscribe(&self, since: Option<(i64, String)>) -> Subscription {
        self.inner.journal.subscribe(since, || {
            let status = SystemStatusView::from(self.inner.memory.pool().read(Pool::system_status));
            let mut hello = Map::new();
            hello.insert("version".to_owned(), json!(self.inner.version));
            hello.insert("system_status".to_owned(), json!(status));
            hello
        })
    }

    /// The event log, page by page.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a limit out of range, [`Refusal::Unavailable`].
    pub async fn events(&self, wanted: EventsWanted) -> Result<EventPage, Refusal> {
        let limit = page_limit(wanted.limit, 100)?;
        let EventsWanted { after, before, kind, newest_first, .. } = wanted;
        let filter = holdfast_store::EventFilter { after, before, kind, newest_first, limit };
        let memory = &self.inner.memory;
        let rows = memory.heed(memory.store().events(&filter).await)?;
        let full = u64::try_from(rows.len()).unwrap_or(u64::MAX) >= limit;
        let next_cursor = rows.last().filter(|_| full).map(|row| row.seq.to_string());
        Ok(EventPage { items: rows.into_iter().map(EventView::from).collect(), next_cursor })
    }

    /// Carries a change out to the end, even if whoever asked for it goes away in the middle.
    pub(crate) async fn carry_out<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        let done = self.inner.tracker.spawn(change).await;
        done.unwrap_or_else(|_| Err(Refusal::Unavailable("a defect of holdfast, told in its log".to_owned())))
    }
}

/// Where this run's numbers begin. What is told and not stored takes numbers too, and how many of those an earlier run gave
/// out is not known: counting on from the last stored one would give some of them out again, and whoever follows the
/// event log by its numbers would skip what is new. So a run begins at the microsecond of its start, which no run gets
/// to by counting; such numbers are exact in JavaScript for the next two hundred years.
fn first_after(last_stored: i64) -> i64 {
    last_stored.max(chrono::Utc::now().timestamp_micros())
}
