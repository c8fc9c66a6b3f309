//! One recording under way: what is known of it, and the reins.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_model::{ChannelId, Gap, ProxyId, RecordingId, RouteUse, in_micros};
use holdfast_recorder::ports::{Account, Traffic};
use holdfast_recorder::{Control, Ended, Mark, Part, Progress, Status, Summary};
use holdfast_store::{PartRow, RecordingFull, RecordingStatus};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::charges::Charges;

/// What is told of a recording that goes on at the next start.
const HANDED_OVER: &str = "the server was stopped while it recorded: it goes on when the server is started again, if the stream is still live then";
/// Why a recording that was interrupted is not completed.
const OVER_BY_THEN: &str =
    "the server ended while it recorded, and the stream was over when it was back: the end may be missing";
/// What is told of a recording whose end was not stored.
const END_NOT_STORED: &str = "the file was finished, but how the recording ended could not be stored; its figures are of the last second that was";
/// The key under which a recording whose join was left keeps how it ended.
const ENDED: &str = "ended";
/// A conviction still counts for a recording that left the proxy so recently.
const LEFT_LATELY: TimeDelta = TimeDelta::seconds(60);

pub(super) struct Active {
    pub(super) id: RecordingId,
    pub(super) control: Control,
    /// Set when the recording is over and stored.
    pub(super) done: CancellationToken,
    /// At the gateway, once it is open.
    account: OnceLock<Arc<dyn Account>>,
    /// Where its file was to go.
    pub(super) meant: PathBuf,
    /// What earlier runs of this recording left: its rows begin after these.
    earlier: Earlier,
    state: Mutex<State>,
}

/// What was there before this run.
#[derive(Clone, Debug, Default)]
pub(super) struct Earlier {
    pub(super) routes: Vec<RouteUse>,
    pub(super) failovers: u32,
    /// Of all parts that are there.
    pub(super) bytes: u64,
    /// Parts that are not where they were written: perhaps their disk is not there yet. Kept, so that they are found again.
    pub(super) missing: Vec<PartRow>,
    /// The stream was over, and it was only waited whether it comes back.
    pub(super) was_over: bool,
}

impl Earlier {
    /// These parts with the missing ones, in the order in which they were written: their names are numbered.
    pub(super) fn with_missing(&self, parts: Vec<PartRow>) -> Vec<PartRow> {
        let mut all = self.missing.clone();
        all.extend(parts);
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    }

    /// Says of the missing parts that they are, behind what else is wrong.
    pub(super) fn note_missing(&self, error: &mut Option<String>) {
        let Some(first) = self.missing.first() else { return };
        let (count, first) = (self.missing.len(), first.path.display());
        let lacks =
            format!("{count} of its parts cannot be found, the first at {first}: is that disk mounted?");
        match error {
            Some(error) if error.contains(&lacks) => {}
            Some(error) => *error = format!("{error}; {lacks}"),
            None => *error = Some(lacks),
        }
    }
}

struct State {
    full: RecordingFull,
    charges: Charges,
    stop_wanted: bool,
    /// Proxies whose use has been stored and counted.
    counted: HashSet<ProxyId>,
}

impl Active {
    pub(super) fn new(full: RecordingFull, earlier: Earlier) -> Self {
        Self {
            id: full.row.id,
            meant: full.row.path.clone(),
            control: Control::new(),
            done: CancellationToken::new(),
            account: OnceLock::new(),
            earlier,
            state: Mutex::new(State {
                full,
                stop_wanted: false,
                charges: Charges::default(),
                counted: HashSet::new(),
            }),
        }
    }

    /// Everything as it is now.
    pub(super) fn full(&self) -> RecordingFull {
        let traffic = self.traffic();
        let mut state = self.lock();
        if let Some(traffic) = traffic {
            self.heed(&mut state.full, &traffic);
        }
        let mut full = state.full.clone();
        in_stored_times(&mut full);
        full
    }

    pub(super) fn open(&self, account: Arc<dyn Account>) {
        let _ = self.account.set(account);
    }

    /// Takes over where the recorder says it stands. Until it has found what an earlier run left, that stays as stored.
    pub(super) fn progress(&self, progress: &Progress) {
        let mut state = self.lock();
        let resuming = self.earlier.bytes > 0;
        let stop_wanted = state.stop_wanted;
        let row = &mut state.full.row;
        row.status = match progress.status {
            Status::Starting if resuming => RecordingStatus::Recovering,
            other => stored_status(other),
        };
        if stop_wanted {
            row.status = RecordingStatus::Finalizing;
        }
        // What a stop interrupted is no longer worth telling.
        row.error = progress.note.clone().filter(|_| !stop_wanted);
        row.via = progress.via.as_ref().map(ToString::to_string).or_else(|| row.via.take());
        let ended = if stop_wanted { Some(Ended::Stopped) } else { progress.ended };
        if progress.mark.is_some() || ended.is_some() {
            row.resume = Some(with_end(progress.mark.as_ref().map(|mark| json!(mark)), ended));
        }
        if resuming && progress.parts.is_empty() {
            return;
        }
        if let Some(chapter) = progress.chapters.last() {
            row.title = chapter.title.clone().or_else(|| row.title.take());
            row.category = chapter.category.clone().or_else(|| row.category.take());
        }
        row.bytes = progress.bytes.max(progress.parts.iter().map(|part| part.bytes).sum());
        row.duration_s = progress.media.as_secs_f64();
        row.segments_lost = progress.segments_lost;
        row.seconds_lost = progress.seconds_lost;
        state.full.parts = self.earlier.with_missing(parts(&progress.parts));
        state.full.chapters.clone_from(&progress.chapters);
    }

    /// Somebody wants it to stop: should the server be killed before it has, the next start must not go on with it.
    /// What is only being finished keeps the ending that it has.
    pub(super) fn stop_wanted(&self) -> RecordingFull {
        let mut state = self.lock();
        if is_running(state.full.row.status) {
            state.stop_wanted = true;
            let row = &mut state.full.row;
            (row.status, row.error) = (RecordingStatus::Finalizing, None);
            row.resume = Some(with_end(row.resume.take(), Some(Ended::Stopped)));
        }
        drop(state);
        self.full()
    }

    /// Whether it records this stream, or is about to, or tries to.
    pub(super) fn is_recording(&self, url: &str) -> bool {
        let state = self.lock();
        is_running(state.full.row.status) && state.full.row.url.expose() == url
    }

    /// Its channel.
    pub(super) fn channel(&self) -> Option<ChannelId> {
        self.lock().full.row.streamer_id
    }

    /// It is a recording of this channel from now on.
    pub(super) fn belong_to(&self, id: ChannelId, name: String) {
        let row = &mut self.lock().full.row;
        (row.streamer_id, row.channel) = (Some(id), Some(name));
    }

    /// That channel is gone.
    pub(super) fn forget_channel(&self, id: ChannelId) {
        let mut state = self.lock();
        if state.full.row.streamer_id == Some(id) {
            state.full.row.streamer_id = None;
        }
    }

    /// A person's mark.
    pub(super) fn keep(&self, keep: bool) {
        self.lock().full.row.keep = keep;
    }

    /// Whether a person stopped it.
    pub(super) fn was_stopped(&self) -> bool {
        self.lock().stop_wanted
    }

    /// One more gap.
    pub(super) fn gap(&self, gap: Gap) {
        self.lock().full.gaps.push(gap);
    }

    /// Takes over what the recording came to. `mark`: where it stood last.
    pub(super) fn finish(&self, summary: &Summary, mark: Option<Mark>) {
        let mut state = self.lock();
        // Stopped by a person in the moment in which the server was: nobody wants it to go on.
        let stopped = summary.status == Status::Interrupted && state.stop_wanted;
        let status = if stopped { Status::Finalizing } else { summary.status };
        let full = &mut state.full;
        let row = &mut full.row;
        row.status = stored_status(status);
        row.error.clone_from(&summary.error);
        if self.brought_nothing(summary) && !self.earlier.was_over {
            row.status = RecordingStatus::Interrupted;
            row.error.get_or_insert_with(|| OVER_BY_THEN.to_owned());
        }
        if status == Status::Interrupted {
            row.error.get_or_insert_with(|| HANDED_OVER.to_owned());
        }
        let goes_on = matches!(status, Status::Finalizing | Status::Interrupted);
        row.ended_at = Some(summary.ended_at).filter(|_| !goes_on);
        row.bytes = summary.bytes;
        row.duration_s = summary.duration_s;
        row.failovers = self.earlier.failovers + summary.failovers;
        row.segments_lost = summary.segments_lost;
        row.seconds_lost = summary.seconds_lost;
        row.resume = match status {
            // What it is to be once its parts are joined.
            Status::Finalizing => Some(with_end(mark.map(|mark| json!(mark)), Some(summary.ended))),
            Status::Interrupted => mark.map(|mark| json!(mark)),
            _ => None,
        };
        row.via = summary.routes.last().map(|route| route.via.to_string()).or_else(|| row.via.take());
        full.routes = self.earlier.routes.iter().chain(&summary.routes).cloned().collect();
        full.gaps.clone_from(&summary.gaps);
        full.parts = self.earlier.with_missing(parts(&summary.parts));
        full.chapters.clone_from(&summary.chapters);
        full.row.thumbnail.clone_from(&summary.thumbnail);
        went_to(full, summary.output.as_deref());
        self.earlier.note_missing(&mut full.row.error);
    }

    /// Whether this run followed one that was killed, and the stream was over by then.
    fn brought_nothing(&self, summary: &Summary) -> bool {
        let parts = summary.parts.iter().map(|part| part.bytes).sum::<u64>();
        summary.status == Status::Completed && parts > 0 && parts <= self.earlier.bytes
    }

    /// Takes over what became of the parts that an earlier run left, if there were any: the file that they are now.
    /// `was_joining` when nothing else was left to do.
    pub(super) fn joined(&self, joined: Option<Result<PathBuf, String>>, was_joining: bool) {
        let mut state = self.lock();
        let row = &mut state.full.row;
        row.ended_at = Some(Utc::now());
        let resume = row.resume.take().unwrap_or_default();
        let was_over = !was_joining && self.earlier.was_over;
        row.status = match ended_as(&resume) {
            _ if was_over => RecordingStatus::Completed,
            _ if !was_joining => RecordingStatus::Interrupted,
            ended => ended.unwrap_or(RecordingStatus::Completed),
        };
        row.error = row.error.take().filter(|_| !was_over);
        let file = joined.and_then(|joined| joined.map_err(|problem| row.error = Some(problem)).ok());
        if let Some(file) = &file {
            row.bytes = file.metadata().map_or(row.bytes, |meta| meta.len());
        }
        self.earlier.note_missing(&mut row.error);
        went_to(&mut state.full, file.as_deref());
    }

    /// An earlier run had finished its file, and could not store how it ended.
    pub(super) fn was_finished(&self, file: &Path, at: DateTime<Utc>) {
        let mut state = self.lock();
        let row = &mut state.full.row;
        let resume = row.resume.take().unwrap_or_default();
        row.status = ended_as(&resume).unwrap_or(RecordingStatus::Stopped);
        row.ended_at = Some(at);
        row.bytes = file.metadata().map_or(row.bytes, |meta| meta.len());
        row.error = Some(END_NOT_STORED.to_owned());
        went_to(&mut state.full, Some(file));
    }

    /// Where its file is, if that is not where it was to go because something else had come there.
    pub(super) fn elsewhere(&self) -> Option<PathBuf> {
        let state = self.lock();
        let row = &state.full.row;
        let is_part = state.full.parts.iter().any(|part| part.path == row.path);
        (row.path != self.meant && !is_part).then(|| row.path.clone())
    }

    /// Whether its present route is this proxy.
    pub(super) fn uses(&self, id: ProxyId) -> bool {
        self.traffic().is_some_and(|traffic| traffic.current().and_then(|via| via.proxy_id()) == Some(id))
    }

    /// A proxy was convicted; counts if it was in use.
    pub(super) fn convict(&self, id: ProxyId) {
        let now = Utc::now();
        let lately = |ended: Option<DateTime<Utc>>| ended.is_none_or(|at| now - at < LEFT_LATELY);
        let hit = self.traffic().is_some_and(|traffic| {
            traffic.routes.iter().any(|route| route.via.proxy_id() == Some(id) && lately(route.ended_at))
        });
        if hit {
            self.lock().charges.convict(id);
        }
    }

    /// What counts against the proxies that it used.
    pub(super) fn with_charges<T>(&self, change: impl FnOnce(&mut Charges) -> T) -> T {
        change(&mut self.lock().charges)
    }

    /// Proxies among the routes whose use is newly stored.
    pub(super) fn newly_counted(&self, routes: &[RouteUse]) -> Vec<ProxyId> {
        let mut state = self.lock();
        routes
            .iter()
            .filter_map(|route| route.via.proxy_id())
            .filter(|id| state.counted.insert(*id))
            .collect()
    }

    fn traffic(&self) -> Option<Traffic> {
        self.account.get().map(|account| account.traffic())
    }

    fn heed(&self, full: &mut RecordingFull, traffic: &Traffic) {
        if full.row.ended_at.is_none() {
            full.routes = self.earlier.routes.iter().chain(&traffic.routes).cloned().collect();
            full.row.failovers = self.earlier.failovers + traffic.failovers;
            if let Some(via) = traffic.current() {
                full.row.via = Some(via.to_string());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says where the recording is now. One that stays in its parts is where it was to go, or if something else came there
/// by now, where its first part is. What is to be joined at the next start keeps the place that it is to go to.
fn went_to(full: &mut RecordingFull, file: Option<&Path>) {
    let row = &mut full.row;
    let taken = || row.path.symlink_metadata().is_ok() && row.ended_at.is_some();
    let first = full.parts.first().map(|part| part.path.as_path());
    if let Some(place) = file.or_else(|| first.filter(|_| taken())) {
        row.path = place.to_owned();
    }
}

/// What the next start has to know: where it stood, and how it ended if it did.
fn with_end(mark: Option<Value>, ended: Option<Ended>) -> Value {
    // It comes from the database, where anything may have been left.
    let mut kept = mark.filter(Value::is_object).unwrap_or_else(|| json!({}));
    if let Some(ended) = ended {
        kept[ENDED] = json!(ended);
    }
    kept
}

/// How it ended, if that was kept.
fn ended_as(resume: &Value) -> Option<RecordingStatus> {
    match resume[ENDED].as_str()? {
        "stopped" => Some(RecordingStatus::Stopped),
        "failed" => Some(RecordingStatus::Failed),
        _ => Some(RecordingStatus::Completed),
    }
}

/// Whether more of the stream is to come.
fn is_running(status: RecordingStatus) -> bool {
    matches!(status, RecordingStatus::Starting | RecordingStatus::Recording | RecordingStatus::Recovering)
}

/// The recorder's word as the store's.
fn stored_status(status: Status) -> RecordingStatus {
    match status {
        Status::Starting => RecordingStatus::Starting,
        Status::Recording => RecordingStatus::Recording,
        Status::Recovering => RecordingStatus::Recovering,
        Status::Finalizing => RecordingStatus::Finalizing,
        Status::Completed => RecordingStatus::Completed,
        Status::Stopped => RecordingStatus::Stopped,
        Status::Failed => RecordingStatus::Failed,
        Status::Interrupted => RecordingStatus::Interrupted,
    }
}

/// All times as a database keeps them.
fn in_stored_times(full: &mut RecordingFull) {
    let cut = |time: &mut DateTime<Utc>| *time = in_micros(*time);
    cut(&mut full.row.started_at);
    full.row.ended_at.iter_mut().for_each(cut);
    for route in &mut full.routes {
        cut(&mut route.started_at);
        route.ended_at.iter_mut().for_each(cut);
    }
    full.gaps.iter_mut().for_each(|gap| cut(&mut gap.at));
    full.chapters.iter_mut().for_each(|chapter| cut(&mut chapter.at));
    for part in &mut full.parts {
        cut(&mut part.started_at);
        part.ended_at.iter_mut().for_each(cut);
    }
}

fn parts(parts: &[Part]) -> Vec<PartRow> {
    let row = |part: &Part| PartRow {
        path: part.path.clone(),
        started_at: part.started_at,
        ended_at: Some(part.ended_at),
        bytes: part.bytes,
    };
    parts.iter().map(row).collect()
}

#[cfg(test)]
mod tests;
