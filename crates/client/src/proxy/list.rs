//! `holdfast proxy list`: the state of the pool in one line, and a table of the proxies.

use crate::table::{Edge, table};
use crate::text::{clean, time};
use crate::{Api, ClientError, Io, Proxy, ProxyList};

pub(super) async fn run(api: &Api, json: bool, io: &mut Io<'_>) -> Result<u8, ClientError> {
    let list = api.list().await?;
    let columns = io.columns;
    io.show(json, &list, |list| as_text(list, columns))?;
    Ok(0)
}

fn as_text(list: &ProxyList, columns: Option<usize>) -> String {
    let status = &list.system_status;
    let head = format!("{}: {}\n", clean(&status.state), clean(&status.message));
    if list.proxies.is_empty() {
        return head + "Add one with 'holdfast proxy add URL'.\n";
    }
    let rows: Vec<_> = list.proxies.iter().map(row).collect();
    let heads = [
        ("ID", Edge::Right),
        ("PRIORITY", Edge::Right),
        ("STATUS", Edge::Left),
        ("TIME", Edge::Right),
        ("FAILURES", Edge::Right),
        ("RATE", Edge::Right),
        ("PROXY", Edge::Left),
        ("NAME", Edge::Left),
        ("LAST ERROR", Edge::Left),
    ];
    format!("{head}\n{}", table(heads, &rows, columns))
}

fn row(proxy: &Proxy) -> [String; 9] {
    [
        proxy.id.to_string(),
        proxy.priority.to_string(),
        status(proxy),
        time(proxy.response_time_ms),
        proxy.consecutive_failures.to_string(),
        proxy.success_rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.0} %", rate * 100.0)),
        proxy.proxy_url.clone(),
        name(proxy),
        proxy.last_error.clone().unwrap_or_default(),
    ]
}

/// What matters most: a proxy that is off is not used, however healthy it is.
fn status(proxy: &Proxy) -> String {
    match (proxy.enabled, proxy.auto_disabled) {
        (true, _) => proxy.health_status.clone(),
        (false, true) => "auto-disabled".to_owned(),
        (false, false) => "disabled".to_owned(),
    }
}

/// The label, and the tags in brackets.
fn name(proxy: &Proxy) -> String {
    let label = proxy.label.clone().unwrap_or_default();
    match (label.is_empty(), proxy.tags.is_empty()) {
        (_, true) => label,
        (true, false) => format!("[{}]", proxy.tags.join(", ")),
        (false, false) => format!("{label} [{}]", proxy.tags.join(", ")),
    }
}
