//! Text for a person's terminal.

pub(crate) use holdfast_model::clean;

/// `1 proxy`, `2 proxies`.
pub(crate) fn proxies(n: usize) -> String {
    if n == 1 { "1 proxy".to_owned() } else { format!("{n} proxies") }
}

/// `123 ms`, or `-` if it was not measured.
pub(crate) fn time(ms: Option<u32>) -> String {
    ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"))
}
