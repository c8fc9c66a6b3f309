//! `holdfast proxy export`: a list that `import` reads. Passwords are in it only when they are asked for by name, and
//! then in a file that nobody else can read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;
use holdfast_model::{ProxyUrl, Secret};
use serde::Serialize;

use crate::text::{clean, proxies};
use crate::{Api, ClientError, Io, Proxy};

/// What stands in a masked address in place of a password.
const MASKED_PASSWORD: &str = ":***@";

/// Write the proxies as a list that 'import' reads
///
/// Without --with-passwords, a proxy that has a password becomes a comment. So does one that a person disabled, since
/// a list cannot say so. Never overwrites a file.
#[derive(Args)]
#[command(after_help = "Examples:
  holdfast proxy export
  holdfast proxy export proxies.txt --with-passwords
  holdfast proxy export - --with-passwords | holdfast proxy import - --server http://127.0.0.1:9000

With --json: the proxies as JSON; if FILE is given, the list goes there and what was done is told as JSON.")]
pub struct ExportArgs {
    /// The file to write; - is standard output, and so is none
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write passwords too, into a file that only you can read (0600)
    ///
    /// The server notes in its event log whose passwords were asked for.
    #[arg(long)]
    pub with_passwords: bool,
}

/// A proxy of the list.
#[derive(Serialize)]
struct Entry {
    /// In full if that was asked for, else masked.
    proxy_url: String,
    priority: u32,
    tags: Vec<String>,
    label: Option<String>,
    enabled: bool,
    /// Why `import` would not take it; absent if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOut>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum LeftOut {
    /// It is a comment because its password is not in the list.
    Password,
    /// It is a comment because the server cannot tell its password.
    Unreadable,
    /// It is a comment because a person disabled it.
    Disabled,
}

pub(super) async fn run(
    api: &Api,
    args: &ExportArgs,
    json: bool,
    io: &mut Io<'_>,
) -> Result<u8, ClientError> {
    let file = args.file.as_deref().filter(|file| file.as_os_str() != "-");
    if args.with_passwords && args.file.is_none() {
        return Err(ClientError::Usage(
            "passwords go to standard output only if you say so: give a FILE, or - for standard output"
                .to_owned(),
        ));
    }
    // Before passwords are asked for; the file itself is created as new in any case.
    if let Some(file) = file.filter(|file| file.symlink_metadata().is_ok()) {
        return Err(exists(file));
    }
    let mut entries = Vec::new();
    for proxy in api.list().await?.proxies {
        entries.push(entry(api, proxy, args.with_passwords).await?);
    }
    match file {
        None => io.show(json, &entries, |entries| list(entries, args.with_passwords, Utc::now()))?,
        Some(file) => {
            write(file, &list(&entries, args.with_passwords, Utc::now()), args.with_passwords)?;
            io.show(json, &Written::new(file, &entries), Written::as_text)?;
        }
    }
    Ok(u8::from(entries.iter().any(|entry| entry.left_out == Some(LeftOut::Unreadable))))
}

async fn entry(api: &Api, proxy: Proxy, with_passwords: bool) -> Result<Entry, ClientError> {
    let masked = proxy.proxy_url.contains(MASKED_PASSWORD);
    let switched_off = proxy.is_switched_off();
    let mut left_out = switched_off.then_some(LeftOut::Disabled);
    let mut proxy_url = proxy.proxy_url;
    if masked && !with_passwords {
        left_out = Some(LeftOut::Password);
    } else if masked {
        match in_full(api, proxy.id).await {
            Ok(url) => url.expose().clone_into(&mut proxy_url),
            Err(error @ ClientError::Unreachable { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!("the password of proxy {} is left out: {error}", proxy.id);
                left_out = Some(LeftOut::Unreadable);
            }
        }
    }
    let Proxy { priority, tags, label, .. } = proxy;
    Ok(Entry { proxy_url, priority, tags, label, enabled: !switched_off, left_out })
}

async fn in_full(api: &Api, id: i64) -> Result<Secret, ClientError> {
    let url = api.reveal(id).await?;
    // Read and written again, so that nothing but one address can get into the line.
    let url = ProxyUrl::parse(url.expose()).map_err(|e| ClientError::failed(format!("proxy {id}: {e}")))?;
    Ok(url.expose())
}

/// The whole text.
fn list(entries: &[Entry], with_passwords: bool, now: DateTime<Utc>) -> String {
    let count = |why| entries.iter().filter(|entry| entry.left_out == Some(why)).count();
    let mut text = format!(
        "# Proxies of Holdfast, {}. 'holdfast proxy import FILE' reads this list.\n",
        now.format("%Y-%m-%d %H:%M:%S UTC")
    );
    if with_passwords {
        text.push_str("# It holds passwords: keep it to yourself.\n");
    }
    for (why, reason) in [
        (LeftOut::Password, "its password is not in this list (--with-passwords writes it)"),
        (LeftOut::Unreadable, "the server cannot tell its password"),
        (LeftOut::Disabled, "it is disabled, which a list cannot say"),
    ] {
        let n = count(why);
        if n > 0 {
            text.push_str(&format!("# A comment below because {reason}: {}.\n", proxies(n)));
        }
    }
    for entry in entries {
        text.push_str(&line(entry));
        text.push('\n');
    }
    text
}

fn line(entry: &Entry) -> String {
    let mut line = match entry.left_out {
        None => String::new(),
        Some(LeftOut::Password | LeftOut::Unreadable) => "# password left out: ".to_owned(),
        Some(LeftOut::Disabled) => "# disabled: ".to_owned(),
    };
    line.push_str(&format!("{} priority={}", entry.proxy_url, entry.priority));
    let plain = |tag: &&String| !tag.is_empty() && !tag.contains(char::is_whitespace);
    for tag in entry.tags.iter().filter(plain) {
        line.push_str(&format!(" tag={}", clean(tag)));
    }
    // A word ends a tag: what cannot be read back is at least there to be read.
    let notes: Vec<String> = entry
        .label
        .iter()
        .map(|label| clean(label))
        .chain(entry.tags.iter().filter(|tag| !plain(tag)).map(|tag| format!("tag left out: {}", clean(tag))))
        .filter(|note| !note.is_empty())
        .collect();
    if !notes.is_empty() {
        line.push_str(&format!("  # {}", notes.join(", ")));
    }
    line
}

fn write(file: &Path, text: &str, private: bool) -> Result<(), ClientError> {
    let mode = if private { 0o600 } else { 0o666 };
    let mut handle = match OpenOptions::new().write(true).create_new(true).mode(mode).open(file) {
        Ok(handle) => handle,
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => return Err(exists(file)),
        Err(e) => return Err(ClientError::failed(format!("{} cannot be written: {e}", file.display()))),
    };
    handle.write_all(text.as_bytes()).and_then(|()| handle.sync_all()).map_err(|e| {
        // Half a list is worse than none. If it cannot be removed either, the message still names it.
        let _ = std::fs::remove_file(file);
        ClientError::failed(format!("{} cannot be written: {e}", file.display()))
    })
}

fn exists(file: &Path) -> ClientError {
    ClientError::failed(format!("{} is there already: name another file, or move that one", file.display()))
}

/// What was done, when the list went into a file.
#[derive(Serialize)]
struct Written {
    file: String,
    /// How many proxies `import` would take.
    written: usize,
    password_left_out: usize,
    unreadable: usize,
    disabled: usize,
}

impl Written {
    fn new(file: &Path, entries: &[Entry]) -> Self {
        let count = |why| entries.iter().filter(|entry| entry.left_out == why).count();
        Self {
            file: clean(&file.display().to_string()),
            written: count(None),
            password_left_out: count(Some(LeftOut::Password)),
            unreadable: count(Some(LeftOut::Unreadable)),
            disabled: count(Some(LeftOut::Disabled)),
        }
    }

    fn as_text(&self) -> String {
        let mut text = format!("Wrote {} to {}", proxies(self.written), self.file);
        for (n, why) in [
            (self.password_left_out, "without their passwords, as comments (--with-passwords writes them)"),
            (self.unreadable, "as comments, because the server cannot tell their passwords"),
            (self.disabled, "as comments, because they are disabled"),
        ] {
            if n > 0 {
                text.push_str(&format!("; {n} {why}"));
            }
        }
        text + "\n"
    }
}
