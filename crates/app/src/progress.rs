//! How a recording goes, while it goes: one line that renews itself on a terminal, a log line now and then
//! elsewhere. It only watches; the recording does not wait for it.

use std::io::IsTerminal;
use std::time::Duration;

use holdfast_recorder::{Progress, Status};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::info;

use crate::term::{self, clean, count};

/// Without a terminal, a line this often while nothing changes.
const LOG_EVERY: Duration = Duration::from_secs(60);
/// On a terminal the line is drawn anew this often, so that the clock moves.
const REDRAW: Duration = Duration::from_millis(250);

/// Shows the progress of `name` until its sender is gone.
pub(crate) async fn show(name: &str, progress: watch::Receiver<Progress>, live: &MultiProgress) {
    let name = clean(name);
    if std::io::stderr().is_terminal() {
        redraw(&name, progress, live).await;
    } else {
        log(&name, progress).await;
    }
}

async fn redraw(name: &str, mut progress: watch::Receiver<Progress>, live: &MultiProgress) {
    let bar = live.add(ProgressBar::new_spinner());
    // The template is a constant; were it wrong, the default look would do.
    if let Ok(style) = ProgressStyle::with_template("{spinner:.red} {msg}") {
        bar.set_style(style.tick_chars("●○●"));
    }
    let mut tick = interval(REDRAW);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut seen = Instant::now();
    loop {
        tokio::select! {
            changed = progress.changed() => {
                if changed.is_err() {
                    break;
                }
                seen = Instant::now();
            }
            _ = tick.tick() => {}
        }
        let state = progress.borrow().clone();
        let columns = term::columns(std::io::stderr()).unwrap_or(80).max(20);
        let elapsed = state.elapsed + seen.elapsed().min(Duration::from_secs(5));
        bar.set_message(line(name, &state, elapsed, columns.saturating_sub(3)));
        bar.tick();
    }
    bar.finish_and_clear();
}

async fn log(name: &str, mut progress: watch::Receiver<Progress>) {
    let (mut last, mut told) = (Instant::now(), (Status::Starting, None, 0, 0));
    while progress.changed().await.is_ok() {
        let state = progress.borrow_and_update().clone();
        let now = (state.status, state.note.clone(), state.failovers, state.segments_lost);
        if now != told || last.elapsed() >= LOG_EVERY {
            (last, told) = (Instant::now(), now);
            info!("{}", line(name, &state, state.elapsed, usize::MAX));
        }
    }
}

/// `channel 12:34 · 1.2 GB · 850 kB/s · http://user:***@host:1 · 1 failover · 0 lost`, in at most `width` columns:
/// the route and then the channel give way.
fn line(name: &str, state: &Progress, elapsed: Duration, width: usize) -> String {
    let lost = match (state.segments_lost, state.seconds_lost) {
        (0, _) => "0 lost".to_owned(),
        (n, seconds) => format!("{} lost ({seconds:.0} s)", count(n, "segment", "segments")),
    };
    let tail = format!("{} · {lost}", count(u64::from(state.failovers), "failover", "failovers"));
    let amount = format!("{} · {}/s", term::bytes(state.bytes), term::bytes(state.rate));
    let route = state.via.as_ref().map_or_else(|| "no route yet".to_owned(), ToString::to_string);
    let middle = match (state.status, &state.note) {
        (Status::Recording, _) => route,
        (status, Some(note)) => format!("{}: {}", status_word(status), clean(note)),
        (status, None) => format!("{} · {route}", status_word(status)),
    };
    let fixed = format!(" {} · {amount} ·  · {tail}", term::clock(elapsed)).chars().count();
    let room = width.saturating_sub(fixed);
    let name = shorten(name, room.saturating_sub(middle.chars().count()).max(12));
    let middle = shorten(&middle, room.saturating_sub(name.chars().count()).max(12));
    let whole = format!("{name} {} · {amount} · {middle} · {tail}", term::clock(elapsed));
    shorten(&whole, width)
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Starting => "starting",
        Status::Recording => "recording",
        Status::Recovering => "recovering",
        Status::Finalizing => "finishing the file",
        Status::Completed => "completed",
        Status::Stopped => "stopped",
        Status::Interrupted => "interrupted",
        Status::Failed => "failed",
    }
}

/// The text, or its beginning and `…`.
fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use holdfast_model::{ProxyId, ProxyUrl, Via};

    use super::*;

    #[test]
    fn the_line_fits_and_keeps_what_matters() {
        let url = ProxyUrl::parse("http://user:secret@proxy.example:3128").expect("valid");
        let state = Progress {
            status: Status::Recording,
            bytes: 1_234_567_890,
            rate: 850_000,
            via: Some(Via::Proxy(ProxyId(1), url.masked())),
            failovers: 1,
            ..Progress::default()
        };
        let at = Duration::from_secs(754);
        assert_eq!(
            line("somechannel", &state, at, 120),
            "somechannel 12:34 · 1.2 GB · 850 kB/s · http://user:***@proxy.example:3128 · 1 failover · 0 lost"
        );
        for width in [20, 60, 80, 100] {
            let shown = line("a-channel-with-a-very-long-name-indeed", &state, at, width);
            assert!(shown.chars().count() <= width, "{width}: {shown}");
            assert!(width < 70 || shown.ends_with("1 failover · 0 lost"), "{width}: {shown}");
        }
        let state =
            Progress { segments_lost: 4, seconds_lost: 8.0, note: Some("next try in 4 s".into()), ..state };
        let state = Progress { status: Status::Recovering, ..state };
        let shown = line("x", &state, at, usize::MAX);
        assert!(
            shown.ends_with("recovering: next try in 4 s · 1 failover · 4 segments lost (8 s)"),
            "{shown}"
        );
    }
}
