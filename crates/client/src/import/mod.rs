//! `holdfast import …`: what another program has set up is taken over into a running server.

mod database;
mod streamvault;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{ClientError, Io, JsonArgs, ServerArgs};

pub use streamvault::StreamvaultArgs;

/// Take over what another program has set up
#[derive(Args, Serialize)]
#[command(after_help = "Examples:
  holdfast import streamvault --from postgres://streamvault@db.example/streamvault --dry-run
  HOLDFAST_STREAMVAULT_URL=postgres://user:secret@db/streamvault holdfast import streamvault")]
pub struct ImportArgs {
    /// Which server.
    #[command(flatten)]
    #[serde(flatten)]
    pub server: ServerArgs,
    /// How the result is written.
    #[command(flatten)]
    #[serde(flatten)]
    pub json: JsonArgs,
    /// From where.
    #[command(subcommand)]
    #[serde(skip)]
    pub source: ImportSource,
}

/// What can be taken over.
#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum ImportSource {
    #[expect(missing_docs, reason = "clap takes the text of the arguments")]
    Streamvault(StreamvaultArgs),
}

/// Does it, and answers with the exit status: 0, or 1 if a part of it failed.
///
/// # Errors
/// See [`ClientError`]; [`ClientError::exit_status`] is the status to exit with.
pub async fn run(args: &ImportArgs, io: &mut Io<'_>) -> Result<u8, ClientError> {
    let (api, json) = (args.server.connect(io.server)?, args.json.wanted());
    match &args.source {
        ImportSource::Streamvault(own) => streamvault::run(&api, own, json, io).await,
    }
}
