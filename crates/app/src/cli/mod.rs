//! The command line: one file a command, and here what they share. clap reads flags and their environment
//! variables; `config` lays them over the file.

mod backup;
pub(crate) mod check;
mod completions;
mod config;
pub(crate) mod gateway;
pub(crate) mod record;
mod remote;
pub(crate) mod serve;
mod summary;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::builder::{BoolishValueParser, Resettable};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use holdfast_model::{Secret, parse_list_line};
use indicatif::MultiProgress;
use serde::Serialize;
use tracing::{error, warn};

use crate::config::{Settings, Span, split_words};
use crate::log::{LogFormat, LogLevel};
use crate::{log, term};

/// Exit status of a wrong command line, variable or configuration.
pub(crate) const USAGE: u8 = 2;
/// Exit status of any other failure that has no number of its own.
pub(crate) const FAILURE: u8 = 1;

/// Records live streams through proxies, and goes on when a proxy dies.
#[derive(Parser)]
#[command(
    name = "holdfast",
    version,
    about,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Examples:
  holdfast serve
  holdfast record somechannel --proxy-file proxies.txt
  holdfast gateway --proxy-file proxies.txt
  holdfast check proxies.txt

Every flag can also stand in the environment (HOLDFAST_…) or in the file given by --config:
a flag beats the environment, the environment beats the file, the file beats the default.
holdfast COMMAND -h tells more."
)]
struct Cli {
    #[command(flatten)]
    common: CommonArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(Box<serve::ServeArgs>),
    Record(Box<record::RecordArgs>),
    Gateway(gateway::GatewayArgs),
    Check(check::CheckArgs),
    Proxy(holdfast_client::ProxyArgs),
    Channel(Box<holdfast_client::ChannelArgs>),
    Import(holdfast_client::ImportArgs),
    Backup(backup::BackupArgs),
    Config(config::ConfigArgs),
    Completions(completions::CompletionsArgs),
}

/// Flags of every command.
#[derive(Args, Serialize)]
#[command(next_help_heading = "Common options")]
struct CommonArgs {
    /// Read settings from this TOML file
    #[arg(long, global = true, value_name = "FILE", env = "HOLDFAST_CONFIG", hide_env_values = true)]
    #[serde(skip)]
    config: Option<PathBuf>,

    /// How log lines look on stderr [default: text]
    #[arg(long, global = true, value_name = "FORMAT", env = "HOLDFAST_LOG_FORMAT", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<LogFormat>,

    /// How much is logged [default: info]
    #[arg(long, global = true, value_name = "LEVEL", env = "HOLDFAST_LOG_LEVEL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_level: Option<LogLevel>,
}

/// The proxies and what else the way outside depends on.
#[derive(Args, Serialize)]
#[command(next_help_heading = "Proxies")]
pub(crate) struct PoolArgs {
    #[command(flatten)]
    #[serde(flatten)]
    proxies: ProxyArgs,

    #[command(flatten)]
    #[serde(flatten)]
    direct: DirectArgs,

    #[command(flatten)]
    #[serde(flatten)]
    target: TargetArgs,

    /// Time between two checks of a proxy [default: 30s]
    #[arg(long, value_name = "TIME", env = "HOLDFAST_CHECK_INTERVAL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    check_interval: Option<Span>,
}

/// Where proxies are named.
#[derive(Args, Serialize)]
#[command(next_help_heading = "Proxies")]
pub(crate) struct ProxyArgs {
    /// A proxy, such as http://user:password@host:3128; repeat it in order of priority
    ///
    /// http://, https:// (TLS to the proxy), socks5:// (names resolved here) and socks5h:// (names resolved by the
    /// proxy) are understood. A password given here can be seen in the process list: prefer --proxy-file, or
    /// HOLDFAST_PROXIES, which takes several with spaces, commas or line breaks between them.
    #[arg(long = "proxy", value_name = "URL", env = "HOLDFAST_PROXIES", hide_env_values = true)]
    #[serde(rename = "proxies", skip_serializing_if = "Vec::is_empty")]
    proxy: Vec<String>,

    /// A file with one proxy a line
    ///
    /// A URL, host:port, or host:port:user:password (the last two are taken as http), then priority=N (0, the
    /// default, is tried first; among equals the fastest) and tag=T if you like. # starts a comment.
    #[arg(long, value_name = "FILE", env = "HOLDFAST_PROXY_FILE", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy_file: Option<PathBuf>,

    #[arg(skip)]
    #[serde(skip)]
    password_in_argv: bool,
}

/// Whether anything may leave without a proxy.
#[derive(Args, Serialize)]
#[command(next_help_heading = "Proxies")]
pub(crate) struct DirectArgs {
    /// Never connect without a proxy, not even when all of them are down
    ///
    /// Names are then resolved by the proxies alone, those of socks5:// included.
    #[arg(
        long, value_name = "BOOL", env = "HOLDFAST_NO_DIRECT", hide_env_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = BoolishValueParser::new(), hide_possible_values = true,
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    no_direct: Option<bool>,
}

/// What proxies are checked against.
#[derive(Args, Serialize)]
#[command(next_help_heading = "Proxies")]
pub(crate) struct TargetArgs {
    /// Check proxies by fetching this address [default: https://id.twitch.tv/oauth2/keys]
    ///
    /// Repeat it for several: a proxy has failed if all of them fail, and is degraded if some do. Write
    /// "URL STATUS" where another answer than 2xx is the good one. Without it a server that has credentials for Twitch
    /// checks against Twitch's API.
    #[arg(long, value_name = "URL", env = "HOLDFAST_CHECK_URL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    check_url: Vec<String>,
}

/// The programs that recordings run.
#[derive(Args, Serialize)]
#[command(next_help_heading = "Programs")]
pub(crate) struct ToolArgs {
    /// The Streamlink to run [default: found on PATH]
    #[arg(long, value_name = "FILE", env = "HOLDFAST_STREAMLINK", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    streamlink: Option<PathBuf>,

    /// The ffmpeg to run, for joining parts and for .mkv and .mp4 [default: found on PATH]
    #[arg(long, value_name = "FILE", env = "HOLDFAST_FFMPEG", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    ffmpeg: Option<PathBuf>,
}

/// What every command is given.
pub(crate) struct Context {
    /// All settings, merged.
    pub(crate) settings: Settings,
    /// The live line; log lines go around it.
    pub(crate) live: MultiProgress,
}

/// Why a command did not do its work, and the exit status that says so.
pub(crate) struct Failure {
    status: u8,
    error: anyhow::Error,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { status: FAILURE, error }
    }
}

/// The command line, a variable or the configuration is wrong.
pub(crate) fn usage(error: anyhow::Error) -> Failure {
    Failure { status: USAGE, error }
}

/// `USER:PASS`, where the password may hold colons and neither may be empty.
pub(crate) fn user_and_password(auth: &str) -> anyhow::Result<(String, Secret)> {
    match auth.split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => {
            Ok((user.to_owned(), Secret::new(password)))
        }
        _ => anyhow::bail!("--auth: USER:PASS is wanted, with a colon between a user and a password"),
    }
}

/// Runs the command that the arguments name.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = match without_empty_variables(Cli::command()).try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => return explain(&error),
    };
    let mut cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    if let Some((_, own)) = matches.subcommand() {
        cli.command.settle_proxies(own);
    }
    let ran = match &cli.command {
        Command::Serve(args) => start("serve", &cli.common, &**args, |cx| serve::run(args, cx)),
        Command::Proxy(args) => start("proxy", &cli.common, args, |cx| remote::proxy(args, cx)),
        Command::Channel(args) => start("channel", &cli.common, &**args, |cx| remote::channel(args, cx)),
        Command::Import(args) => start("import", &cli.common, args, |cx| remote::import(args, cx)),
        Command::Backup(args) => start("serve", &cli.common, args, |cx| backup::run(args, cx)),
        Command::Config(args) => {
            start("serve", &cli.common, args, |cx| async move { config::run(args, &cx) })
        }
        Command::Record(args) => start("record", &cli.common, &**args, |cx| record::run(args, cx)),
        Command::Gateway(args) => start("gateway", &cli.common, args, |cx| gateway::run(args, cx)),
        Command::Check(args) => start("check", &cli.common, args, |cx| check::run(args, cx)),
        Command::Completions(args) => {
            completions::run(args, &mut Cli::command());
            Ok(0)
        }
    };
    ExitCode::from(ran.unwrap_or_else(|failure| {
        // The log may not be up, or be set to say nothing: why the program ends is told in any case.
        complain(&format!("error: {:#}", failure.error));
        failure.status
    }))
}

/// Merges the settings, starts the log and the runtime, and runs the command in it.
fn start<A: Serialize, F: Future<Output = Result<u8, Failure>>>(
    name: &str,
    common: &CommonArgs,
    args: &A,
    command: impl FnOnce(Context) -> F,
) -> Result<u8, Failure> {
    #[derive(Serialize)]
    struct Flags<'a, A> {
        #[serde(flatten)]
        common: &'a CommonArgs,
        #[serde(flatten)]
        own: &'a A,
    }
    let settings =
        Settings::load(name, common.config.as_deref(), &Flags { common, own: args }).map_err(usage)?;
    let live = MultiProgress::new();
    log::start(settings.log_format, settings.log_level, &live);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the worker threads")?;
    let format = settings.log_format;
    let result = runtime.block_on(command(Context { settings, live }));
    // A thread stuck in a name look-up must not hold up the exit.
    runtime.shutdown_background();
    match (result, format) {
        // Whoever asked for JSON lines gets nothing else.
        (Err(failure), LogFormat::Json) => {
            error!("{:#}", failure.error);
            Ok(failure.status)
        }
        (result, _) => result,
    }
}

impl Command {
    fn settle_proxies(&mut self, matches: &ArgMatches) {
        match self {
            Self::Record(args) => args.pool.proxies.settle(matches),
            Self::Gateway(args) => args.settle(matches),
            Self::Check(args) => args.settle(matches),
            Self::Serve(args) => args.settle(matches),
            Self::Proxy(_)
            | Self::Channel(_)
            | Self::Import(_)
            | Self::Backup(_)
            | Self::Config(_)
            | Self::Completions(_) => {}
        }
    }
}

impl ProxyArgs {
    /// The proxies are one setting: what stands on the command line replaces what stands in the environment,
    /// whichever of the two sources names it.
    fn settle(&mut self, matches: &ArgMatches) {
        let from = |id| matches.value_source(id);
        let flag = Some(ValueSource::CommandLine);
        if from("proxy") == flag && from("proxy_file") != flag {
            self.proxy_file = None;
        } else if from("proxy_file") == flag && from("proxy") != flag {
            self.proxy.clear();
        }
        if from("proxy") == flag {
            self.password_in_argv = self.proxy.iter().any(|text| has_password(text));
        } else {
            self.proxy = self.proxy.iter().flat_map(|text| split_words(text)).collect();
        }
    }

    /// Says it once if a password can be read in the process list.
    pub(crate) fn warn_of_password(&self) {
        if self.password_in_argv {
            warn!(
                "a password given by --proxy can be read by everyone on this machine in the process list: \
                 use --proxy-file or HOLDFAST_PROXIES instead"
            );
        }
    }
}

fn has_password(text: &str) -> bool {
    let entry = parse_list_line(1, text).ok().flatten();
    entry.is_some_and(|e| e.url.credentials().is_some_and(|c| !c.password.expose().is_empty()))
}

/// Help goes to stdout; mistakes go to stderr, without repeating a password or a control character.
fn explain(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Nobody reads it: nothing to be done about that.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    for line in error.render().to_string().lines() {
        complain(line);
    }
    ExitCode::from(USAGE)
}

/// One line to stderr. If nobody reads it, the exit status has to do.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", term::clean(line));
}

/// A variable that is set to nothing counts as not set: that is how compose files and unit files leave it out.
fn without_empty_variables(mut command: clap::Command) -> clap::Command {
    let empty: Vec<_> = command
        .get_arguments()
        .filter(|arg| arg.get_env().is_some_and(|name| std::env::var_os(name).is_some_and(|v| v.is_empty())))
        .map(|arg| arg.get_id().clone())
        .collect();
    for id in empty {
        command = command.mut_arg(id, |arg| arg.env(Resettable::Reset));
    }
    let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, without_empty_variables);
    }
    command
}

#[cfg(test)]
mod examples_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
