//! The judge. A recording is compared with its source by the hashes of the coded frames: whatever container it is in,
//! the frames must be one contiguous run of the source, none missing inside and none twice. H.264 is length-prefixed in
//! MP4 and Matroska and loses its parameter sets there, and AAC loses its ADTS headers, so both sides are brought to the
//! same form by bitstream filters before hashing.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::media::{FPS, SegmentFrames};

/// One coded frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Presentation time in seconds.
    pub pts: f64,
    /// MD5 of its bytes in the common form.
    pub hash: String,
}

/// The coded frames of a file, in file order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frames {
    /// Video frames.
    pub video: Vec<Frame>,
    /// Audio frames.
    pub audio: Vec<Frame>,
}

/// Which stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Video.
    Video,
    /// Audio.
    Audio,
}

/// Frames of one source segment that are missing, or there more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stream.
    pub stream: Stream,
    /// The number of the source segment.
    pub segment: usize,
    /// How many of its frames.
    pub frames: usize,
    /// How many frames the segment has in that stream.
    pub of: usize,
}

/// What the judge found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Source frames between the first and the last recorded one that are not there.
    pub missing: Vec<Fault>,
    /// Source frames that are there more than once (each extra copy counted).
    pub duplicated: Vec<Fault>,
    /// Frames that are in no source segment (damaged ones), but for the very last of each stream, which a stop may
    /// have cut.
    pub foreign: usize,
    /// Frames that come before one they should follow.
    pub out_of_order: usize,
    /// Seconds of video, or of audio if more of that, missing.
    pub seconds_missing: f64,
    /// Seconds of video, or of audio if more of that, that are there twice.
    pub seconds_duplicated: f64,
    /// The source segment of the first recorded video frame.
    pub first_segment: usize,
    /// The source segment of the last recorded video frame.
    pub last_segment: usize,
    /// Video frames recorded.
    pub video_frames: usize,
}

impl Verdict {
    /// Nothing missing, nothing twice, nothing foreign, nothing out of order.
    pub fn is_clean(&self) -> bool {
        self.missing.is_empty() && self.duplicated.is_empty() && self.foreign == 0 && self.out_of_order == 0
    }

    /// Segments with any frame missing.
    pub fn segments_missing(&self) -> usize {
        self.missing.iter().map(|fault| fault.segment).collect::<std::collections::BTreeSet<_>>().len()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "segments {}..={}: {:.2} s missing, {:.2} s twice, {} foreign, {} out of order",
            self.first_segment,
            self.last_segment,
            self.seconds_missing,
            self.seconds_duplicated,
            self.foreign,
            self.out_of_order
        )?;
        for (what, faults) in [("missing", &self.missing), ("twice", &self.duplicated)] {
            for fault in faults {
                write!(
                    f,
                    "; segment {} {:?} {}/{} {what}",
                    fault.segment, fault.stream, fault.frames, fault.of
                )?;
            }
        }
        Ok(())
    }
}

/// Compares a recording with its source.
pub async fn compare(recorded: &Path, source: &[SegmentFrames]) -> Result<Verdict> {
    judge(&frames(recorded).await?, source)
}

/// Compares frames already read.
pub fn judge(recorded: &Frames, source: &[SegmentFrames]) -> Result<Verdict> {
    let mut verdict = Verdict { video_frames: recorded.video.len(), ..Verdict::default() };
    let video = Line::new(source, Stream::Video);
    let found = video.locate(&recorded.video, &mut verdict);
    ensure!(!found.is_empty(), "no video frame of the recording is from the source");
    let (low, high) = ends(&found);
    (verdict.first_segment, verdict.last_segment) = (video.segment_of(low), video.segment_of(high));
    video.report(&found, low..high + 1, &mut verdict);

    let audio = Line::new(source, Stream::Audio);
    let found = audio.locate(&recorded.audio, &mut verdict);
    ensure!(!found.is_empty(), "no audio frame of the recording is from the source");
    // At its two ends audio may begin and stop a little before or after the video; in between nothing may lack.
    let (low, high) = ends(&found);
    let low = low.min(audio.start_of(verdict.first_segment + 1));
    let high = (high + 1).max(audio.start_of(verdict.last_segment));
    audio.report(&found, low..high, &mut verdict);
    Ok(verdict)
}

fn ends(found: &[usize]) -> (usize, usize) {
    let low = found.iter().min().copied().unwrap_or_default();
    (low, found.iter().max().copied().unwrap_or_default())
}

/// One stream of the source, laid out end to end.
struct Line<'a> {
    stream: Stream,
    place: HashMap<&'a str, usize>,
    /// Where each segment starts, and where the last one ends.
    starts: Vec<usize>,
    frame_seconds: f64,
}

impl<'a> Line<'a> {
    fn new(source: &'a [SegmentFrames], stream: Stream) -> Self {
        let mut place = HashMap::new();
        let mut starts = vec![0];
        for segment in source {
            let hashes = if stream == Stream::Video { &segment.video } else { &segment.audio };
            for hash in hashes {
                place.insert(hash.as_str(), place.len());
            }
            starts.push(place.len());
        }
        let frame_seconds = if stream == Stream::Video { 1.0 / f64::from(FPS) } else { 1024.0 / 48_000.0 };
        Self { stream, place, starts, frame_seconds }
    }

    fn segment_of(&self, place: usize) -> usize {
        self.starts.partition_point(|start| *start <= place) - 1
    }

    fn start_of(&self, segment: usize) -> usize {
        self.starts[segment.min(self.starts.len() - 1)]
    }

    /// The places of the recorded frames, in file order.
    fn locate(&self, recorded: &[Frame], verdict: &mut Verdict) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::with_capacity(recorded.len());
        for (index, frame) in recorded.iter().enumerate() {
            match self.place.get(frame.hash.as_str()) {
                Some(place) => {
                    verdict.out_of_order += usize::from(found.last().is_some_and(|last| place < last));
                    found.push(*place);
                }
                None if index + 1 == recorded.len() => {}
                None => verdict.foreign += 1,
            }
        }
        found
    }

    fn report(&self, found: &[usize], span: std::ops::Range<usize>, verdict: &mut Verdict) {
        let mut copies = vec![0_usize; self.place.len()];
        for place in found {
            copies[*place] += 1;
        }
        let (mut missing, mut twice) = (BTreeMap::new(), BTreeMap::new());
        for place in span {
            let segment = self.segment_of(place);
            match copies[place] {
                0 => *missing.entry(segment).or_insert(0) += 1,
                1 => {}
                more => *twice.entry(segment).or_insert(0) += more - 1,
            }
        }
        let seconds =
            |faults: &BTreeMap<usize, usize>| faults.values().sum::<usize>() as f64 * self.frame_seconds;
        verdict.seconds_missing = verdict.seconds_missing.max(seconds(&missing));
        verdict.seconds_duplicated = verdict.seconds_duplicated.max(seconds(&twice));
        verdict.missing.extend(self.faults(missing));
        verdict.duplicated.extend(self.faults(twice));
    }

    fn faults(&self, by_segment: BTreeMap<usize, usize>) -> impl Iterator<Item = Fault> {
        by_segment.into_iter().map(|(segment, frames)| {
            let of = self.start_of(segment + 1) - self.start_of(segment);
            Fault { stream: self.stream, segment, frames, of }
        })
    }
}

/// The coded frames of a file: `.ts`, `.mkv` or `.mp4`.
pub async fn frames(path: &Path) -> Result<Frames> {
    let mut all = frames_of_many(&[path.to_path_buf()]).await?;
    all.pop().with_context(|| format!("no frames in {}", path.display()))
}

/// The coded frames of several files, by one ffmpeg.
pub(crate) async fn frames_of_many(paths: &[PathBuf]) -> Result<Vec<Frames>> {
    let mut ffmpeg = tokio::process::Command::new("ffmpeg");
    // -copyts: without it ffmpeg closes gaps of more than ten seconds in a transport stream by itself.
    ffmpeg.args(["-v", "error", "-nostdin", "-copyts"]);
    for path in paths {
        if path.extension().is_some_and(|ext| ext == "mp4") {
            ffmpeg.args(["-ignore_editlist", "1"]);
        }
        ffmpeg.arg("-i").arg(path);
    }
    for index in 0..paths.len() {
        ffmpeg.args(["-map", &format!("{index}:v:0"), "-map", &format!("{index}:a:0")]);
    }
    ffmpeg.args(["-c", "copy", "-copyinkf", "-bsf:v", "h264_mp4toannexb,filter_units=pass_types=1-5"]);
    ffmpeg.args(["-bsf:a", "aac_adtstoasc", "-f", "framehash", "-hash", "md5", "-"]);
    let output = run(ffmpeg, Duration::from_secs(300)).await?;
    parse(&String::from_utf8_lossy(&output), paths.len())
}

fn parse(text: &str, files: usize) -> Result<Vec<Frames>> {
    let mut bases = HashMap::new();
    let mut all = vec![Frames::default(); files];
    for line in text.lines() {
        if let Some(base) = line.strip_prefix("#tb ") {
            let (stream, ratio) = base.split_once(": ").context("a time base line")?;
            let (num, den) = ratio.split_once('/').context("a time base")?;
            bases.insert(stream.parse::<usize>()?, num.parse::<f64>()? / den.parse::<f64>()?);
        } else if !line.starts_with('#') {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            let [stream, _dts, pts, _duration, _size, hash, ..] = fields[..] else { continue };
            let stream: usize = stream.parse()?;
            let pts = pts.parse::<f64>()? * bases.get(&stream).context("a stream without a time base")?;
            let frames = all.get_mut(stream / 2).context("more streams than asked for")?;
            let list = if stream.is_multiple_of(2) { &mut frames.video } else { &mut frames.audio };
            list.push(Frame { pts, hash: hash.to_owned() });
        }
    }
    Ok(all)
}

/// The duration ffprobe reports, in seconds.
pub async fn probe_duration(path: &Path) -> Result<f64> {
    let mut ffprobe = tokio::process::Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"]).arg(path);
    let output = run(ffprobe, Duration::from_secs(60)).await?;
    let text = String::from_utf8_lossy(&output);
    text.trim().parse().with_context(|| format!("ffprobe found no duration in {}: {text:?}", path.display()))
}

/// A hole in the timestamps of the video.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hole {
    /// Where it begins: the time of the last frame before it.
    pub at: f64,
    /// Seconds without a frame, beyond the frame's own duration.
    pub seconds: f64,
}

/// Holes of more than one and a half frames in the video's timestamps.
pub async fn gaps_by_timestamps(path: &Path) -> Result<Vec<Hole>> {
    let mut times: Vec<f64> = frames(path).await?.video.iter().map(|frame| frame.pts).collect();
    times.sort_by(f64::total_cmp);
    let frame = 1.0 / f64::from(FPS);
    let holes = times.windows(2).filter(|pair| pair[1] - pair[0] > 1.5 * frame);
    Ok(holes.map(|pair| Hole { at: pair[0], seconds: pair[1] - pair[0] - frame }).collect())
}

/// Runs a tool to its end within `limit`; its standard output, or its complaint.
pub(crate) async fn run(mut command: tokio::process::Command, limit: Duration) -> Result<Vec<u8>> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().with_context(|| format!("{name} is needed on PATH"))?;
    let output = tokio::time::timeout(limit, child.wait_with_output())
        .await
        .with_context(|| format!("{name} did not end within {limit:?}"))??;
    if !output.status.success() {
        bail!("{name} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
