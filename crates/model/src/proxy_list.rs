//! Lists of proxies as people have them: one a line, as a URL or as `host:port[:user:password]`, with comments
//! and optional `priority=N tag=T` behind. Shared by `--proxy-file`, `check` and the import of the server.

use crate::{ProxyUrl, ProxyUrlError};

/// One usable line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// Line number, from 1.
    pub line: usize,
    /// The proxy.
    pub url: ProxyUrl,
    /// From `priority=N` (0 is tried first); `None` if the line names none.
    pub priority: Option<u32>,
    /// From each `tag=T`, in order.
    pub tags: Vec<String>,
}

/// One line that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedLine {
    /// Line number, from 1.
    pub line: usize,
    /// What to change, without repeating the line: it may hold a password.
    pub detail: String,
}

/// Reads a whole list. Empty lines and `#` comments are passed over; bad lines are told, not fatal.
#[must_use]
pub fn parse_list(text: &str) -> (Vec<ListEntry>, Vec<RejectedLine>) {
    let (mut entries, mut rejected) = (Vec::new(), Vec::new());
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        match parse_list_line(index + 1, line) {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => {}
            Err(detail) => rejected.push(RejectedLine { line: index + 1, detail }),
        }
    }
    (entries, rejected)
}

/// Reads one line; `None` for an empty line or a comment.
///
/// # Errors
/// A sentence that says what to change.
pub fn parse_list_line(line: usize, text: &str) -> Result<Option<ListEntry>, String> {
    let mut words = text.split_whitespace().take_while(|w| !w.starts_with('#'));
    let Some(first) = words.next() else { return Ok(None) };
    let url = parse_address(first).map_err(|e| e.to_string())?;
    let mut entry = ListEntry { line, url, priority: None, tags: Vec::new() };
    for word in words {
        match word.split_once('=') {
            Some(("priority", n)) => {
                let n = n.parse().map_err(|_| "priority= takes a whole number from 0".to_owned())?;
                entry.priority = Some(n);
            }
            Some(("tag", t)) if !t.is_empty() => entry.tags.push(t.to_owned()),
            _ => return Err("after the proxy only priority=N and tag=T may follow".to_owned()),
        }
    }
    Ok(Some(entry))
}

/// A URL, or `host:port` and `host:port:user:password`, which are taken as http.
fn parse_address(word: &str) -> Result<ProxyUrl, ProxyUrlError> {
    if word.contains("://") {
        return ProxyUrl::parse(word);
    }
    let host_end = if word.starts_with('[') { word.find(']').map_or(0, |i| i + 1) } else { 0 };
    let (head, tail) = word.split_at(host_end);
    let mut fields = tail.splitn(4, ':');
    let host = format!("{head}{}", fields.next().unwrap_or_default());
    match (fields.next(), fields.next(), fields.next()) {
        (Some(port), None, None) => ProxyUrl::parse(&format!("http://{host}:{port}")),
        (Some(port), Some(user), Some(password)) => {
            let plain = |s: &str| s.replace('%', "%25").replace('@', "%40").replace(':', "%3A");
            ProxyUrl::parse(&format!("http://{}:{}@{host}:{port}", plain(user), plain(password)))
        }
        _ => Err(ProxyUrlError::NoScheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_line_by_line() {
        let text = "\u{feff}# mine\nhttp://u:p@a:1 priority=2 tag=eu tag=fast # home\n\n b:3128 \nc:1:user:p%:w@x\n\
                    [::1]:9:u:p\nftp://d\ne\nf:1 prio=3\nhttp://g priority=-1\n";
        let (entries, rejected) = parse_list(text);
        let shown: Vec<_> =
            entries.iter().map(|e| format!("{} {} {:?} {:?}", e.line, e.url, e.priority, e.tags)).collect();
        assert_eq!(
            shown,
            [
                "2 http://u:***@a:1 Some(2) [\"eu\", \"fast\"]",
                "4 http://b:3128 None []",
                "5 http://user:***@c:1 None []",
                "6 http://u:***@[::1]:9 None []",
            ]
        );
        let password = entries[2].url.credentials().expect("given").password.expose();
        assert_eq!(password, "p%:w@x");
        assert_eq!(rejected.iter().map(|r| r.line).collect::<Vec<_>>(), [7, 8, 9, 10]);
    }
}
