//! `holdfast record URL|NAME`: one recording, now, without a server. The recorder does the work; this joins it to
//! a pool and a gateway of its own, shows how it goes, and ends with its summary and exit status.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use clap::builder::BoolishValueParser;
use holdfast_gateway::{Access, Gateway};
use holdfast_model::RecordingId;
use holdfast_recorder::{
    Control, DEFAULT_GIVE_UP_AFTER, Ended, Observer, Output, RecordRequest, Status, StopCause, StreamAddress,
    Tools, record, settled, stream_address,
};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::debug;

use super::{Context, Failure, PoolArgs, ToolArgs, summary, usage};
use crate::config::Span;
use crate::lifecycle::{INTERRUPTED, Lifecycle};
use crate::{files, log, progress, wiring};

/// Of each tunnel: one to Streamlink and one to the proxy.
const FILES_EACH: usize = 2;
/// Exit status when it failed before or during.
const FAILED: u8 = 4;

/// Record one stream now
///
/// Runs until the stream ends, --duration is reached or Ctrl-C; the file is finished in each case.
#[derive(Args, Serialize)]
#[command(after_help = "Examples:
  holdfast record somechannel --proxy-file proxies.txt
  holdfast record https://www.twitch.tv/somechannel --quality 720p60,best --output show.mkv
  HOLDFAST_PROXIES='http://user:password@a:3128 socks5h://b' holdfast record somechannel --no-direct
  holdfast record somechannel --duration 30m --json > summary.json

Exit status: 0 the stream ended and nothing is missing, 3 it ended with gaps, 4 it failed,
5 no route from the start, 2 wrong usage, 130 stopped by Ctrl-C and 143 by SIGTERM (the file is finished).")]
pub(super) struct RecordArgs {
    /// What to record: an address that Streamlink understands, or the name of a Twitch channel
    #[arg(value_name = "URL|NAME")]
    #[serde(skip)]
    stream: String,

    /// The quality, or several in order of preference [default: best]
    #[arg(short, long, value_name = "NAMES", env = "HOLDFAST_QUALITY", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<String>,

    /// The file to write; its ending chooses the container: .ts, .mkv or .mp4. {channel}, {date}, {time} and {id} are
    /// filled in [default: NAME-DATE-TIME.ts here]
    #[arg(short, long, value_name = "FILE", env = "HOLDFAST_OUTPUT", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<PathBuf>,

    /// Replace the file if it is there
    #[arg(
        long, value_name = "BOOL", env = "HOLDFAST_FORCE", hide_env_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = BoolishValueParser::new(), hide_possible_values = true,
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    force: Option<bool>,

    /// Stop after this much time (30s, 10m, 1h30m)
    #[arg(short, long, value_name = "TIME", env = "HOLDFAST_DURATION", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<Span>,

    /// How long to try again when nothing can be reached [default: 10m]
    #[arg(long, value_name = "TIME", env = "HOLDFAST_GIVE_UP_AFTER", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    give_up_after: Option<Span>,

    /// Print the summary as JSON on stdout
    #[arg(
        long, value_name = "BOOL", env = "HOLDFAST_JSON", hide_env_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = BoolishValueParser::new(), hide_possible_values = true,
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<bool>,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) pool: PoolArgs,

    /// Use only proxies that carry this tag in the proxy file; repeat it to ask for several at once
    #[arg(long, value_name = "TAG", env = "HOLDFAST_TAG", hide_env_values = true, help_heading = "Proxies")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tag: Vec<String>,

    #[command(flatten)]
    #[serde(flatten)]
    tools: ToolArgs,
}

/// Records, and answers with the exit status.
pub(super) async fn run(args: &RecordArgs, cx: Context) -> Result<u8, Failure> {
    let Context { settings, live } = cx;
    args.pool.proxies.warn_of_password();
    let StreamAddress { url, name, .. } = stream_address(&args.stream).map_err(|e| usage(e.into()))?;
    let id = RecordingId::new();
    let output = match &settings.output {
        Some(path) => {
            let path = Output::expand(path, &url, chrono::Local::now(), id);
            Output::file(path, settings.force).map_err(|e| usage(e.into()))?
        }
        None => {
            let here = std::env::current_dir().context("the current directory is gone");
            let here = here.map_err(|error| not_begun(&url, error, settings.json))?;
            Output::named(&here, &url, chrono::Local::now(), holdfast_recorder::Container::Ts)
        }
    };
    let plan = wiring::plan(&settings).map_err(usage)?;
    let json = settings.json;
    let tools = Tools::find(settings.streamlink.as_deref(), settings.ffmpeg.as_deref());
    let tools = tools.map_err(|error| not_begun(&url, error.into(), json))?;
    let meant = output.path().to_owned();
    let mut request = RecordRequest::new(url.clone(), output, tools);
    request.id = id;
    if let Some(quality) = &settings.quality {
        request.quality.clone_from(quality);
    }
    request.duration = settings.duration.map(|span| span.0);
    request.give_up_after = settings.give_up_after.map_or(DEFAULT_GIVE_UP_AFTER, |span| span.0);
    request.tags.clone_from(&settings.tag);

    let (life, gateway) = open_gateway(plan).await.map_err(|error| not_begun(&url, error, json))?;
    let routes = Arc::new(holdfast_engine::GatewayRoutes::new(gateway));

    let control = Control::new();
    life.tasks.spawn(pull_reins(life.clone(), control.clone()));
    let (progress, watching) = watch::channel(holdfast_recorder::Progress::default());
    let shown = tokio::spawn(async move { progress::show(&name, watching, &live).await });
    let observer = Observer::new(progress, |event| log::tell(&event));
    // A task of its own: should it panic, there is still somebody to say so.
    let recorded = tokio::spawn(record(request, routes, control, observer)).await;
    // Nobody goes on with it.
    settled(&meant);
    // The line goes before the summary comes. It ends with the recording, whose end of the channel is gone.
    let _ = shown.await;
    life.finish().await;

    let defect = "a defect of holdfast ended the recording; what was recorded is kept in its parts";
    let mut summary = recorded.map_err(|_| not_begun(&url, anyhow::anyhow!(defect), json))?;
    if life.panicked() && summary.ended != Ended::Failed {
        // Too late to be the cause of the end.
        (summary.ended, summary.status) = (Ended::Failed, Status::Failed);
        summary
            .error
            .get_or_insert_with(|| "a defect of holdfast, told in its log; please report it".to_owned());
    }
    let written = if json {
        serde_json::to_string(&summary).map_err(anyhow::Error::from)
    } else {
        Ok(summary::text(&summary))
    };
    print(&written.context("cannot write the summary")?);
    Ok(summary.exit_status())
}

/// Carries the wishes of the lifecycle to the recording.
async fn pull_reins(life: Lifecycle, control: Control) {
    life.soft.cancelled().await;
    control.stop(stop_cause(life.signal_status(), life.panicked()));
    life.hard.cancelled().await;
    control.abort();
}

/// Why the lifecycle wants the recording to stop.
fn stop_cause(signal: Option<u8>, panicked: bool) -> StopCause {
    match signal {
        _ if panicked => StopCause::Defect,
        Some(INTERRUPTED) => StopCause::Interrupt,
        _ => StopCause::Terminate,
    }
}

/// The gateway that the recording goes through, and the life of them both.
async fn open_gateway(plan: wiring::Plan) -> anyhow::Result<(Lifecycle, Gateway)> {
    // A long list is checked side by side: that must not take the files that starting Streamlink needs. Asking raises
    // the limit, so it must not depend on what is logged.
    let room = files::room_for(FILES_EACH);
    debug!("room for {room} connections");
    let life = Lifecycle::start()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on loopback")?;
    let gateway = wiring::start(plan, listener, Access::LeasesOnly, &life)?;
    Ok((life, gateway))
}

/// The failure of a recording that has no summary of its own, told to a program that reads one in any case.
fn not_begun(url: &str, error: anyhow::Error, json: bool) -> Failure {
    if json {
        print(&not_started(url, &format!("{error:#}")));
    }
    Failure { status: FAILED, error }
}

fn print(summary: &str) {
    use std::io::Write;
    // A reader that has gone away is no reason to fail: the file is there.
    let _ = writeln!(std::io::stdout().lock(), "{}", summary.trim_end());
}

/// The summary of a recording that could not begin, for a program that reads one in any case.
fn not_started(url: &str, error: &str) -> String {
    serde_json::json!({
        "url": holdfast_recorder::mask_url(url), "output": null, "thumbnail": null, "bytes": 0, "duration_s": 0.0, "segments_lost": 0,
        "seconds_lost": 0.0, "failovers": 0, "routes": [], "gaps": [], "parts": [], "chapters": [], "ended": "failed", "reason": error,
        "status": "failed", "error": error,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_from_a_signal() {
        for (signal, panicked, cause) in [
            (Some(130), false, StopCause::Interrupt),
            (Some(143), false, StopCause::Terminate),
            (None, true, StopCause::Defect),
            (Some(130), true, StopCause::Defect),
        ] {
            assert_eq!(stop_cause(signal, panicked), cause);
        }
    }
}
