//! The recordings: those under way, in memory and kept up in the store, and those that are over, in the store alone.
//!
//! `start.rs` begins one, `run.rs` follows it to its end and writes down where it stands, `unfinished.rs` takes care of
//! what an earlier run of the server left behind, `files.rs` knows which files a recording made.

mod active;
mod charges;
mod files;
mod run;
mod start;
mod unfinished;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdfast_model::{ChannelId, Event, Health, Level, ProxyId, RecordingId};
use holdfast_recorder::{StopCause, ToolError, Tools};
use holdfast_store::{RecordingFilter, RecordingFull};
use serde_json::json;
use tokio::sync::broadcast;

use crate::channels::End;
use crate::journal::Note;
use crate::view::{RecordingPage, RecordingView};
use crate::wish::{RecordingsWanted, page_limit};
use crate::{Engine, Refusal};

use active::Active;
use files::remove;
pub(crate) use unfinished::Left;

/// What a shutdown leaves a recording for joining its parts.
const JOIN_LIMIT: Duration = Duration::from_secs(8);
/// How long a stop waits to be written down.
const STOP_WRITTEN: Duration = Duration::from_secs(2);
/// What a shutdown waits for all recordings. Streamlink gets 4 s of it, and joining 8 s from the same moment on.
const FINISH_LIMIT: Duration = Duration::from_secs(10);

/// The recordings under way, and what new ones need.
pub(crate) struct Recordings {
    pub(crate) tools: Result<Tools, ToolError>,
    pub(crate) directory: PathBuf,
    active: Mutex<HashMap<RecordingId, Arc<Active>>>,
    /// Streams whose recording is being begun, which may take seconds: nobody else may begin one of the same.
    claimed: Mutex<HashSet<String>>,
    /// One start at a time from the moment its route is known, so that no two take the same file name.
    starting: tokio::sync::Mutex<()>,
    closing: AtomicBool,
}

impl Recordings {
    pub(crate) fn new(tools: Result<Tools, ToolError>, directory: PathBuf) -> Self {
        Self {
            tools,
            directory,
            active: Mutex::default(),
            claimed: Mutex::default(),
            starting: tokio::sync::Mutex::new(()),
            closing: AtomicBool::new(false),
        }
    }

    /// Recordings whose present route is this proxy.
    pub(crate) fn using(&self, id: ProxyId) -> Vec<RecordingId> {
        self.all().iter().filter(|active| active.uses(id)).map(|active| active.id).collect()
    }

    /// Stops all of them in order and waits until they are finished, 10 s at most. Those of channels, which are recorded
    /// unattended, are left for the next start.
    pub(crate) async fn shut_down(&self) {
        self.closing.store(true, Ordering::Release);
        let all = self.all();
        for active in &all {
            match active.channel() {
                Some(_) if !active.was_stopped() => active.control.hand_over(JOIN_LIMIT),
                _ => active.control.shut_down(JOIN_LIMIT),
            }
        }
        let finished = async {
            for active in &all {
                active.done.cancelled().await;
            }
        };
        if tokio::time::timeout(FINISH_LIMIT, finished).await.is_err() {
            tracing::warn!(
                "a recording was not finished in {} s: it goes on at the next start",
                FINISH_LIMIT.as_secs()
            );
        }
    }

    /// Claims a stream for the recording that is being begun. One that is only being finished is in nobody's way.
    fn claim(&self, url: &str, masked: &str) -> Result<Claim<'_>, Refusal> {
        if self.is_closing() {
            return Err(Refusal::Unavailable("the server is being stopped".to_owned()));
        }
        // Locked before the others are looked at: whoever had the claim is among them when it ends.
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = self.all().iter().find(|other| other.is_recording(url)) {
            return Err(Refusal::Conflict(format!("{masked} is being recorded already, as {}", other.id.0)));
        }
        if !claimed.insert(url.to_owned()) {
            return Err(Refusal::Conflict(format!("a recording of {masked} is just being started")));
        }
        Ok(Claim { recordings: self, url: url.to_owned() })
    }

    /// This channel is live: a recording of it that waits asks at once.
    pub(crate) fn wake(&self, id: ChannelId) {
        let all = self.all().into_iter().filter(|active| active.channel() == Some(id));
        all.for_each(|active| active.control.wake());
    }

    /// A recording of this stream that is under way and belongs to no channel.
    fn orphan(&self, url: &str) -> Option<Arc<Active>> {
        self.all().into_iter().find(|active| active.channel().is_none() && active.is_recording(url))
    }

    /// Its recordings under way belong to no channel any more.
    pub(crate) fn forget_channel(&self, id: ChannelId) {
        self.all().iter().for_each(|active| active.forget_channel(id));
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    fn all(&self) -> Vec<Arc<Active>> {
        self.lock().values().cloned().collect()
    }

    fn get(&self, id: RecordingId) -> Option<Arc<Active>> {
        self.lock().get(&id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordingId, Arc<Active>>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that only its holder may begin to record.
struct Claim<'a> {
    recordings: &'a Recordings,
    url: String,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.recordings.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.url);
    }
}

impl Engine {
    /// The recordings under way, the newest first.
    #[must_use]
    pub fn active_recordings(&self) -> Vec<RecordingView> {
        let mut all = self.inner.recordings.all();
        all.sort_by_key(|active| std::cmp::Reverse(active.id));
        // One that has ended and is only waiting for the database is over.
        let under_way = all.iter().map(|active| active.full()).filter(|full| full.row.ended_at.is_none());
        under_way.map(|full| RecordingView::from(&full)).collect()
    }

    /// One recording.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn recording(&self, id: RecordingId) -> Result<RecordingView, Refusal> {
        Ok(RecordingView::from(&self.full(id).await?))
    }

    /// Recordings, the newest first.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a limit out of range, [`Refusal::Unavailable`].
    pub async fn recordings(&self, wanted: RecordingsWanted) -> Result<RecordingPage, Refusal> {
        let limit = page_limit(wanted.limit, 50)?;
        let filter = RecordingFilter {
            status: wanted.status.map(Into::into),
            streamer_id: wanted.streamer_id,
            before: wanted.before,
            limit,
        };
        let memory = &self.inner.memory;
        let rows = memory.heed(memory.store().recordings(&filter).await)?;
        let full = u64::try_from(rows.len()).unwrap_or(u64::MAX) >= limit;
        let next_cursor = rows.last().filter(|_| full).map(|last| last.row.id.0.to_string());
        // What is under way stands in memory a second ahead of its row.
        let items = rows.into_iter().map(|row| {
            let active = self.inner.recordings.get(row.row.id);
            RecordingView::from(&active.map_or(row, |active| active.full()))
        });
        let items = items.filter(|view| wanted.status.is_none_or(|status| status == view.status));
        Ok(RecordingPage { items: items.collect(), next_cursor })
    }

    /// A recording of this channel's stream that was begun without it, by its address or before the channel was removed and
    /// added again, becomes the channel's. False if there is none.
    pub(crate) async fn adopt_recording(&self, channel: ChannelId) -> bool {
        let Ok(order) = self.order_of(channel) else { return false };
        let Some(active) = self.inner.recordings.orphan(&order.url) else { return false };
        active.belong_to(channel, order.name);
        self.channel_recorded(channel, active.id);
        if !active.is_recording(&order.url) {
            // It ended in this moment, and may not have known whose it was.
            self.channel_left(channel, active.id, End::Over, true);
        }
        let memory = &self.inner.memory;
        // If it cannot be stored now, it is found again after the next start.
        let _ = memory.heed(memory.store().set_channel(active.id, channel).await);
        true
    }

    /// Tells a recording to stop. Its file is finished in the background.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Conflict`] if it is over, [`Refusal::Unavailable`].
    pub async fn stop_recording(&self, id: RecordingId) -> Result<RecordingView, Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            if let Some(active) = engine.inner.recordings.get(id) {
                return Ok(engine.stop(&active).await);
            }
            let view = engine.recording(id).await?;
            Err(Refusal::Conflict(format!("recording {} is not running: it is {}", id.0, word(&view))))
        })
        .await
    }

    /// Written down first; a recording whose end is wanted ends all the same while the database is away.
    async fn stop(&self, active: &Active) -> RecordingView {
        let full = active.stop_wanted();
        let channel = active.channel();
        if let Some(channel) = channel {
            self.channel_declined(channel, active.id);
        }
        let written = async {
            let _ = self.save(active, &full).await;
            self.store_standing(channel.as_slice()).await;
        };
        if self.inner.memory.is_away().is_none() {
            let _ = tokio::time::timeout(STOP_WRITTEN, written).await;
        }
        active.control.stop(StopCause::Request);
        RecordingView::from(&full)
    }

    /// Deletes a recording that is over, with its files.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Conflict`] if it is under way, [`Refusal::Unavailable`].
    pub async fn delete_recording(&self, id: RecordingId) -> Result<(), Refusal> {
        self.delete(id, None).await
    }

    /// The same, by a limit, for this reason.
    pub(crate) async fn delete(&self, id: RecordingId, limit: Option<&str>) -> Result<(), Refusal> {
        let engine = self.clone();
        let limited = limit.is_some();
        let because = limit.map(|reason| format!(": {reason}")).unwrap_or_default();
        self.carry_out(async move {
            if let Some(active) = engine.inner.recordings.get(id) {
                let ended = active.full().row.ended_at.is_some();
                let why = if ended {
                    "is being finished: try again in a moment"
                } else {
                    "is running: stop it first"
                };
                return Err(Refusal::Conflict(format!("recording {} {why}", id.0)));
            }
            let full = engine.full(id).await?;
            if limited && full.row.keep {
                return Ok(());
            }
            let memory = &engine.inner.memory;
            if let Some(why) = memory.is_away() {
                return Err(Refusal::Unavailable(why));
            }
            // The files first: a row without its file can be deleted again, a file without its row by nobody.
            for file in engine.inner.recordings.files_of(&full) {
                remove(file).await.map_err(|error| {
                    Refusal::Conflict(format!("{} could not be deleted: {error}", file.display()))
                })?;
            }
            memory.heed(memory.store().delete_recording(id).await)?;
            let left = match full.row.path.symlink_metadata().is_ok() {
                true => "; the file there was left, for it is not the one that was recorded",
                false => "",
            };
            let message = format!("The recording {} was deleted{because}{left}", full.row.path.display());
            memory.tell(Note::new("recording_deleted", Level::Info, message).recording(id));
            Ok(())
        })
        .await
    }

    /// Keeps a recording from being deleted by a limit, or no longer.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn keep_recording(&self, id: RecordingId, keep: bool) -> Result<RecordingView, Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            let memory = &engine.inner.memory;
            if !memory.heed(memory.store().set_keep(id, keep).await)? {
                return Err(Refusal::no_recording(id));
            }
            if let Some(active) = engine.inner.recordings.get(id) {
                active.keep(keep);
            }
            let view = engine.recording(id).await?;
            let what = if keep { "is kept" } else { "is no longer kept" };
            let message = format!("The recording of {} {what}", view.url);
            engine.tell_recording("recording_updated", Level::Info, message, &view);
            Ok(view)
        })
        .await
    }

    /// Notes which recordings a conviction hit, and that it was taken back, and wakes channels that wait for a route: those
    /// that used the proxy then, or had left it less than a minute before,
    /// because traffic notices a fault earlier than a check convicts.
    pub(crate) async fn follow_convictions(self, mut events: broadcast::Receiver<Event>) {
        let recordings = &self.inner.recordings;
        loop {
            let event = tokio::select! {
                () = self.inner.stop.cancelled() => return,
                event = events.recv() => event,
            };
            match event {
                Ok(Event::ProxyConvicted { id, .. }) => {
                    recordings.all().iter().for_each(|active| active.convict(id));
                }
                Ok(Event::ProxyAcquitted { id, .. }) => {
                    recordings.all().iter().for_each(|active| active.with_charges(|c| c.acquit(id)));
                }
                Ok(Event::ProxyHealth { id, to: Health::Healthy | Health::Degraded, .. }) => {
                    recordings.all().iter().for_each(|active| active.with_charges(|c| c.settle(id)));
                    self.route_appeared();
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn full(&self, id: RecordingId) -> Result<RecordingFull, Refusal> {
        if let Some(active) = self.inner.recordings.get(id) {
            return Ok(active.full());
        }
        let memory = &self.inner.memory;
        let found = memory.heed(memory.store().recording(id).await)?;
        found.ok_or_else(|| Refusal::no_recording(id))
    }

    fn tell_recording(&self, kind: &'static str, level: Level, message: String, view: &RecordingView) {
        let note = Note::new(kind, level, message).recording(view.id).with("recording", json!(view));
        self.inner.memory.tell(note);
    }
}

fn word(view: &RecordingView) -> String {
    json!(view.status).as_str().unwrap_or_default().to_owned()
}
