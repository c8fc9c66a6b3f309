//! Running ffmpeg and ffprobe: bounded in time, killed when we go, their complaints kept.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use crate::part::Format;
use crate::streamlink::is_secret;

/// Why a run failed, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct RunError(String);

/// How long a copy of so many bytes may take: a slow disk writes 4 MB a second.
fn limit(bytes: u64) -> Duration {
    Duration::from_secs(120 + bytes / 4_000_000)
}

/// A file as ffmpeg takes it: without the protocol, `show:1.mkv` would be one of the protocol `show`.
fn file(path: &Path) -> OsString {
    let mut file = OsString::from("file:");
    file.push(path);
    file
}

/// The program, in an environment like ours (`names`), without what may hold passwords.
fn program(path: &Path, names: impl Iterator<Item = OsString>) -> Command {
    let mut command = Command::new(path);
    for name in names.filter(|name| is_secret(name)) {
        command.env_remove(name);
    }
    command
}

fn our_names() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name)
}

async fn run(mut command: Command, name: &str, bytes: u64) -> Result<Vec<u8>, RunError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // A Ctrl-C at the terminal is for us; it must not reach a join that is worth finishing.
    command.process_group(0);
    let said = |error: io::Error| RunError(format!("{name} could not be run: {error}"));
    let child = command.spawn().map_err(said)?;
    let output = match timeout(limit(bytes), child.wait_with_output()).await {
        Ok(output) => output.map_err(said)?,
        Err(_) => return Err(RunError(format!("{name} took longer than {} s", limit(bytes).as_secs()))),
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    Err(RunError(format!("{name} failed: {}", last.chars().take(300).collect::<String>())))
}

/// Copies picture and sound into another container, timestamps and gaps as they are, only moved to begin at zero
/// Into MPEG-TS nothing is moved: parts must keep their common clock. `about` is a file of ffmetadata to write into it.
pub(super) async fn remux(
    ffmpeg: &Path,
    from: &Path,
    to: &Path,
    format: Format,
    about: Option<&Path>,
) -> Result<(), RunError> {
    let bytes = from.metadata().map(|meta| meta.len()).unwrap_or_default();
    // An MP4 is moved once more within itself, to have its index in front.
    let bytes = if format == Format::Mp4 { bytes.saturating_mul(2) } else { bytes };
    run(remuxing(ffmpeg, from, to, format, about), "ffmpeg", bytes).await.map(|_| ())
}

fn remuxing(ffmpeg: &Path, from: &Path, to: &Path, format: Format, about: Option<&Path>) -> Command {
    let mut command = program(ffmpeg, our_names());
    command.args(["-nostdin", "-v", "error", "-y", "-copyts"]);
    if format == Format::Ts {
        // The muxer would add its own delay to every timestamp, and pack sound frames together differently in
        // every part, so that overlaps could not be matched.
        command.arg("-i").arg(file(from)).args([
            "-muxdelay",
            "0",
            "-muxpreload",
            "0",
            "-pes_payload_size",
            "0",
        ]);
    } else {
        command.args(["-start_at_zero", "-i"]).arg(file(from));
    }
    if let Some(about) = about {
        command.args(["-f", "ffmetadata", "-i"]).arg(file(about));
        command.args(["-map_metadata", "1", "-map_chapters", "1"]);
    }
    command.args(["-map", "0:v?", "-map", "0:a?", "-c", "copy"]);
    let name = match format {
        Format::Mkv => "matroska",
        // The index in front, so that a browser can play it while it loads: costs nothing that could be measured.
        Format::Mp4 => {
            command.args(["-movflags", "+faststart"]);
            "mp4"
        }
        _ => "mpegts",
    };
    command.args(["-f", name]).arg(file(to));
    command
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<ProbedStream>,
    #[serde(default)]
    chapters: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    format: ProbedFormat,
}

#[derive(Default, Deserialize)]
struct ProbedFormat {
    /// Not said of what has no length.
    #[serde(default)]
    duration: String,
}

#[derive(Deserialize)]
struct ProbedStream {
    /// Not said of a stream whose kind it does not know.
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    nb_read_packets: String,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Probed {
    /// How many packets each picture and sound stream holds, in order.
    pub(super) packets: Vec<(String, u64)>,
    /// In seconds.
    pub(super) play_time: Option<f64>,
    pub(super) chapters: usize,
}

/// Runs ffmpeg on one file to make another one of it.
pub(super) async fn convert(
    ffmpeg: &Path,
    before: &[OsString],
    from: &Path,
    after: &[&str],
    to: &Path,
) -> Result<(), RunError> {
    let mut command = program(ffmpeg, our_names());
    command.args(["-nostdin", "-v", "error", "-y"]).args(before).arg("-i").arg(file(from));
    command.args(after).arg(file(to));
    run(command, "ffmpeg", 0).await.map(|_| ())
}

/// How long a file lasts, in seconds, as far as its ends tell; `None` if they do not.
pub(super) async fn play_time(ffprobe: &Path, of: &Path) -> Result<Option<f64>, RunError> {
    let mut command = program(ffprobe, our_names());
    command.args(["-v", "error", "-show_entries", "format=duration", "-of", "json"]).arg(file(of));
    Ok(read(&run(command, "ffprobe", 0).await?)?.play_time)
}

/// Reads a file from its beginning to its end.
pub(super) async fn probe(ffprobe: &Path, of: &Path) -> Result<Probed, RunError> {
    let mut command = program(ffprobe, our_names());
    command.args([
        "-v",
        "error",
        "-count_packets",
        "-show_entries",
        "stream=codec_type,nb_read_packets:format=duration:chapter=id",
        "-of",
        "json",
    ]);
    command.arg(file(of));
    let bytes = of.metadata().map(|meta| meta.len()).unwrap_or_default();
    read(&run(command, "ffprobe", bytes).await?)
}

fn read(json: &[u8]) -> Result<Probed, RunError> {
    let answer: Answer = serde_json::from_slice(json)
        .map_err(|e| RunError(format!("ffprobe's answer cannot be read: {e}")))?;
    let streams = answer.streams.into_iter().filter(|s| s.codec_type == "video" || s.codec_type == "audio");
    let mut packets: Vec<_> =
        streams.map(|s| (s.codec_type, s.nb_read_packets.parse().unwrap_or_default())).collect();
    packets.sort();
    let play_time = answer.format.duration.parse().ok().filter(|seconds: &f64| seconds.is_finite());
    Ok(Probed { packets, play_time, chapters: answer.chapters.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_colon_are_files() {
        for format in [Format::Mkv, Format::Ts] {
            let (from, to) = (Path::new("show:1.ts"), Path::new("show:1.mkv"));
            let command = remuxing(Path::new("ffmpeg"), from, to, format, Some(Path::new("a:b")));
            let given: Vec<_> =
                command.as_std().get_args().filter_map(|argument| argument.to_str()).collect();
            assert!(given.windows(2).any(|pair| pair == ["-i", "file:show:1.ts"]), "{given:?}");
            assert!(given.windows(2).any(|pair| pair == ["-i", "file:a:b"]), "{given:?}");
            assert_eq!(given.last(), Some(&"file:show:1.mkv"));
        }
    }

    #[test]
    fn streams_of_an_unknown_kind_are_passed_over() {
        let json = br#"{"programs":[],"streams":[{"codec_type":"video","nb_read_packets":"20"},
            {"nb_read_packets":"7"},{"codec_type":"data"},{"codec_type":"audio"}]}"#;
        let packets = vec![("audio".to_owned(), 0), ("video".to_owned(), 20)];
        assert_eq!(read(json), Ok(Probed { packets, play_time: None, chapters: 0 }));
        let json = br#"{"chapters":[{"id":0},{"id":1}],"format":{"duration":"12.500000"}}"#;
        assert_eq!(read(json), Ok(Probed { packets: Vec::new(), play_time: Some(12.5), chapters: 2 }));
    }

    #[test]
    fn nothing_secret_is_handed_on() {
        let names = ["PATH", "HOLDFAST_PROXIES", "https_proxy", "HTTP_PROXY", "HOME"].map(OsString::from);
        let command = program(Path::new("ffmpeg"), names.into_iter());
        let mut removed: Vec<_> = command.as_std().get_envs().filter_map(|(name, _)| name.to_str()).collect();
        removed.sort_unstable();
        assert_eq!(removed, ["HOLDFAST_PROXIES", "HTTP_PROXY", "https_proxy"]);
    }
}
