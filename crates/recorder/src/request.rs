//! What a recording is asked to do, and what it was asked to do with the file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use holdfast_model::{Chapter, RecordingId, Scene, Secret};
use tokio::sync::watch;

use crate::mark::Mark;
use crate::options::StreamlinkOptions;
use crate::output::Output;
use crate::ports::Platform;
use crate::tools::Tools;

/// How long an unreachable stream is tried again before the recording gives up, unless the request says otherwise.
pub const DEFAULT_GIVE_UP_AFTER: Duration = Duration::from_secs(600);
/// How much room must stay free on the disk, in bytes (1 GiB), unless the request says otherwise.
pub const DEFAULT_DISK_FLOOR: u64 = 1 << 30;

/// One recording to make.
#[derive(Clone, Debug)]
pub struct RecordRequest {
    /// Its identity; the same for every part and across resumes.
    pub id: RecordingId,
    /// What Streamlink is given: a channel page, a playlist, `hls://…`. May hold a password or a token: every
    /// copy that leaves the process is masked by [`crate::mask_url`].
    pub url: String,
    /// What Streamlink is asked for: `best`, `720p60`, `1080p,best` …
    pub quality: String,
    /// Where the recording goes.
    pub output: Output,
    /// Stop after this much time, from the first byte; `None` for the whole stream.
    pub duration: Option<Duration>,
    /// How long to try when nothing can be reached.
    pub give_up_after: Duration,
    /// How long a stream that is over is waited for: back within that time, it goes on in the same recording. Zero: not
    /// at all.
    pub linger: Duration,
    /// Free room on the disk below which nothing is written any more, in bytes.
    pub disk_floor: u64,
    /// Only proxies that carry all of these tags; empty: any.
    pub tags: Vec<String>,
    /// Streamlink and ffmpeg, found before.
    pub tools: Tools,
    /// What else Streamlink is told.
    pub options: StreamlinkOptions,
    /// A Twitch user's token, with which Streamlink asks for the stream (a subscriber gets no advertisements). Like the
    /// URL it leaves the process in a private file only.
    pub token: Option<Secret>,
    /// Who is asked first whether the channel is live; `None`: only the stream itself.
    pub platform: Option<Arc<dyn Platform>>,
    /// Parts that an earlier, interrupted run of the same recording left behind, in order. Later ones that lie beside
    /// the output are found without being named: they may have been begun after the list was stored.
    pub earlier_parts: Vec<PathBuf>,
    /// The last mark that was kept of that run ([`crate::Progress::mark`]); `None` if there was none.
    pub resume: Option<Mark>,
    /// What the broadcast is called, where somebody knows and says so: every change begins a chapter.
    pub scene: Option<watch::Receiver<Scene>>,
    /// The chapters that were kept of an earlier run; used if `resume` holds none.
    pub earlier_chapters: Vec<Chapter>,
    /// The name of the channel, for the finished file; `None` if there is none to tell.
    pub channel: Option<String>,
    /// Whether to make a picture of the finished file ([`crate::thumbnail`]).
    pub thumbnail: bool,
}

impl RecordRequest {
    /// A request with every default: the whole stream, best quality, any proxy.
    #[must_use]
    pub fn new(url: impl Into<String>, output: Output, tools: Tools) -> Self {
        Self {
            id: RecordingId::new(),
            url: url.into(),
            quality: "best".to_owned(),
            output,
            duration: None,
            give_up_after: DEFAULT_GIVE_UP_AFTER,
            linger: Duration::ZERO,
            disk_floor: DEFAULT_DISK_FLOOR,
            tags: Vec::new(),
            tools,
            options: StreamlinkOptions::default(),
            token: None,
            platform: None,
            earlier_parts: Vec::new(),
            resume: None,
            scene: None,
            earlier_chapters: Vec::new(),
            channel: None,
            thumbnail: false,
        }
    }
}
