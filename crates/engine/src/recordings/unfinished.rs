//! What an earlier run of the server left behind: it was killed, or a join did not end in time. No row may lie: what
//! was under way becomes `interrupted` at once. Then, if that was only minutes ago, the stream is asked for again: if it
//! is still live the same recording goes on, and if not its parts become one file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use holdfast_model::Level;
use holdfast_recorder::{About, JoinError, Mark, Output, RecordRequest, Tools, finish_parts, finished_file};
use holdfast_store::{PartRow, RecordingFull, RecordingStatus};

use super::active::{Active, Earlier};
use crate::Engine;
use crate::view::RecordingView;

/// A recording that was interrupted longer ago is not gone on with: what is live by now is another broadcast.
const RESUME_WITHIN: Duration = Duration::from_secs(600);
/// The key under which a mark says that the stream was over, and was only waited for.
const OVER: &str = "over";
/// Why a route of an interrupted recording ended.
const KILLED: &str = "the server ended without finishing the recording";

/// A recording to go on with.
pub(crate) struct Left {
    full: RecordingFull,
    earlier: Earlier,
    seen: DateTime<Utc>,
    was_joining: bool,
}

impl Engine {
    /// Finds them and marks those that were under way as interrupted, before anybody can ask.
    pub(crate) async fn find_unfinished(&self) -> Vec<Left> {
        let memory = &self.inner.memory;
        match memory.heed(memory.store().unfinished_recordings().await) {
            Ok(found) => {
                let mut left = Vec::new();
                for full in found {
                    left.extend(self.mark_interrupted(full).await);
                }
                left
            }
            Err(error) => {
                tracing::error!(
                    "unfinished recordings could not be read: {error}; they wait for the next start"
                );
                Vec::new()
            }
        }
    }

    /// The file is whole and its parts are gone: only the end could not be stored, because the database was away or the
    /// server was killed in that very moment.
    async fn mark_finished(&self, mut full: RecordingFull, file: &Path, seen: DateTime<Utc>) -> Option<Left> {
        close_routes(&mut full, seen, "the recording ended");
        let active = Active::new(full, Earlier::default());
        active.was_finished(file, seen);
        self.end(&active).await;
        None
    }

    async fn mark_interrupted(&self, mut full: RecordingFull) -> Option<Left> {
        if !full.row.path.starts_with(&self.inner.recordings.directory) {
            return self.leave_alone(full).await;
        }
        let was_joining = full.row.status == RecordingStatus::Finalizing;
        let found = parts_on_disk(&full);
        let finished = finished_file(&full.row.path);
        let seen = last_sign_of_life(&full, &found, finished.as_deref());
        if let Some(file) = finished.as_deref().filter(|_| found.is_empty()) {
            return self.mark_finished(full, file, seen).await;
        }
        // A join removes parts when its file is there.
        let missing = if finished.is_some() { Vec::new() } else { missing(&full) };
        let bytes = found.iter().map(|part| part.bytes).sum();
        close_routes(&mut full, seen, KILLED);
        let (routes, failovers) = (full.routes.clone(), full.row.failovers);
        let was_over = full.row.resume.as_ref().is_some_and(|mark| !mark[OVER].is_null());
        let earlier = Earlier { routes, failovers, bytes, missing, was_over };
        full.row.bytes = bytes;
        full.parts = earlier.with_missing(found);
        if !was_joining {
            let why = format!("{KILLED} at about {}", seen.format("%Y-%m-%d %H:%M:%S UTC"));
            // What a server said that was stopped in order stays said.
            let said = full.row.error.take().filter(|_| full.row.status == RecordingStatus::Interrupted);
            full.row.error = Some(said.unwrap_or(why));
            earlier.note_missing(&mut full.row.error);
            self.interrupt(&mut full, &earlier).await;
        }
        Some(Left { full, earlier, seen, was_joining })
    }

    /// The row may come from a backup whose original is recording there at this moment, or from a server with another
    /// directory: those files are not ours to judge, so what the row says of them stays.
    async fn leave_alone(&self, mut full: RecordingFull) -> Option<Left> {
        let path = full.row.path.display();
        let why = format!(
            "{KILLED}; {path} is not in this server's directory of recordings, so nothing was done about it"
        );
        tracing::warn!("recording {} stays interrupted: {why}", full.row.id.0);
        full.row.error = Some(why);
        self.interrupt(&mut full, &Earlier::default()).await;
        None
    }

    /// Marks a recording as interrupted, and tells it where that is news.
    async fn interrupt(&self, full: &mut RecordingFull, earlier: &Earlier) {
        let told = full.row.status == RecordingStatus::Interrupted;
        full.row.status = RecordingStatus::Interrupted;
        let active = Active::new(full.clone(), earlier.clone());
        if let Err(error) = self.save(&active, full).await {
            tracing::error!("recording {} could not be marked as interrupted: {error}", full.row.id.0);
        }
        if told {
            return;
        }
        let view = RecordingView::from(&*full);
        let message = format!("Recording of {} was interrupted: {KILLED}", view.url);
        self.tell_recording("recording_interrupted", Level::Warning, message, &view);
    }

    /// Goes on with those whose stream may still be live, and joins the parts of the others.
    pub(crate) async fn go_on_with(self, left: Vec<Left>) {
        for Left { full, earlier, seen, was_joining } in left {
            if self.inner.recordings.is_closing() {
                return;
            }
            let Some((request, tools)) = self.request(&full) else { continue };
            let recent = (Utc::now() - seen).to_std().unwrap_or_default() < RESUME_WITHIN;
            // With another key the address cannot be read.
            let readable = !full.row.url.expose().is_empty();
            if recent && !was_joining && readable {
                let mut full = full;
                if let Some(mark) = &request.resume {
                    // What is missing beyond the mark is found anew.
                    full.gaps.clone_from(&mark.gaps);
                }
                tracing::info!("recording {} goes on if its stream is still live", full.row.id.0);
                self.set_off(Active::new(full, earlier), request, None);
            } else {
                let active = Arc::new(Active::new(full, earlier));
                self.inner.tracker.spawn(self.clone().join_left(active, request.output, tools, was_joining));
            }
        }
    }

    /// Makes one file of the parts that were left.
    async fn join_left(self, active: Arc<Active>, output: Output, tools: Tools, was_joining: bool) {
        self.inner.recordings.lock().insert(active.id, Arc::clone(&active));
        let parts = there(&active.full());
        let joined = match parts.as_slice() {
            [] => None,
            parts => {
                Some(finish_parts(&output, parts, &about(&active.full()), &tools, &active.control).await)
            }
        };
        if let Some(Err(JoinError::Left)) = joined {
            // The server is being stopped: the next start tries again.
            self.inner.recordings.lock().remove(&active.id);
            return active.done.cancel();
        }
        active.joined(joined.map(|joined| joined.map_err(|error| error.to_string())), was_joining);
        self.end(&active).await;
    }

    /// What the recorder needs to go on; `None` if it cannot, which is then told.
    fn request(&self, full: &RecordingFull) -> Option<(RecordRequest, Tools)> {
        let tools = match &self.inner.recordings.tools {
            Ok(tools) => tools.clone(),
            Err(error) => {
                tracing::warn!("recording {} stays interrupted: {error}", full.row.id.0);
                return None;
            }
        };
        let output = Output::resumed(&full.row.path);
        let output = output.map_err(|error| {
            tracing::warn!("recording {} stays interrupted: {error}", full.row.id.0);
        });
        let mut request = RecordRequest::new(full.row.url.expose(), output.ok()?, tools.clone());
        request.id = full.row.id;
        request.quality.clone_from(&full.row.quality);
        request.tags.clone_from(&full.row.tags);
        let mark = full.row.resume.clone().and_then(|mark| serde_json::from_value(mark).ok());
        request.resume = mark;
        request.earlier_parts = there(full);
        request.earlier_chapters.clone_from(&full.chapters);
        self.equip(&mut request, full.row.streamer_id);
        Some((request, tools))
    }
}

/// What a file that is joined late says of itself.
fn about(full: &RecordingFull) -> About {
    let mark: Option<Mark> = full.row.resume.clone().and_then(|mark| serde_json::from_value(mark).ok());
    About {
        title: full.row.title.clone(),
        channel: full.row.channel.clone(),
        started_at: Some(full.row.started_at),
        url: Some(full.row.url_masked.clone()),
        chapters: full.chapters.clone(),
        aligned: mark.map(|mark| mark.aligned).unwrap_or_default(),
    }
}

/// The parts that are there: those of the rows, and what was begun since they were stored.
fn parts_on_disk(full: &RecordingFull) -> Vec<PartRow> {
    let mut paths: Vec<PathBuf> = full.parts.iter().map(|part| part.path.clone()).collect();
    if let Ok(output) = Output::resumed(&full.row.path) {
        paths.extend(output.parts_after(&paths));
    }
    let known = |path: &Path| full.parts.iter().find(|part| part.path == path);
    let part = |path: PathBuf| {
        let meta = path.symlink_metadata().ok().filter(|meta| meta.is_file() && meta.len() > 0)?;
        let changed = meta.modified().map_or_else(|_| Utc::now(), DateTime::<Utc>::from);
        let started_at = known(&path).map_or(changed, |part| part.started_at);
        Some(PartRow { path, started_at, ended_at: Some(changed), bytes: meta.len() })
    };
    paths.into_iter().filter_map(part).collect()
}

/// Parts of the rows that are not where they were written.
fn missing(full: &RecordingFull) -> Vec<PartRow> {
    full.parts.iter().filter(|part| !is_file(&part.path)).cloned().collect()
}

/// The parts that can be read.
fn there(full: &RecordingFull) -> Vec<PathBuf> {
    full.parts.iter().map(|part| part.path.clone()).filter(|path| is_file(path)).collect()
}

/// Whether a file is there itself: a recording's own is never a link.
fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_file())
}

fn close_routes(full: &mut RecordingFull, at: DateTime<Utc>, reason: &str) {
    for route in full.routes.iter_mut().filter(|route| route.ended_at.is_none()) {
        route.ended_at = Some(at);
        route.reason = Some(reason.to_owned());
    }
}

fn last_sign_of_life(full: &RecordingFull, parts: &[PartRow], finished: Option<&Path>) -> DateTime<Utc> {
    let parts = parts.iter().filter_map(|part| part.ended_at).max();
    let finished = finished.and_then(|file| file.metadata().ok()?.modified().ok()).map(DateTime::<Utc>::from);
    parts.max(finished).unwrap_or(full.row.started_at).min(DateTime::from(SystemTime::now()))
}
