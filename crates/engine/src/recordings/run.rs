//! Following a recording: where it stands is told once a second and stored whenever it matters, and its end is told
//! when it is stored.

use std::sync::Arc;
use std::time::Duration;

use holdfast_model::{Event, Level, milliseconds};
use holdfast_recorder::ports::Routes;
use holdfast_recorder::{Observer, Progress, RecordRequest, Status, record, settled};
use holdfast_store::{RecordingFull, StoreError};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::active::Active;
use crate::channels::End;
use crate::journal::Note;
use crate::view::{RecordingStatusView, RecordingView};
use crate::{Engine, figures};

/// How often it is told and stored where a recording stands.
const EVERY: Duration = Duration::from_secs(1);
/// How often the end of a recording is offered to a database that is away.
const AGAIN: Duration = Duration::from_secs(1);

impl Engine {
    /// Runs a recording to its end.
    pub(super) async fn follow(self, active: Arc<Active>, request: RecordRequest, routes: Arc<dyn Routes>) {
        let (sender, mut progress) = watch::channel(Progress::default());
        let observer = Observer::new(sender, {
            let (active, journal) = (Arc::clone(&active), self.inner.journal.clone());
            move |event| {
                if let Event::Gap { gap, .. } = &event {
                    active.gap(gap.clone());
                }
                figures::count(&event);
                journal.add_event(&event);
            }
        });
        // A task of its own: a slow database must not hold up the bytes.
        let recording = record(request, routes, active.control.clone(), observer);
        let mut recording = self.inner.tracker.spawn(recording);
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut told, mut stored) = (None, None);
        let summary = loop {
            tokio::select! {
                summary = &mut recording => break summary,
                // Told at once, and the next regular time a second after it.
                () = status_changes(&mut progress, told) => tick.reset(),
                _ = tick.tick() => {}
            }
            let now = progress.borrow_and_update().clone();
            told = Some(now.status);
            if now.status.is_final() {
                // Told with everything else that belongs to it, which comes next.
                continue;
            }
            active.progress(&now);
            if now.status == Status::Finalizing {
                // Making the file may take minutes, and the next broadcast does not wait.
                self.let_go(&active, End::Over, now.bytes > 0);
            }
            self.tell_progress(&active, &now);
            let full = active.full();
            if stored.as_ref() != Some(&full) && self.save(&active, &full).await.is_ok() {
                stored = Some(full);
            }
            self.save_convictions(&active).await;
        };
        match summary {
            Ok(summary) => active.finish(&summary, progress.borrow().mark.clone()),
            // It panicked, which stops the server; the next start takes care of what is there.
            Err(_) => return active.done.cancel(),
        }
        self.end(&active).await;
    }

    /// Stores the end, however long that takes, and tells it.
    pub(super) async fn end(&self, active: &Active) {
        let full = active.full();
        loop {
            match self.save(active, &full).await {
                Err(StoreError::Unavailable(_)) => {}
                Err(error) => {
                    tracing::error!("the end of recording {} could not be stored: {error}", active.id.0);
                    break;
                }
                Ok(()) => {
                    settled(&active.meant);
                    break;
                }
            }
            tokio::select! {
                () = sleep(AGAIN) => {}
                () = self.inner.stop.cancelled() => break,
            }
        }
        self.save_convictions(active).await;
        let view = RecordingView::from(&full);
        self.tell_elsewhere(active, &view);
        if view.status == RecordingStatusView::Interrupted && view.ended_at.is_none() {
            let message = format!("Recording of {} goes on when the server is started again", view.url);
            self.tell_recording("recording_interrupted", Level::Info, message, &view);
        } else {
            figures::count_finished(view.status);
            let (level, message) = end_told(&view);
            self.tell_recording("recording_finished", level, message, &view);
        }
        self.inner.recordings.lock().remove(&active.id);
        active.done.cancel();
        self.let_go(active, end_of(&view), view.bytes > 0);
        if view.ended_at.is_some() && !self.inner.recordings.is_closing() {
            self.heed_limits_soon();
        }
    }

    /// Its file has another name than it was to have.
    fn tell_elsewhere(&self, active: &Active, view: &RecordingView) {
        if let Some(path) = active.elsewhere() {
            let (path, meant) = (path.display(), active.meant.display());
            let message = format!(
                "Something else has taken the name {meant} while it was being recorded, and is left alone: the recording of {} is {path}",
                view.url
            );
            self.tell_recording("recording_renamed", Level::Warning, message, view);
        }
    }

    /// Its channel may be recorded again.
    fn let_go(&self, active: &Active, how: End, brought: bool) {
        let how = if active.was_stopped() { End::Stopped } else { how };
        if let Some(channel) = active.channel() {
            self.channel_left(channel, active.id, how, brought);
        }
    }

    /// Stores where a recording stands, and learns how its proxies are counted now.
    pub(super) async fn save(&self, active: &Active, full: &RecordingFull) -> Result<(), StoreError> {
        let memory = &self.inner.memory;
        let saved = memory
            .store()
            .save_progress(&full.row, &full.routes, &full.gaps, &full.parts, &full.chapters)
            .await;
        memory.heed(saved)?;
        for id in active.newly_counted(&full.routes) {
            memory.recount(id).await;
        }
        Ok(())
    }

    async fn save_convictions(&self, active: &Active) {
        let memory = &self.inner.memory;
        for (id, counts) in active.with_charges(|charges| charges.due()) {
            let stored = memory.store().set_convicted(active.id, id, counts).await;
            if let Ok(changed) = memory.heed(stored) {
                active.with_charges(|charges| charges.stored(id, counts, changed));
                memory.recount(id).await;
            }
        }
    }

    fn tell_progress(&self, active: &Active, progress: &Progress) {
        let row = active.full().row;
        let note = Note::new("recording_progress", Level::Info, "").recording(active.id).fleeting();
        let note = note
            .with("status", json!(RecordingStatusView::from(row.status)))
            .with("note", json!(progress.note))
            .with("title", json!(row.title))
            .with("category", json!(row.category))
            .with("quality", json!(progress.quality))
            .with("elapsed_ms", json!(milliseconds(progress.elapsed)))
            .with("duration_s", json!(row.duration_s))
            .with("bytes", json!(row.bytes))
            .with("rate", json!(progress.rate))
            .with("via", json!(row.via))
            .with("failovers", json!(row.failovers))
            .with("segments_lost", json!(row.segments_lost))
            .with("seconds_lost", json!(row.seconds_lost));
        self.inner.memory.tell(note);
    }
}

/// Waits for another status than the one that was told.
async fn status_changes(progress: &mut watch::Receiver<Progress>, told: Option<Status>) {
    if progress.wait_for(|now| Some(now.status) != told).await.is_err() {
        // The recorder is gone: its summary comes next.
        std::future::pending::<()>().await;
    }
}

/// What its end means for its channel.
fn end_of(view: &RecordingView) -> End {
    match view.status {
        RecordingStatusView::Completed => End::Over,
        _ => End::Failed,
    }
}

fn end_told(view: &RecordingView) -> (Level, String) {
    let lost = match view.segments_lost {
        0 => "nothing is missing".to_owned(),
        n => format!("{n} segments are missing ({:.1} s)", view.seconds_lost),
    };
    match (&view.error, view.status) {
        (Some(error), _) => (Level::Error, format!("Recording of {} ended: {error}", view.url)),
        (None, RecordingStatusView::Finalizing) => {
            (Level::Info, format!("Recording of {} waits to be joined at the next start; {lost}", view.url))
        }
        (None, _) => {
            let level = if view.segments_lost == 0 { Level::Info } else { Level::Warning };
            (level, format!("Recording of {} finished; {lost}", view.url))
        }
    }
}
