//! `holdfast channel …`: what a running server records when it is live.

mod change;
mod limits;
mod list;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{ClientError, Io, JsonArgs, ServerArgs};

pub use change::{AddArgs, EditArgs, IdArgs, RuleArgs};

/// Look after the channels of a running server
///
/// A channel is recorded whenever it is live. Speaks with the server that 'holdfast serve' runs.
#[derive(Args, Serialize)]
#[command(after_help = "Examples:
  holdfast channel add xqc
  holdfast channel list
  holdfast channel edit 3 --quality 720p60,best --max-age-days 30

Exit status: 0 done, 1 something failed, 2 wrong usage.")]
pub struct ChannelArgs {
    /// Which server.
    #[command(flatten)]
    #[serde(flatten)]
    pub server: ServerArgs,
    /// How the result is written.
    #[command(flatten)]
    #[serde(flatten)]
    pub json: JsonArgs,
    /// What to do.
    #[command(subcommand)]
    #[serde(skip)]
    pub command: ChannelCommand,
}

/// What can be done with channels.
#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum ChannelCommand {
    /// Show all channels and how they are
    ///
    /// On a terminal long cells are cut to its width; in a pipe (| cat, | less -S) and with --json they are whole.
    #[command(after_help = "Examples:
  holdfast channel list
  holdfast channel list --json | jq '.items[] | select(.status == \"waiting\")'")]
    List,
    #[expect(missing_docs, reason = "clap takes the text of the arguments")]
    Add(AddArgs),
    #[expect(missing_docs, reason = "clap takes the text of the arguments")]
    Edit(EditArgs),
    /// Remove channels
    ///
    /// Their recordings stay, and one that is under way goes on.
    #[command(after_help = "Example:
  holdfast channel remove 3 4")]
    Remove(IdArgs),
    /// Look now whether channels are live
    #[command(after_help = "Example:
  holdfast channel check 3")]
    Check(IdArgs),
}

/// Does it, and answers with the exit status: 0, or 1 if a part of it failed.
///
/// # Errors
/// See [`ClientError`]; [`ClientError::exit_status`] is the status to exit with.
pub async fn run(args: &ChannelArgs, io: &mut Io<'_>) -> Result<u8, ClientError> {
    let (api, json) = (args.server.connect(io.server)?, args.json.wanted());
    match &args.command {
        ChannelCommand::List => list::run(&api, json, io).await,
        ChannelCommand::Add(args) => change::add(&api, args, json, io).await,
        ChannelCommand::Edit(args) => change::edit(&api, args, json, io).await,
        ChannelCommand::Remove(args) => change::remove(&api, args, json, io).await,
        ChannelCommand::Check(args) => list::check(&api, args, json, io).await,
    }
}
