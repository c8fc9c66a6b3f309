//! `holdfast proxy test`: checks now, side by side, with the time of each phase.

use clap::Args;
use futures_util::{StreamExt, stream};
use serde::Serialize;

use crate::table::{Edge, table};
use crate::text::time;
use crate::{Api, ClientError, Io, Phases, Proxy, Tested};

/// Checks that run at once. The server does the work; a check that hangs takes 10 s.
const SIDE_BY_SIDE: usize = 32;

/// Check proxies now
///
/// This counts like a scheduled check: one failure too many disables a proxy.
#[derive(Args)]
#[command(after_help = "Examples:
  holdfast proxy test 3 4
  holdfast proxy test --all --json

Times are in milliseconds. Exit status: 0 all of them work (are healthy or degraded), 1 one does not, 2 wrong usage.")]
pub struct TestArgs {
    /// Their numbers, as 'holdfast proxy list' shows them
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub ids: Vec<i64>,
    /// All but those that a person disabled
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
}

/// One line of the result.
#[derive(Serialize)]
struct Row {
    id: i64,
    /// Masked; absent if the server knows no such proxy.
    proxy_url: Option<String>,
    /// Why the server did not test it; absent if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_tested: Option<String>,
    #[serde(flatten)]
    tested: Option<Tested>,
}

impl Row {
    fn works(&self) -> bool {
        self.tested.as_ref().is_some_and(|t| t.status != "failed")
    }
}

pub(super) async fn run(api: &Api, args: &TestArgs, json: bool, io: &mut Io<'_>) -> Result<u8, ClientError> {
    let known = api.list().await?.proxies;
    let ids: Vec<i64> = if args.all {
        known.iter().filter(|proxy| !proxy.is_switched_off()).map(|proxy| proxy.id).collect()
    } else {
        args.ids.clone()
    };
    let known = &known;
    let rows: Vec<Result<Row, ClientError>> =
        stream::iter(ids).map(|id| test(api, known, id)).buffered(SIDE_BY_SIDE).collect().await;
    let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    let columns = io.columns;
    io.show(json, &rows, |rows| as_text(rows, columns))?;
    Ok(u8::from(!rows.iter().all(Row::works)))
}

async fn test(api: &Api, known: &[Proxy], id: i64) -> Result<Row, ClientError> {
    let proxy_url = known.iter().find(|proxy| proxy.id == id).map(|proxy| proxy.proxy_url.clone());
    match api.test(id).await {
        Ok(tested) => Ok(Row { id, proxy_url, not_tested: None, tested: Some(tested) }),
        Err(error @ ClientError::Unreachable { .. }) => Err(error),
        Err(error) => Ok(Row { id, proxy_url, not_tested: Some(error.to_string()), tested: None }),
    }
}

fn as_text(rows: &[Row], columns: Option<usize>) -> String {
    if rows.is_empty() {
        return "No proxies to test.\n".to_owned();
    }
    let heads = [
        ("ID", Edge::Right),
        ("PROXY", Edge::Left),
        ("STATUS", Edge::Left),
        ("TIME", Edge::Right),
        ("CONNECT", Edge::Right),
        ("PROXY", Edge::Right),
        ("TLS", Edge::Right),
        ("FIRST BYTE", Edge::Right),
        ("DETAIL", Edge::Left),
    ];
    table(heads, &rows.iter().map(cells).collect::<Vec<_>>(), columns)
}

fn cells(row: &Row) -> [String; 9] {
    let ms = |value: Option<u32>| value.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let tested = row.tested.as_ref();
    let Phases { connect_ms, proxy_ms, tls_ms, first_byte_ms } = tested.map(|t| t.phases).unwrap_or_default();
    [
        row.id.to_string(),
        row.proxy_url.clone().unwrap_or_else(|| "-".to_owned()),
        tested.map_or_else(|| "not tested".to_owned(), |t| t.status.clone()),
        time(tested.and_then(|t| t.response_time_ms)),
        ms(connect_ms),
        ms(proxy_ms),
        ms(tls_ms),
        ms(first_byte_ms),
        detail(row),
    ]
}

fn detail(row: &Row) -> String {
    let Some(tested) = &row.tested else { return row.not_tested.clone().unwrap_or_default() };
    let mut parts: Vec<String> = tested.error.iter().cloned().collect();
    match tested.consecutive_failures {
        0 | 1 => {}
        n => parts.push(format!("{n} failures in a row")),
    }
    if !tested.enabled {
        parts.push("disabled".to_owned());
    }
    parts.join("; ")
}
