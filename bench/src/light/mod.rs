//! A light stand-in for Streamlink, for one question only: whether Holdfast carries more recordings than this machine could
//! run Streamlinks for. It takes the arguments that Holdfast gives, fetches a live playlist and its segments through the
//! proxy it is told, writes them to standard output, and says on standard error what Streamlink would. What is not
//! addressed to it is handed to the real Streamlink.

mod job;
mod playlist;
mod tunnel;

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep, sleep_until};

use job::Job;
use playlist::Playlist;
use tunnel::Tunnel;

/// How the name of a channel begins that is for the stand-in.
pub(crate) const LIGHT: &str = "light";
/// The variable that names the real Streamlink.
pub(crate) const REAL: &str = "REAL_STREAMLINK";

/// How often a request is tried, as Holdfast tells Streamlink.
const ATTEMPTS: u32 = 6;

/// Does what Streamlink would with these arguments.
///
/// # Errors
/// If it cannot; a real one would have said so in its log and gone on.
pub async fn light_streamlink(arguments: Vec<String>) -> Result<()> {
    let job = Job::read(&arguments)?;
    if !job.url.contains(&format!("/c/{LIGHT}-")) {
        let real = std::env::var_os(REAL).with_context(|| format!("{REAL} names no Streamlink"))?;
        return Err(Command::new(real).args(arguments).exec()).context("starting the real Streamlink");
    }
    if job.json { look(&job).await } else { record(&job).await }
}

/// `--json`: what the page offers.
async fn look(job: &Job) -> Result<()> {
    let mut tunnel = Tunnel::to(job)?;
    let answer = match tunnel.get(&job.path).await {
        Ok(_) => {
            let stream = serde_json::json!({ "type": "hls", "url": job.url, "headers": {} });
            serde_json::json!({ "plugin": "hls", "metadata": {}, "streams": { "live": stream, "best": stream } })
        }
        Err(error) => serde_json::json!({ "error": format!("Unable to open URL: {} ({error:#})", job.url) }),
    };
    std::io::stdout().write_all(answer.to_string().as_bytes())?;
    Ok(())
}

/// Fetches and writes until the playlist ends.
async fn record(job: &Job) -> Result<()> {
    // One for each, as Streamlink has: it fetches segments in a thread of their own.
    let (mut playlists, mut segments) = (Tunnel::to(job)?, Tunnel::to(job)?);
    say("MainThread", "cli", "info", "Opening stream: live (hls)");
    let mut next = None;
    loop {
        let asked = Instant::now();
        let playlist = Playlist::parse(&persist(&mut playlists, &job.path).await?)?;
        let from = *next.get_or_insert_with(|| {
            let (first, last) = (playlist.first, playlist.end().saturating_sub(1));
            worker("hls", &format!("First Sequence: {first}; Last Sequence: {last}"));
            playlist.end().saturating_sub(job.live_edge).max(first)
        });
        let fresh: Vec<_> = playlist.from(from).collect();
        for (number, segment) in &fresh {
            worker("segmented", &queuing(*number, segment.seconds));
        }
        for (number, segment) in &fresh {
            let bytes = persist(&mut segments, &job.beside(&segment.name)).await;
            let bytes = bytes.with_context(|| format!("segment {number}"))?;
            say("HLSStreamWriter-0", "stream.hls", "debug", &format!("Writing segment {number} to output"));
            std::io::stdout().write_all(&bytes)?;
            say("HLSStreamWriter-0", "stream.hls", "debug", &format!("Segment {number} complete"));
        }
        next = Some(playlist.end().max(from));
        if playlist.ended {
            std::io::stdout().flush()?;
            say("MainThread", "cli", "info", "Stream ended");
            return Ok(());
        }
        // As often as a segment appears (RFC 8216, 6.3.4).
        sleep_until(asked + Duration::from_secs_f64(playlist.target)).await;
    }
}

/// Asks again, as Streamlink does.
async fn persist(tunnel: &mut Tunnel<'_>, path: &str) -> Result<Vec<u8>> {
    let mut pause = Duration::from_millis(300);
    for _ in 1..ATTEMPTS {
        if let Ok(bytes) = tunnel.get(path).await {
            return Ok(bytes);
        }
        sleep(pause).await;
        pause *= 2;
    }
    tunnel.get(path).await
}

fn queuing(number: u64, seconds: f64) -> String {
    format!(
        "Queuing HLSSegment(num={number}, init=False, discontinuity=False, duration={seconds:.3}, title=None, \
         key=None, byterange=None, date=None, map=None, fileext='ts')"
    )
}

fn worker(of: &str, message: &str) {
    say("HLSStreamWorker-0", &format!("stream.{of}"), "debug", message);
}

/// A line of its log, in the form that Holdfast asks Streamlink for.
fn say(thread: &str, name: &str, level: &str, message: &str) {
    eprintln!("[{thread}][{name}][{level}] {message}");
}
