//! The log, on stderr: lines for people or JSON for machines. Also the one place where events of the gateway and
//! the pool become log lines; people grep for their wording, so it does not change.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use holdfast_model::{Event, Level, mask_passwords};
use indicatif::MultiProgress;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tracing::field::{Field, Visit};
use tracing::{Subscriber, debug, error, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::term::clean;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    /// Only what a person should look at.
    Error,
    /// Also what failed and was dealt with.
    Warn,
    /// Also what is as expected.
    #[default]
    Info,
    /// Also every decision in detail.
    Debug,
    /// Everything.
    Trace,
}

/// Starts the log. Lines are written through `live`, so that they do not tear a progress line.
pub(crate) fn start(format: LogFormat, level: LogLevel, live: &MultiProgress) {
    let level = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let others = if level == "error" { "error" } else { "warn" };
    let filter = EnvFilter::new(format!("{others},holdfast={level}"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(AroundLiveLine(live.clone()));
    // A second start can only be a defect; the first log goes on.
    let _ = match format {
        LogFormat::Text => {
            let colour =
                io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            builder.with_ansi(colour).event_format(Lines).try_init()
        }
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        }
    };
}

/// Turns events into log lines until `stop`, or until the sender is gone.
pub(crate) async fn follow_until(events: broadcast::Receiver<Event>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = follow(events) => {}
    }
}

async fn follow(mut events: broadcast::Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(event) => tell(&event),
            Err(RecvError::Lagged(n)) => warn!("{n} events were too many for the log and are not shown"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// One event as its log line.
pub(crate) fn tell(event: &Event) {
    let (level, line) = event.told();
    match (event, level) {
        // Told by the others, where it says anything new.
        (Event::ProxyChecked { .. }, _) => return,
        // Several proxies say the same every half minute; what changed would drown in it.
        (Event::ProxyHealth { from, to, .. }, _) if from == to => return debug!("{line}"),
        _ => {}
    }
    match level {
        Level::Info => info!("{line}"),
        Level::Warning => warn!("{line}"),
        Level::Error => error!("{line}"),
    }
}

/// `12:34:56 INFO message key=value`, whatever strangers put into it cleaned.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        let (dim, colour, off) = match (writer.has_ansi_escapes(), level) {
            (false, _) => ("", "", ""),
            (true, tracing::Level::ERROR) => ("\x1b[2m", "\x1b[31m", "\x1b[0m"),
            (true, tracing::Level::WARN) => ("\x1b[2m", "\x1b[33m", "\x1b[0m"),
            (true, tracing::Level::INFO) => ("\x1b[2m", "\x1b[32m", "\x1b[0m"),
            (true, _) => ("\x1b[2m", "\x1b[36m", "\x1b[0m"),
        };
        let now = chrono::Local::now().format("%Y-%m-%d %H:%M:%S%.3f");
        let mut text = Text::default();
        event.record(&mut text);
        writeln!(
            writer,
            "{dim}{now}{off} {colour}{level:<5}{off} {}{}",
            clean(&text.message),
            clean(&text.fields)
        )
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        // Writing into a String cannot fail. Fields of the log crate's bridge only repeat where a line comes from.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name if name.starts_with("log.") => Ok(()),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

/// Takes the live line off the screen while a log line is written.
#[derive(Clone)]
struct AroundLiveLine(MultiProgress);

impl<'a> MakeWriter<'a> for AroundLiveLine {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for AroundLiveLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A log that nobody reads any more (a closed pipe) must not end a recording.
        // Other crates log as well, and JSON passes no other place: no password leaves here in either format.
        let text = String::from_utf8_lossy(line);
        self.0.suspend(|| {
            let _ = io::stderr().lock().write_all(mask_passwords(&text).as_bytes());
        });
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
