//! Running ffmpeg and ffprobe: bounded in time, killed when we go, their complaints kept.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

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
/// (`format` as ffmpeg names it). Into MPEG-TS nothing is moved: parts must keep their common clock.
pub(super) async fn remux(ffmpeg: &Path, from: &Path, to: &Path, format: &str) -> Result<(), RunError> {
    let bytes = from.metadata().map(|meta| meta.len()).unwrap_or_default();
    run(remuxing(ffmpeg, from, to, format), "ffmpeg", bytes).await.map(|_| ())
}

fn remuxing(ffmpeg: &Path, from: &Path, to: &Path, format: &str) -> Command {
    let mut command = program(ffmpeg, our_names());
    command.args(["-nostdin", "-v", "error", "-y", "-copyts"]);
    if format == "mpegts" {
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
    command.args(["-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", format]).arg(file(to));
    command
}

#[derive(Deserialize)]
struct Probed {
    #[serde(default)]
    streams: Vec<ProbedStream>,
}

#[derive(Deserialize)]
struct ProbedStream {
    /// Not said of a stream whose kind it does not know.
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    nb_read_packets: String,
}

/// How many packets each picture and sound stream holds, in order.
pub(super) async fn packets(ffprobe: &Path, of: &Path) -> Result<Vec<(String, u64)>, RunError> {
    let mut command = program(ffprobe, our_names());
    command.args([
        "-v",
        "error",
        "-count_packets",
        "-show_entries",
        "stream=codec_type,nb_read_packets",
        "-of",
        "json",
    ]);
    command.arg(file(of));
    let bytes = of.metadata().map(|meta| meta.len()).unwrap_or_default();
    count(&run(command, "ffprobe", bytes).await?)
}

fn count(json: &[u8]) -> Result<Vec<(String, u64)>, RunError> {
    let probed: Probed = serde_json::from_slice(json)
        .map_err(|e| RunError(format!("ffprobe's answer cannot be read: {e}")))?;
    let streams = probed.streams.into_iter().filter(|s| s.codec_type == "video" || s.codec_type == "audio");
    let mut counts: Vec<_> =
        streams.map(|s| (s.codec_type, s.nb_read_packets.parse().unwrap_or_default())).collect();
    counts.sort();
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_colon_are_files() {
        for format in ["matroska", "mpegts"] {
            let command =
                remuxing(Path::new("ffmpeg"), Path::new("show:1.ts"), Path::new("show:1.mkv"), format);
            let given: Vec<_> =
                command.as_std().get_args().filter_map(|argument| argument.to_str()).collect();
            assert!(given.windows(2).any(|pair| pair == ["-i", "file:show:1.ts"]), "{given:?}");
            assert_eq!(given.last(), Some(&"file:show:1.mkv"));
        }
    }

    #[test]
    fn streams_of_an_unknown_kind_are_passed_over() {
        let json = br#"{"programs":[],"streams":[{"codec_type":"video","nb_read_packets":"20"},
            {"nb_read_packets":"7"},{"codec_type":"data"},{"codec_type":"audio"}]}"#;
        assert_eq!(count(json), Ok(vec![("audio".to_owned(), 0), ("video".to_owned(), 20)]));
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
