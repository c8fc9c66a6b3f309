//! How a recording is told to stop, and how it tells what it is doing.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use holdfast_model::{Chapter, Event, Via};
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::mark::Mark;
use crate::summary::{Ended, Part};

/// Who wanted the recording to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// `--duration` was reached.
    Duration,
    /// Ctrl-C (SIGINT).
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// A person, in the page or over the API.
    Request,
    /// The disk is nearly full.
    Disk,
    /// A defect of the program, which cannot go on.
    Defect,
    /// The program ends, and its next run goes on with the recording.
    HandedOver,
}

/// The reins of one recording; clones hold the same ones.
///
/// [`stop`](Self::stop) ends the recording in order: Streamlink is interrupted, the file finished. It may be called
/// from anywhere, any number of times; the first cause counts. [`shut_down`](Self::shut_down) does the same and
/// limits the time for joining; [`hand_over`](Self::hand_over) leaves the parts for another run. [`abort`](Self::abort)
/// gives up at once: Streamlink is killed, a join in progress is left, the parts stay. [`wake`](Self::wake) ends a wait
/// and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Control {
    soft: CancellationToken,
    hard: CancellationToken,
    hurry: CancellationToken,
    cause: Arc<OnceLock<StopCause>>,
    join_limit: Arc<OnceLock<Duration>>,
    woken: Arc<Notify>,
}

impl Control {
    /// Reins that nobody has pulled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the recording in order. Joining may take as long as it needs.
    pub fn stop(&self, cause: StopCause) {
        let _ = self.cause.set(cause);
        self.soft.cancel();
    }

    /// Ends the recording in order, because the whole program ends: a join that takes longer than `join_limit` from
    /// now is left (the summary's status is then [`Status::Finalizing`]; [`crate::finish_parts`] resumes it).
    pub fn shut_down(&self, join_limit: Duration) {
        let _ = self.join_limit.set(join_limit);
        self.hurry.cancel();
        self.stop(StopCause::Terminate);
    }

    /// Ends the recording in order, because the whole program ends and its next run is to go on with it: Streamlink is
    /// interrupted, what it still brings is written, and the parts stay (the summary's status is then
    /// [`Status::Interrupted`]; [`crate::RecordRequest::resume`] goes on). One that is being finished already is treated as by
    /// [`shut_down`](Self::shut_down).
    pub fn hand_over(&self, join_limit: Duration) {
        let _ = self.join_limit.set(join_limit);
        self.hurry.cancel();
        self.stop(StopCause::HandedOver);
    }

    /// Ends the recording at once.
    pub fn abort(&self) {
        self.stop(StopCause::Interrupt);
        self.hard.cancel();
    }

    /// Somebody was told that the stream is live: a recording that waits for it to come back asks at once.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Waits until that is told, or answers at once if it was and nobody waited.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Why it was stopped, once it was.
    #[must_use]
    pub fn cause(&self) -> Option<StopCause> {
        self.cause.get().copied()
    }

    pub(crate) fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    pub(crate) fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Waits until a join has to be left.
    pub(crate) async fn join_must_end(&self) {
        let limit = async {
            self.hurry.cancelled().await;
            tokio::time::sleep(self.join_limit.get().copied().unwrap_or_default()).await;
        };
        tokio::select! {
            () = limit => {}
            () = self.hard.cancelled() => {}
        }
    }
}

/// What a recording is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Looking for a route, or waiting for the first byte.
    #[default]
    Starting,
    /// Bytes arrive.
    Recording,
    /// Streamlink ended though the stream has not, or may not have.
    Recovering,
    /// The file is being finished. Left in this state: the parts wait to be joined.
    Finalizing,
    /// The stream ended.
    Completed,
    /// It was told to stop.
    Stopped,
    /// It gave up.
    Failed,
    /// The program ended in the middle: its next run goes on.
    Interrupted,
}

impl Status {
    /// Whether this run of the recording is done.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Stopped | Self::Failed | Self::Interrupted)
    }
}

/// A snapshot of a recording, for a progress line; at most one a second, and at every change of status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// What it is doing.
    pub status: Status,
    /// Why, when that is worth telling ("no route; next try in 4 s").
    pub note: Option<String>,
    /// Since the recording was asked for.
    pub elapsed: Duration,
    /// Play time that arrived.
    pub media: Duration,
    /// Bytes written, in earlier parts too.
    pub bytes: u64,
    /// Bytes a second, over the last seconds.
    pub rate: u64,
    /// The route in use.
    pub via: Option<Via>,
    /// How often a route failed and another one carried on.
    pub failovers: u32,
    /// Segments missing; advertisements that were cut out are not among them.
    pub segments_lost: u64,
    /// Their play time, in seconds.
    pub seconds_lost: f64,
    /// Every part so far, in order; the last is the one being written, as far as it has come.
    pub parts: Vec<Part>,
    /// The quality that Streamlink opened ("1080p60").
    pub quality: Option<String>,
    /// Where it stands in the site's numbering: all that another process needs to go on with it after a crash. `None`
    /// until a numbered segment is in the file. Keep it together with `parts`, as often as is convenient.
    pub mark: Option<Mark>,
    /// What the broadcast was called so far, stretch by stretch; the last one goes on.
    pub chapters: Vec<Chapter>,
    /// How it ended, as soon as its file is being finished. Keep it with `mark`: should the program be killed meanwhile, the
    /// next one knows what the recording is once it has a file.
    pub ended: Option<Ended>,
}

/// Where a recording reports to.
#[derive(Clone)]
pub struct Observer {
    progress: watch::Sender<Progress>,
    events: Arc<dyn Fn(Event) + Send + Sync>,
}

impl Observer {
    /// Progress goes to the channel, events to the function (called from the recording's task: it must not block).
    pub fn new(progress: watch::Sender<Progress>, events: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { progress, events: Arc::new(events) }
    }

    /// Nobody listens.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(watch::Sender::new(Progress::default()), |_| {})
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }

    pub(crate) fn event(&self, event: Event) {
        (self.events)(event);
    }
}
