//! What a recording came to: the `--json` summary and the exit status.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use holdfast_model::{Chapter, Gap, RecordingId, RouteUse};
use serde::Serialize;

use crate::control::{Status, StopCause};

/// How a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The stream was over.
    StreamEnded,
    /// It was told to stop, or `--duration` was reached.
    Stopped,
    /// It gave up, before or during.
    Failed,
}

/// One file that Streamlink's output went to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Where it is or was.
    pub path: PathBuf,
    /// When its first byte came.
    pub started_at: DateTime<Utc>,
    /// When its last byte came.
    pub ended_at: DateTime<Utc>,
    /// Its size.
    pub bytes: u64,
}

impl Part {
    /// From its first byte to its last, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        (self.ended_at - self.started_at).num_milliseconds().max(0) as f64 / 1000.0
    }
}

/// What a recording came to. Serialises to the `--json` summary of `record`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The recording.
    pub recording_id: RecordingId,
    /// What was recorded, passwords masked.
    pub url: String,
    /// The finished file; `None` if nothing was recorded or the parts could not be joined (then see `parts`).
    pub output: Option<PathBuf>,
    /// A picture of it, if one was wanted and could be made.
    pub thumbnail: Option<PathBuf>,
    /// Size of the finished file, or of all parts if they stayed.
    pub bytes: u64,
    /// Play time that was recorded, in seconds.
    pub duration_s: f64,
    /// Segments that are missing. Advertisements that were cut out are not among them.
    pub segments_lost: u64,
    /// Their play time, in seconds.
    pub seconds_lost: f64,
    /// True if some of the loss had to be taken from the clock.
    pub estimated: bool,
    /// How often a route failed and another one carried on.
    pub failovers: u32,
    /// Every route used, in order.
    pub routes: Vec<RouteUse>,
    /// What is missing, run by run; advertisements that were cut out, too.
    pub gaps: Vec<Gap>,
    /// Files that were written; those still there if `output` is `None`.
    pub parts: Vec<Part>,
    /// What the broadcast was called, stretch by stretch; empty if nobody said.
    pub chapters: Vec<Chapter>,
    /// How it ended.
    pub ended: Ended,
    /// Why it ended, in words ("the playlist says that the stream has ended").
    pub reason: String,
    /// The status to keep in a list of recordings.
    pub status: Status,
    /// What went wrong and what to do, in a sentence.
    pub error: Option<String>,
    /// When the recording was asked for.
    pub started_at: DateTime<Utc>,
    /// When it was finished.
    pub ended_at: DateTime<Utc>,
    /// Who stopped it.
    #[serde(skip)]
    pub stopped_by: Option<StopCause>,
    /// True if it failed because there was never a route.
    #[serde(skip)]
    pub no_route: bool,
}

impl Summary {
    /// The exit status of `record`: 0 nothing is missing · 3 with gaps · 4 failed · 5 no route from the start ·
    /// 130 stopped by Ctrl-C · 143 by SIGTERM.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match (self.ended, self.stopped_by) {
            (Ended::Failed, _) if self.no_route => 5,
            (Ended::Failed, _) => 4,
            (Ended::Stopped, Some(StopCause::Interrupt)) => 130,
            (Ended::Stopped, Some(StopCause::Terminate)) => 143,
            (Ended::Stopped, Some(StopCause::Disk)) => 4,
            // All is there, but not as the file that was asked for.
            _ if self.output.is_none() => 4,
            _ if self.segments_lost > 0 || self.seconds_lost > 0.0 => 3,
            _ => 0,
        }
    }
}
