//! `holdfast proxy import`: a list of proxies as people have them. The server reads it, so that the page and the
//! command line accept the same.

use std::path::PathBuf;

use clap::Args;

use crate::text::{clean, proxies};
use crate::{Api, ClientError, Imported, Io};

/// Add the proxies of a list
///
/// One proxy a line: a URL, host:port, or host:port:user:password (the last two are taken as http), then priority=N
/// and tag=T if you like. # starts a comment. What is there already is passed over.
#[derive(Args)]
#[command(after_help = "Examples:
  holdfast proxy import proxies.txt
  holdfast proxy export - --with-passwords | holdfast proxy import - --server http://127.0.0.1:9000

Exit status: 0 every line was read, 1 some were not (the others are added), 2 wrong usage.")]
pub struct ListFileArgs {
    /// The list; - reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

pub(super) async fn run(
    api: &Api,
    args: &ListFileArgs,
    json: bool,
    io: &mut Io<'_>,
) -> Result<u8, ClientError> {
    let list = if args.file.as_os_str() == "-" {
        io.read_all()?
    } else {
        tokio::fs::read_to_string(&args.file)
            .await
            .map_err(|e| ClientError::failed(format!("{} cannot be read: {e}", args.file.display())))?
    };
    let imported = api.import(list).await?;
    io.show(json, &imported, as_text)?;
    Ok(u8::from(!imported.rejected.is_empty()))
}

fn as_text(imported: &Imported) -> String {
    let Imported { added, duplicates, rejected } = imported;
    let mut text =
        format!("Added {}, {duplicates} already there, {} rejected\n", proxies(*added), rejected.len());
    for bad in rejected {
        text.push_str(&format!("line {}: {}\n", bad.line, clean(&bad.detail)));
    }
    text
}
