//! `holdfast config`: which settings `serve` would run with, and whether they can work.

use std::path::Path;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use holdfast_recorder::Tools;
use serde::Serialize;

use super::serve::{self, ServeArgs};
use super::{Context, Failure, usage, user_and_password};
use crate::config::Settings;
use crate::log::{LogFormat, LogLevel};

/// Show or check the settings that serve would run with
#[derive(Args, Serialize)]
#[command(after_help = "Examples:
  holdfast config show --config holdfast.toml
  holdfast config check --config holdfast.toml && systemctl restart holdfast")]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    #[serde(flatten)]
    action: Action,
}

#[derive(Subcommand, Serialize)]
#[serde(untagged)]
enum Action {
    /// Print them as TOML, passwords masked: flags, variables and file laid over each other
    Show(Box<ServeArgs>),
    /// Say whether they can work (exit status 0) or what is wrong (exit status 2)
    Check(Box<ServeArgs>),
}

/// What is shown: every key of `serve` as it would be in the file.
#[derive(Serialize)]
struct Shown<'a> {
    listen: String,
    data_dir: &'a Path,
    database_url: String,
    recordings_dir: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_listen: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<String>,
    allowed_host: &'a [String],
    check_url: Vec<String>,
    keep_checks: String,
    keep_events: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    streamlink: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ffmpeg: Option<&'a Path>,
    log_format: LogFormat,
    log_level: LogLevel,
}

/// Does it.
pub(super) fn run(args: &ConfigArgs, cx: &Context) -> Result<u8, Failure> {
    let settings = &cx.settings;
    let wanted = serve::wanted(settings).map_err(usage)?;
    match &args.action {
        Action::Show(_) => {
            let shown = shown(settings, &wanted).map_err(usage)?;
            print!("{}", toml::to_string(&shown).context("the settings cannot be written as TOML")?);
        }
        Action::Check(_) => {
            let tools = Tools::find(settings.streamlink.as_deref(), settings.ffmpeg.as_deref());
            tools.map_err(|error| usage(error.into()))?;
            println!("the settings are good; the database is {}", wanted.database);
        }
    }
    Ok(0)
}

fn shown<'a>(settings: &'a Settings, wanted: &'a serve::Wanted) -> anyhow::Result<Shown<'a>> {
    let seconds = |span: std::time::Duration| format!("{}s", span.as_secs());
    let auth = settings.auth.as_deref().map(user_and_password).transpose()?;
    Ok(Shown {
        listen: wanted.listen.to_string(),
        data_dir: &wanted.data_dir,
        database_url: wanted.database.to_string(),
        recordings_dir: &wanted.recordings_dir,
        gateway_listen: settings.gateway_listen.as_deref(),
        auth: auth.map(|(user, _)| format!("{user}:***")),
        allowed_host: &settings.allowed_host,
        check_url: settings.check_urls(),
        keep_checks: seconds(serve::keep_checks(settings)),
        keep_events: seconds(serve::keep_events(settings)),
        streamlink: settings.streamlink.as_deref(),
        ffmpeg: settings.ffmpeg.as_deref(),
        log_format: settings.log_format,
        log_level: settings.log_level,
    })
}
