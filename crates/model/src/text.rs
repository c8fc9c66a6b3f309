//! Small pieces of wording that several crates must agree on.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

/// Whole milliseconds as the logs and tables show them ("123 ms" without the unit), at most `u32::MAX`.
#[must_use]
pub fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// The text with `***` in place of the password of every `scheme://user:password@`, however many there are. User
/// names, paths and query strings stay.
///
/// People put a bare `/`, `?`, `#` or quote into passwords, so what looks like `user:password` up to one of them,
/// and is not `host:port`, is masked up to the last `@` of the word. When in doubt this masks.
#[must_use]
pub fn mask_passwords(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        masked.push_str(before);
        masked.push_str("://");
        rest = match password(after) {
            Some((user, end)) => {
                masked.push_str(user);
                masked.push_str(":***");
                end
            }
            None => after,
        };
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// What of a URL, after its `://`, lies before the password, and what lies behind it, from the `@` on.
fn password(after: &str) -> Option<(&str, &str)> {
    // A URL within a URL has its own turn. This comes first, so that nothing is looked at again for each of them.
    let word = after.split("://").next()?;
    let word = word.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>')).next()?;
    let authority = word.split(['/', '?', '#', '"', '\'']).next()?;
    let end = match authority.rfind('@') {
        Some(end) => end,
        None if !is_host(authority) => word.rfind('@')?,
        None => return None,
    };
    let (user, _) = after.get(..end)?.split_once(':')?;
    Some((user, after.get(end..)?))
}

/// Whether this can be `host`, `host:port` or `[address]:port`.
fn is_host(authority: &str) -> bool {
    let port = match authority.strip_prefix('[').and_then(|address| address.split_once(']')) {
        Some((_, port)) => port.strip_prefix(':').unwrap_or(port),
        None => authority.split_once(':').map_or("", |(_, port)| port),
    };
    port.is_empty() || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// A time cut to microseconds, which is what databases keep: so it reads the same before and after it was stored.
#[must_use]
pub fn in_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}

/// Foreign text for a terminal: without control characters and without characters that reverse or hide text, and with `***` in
/// place of the password of any URL. A line break becomes a space.
#[must_use]
pub fn clean(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' => Some(' '),
            c if c.is_control() => None,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => None,
            c => Some(c),
        })
        .collect();
    mask_passwords(&visible).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_urls_are_masked_and_nothing_else() {
        for (text, shown) in [
            ("no url at all: a@b", "no url at all: a@b"),
            ("http://u:secret@h:1/x", "http://u:***@h:1/x"),
            ("http://u@h", "http://u@h"),
            ("http://h:80/x", "http://h:80/x"),
            ("https://h/a?b=c@d:e", "https://h/a?b=c@d:e"),
            ("a http://u:p@h b http://v:q@i c", "a http://u:***@h b http://v:***@i c"),
            ("http://u:p@h:1, then socks5://a:b@[::1]:2.", "http://u:***@h:1, then socks5://a:***@[::1]:2."),
            ("--http-proxy='http://u:p@h:1'", "--http-proxy='http://u:***@h:1'"),
            ("'http://u:p w@h'", "'http://u:p w@h'"),
            ("http://u:***@h", "http://u:***@h"),
            ("http://u:@h", "http://u:***@h"),
            // One URL within another.
            ("hls://https://u:p@h/x.m3u8", "hls://https://u:***@h/x.m3u8"),
            ("http://a:b@h/http://c:d@e", "http://a:***@h/http://c:***@e"),
            // Passwords with characters that should have been written as %2F and so on.
            ("http://u:p@ss@h:1", "http://u:***@h:1"),
            ("https://u:p/w@h/x", "https://u:***@h/x"),
            ("https://u:p?w#@h/x", "https://u:***@h/x"),
            ("http://u:p'w@h:1", "http://u:***@h:1"),
            ("http://u:99999/w@h", "http://u:***@h"),
            // An @ that belongs to the path.
            ("https://site.test/@name", "https://site.test/@name"),
            ("https://site.test:8443/@name", "https://site.test:8443/@name"),
            ("https://[::1]:8443/@name", "https://[::1]:8443/@name"),
            ("https://[2001:db8::1]/@name", "https://[2001:db8::1]/@name"),
            ("https://u:p@site.test:8443/@name", "https://u:***@site.test:8443/@name"),
            ("'https://h:80','a@b'", "'https://h:80','a@b'"),
        ] {
            assert_eq!(mask_passwords(text), shown, "{text}");
        }
    }

    #[test]
    fn a_long_line_is_masked_in_one_pass() {
        for piece in ["a://", "http://u:p@", "http://u:p ", "://@", "a://'b:c"] {
            let text = piece.repeat((64 << 10) / piece.len());
            let begun = std::time::Instant::now();
            let masked = mask_passwords(&text);
            assert!(begun.elapsed() < Duration::from_secs(5), "{piece}: {:?}", begun.elapsed());
            assert!(!masked.contains(":p@"));
        }
    }

    #[test]
    fn foreign_text_cannot_move_the_cursor_or_hide() {
        for (text, shown) in [
            ("plain – ünïcode 🎉", "plain – ünïcode 🎉"),
            ("\u{1b}[2Jgone\u{7}", "[2Jgone"),
            ("two\nlines\ttab", "two lines tab"),
            ("\u{9b}31mred", "31mred"),
            ("abc\u{202e}cba", "abccba"),
            ("at http://u:p\u{200b}w@h", "at http://u:***@h"),
        ] {
            assert_eq!(clean(text), shown);
        }
    }
}
