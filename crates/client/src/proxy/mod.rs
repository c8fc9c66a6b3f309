//! `holdfast proxy …`: the pool of a running server.

mod address;
mod change;
mod export;
mod import;
mod list;
mod test;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{ClientError, Io, JsonArgs, ServerArgs};

pub use change::{AddArgs, EditArgs, IdArgs, PriorityArgs};
pub use export::ExportArgs;
pub use import::ListFileArgs;
pub use test::TestArgs;

/// Look after the proxies of a running server
///
/// Speaks with the server that 'holdfast serve' runs. Passwords are never shown.
#[derive(Args, Serialize)]
#[command(after_help = "Examples:
  holdfast proxy list
  holdfast proxy add - --priority 1 < url.txt
  holdfast proxy test --all
  HOLDFAST_SERVER=http://127.0.0.1:9000 holdfast proxy disable 3

Exit status: 0 done, 1 something failed, 2 wrong usage.")]
pub struct ProxyArgs {
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
    pub command: ProxyCommand,
}

/// What can be done with the pool.
#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum ProxyCommand {
    /// Show all proxies, in order of priority
    ///
    /// On a terminal long cells are cut to its width; in a pipe (| cat, | less -S) and with --json they are whole.
    #[command(after_help = "Examples:
  holdfast proxy list
  holdfast proxy list --json | jq '.proxies[] | select(.health_status == \"failed\") | .proxy_url'")]
    List,
    #[expect(missing_docs, reason = "clap takes the text of the arguments")]
    Add(AddArgs),
    #[expect(missing_docs, reason = "clap takes the text of the arguments")]
    Edit(EditArgs),
    /// Remove proxies
    ///
    /// Connections through them are cut; recordings go on through the next. What they did stays in the history.
    #[command(after_help = "Example:
  holdfast proxy remove 3 4")]
    Remove(IdArgs),
    /// Use proxies again
    ///
    /// Their failures are forgotten, and a check starts.
    #[command(after_help = "Example:
  holdfast proxy enable 3 4")]
    Enable(IdArgs),
    /// Keep proxies, but do not use them
    ///
    /// Connections through them are cut; recordings go on through the next.
    #[command(after_help = "Example:
  holdfast proxy disable 3 4")]
    Disable(IdArgs),
    #[expect(missing_docs, reason = "clap takes the text of the arguments")]
    Test(TestArgs),
    #[expect(missing_docs, reason = "clap takes the text of the arguments")]
    Priority(PriorityArgs),
    /// Put proxies first
    ///
    /// The ones that are named come first, in this order; the others follow as they were. Priorities become 0, 1, 2 …
    #[command(after_help = "Example:
  holdfast proxy reorder 7 2")]
    Reorder(IdArgs),
    #[expect(missing_docs, reason = "clap takes the text of the arguments")]
    Import(ListFileArgs),
    #[expect(missing_docs, reason = "clap takes the text of the arguments")]
    Export(ExportArgs),
}

/// Does it, and answers with the exit status: 0, or 1 if a part of it failed.
///
/// # Errors
/// See [`ClientError`]; [`ClientError::exit_status`] is the status to exit with.
pub async fn run(args: &ProxyArgs, io: &mut Io<'_>) -> Result<u8, ClientError> {
    let (api, json) = (args.server.connect(io.server)?, args.json.wanted());
    match &args.command {
        ProxyCommand::List => list::run(&api, json, io).await,
        ProxyCommand::Add(args) => change::add(&api, args, json, io).await,
        ProxyCommand::Edit(args) => change::edit(&api, args, json, io).await,
        ProxyCommand::Remove(args) => change::remove(&api, args, json, io).await,
        ProxyCommand::Enable(args) => change::enable(&api, args, true, json, io).await,
        ProxyCommand::Disable(args) => change::enable(&api, args, false, json, io).await,
        ProxyCommand::Test(args) => test::run(&api, args, json, io).await,
        ProxyCommand::Priority(args) => change::priority(&api, args, json, io).await,
        ProxyCommand::Reorder(args) => change::reorder(&api, args, json, io).await,
        ProxyCommand::Import(args) => import::run(&api, args, json, io).await,
        ProxyCommand::Export(args) => export::run(&api, args, json, io).await,
    }
}
