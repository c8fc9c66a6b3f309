//! `holdfast import streamvault`: the proxies of a StreamVault installation go into the pool. It can run again and
//! again: what is there already stays as it is.

use clap::Args;
use clap::builder::BoolishValueParser;
use holdfast_model::{ProxyUrl, parse_list_line};
use serde::Serialize;
use tracing::warn;

use super::database::{self, COLUMNS, Found};
use crate::text::{clean, proxies};
use crate::{Api, ClientError, Io, NewProxy, Proxy};

/// The variable that names the database where the command line does not.
const FROM: &str = "HOLDFAST_STREAMVAULT_URL";

/// Take over the proxies of StreamVault
///
/// Reads http_proxy and https_proxy from its settings and adds them to the pool with priority 0. The StreamVault
/// database is only read. What the pool has already is passed over, so this can be run again.
#[derive(Args)]
#[command(after_help = "Examples:
  holdfast import streamvault --from postgres://streamvault@db.example/streamvault --dry-run
  HOLDFAST_STREAMVAULT_URL=postgres://user:password@db.example/streamvault holdfast import streamvault

Exit status: 0 done, or nothing to do; 1 something failed; 2 wrong usage.")]
pub struct StreamvaultArgs {
    /// The address of its PostgreSQL database
    ///
    /// A password given here can be seen in the process list: prefer HOLDFAST_STREAMVAULT_URL, or ~/.pgpass.
    #[arg(long, value_name = "URL", env = FROM, hide_env_values = true)]
    pub from: String,
    /// Tell what would be done, and change nothing
    #[arg(
        long, value_name = "BOOL", env = "HOLDFAST_DRY_RUN", hide_env_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = BoolishValueParser::new(), hide_possible_values = true,
    )]
    pub dry_run: Option<bool>,
}

/// What came of it.
#[derive(Serialize)]
struct Report {
    dry_run: bool,
    proxies: Vec<Taken>,
    /// Proxies of StreamVault that only StreamVault can read.
    encrypted_left_out: i64,
}

/// One proxy.
#[derive(Serialize)]
struct Taken {
    /// The settings that name it.
    columns: Vec<&'static str>,
    /// Masked; absent if it is no proxy URL.
    proxy_url: Option<String>,
    #[serde(flatten)]
    fate: Fate,
    #[serde(skip)]
    url: Option<ProxyUrl>,
}

#[derive(Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum Fate {
    Added {
        proxy_id: i64,
    },
    WouldAdd,
    /// The pool has one that differs at most in its password, which the server does not show.
    WouldAddUnlessSamePassword {
        proxy_id: i64,
    },
    AlreadyThere,
    Rejected {
        detail: String,
    },
}

pub(super) async fn run(
    api: &Api,
    args: &StreamvaultArgs,
    json: bool,
    io: &mut Io<'_>,
) -> Result<u8, ClientError> {
    let dry_run = args.dry_run.unwrap_or(false);
    if !from_environment(&args.from) && database::has_password(&args.from) {
        warn!(
            "a password given by --from can be read by everyone on this machine in the process list: use {FROM} instead"
        );
    }
    let found = database::read(&args.from).await?;
    let mut report = Report { dry_run, encrypted_left_out: found.encrypted, proxies: plan(found) };
    let done =
        if dry_run { compare(api, &mut report.proxies).await } else { add(api, &mut report.proxies).await };
    // What was found is worth showing even if the server is not there, and what was added has been.
    io.show(json, &report, as_text)?;
    done?;
    Ok(u8::from(report.proxies.iter().any(|taken| matches!(taken.fate, Fate::Rejected { .. }))))
}

fn from_environment(from: &str) -> bool {
    std::env::var(FROM).is_ok_and(|value| value == from)
}

/// The proxies once each, though both settings usually name the same.
fn plan(found: Found) -> Vec<Taken> {
    let mut all: Vec<Taken> = Vec::new();
    for (column, value) in found.proxies {
        match parse(value.expose()) {
            Ok(url) => match all.iter_mut().find(|taken| taken.url.as_ref() == Some(&url)) {
                Some(same) if same.columns.contains(&column) => {}
                Some(same) => same.columns.push(column),
                None => {
                    let proxy_url = Some(url.masked().to_string());
                    all.push(Taken {
                        columns: vec![column],
                        proxy_url,
                        fate: Fate::WouldAdd,
                        url: Some(url),
                    });
                }
            },
            Err(detail) => {
                let fate = Fate::Rejected { detail };
                all.push(Taken { columns: vec![column], proxy_url: None, fate, url: None });
            }
        }
    }
    all
}

/// A URL, or `host:port` as lists have it.
fn parse(text: &str) -> Result<ProxyUrl, String> {
    if text.contains("://") || text.contains(char::is_whitespace) {
        return ProxyUrl::parse(text).map_err(|e| e.to_string());
    }
    parse_list_line(1, text)?.map(|entry| entry.url).ok_or_else(|| "there is no proxy in it".to_owned())
}

async fn add(api: &Api, all: &mut [Taken]) -> Result<(), ClientError> {
    for taken in all {
        let Some(url) = &taken.url else { continue };
        let full = url.expose();
        let proxy = NewProxy { proxy_url: full.expose(), priority: 0, label: None, tags: &[], enabled: true };
        taken.fate = match api.add(&proxy).await {
            Ok(proxy_id) => Fate::Added { proxy_id },
            Err(error) if error.is_conflict() => Fate::AlreadyThere,
            Err(ClientError::Refused { detail, .. }) => Fate::Rejected { detail },
            Err(error) => return Err(error),
        };
    }
    Ok(())
}

/// What adding would come to. The server shows no passwords, and asking for them would leave a trace.
async fn compare(api: &Api, all: &mut [Taken]) -> Result<(), ClientError> {
    let pool = api.list().await?.proxies;
    for taken in all {
        let Some(url) = &taken.url else { continue };
        let masked = url.masked();
        let same = |proxy: &&Proxy| proxy.proxy_url == masked.as_str();
        let has_password = url.credentials().is_some_and(|c| !c.password.expose().is_empty());
        taken.fate = match pool.iter().find(same) {
            None => Fate::WouldAdd,
            Some(_) if !has_password => Fate::AlreadyThere,
            Some(proxy) => Fate::WouldAddUnlessSamePassword { proxy_id: proxy.id },
        };
    }
    Ok(())
}

fn as_text(report: &Report) -> String {
    let mut text = if report.dry_run { "Dry run: nothing is changed.\n".to_owned() } else { String::new() };
    if report.proxies.is_empty() {
        text.push_str(&format!(
            "StreamVault's settings name no proxy: {} are empty.\n",
            COLUMNS.join(" and ")
        ));
    }
    for taken in &report.proxies {
        text.push_str(&told(taken, report.dry_run));
        text.push('\n');
    }
    let n = usize::try_from(report.encrypted_left_out).unwrap_or_default();
    if n > 0 {
        text.push_str(&format!(
            "StreamVault's own pool has {}, encrypted with its key: take them over by hand.\n",
            proxies(n)
        ));
    }
    text
}

fn told(taken: &Taken, dry_run: bool) -> String {
    let columns = taken.columns.join(" and ");
    let url = taken.proxy_url.as_deref().unwrap_or_default();
    match &taken.fate {
        Fate::Added { proxy_id } => format!("Added proxy {proxy_id}: {url} (from {columns}, priority 0)"),
        Fate::WouldAdd if dry_run => format!("Would add {url} (from {columns}, priority 0)"),
        Fate::WouldAdd => format!("Not added: {url} (from {columns})"),
        Fate::WouldAddUnlessSamePassword { proxy_id } => format!(
            "Would add {url} (from {columns}, priority 0), unless its password is that of proxy {proxy_id}, which is \
             the same otherwise"
        ),
        Fate::AlreadyThere => format!("Already there: {url} (from {columns})"),
        Fate::Rejected { detail } => format!("Cannot take over {columns}: {}", clean(detail)),
    }
}
