//! `holdfast backup`: a copy of the database, while the server runs or not.

use std::path::PathBuf;

use clap::Args;
use holdfast_store::Store;
use serde::Serialize;

use super::serve::{DEFAULT_DATA_DIR, DatabaseArgs, database};
use super::{Context, Failure, usage};

/// Write a copy of the database to a file, while the server runs
///
/// SQLite: a whole database, to be put in place of holdfast.db. PostgreSQL: the format of pg_dump, for pg_restore. The key
/// of the stored passwords is not in it: keep a copy of secret.key (or HOLDFAST_SECRET_KEY) apart from it. Recordings
/// are not in it either.
#[derive(Args, Serialize)]
#[command(after_help = "Examples:
  holdfast backup holdfast-backup.db
  holdfast backup --data-dir /srv/holdfast /backup/holdfast.db")]
pub(super) struct BackupArgs {
    /// The file to write; it must not be there yet
    #[arg(value_name = "FILE")]
    #[serde(skip)]
    file: PathBuf,

    #[command(flatten)]
    #[serde(flatten)]
    database: DatabaseArgs,
}

/// Writes it.
pub(super) async fn run(args: &BackupArgs, cx: Context) -> Result<u8, Failure> {
    let data_dir = cx.settings.data_dir.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR));
    let database = database(&cx.settings, &data_dir).map_err(usage)?;
    Box::pin(Store::back_up(&database, &args.file)).await.map_err(anyhow::Error::from)?;
    println!("{} written; keep the key of the passwords apart from it", args.file.display());
    Ok(0)
}
