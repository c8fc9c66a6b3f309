//! `holdfast check`: every proxy once, thousands side by side, by the same dial code that carries recordings.

use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use clap::parser::ValueSource;
use futures_util::{StreamExt, stream};
use holdfast_client::table::{Edge, table};
use holdfast_gateway::dial::{Dialer, Names};
use holdfast_gateway::probe;
use holdfast_model::{CheckReport, Phases, Verdict, milliseconds};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::{info, warn};

use super::{Context, DirectArgs, FAILURE, Failure, ProxyArgs, TargetArgs, usage};
use crate::config::{Span, Upstream};
use crate::lifecycle::Lifecycle;
use crate::term::{self, clean, count};
use crate::{files, wiring};

const DEFAULT_CONCURRENCY: usize = 200;
/// Connections that one check may have open for a moment.
const FILES_EACH: usize = 2;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Check proxies once
///
/// Reads a list (one proxy a line: URL, host:port, or host:port:user:password) and shows which of them work, the
/// fastest first. Passwords are never shown.
#[derive(Args, Serialize)]
#[command(after_help = "Examples:
  holdfast check proxies.txt
  holdfast check --proxy socks5h://user@10.0.0.1 --timeout 3s
  cat proxies.txt | holdfast check - --format json --concurrency 1000
  holdfast check proxies.txt --check-url 'https://example.com/login 401'

Exit status: 0 at least one proxy works (is healthy or degraded), 1 none does, 2 wrong usage.")]
pub(super) struct CheckArgs {
    /// A file with one proxy a line; - reads standard input
    #[arg(value_name = "FILE", conflicts_with = "proxy_file")]
    #[serde(skip)]
    file: Option<PathBuf>,

    #[command(flatten)]
    #[serde(flatten)]
    proxies: ProxyArgs,

    #[command(flatten)]
    #[serde(flatten)]
    direct: DirectArgs,

    #[command(flatten)]
    #[serde(flatten)]
    target: TargetArgs,

    /// How the results are written [default: table]
    #[arg(short, long, value_name = "FORMAT", env = "HOLDFAST_FORMAT", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format>,

    /// How many proxies are checked side by side [default: 200]
    #[arg(short, long, value_name = "N", env = "HOLDFAST_CONCURRENCY", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency: Option<usize>,

    /// How long a proxy may take in all [default: 10s]
    #[arg(short, long, value_name = "TIME", env = "HOLDFAST_TIMEOUT", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<Span>,
}

/// How the results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Columns, for people
    #[default]
    Table,
    /// One array of objects
    Json,
    /// Comma-separated values with a head line
    Csv,
}

impl CheckArgs {
    /// FILE is a list named on the command line like any other.
    pub(super) fn settle(&mut self, matches: &clap::ArgMatches) {
        self.proxies.settle(matches);
        if let Some(file) = self.file.take() {
            if matches.value_source("proxy") != Some(ValueSource::CommandLine) {
                self.proxies.proxy.clear();
            }
            self.proxies.proxy_file = Some(file);
        }
    }
}

/// Checks, prints, and answers with the exit status.
pub(super) async fn run(args: &CheckArgs, cx: Context) -> Result<u8, Failure> {
    let Context { settings, live } = cx;
    args.proxies.warn_of_password();
    if !settings.names_proxies() {
        return Err(usage(anyhow::anyhow!(
            "no proxies to check: give a FILE, - for standard input, --proxy URL, or set HOLDFAST_PROXIES"
        )));
    }
    let proxies = settings.proxies().map_err(usage)?;
    let targets = settings.check_targets().map_err(usage)?;
    let limit = settings.timeout.map_or(DEFAULT_TIMEOUT, |span| span.0);
    let wanted = settings.concurrency.unwrap_or(DEFAULT_CONCURRENCY);
    if wanted == 0 {
        return Err(usage(anyhow::anyhow!("--concurrency has to be at least 1")));
    }
    wiring::tell_rejected(&proxies);

    let life = Lifecycle::start()?;
    let dialer = Dialer::new().context("cannot read the certificates of this machine")?;
    let side_by_side = wanted.min(files::room_for(FILES_EACH));
    if side_by_side < wanted {
        warn!(
            "only {side_by_side} checks run side by side: the limit of open files (ulimit -n) allows no more"
        );
    }
    let names = if settings.no_direct { Names::Remote } else { Names::AsScheme };
    let bar = bar(&live, proxies.entries.len());
    let total = proxies.entries.len();
    let mut results = Vec::with_capacity(total);
    let mut checks = stream::iter(proxies.entries)
        .map(|proxy| {
            let (dialer, targets) = (&dialer, &targets);
            async move {
                let progress = probe::Progress::default();
                let report = probe::check(dialer, &proxy.url, targets, limit, names, &progress).await;
                Row::new(&proxy, report)
            }
        })
        .buffer_unordered(side_by_side);
    loop {
        tokio::select! {
            () = life.soft.cancelled() => break,
            row = checks.next() => match row {
                Some(row) => results.push(row),
                None => break,
            },
        }
        bar.inc(1);
        bar.set_message(tally(&results));
    }
    drop(checks);
    bar.finish_and_clear();

    results.sort_by_key(|row| (row.status, row.time.is_none(), row.time, row.line));
    print(&match settings.format.unwrap_or_default() {
        Format::Table => as_table(&results),
        Format::Json => as_json(&results)?,
        Format::Csv => csv(&results),
    })
    .context("the results cannot be written to standard output")?;
    let left_out = match total - results.len() {
        0 => String::new(),
        n => format!("; {} not checked", count(n as u64, "proxy was", "proxies were")),
    };
    info!(
        "{}: {}{left_out}",
        count(results.len() as u64, "proxy checked", "proxies checked"),
        tally(&results)
    );
    if let Some(status) = life.signal_status() {
        return Ok(status);
    }
    Ok(if results.iter().any(|row| row.status < Status::Failed) { 0 } else { FAILURE })
}

/// What became of one proxy.
struct Row {
    line: usize,
    url: String,
    status: Status,
    time: Option<Duration>,
    error: Option<String>,
    phases: Phases,
    report: CheckReport,
}

/// In the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Healthy,
    Degraded,
    Failed,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }

    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Healthy => Self::Healthy,
            Verdict::Degraded => Self::Degraded,
            Verdict::Failed(_) => Self::Failed,
        }
    }

    /// Failed if every target failed, healthy if every target is content, else degraded.
    fn overall(report: &CheckReport) -> Self {
        let all = |status| report.outcomes.iter().all(|o| Self::of(o.verdict) == status);
        if all(Self::Failed) {
            Self::Failed
        } else if all(Self::Healthy) {
            Self::Healthy
        } else {
            Self::Degraded
        }
    }
}

impl Row {
    fn new(proxy: &Upstream, report: CheckReport) -> Self {
        let first = report.outcomes.first().and_then(|o| o.error.as_deref());
        // What is wrong with the proxy itself is the same for every target, and said once.
        let several = report.outcomes.iter().any(|o| o.error.as_deref() != first);
        let mut errors: Vec<_> = report
            .outcomes
            .iter()
            .filter_map(|o| {
                o.error.as_deref().map(|e| if several { format!("{}: {e}", o.target) } else { e.to_owned() })
            })
            .collect();
        errors.dedup();
        // The slowest answer: a person waits for the last of several targets.
        let slowest =
            report.outcomes.iter().filter(|o| o.response_time.is_some()).max_by_key(|o| o.response_time);
        let status = Status::overall(&report);
        // How fast it failed is of no use to anybody.
        let time = slowest.and_then(|o| o.response_time).filter(|_| status != Status::Failed);
        Self {
            line: proxy.line,
            url: proxy.url.masked().to_string(),
            status,
            time,
            error: (!errors.is_empty()).then(|| clean(&errors.join("; "))),
            phases: slowest.or(report.outcomes.first()).map(|o| o.phases).unwrap_or_default(),
            report,
        }
    }
}

fn tally(rows: &[Row]) -> String {
    let n = |status| rows.iter().filter(|row| row.status == status).count();
    format!("{} healthy, {} degraded, {} failed", n(Status::Healthy), n(Status::Degraded), n(Status::Failed))
}

fn as_table(rows: &[Row]) -> String {
    let heads = [
        ("PROXY", Edge::Left),
        ("STATUS", Edge::Left),
        ("TIME", Edge::Right),
        ("CONNECT", Edge::Right),
        ("PROXY", Edge::Right),
        ("TLS", Edge::Right),
        ("FIRST BYTE", Edge::Right),
        ("DETAIL", Edge::Left),
    ];
    table(heads, &rows.iter().map(cells).collect::<Vec<_>>(), term::columns(std::io::stdout()))
}

fn cells(row: &Row) -> [String; 8] {
    let ms = |value: Option<u32>| value.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let Phases { connect_ms, proxy_ms, tls_ms, first_byte_ms } = row.phases;
    [
        row.url.clone(),
        row.status.as_str().to_owned(),
        row.time.map_or_else(|| "-".to_owned(), |t| format!("{} ms", milliseconds(t))),
        ms(connect_ms),
        ms(proxy_ms),
        ms(tls_ms),
        ms(first_byte_ms),
        row.error.clone().unwrap_or_default(),
    ]
}

fn as_json(rows: &[Row]) -> anyhow::Result<String> {
    let targets = |row: &Row| -> Vec<_> {
        row.report
            .outcomes
            .iter()
            .map(|o| {
                let blame = match o.verdict {
                    Verdict::Failed(blame) => Some(blame),
                    _ => None,
                };
                json!({
                    "target": o.target,
                    "status": Status::of(o.verdict),
                    "blame": blame,
                    "response_time_ms": o.response_time.map(milliseconds),
                    "error": o.error.as_deref().map(clean),
                    "phases": o.phases,
                })
            })
            .collect()
    };
    let list: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "line": row.line,
                "proxy_url": row.url,
                "status": row.status,
                "response_time_ms": row.time.map(milliseconds),
                "error": row.error,
                "phases": row.phases,
                "targets": targets(row),
            })
        })
        .collect();
    Ok(serde_json::to_string_pretty(&list)? + "\n")
}

fn csv(rows: &[Row]) -> String {
    let ms = |value: Option<u32>| value.map_or_else(String::new, |n| n.to_string());
    let mut out =
        "line,proxy_url,status,response_time_ms,connect_ms,proxy_ms,tls_ms,first_byte_ms,error\n".to_owned();
    for row in rows {
        let Phases { connect_ms, proxy_ms, tls_ms, first_byte_ms } = row.phases;
        let cells = [
            row.line.to_string(),
            row.url.clone(),
            row.status.as_str().to_owned(),
            ms(row.time.map(milliseconds)),
            ms(connect_ms),
            ms(proxy_ms),
            ms(tls_ms),
            ms(first_byte_ms),
            row.error.clone().unwrap_or_default(),
        ];
        out.push_str(&cells.map(|cell| csv_cell(&cell)).join(","));
        out.push('\n');
    }
    out
}

/// Quoted where RFC 4180 asks for it.
fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `| head` closes the pipe: that is the reader's choice, and the exit status still tells.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn bar(live: &MultiProgress, total: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = live.add(ProgressBar::new(total as u64));
    // The template is a constant; were it wrong, the default look would do.
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}") {
        bar.set_style(style);
    }
    bar
}
