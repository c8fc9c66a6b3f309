//! What changes single proxies: add, edit, remove, enable, disable, priority, reorder.

use clap::{ArgGroup, Args};
use serde::Serialize;

use super::address;
use crate::text::{clean, proxies};
use crate::{Api, ClientError, Io, NewProxy, Proxy, ProxyChange};

/// Proxies by their numbers.
#[derive(Args)]
pub struct IdArgs {
    /// Their numbers, as 'holdfast proxy list' shows them
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<i64>,
}

/// Add a proxy
///
/// Its first check starts at once.
#[derive(Args)]
#[command(after_help = "Examples:
  holdfast proxy add socks5h://10.0.0.1:1080 --priority 1 --label spare --tag eu
  echo 'http://user:password@proxy.example:3128' | holdfast proxy add -")]
pub struct AddArgs {
    /// The proxy, such as http://user@host:3128; - reads it from standard input, which hides a password from others
    #[arg(value_name = "URL")]
    pub url: String,
    /// Proxies with 0 are asked first
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub priority: u32,
    /// A name for it
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
    /// A tag; repeat it for several
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Add it, but do not use it yet
    #[arg(long)]
    pub disabled: bool,
}

/// Change a proxy
///
/// What is not named stays as it is.
#[derive(Args)]
#[command(after_help = "Examples:
  holdfast proxy edit 3 --label 'Frankfurt 2' --tag eu --tag fast
  holdfast proxy edit 3 --url - < url.txt
  holdfast proxy edit 3 --label '' --no-tags")]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct EditArgs {
    /// Its number, as 'holdfast proxy list' shows it
    #[arg(value_name = "ID")]
    pub id: i64,
    /// Another address; - reads it from standard input, which hides a password from others
    #[arg(long, value_name = "URL", group = "change")]
    pub url: Option<String>,
    /// Proxies with 0 are asked first
    #[arg(long, value_name = "N", group = "change")]
    pub priority: Option<u32>,
    /// A name for it; '' takes the name away
    #[arg(long, value_name = "TEXT", group = "change")]
    pub label: Option<String>,
    /// A tag, in place of the tags it has; repeat it for several
    #[arg(long, value_name = "TAG", group = "change")]
    pub tag: Vec<String>,
    /// Take all its tags away
    #[arg(long, conflicts_with = "tag", group = "change")]
    pub no_tags: bool,
}

/// Change the priority of a proxy
#[derive(Args)]
#[command(after_help = "Example:
  holdfast proxy priority 3 0")]
pub struct PriorityArgs {
    /// Its number, as 'holdfast proxy list' shows it
    #[arg(value_name = "ID")]
    pub id: i64,
    /// Proxies with 0 are asked first; among equals the fastest
    #[arg(value_name = "N")]
    pub priority: u32,
}

pub(super) async fn add(api: &Api, args: &AddArgs, json: bool, io: &mut Io<'_>) -> Result<u8, ClientError> {
    #[derive(Serialize)]
    struct Added {
        success: bool,
        proxy_id: i64,
        proxy_url: String,
    }
    let url = address::read(&args.url, io)?;
    let proxy = NewProxy {
        proxy_url: url.expose(),
        priority: args.priority,
        label: args.label.as_deref(),
        tags: &args.tag,
        enabled: !args.disabled,
    };
    let added = Added { success: true, proxy_id: api.add(&proxy).await?, proxy_url: address::shown(&url) };
    io.show(json, &added, |a| format!("Added proxy {}: {}\n", a.proxy_id, a.proxy_url))?;
    Ok(0)
}

pub(super) async fn edit(api: &Api, args: &EditArgs, json: bool, io: &mut Io<'_>) -> Result<u8, ClientError> {
    let url = args.url.as_deref().map(|url| address::read(url, io)).transpose()?;
    let change = ProxyChange {
        proxy_url: url.as_ref().map(|url| url.expose()),
        label: args.label.as_deref().map(|label| Some(label).filter(|l| !l.is_empty())),
        tags: (args.no_tags || !args.tag.is_empty()).then_some(args.tag.as_slice()),
        priority: args.priority,
        enabled: None,
    };
    let proxy = api.change(args.id, &change).await?;
    io.show(json, &proxy, |p| format!("Changed proxy {}: {}\n", p.id, clean(&p.proxy_url)))?;
    Ok(0)
}

pub(super) async fn priority(
    api: &Api,
    args: &PriorityArgs,
    json: bool,
    io: &mut Io<'_>,
) -> Result<u8, ClientError> {
    let change = ProxyChange { priority: Some(args.priority), ..ProxyChange::default() };
    let proxy = api.change(args.id, &change).await?;
    io.show(json, &proxy, |p| {
        format!("Proxy {} has priority {}: {}\n", p.id, p.priority, clean(&p.proxy_url))
    })?;
    Ok(0)
}

pub(super) async fn remove(api: &Api, args: &IdArgs, json: bool, io: &mut Io<'_>) -> Result<u8, ClientError> {
    each(&args.ids, "Removed", json, io, async |id| api.remove(id).await.map(|()| None)).await
}

pub(super) async fn enable(
    api: &Api,
    args: &IdArgs,
    enabled: bool,
    json: bool,
    io: &mut Io<'_>,
) -> Result<u8, ClientError> {
    let change = ProxyChange { enabled: Some(enabled), ..ProxyChange::default() };
    let verb = if enabled { "Enabled" } else { "Disabled" };
    each(&args.ids, verb, json, io, async |id| api.change(id, &change).await.map(Some)).await
}

pub(super) async fn reorder(
    api: &Api,
    args: &IdArgs,
    json: bool,
    io: &mut Io<'_>,
) -> Result<u8, ClientError> {
    #[derive(Serialize)]
    struct Reordered {
        success: bool,
        ids: Vec<i64>,
    }
    let mut ids = args.ids.clone();
    // The server wants every proxy named once; a person wants to name the ones that move.
    ids.extend(api.list().await?.proxies.iter().map(|p| p.id).filter(|id| !args.ids.contains(id)));
    api.reorder(&ids).await?;
    let done = Reordered { success: true, ids };
    io.show(json, &done, |done| {
        let order: Vec<_> = done.ids.iter().map(ToString::to_string).collect();
        format!("{} in this order: {}\n", proxies(done.ids.len()), order.join(" "))
    })?;
    Ok(0)
}

/// What became of one of several.
#[derive(Serialize)]
struct Done {
    id: i64,
    ok: bool,
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<Proxy>,
}

/// Does the same to each. One that fails does not stop the others; the failures are the error in the end.
async fn each(
    ids: &[i64],
    verb: &str,
    json: bool,
    io: &mut Io<'_>,
    mut act: impl AsyncFnMut(i64) -> Result<Option<Proxy>, ClientError>,
) -> Result<u8, ClientError> {
    let (mut all, mut failures) = (Vec::new(), Vec::new());
    for &id in ids {
        match act(id).await {
            Ok(proxy) => all.push(Done { id, ok: true, error: None, proxy }),
            // The others would only wait for the same.
            Err(error @ ClientError::Unreachable { .. }) => {
                failures.push((id, error));
                break;
            }
            Err(error) => {
                all.push(Done { id, ok: false, error: Some(error.to_string()), proxy: None });
                failures.push((id, error));
            }
        }
    }
    io.show(json, &all, |all| {
        let line = |done: &Done| {
            let url = done.proxy.as_ref().map(|p| format!(": {}", clean(&p.proxy_url))).unwrap_or_default();
            format!("{verb} proxy {}{url}\n", done.id)
        };
        all.iter().filter(|done| done.ok).map(line).collect()
    })?;
    match failures.pop() {
        None => Ok(0),
        Some((_, only)) if failures.is_empty() => Err(only),
        Some(last) => {
            failures.push(last);
            let told: Vec<_> = failures.iter().map(|(id, error)| format!("proxy {id}: {error}")).collect();
            Err(ClientError::Failed(told.join("; ")))
        }
    }
}
