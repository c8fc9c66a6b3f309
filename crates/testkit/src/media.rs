//! Real MPEG-TS to stream and to judge by: H.264 and AAC, two-second segments with closed GOPs, continuous timestamps,
//! and no coded frame equal to another, so that a frame's hash names its place. Generated once by ffmpeg and kept
//! under cargo's target directory.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::verify::{self, Frames};

/// Frames a second of the generated video.
pub(crate) const FPS: u32 = 25;
/// Raised when the recipe below changes, so that old caches are left behind.
const RECIPE: u32 = 1;
/// Bitrate of the video unless another is asked for, in kbit/s: small, for most tests do not ask how much.
const VIDEO_KBIT: u32 = 900;

/// The hashes of the coded frames of one source segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFrames {
    /// Video frames in order.
    pub video: Vec<String>,
    /// Audio frames in order.
    pub audio: Vec<String>,
}

/// What is made.
#[derive(Clone, Copy, Debug)]
struct Recipe {
    seconds: u32,
    segment_seconds: u32,
    video_kbit: u32,
}

impl Recipe {
    /// Of its folder.
    fn name(self) -> String {
        let Self { seconds, segment_seconds, video_kbit } = self;
        let rate = if video_kbit == VIDEO_KBIT { String::new() } else { format!("-{video_kbit}k") };
        format!("r{RECIPE}-{seconds}s-{segment_seconds}s{rate}")
    }
}

/// A source cut into segments, held in memory.
#[derive(Clone, Debug)]
pub struct Media {
    dir: PathBuf,
    segment_seconds: u32,
    segments: Arc<Vec<Bytes>>,
    frames: Arc<Vec<SegmentFrames>>,
}

impl Media {
    /// `seconds` of media in segments of two seconds.
    pub async fn ready(seconds: u32) -> Result<Self> {
        Self::made(Recipe { seconds, segment_seconds: 2, video_kbit: VIDEO_KBIT }).await
    }

    /// The same with a video of so many kbit/s, as a real broadcast has: for questions of load.
    pub async fn with_bitrate(seconds: u32, video_kbit: u32) -> Result<Self> {
        Self::made(Recipe { seconds, segment_seconds: 2, video_kbit }).await
    }

    async fn made(recipe: Recipe) -> Result<Self> {
        let root = crate::target_dir().join("testkit-media");
        let dir = root.join(recipe.name());
        // One at a time, in this process and among others: ffmpeg needs all cores, and memory is shared.
        static LOADED: Mutex<Vec<Media>> = Mutex::const_new(Vec::new());
        let mut loaded = LOADED.lock().await;
        if let Some(media) = loaded.iter().find(|media| media.dir == dir) {
            return Ok(media.clone());
        }
        std::fs::create_dir_all(&root)?;
        let lock = std::fs::File::create(root.join("lock"))?;
        let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
        if !dir.join("frames.json").is_file() {
            let making = generate(&root, &dir, recipe);
            making.await.context("generating test media with ffmpeg")?;
        }
        drop(lock);
        let media = Self::load(dir, recipe.segment_seconds).await?;
        loaded.push(media.clone());
        Ok(media)
    }

    async fn load(dir: PathBuf, segment_seconds: u32) -> Result<Self> {
        let frames: Vec<SegmentFrames> =
            serde_json::from_slice(&tokio::fs::read(dir.join("frames.json")).await?)?;
        let mut segments = Vec::with_capacity(frames.len());
        for number in 0..frames.len() {
            segments.push(Bytes::from(tokio::fs::read(segment_path(&dir, number)).await?));
        }
        Ok(Self { dir, segment_seconds, segments: Arc::new(segments), frames: Arc::new(frames) })
    }

    /// Where it is kept.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How many segments there are.
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Seconds in a segment.
    pub fn segment_seconds(&self) -> u32 {
        self.segment_seconds
    }

    /// The bytes of a segment.
    pub fn segment(&self, number: usize) -> Option<Bytes> {
        self.segments.get(number).cloned()
    }

    /// The file of a segment.
    pub fn segment_path(&self, number: usize) -> PathBuf {
        segment_path(&self.dir, number)
    }

    /// The coded frames of every segment: what [`verify::compare`] compares with.
    pub fn frames(&self) -> &[SegmentFrames] {
        &self.frames
    }

    /// Mean bytes a second, for choosing bandwidths.
    pub fn bytes_per_second(&self) -> u64 {
        let bytes: usize = self.segments.iter().map(Bytes::len).sum();
        bytes as u64 / (self.len() as u64 * u64::from(self.segment_seconds)).max(1)
    }
}

fn segment_path(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("seg{number:05}.ts"))
}

async fn generate(root: &Path, dir: &Path, recipe: Recipe) -> Result<()> {
    let Recipe { seconds, segment_seconds, .. } = recipe;
    let work = tempfile::Builder::new().prefix(".making").tempdir_in(root)?;
    encode(work.path(), recipe).await?;
    let count = (0..).take_while(|number| segment_path(work.path(), *number).is_file()).count();
    ensure!(count as u32 == seconds.div_ceil(segment_seconds), "ffmpeg made {count} segments of {seconds} s");
    let paths: Vec<PathBuf> = (0..count).map(|number| segment_path(work.path(), number)).collect();
    let mut frames = Vec::with_capacity(count);
    for batch in paths.chunks(30) {
        frames.extend(verify::frames_of_many(batch).await?.into_iter().map(only_hashes));
    }
    ensure_unique(&frames)?;
    std::fs::write(work.path().join("frames.json"), serde_json::to_vec(&frames)?)?;
    let work = work.keep();
    // Only whole directories get their final name; a half-made one is left behind by a process that was killed.
    std::fs::rename(&work, dir).with_context(|| format!("{} is in the way", dir.display()))
}

async fn encode(dir: &Path, recipe: Recipe) -> Result<()> {
    let Recipe { seconds, segment_seconds, video_kbit } = recipe;
    let rate = format!("{video_kbit}k");
    let gop = (FPS * segment_seconds).to_string();
    let video = format!("testsrc2=size=640x360:rate={FPS}");
    let mut ffmpeg = tokio::process::Command::new("ffmpeg");
    ffmpeg.current_dir(dir).args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", &video]);
    ffmpeg.args(["-f", "lavfi", "-i", "anoisesrc=amplitude=0.05:seed=7:sample_rate=48000"]);
    ffmpeg.args(["-t", &seconds.to_string(), "-pix_fmt", "yuv420p"]);
    ffmpeg.args(["-c:v", "libx264", "-preset", "superfast", "-bf", "0", "-flags", "+cgop"]);
    ffmpeg.args(["-g", &gop, "-keyint_min", &gop, "-sc_threshold", "0"]);
    ffmpeg.args(["-b:v", &rate, "-maxrate", &rate, "-bufsize", &rate, "-c:a", "aac", "-b:a", "96k"]);
    if video_kbit != VIDEO_KBIT {
        // The test picture is too simple for more: the rest is filled up, which the file and the wire carry all the same.
        ffmpeg.args(["-minrate", &rate, "-x264-params", "nal-hrd=cbr"]);
    }
    ffmpeg.args(["-f", "hls", "-hls_time", &segment_seconds.to_string(), "-hls_list_size", "0"]);
    ffmpeg.args(["-hls_segment_filename", "seg%05d.ts", "index.m3u8"]);
    verify::run(ffmpeg, Duration::from_secs(600)).await.map(drop)
}

fn only_hashes(frames: Frames) -> SegmentFrames {
    let hashes = |list: Vec<verify::Frame>| list.into_iter().map(|frame| frame.hash).collect();
    SegmentFrames { video: hashes(frames.video), audio: hashes(frames.audio) }
}

fn ensure_unique(segments: &[SegmentFrames]) -> Result<()> {
    let mut seen = HashSet::new();
    for (number, segment) in segments.iter().enumerate() {
        ensure!(!segment.video.is_empty() && !segment.audio.is_empty(), "segment {number} lacks a stream");
        for hash in segment.video.iter().chain(&segment.audio) {
            ensure!(
                seen.insert(hash),
                "two frames of the source are equal: the judge could not tell them apart"
            );
        }
    }
    Ok(())
}
