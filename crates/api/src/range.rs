//! Which bytes of a file a `Range` header asks for (RFC 9110, 14). One range; several, or what is not understood,
//! count as none, which the RFC allows: then the whole file is the answer.

use std::ops::Range;

/// What to answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// 200 with everything.
    All,
    /// 206 with these bytes; never empty.
    Part(Range<u64>),
    /// 416: the file ends before them.
    Beyond,
}

/// Reads the header for a file of this many bytes.
pub(crate) fn wanted(header: &str, size: u64) -> Wanted {
    let Some(spec) = header.trim().strip_prefix("bytes=") else { return Wanted::All };
    let Some((first, last)) = spec.trim().split_once('-') else { return Wanted::All };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(last)) if last.is_none_or(|last| first <= last) => {
            let end = last.map_or(size, |last| last.saturating_add(1).min(size));
            if first < end { Wanted::Part(first..end) } else { Wanted::Beyond }
        }
        // The last so many bytes.
        (Some(None), Some(Some(count))) if count > 0 && size > 0 => {
            Wanted::Part(size.saturating_sub(count)..size)
        }
        (Some(None), Some(Some(_))) => Wanted::Beyond,
        _ => Wanted::All,
    }
}

/// `Some(None)` for nothing at all, `None` for what is no number.
fn number(text: &str) -> Option<Option<u64>> {
    match text.as_bytes() {
        [] => Some(None),
        // `parse` would take a sign.
        digits if digits.iter().all(u8::is_ascii_digit) => Some(Some(text.parse().unwrap_or(u64::MAX))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (header, size, expected) in [
            ("bytes=0-0", 10, Wanted::Part(0..1)),
            ("bytes=0-", 10, Wanted::Part(0..10)),
            ("bytes=9-", 10, Wanted::Part(9..10)),
            ("bytes=2-99999999999999999999999", 10, Wanted::Part(2..10)),
            ("bytes=-3", 10, Wanted::Part(7..10)),
            ("bytes=-30", 10, Wanted::Part(0..10)),
            ("bytes=10-", 10, Wanted::Beyond),
            ("bytes=99999999999999999999999-", 10, Wanted::Beyond),
            ("bytes=-0", 10, Wanted::Beyond),
            ("bytes=-5", 0, Wanted::Beyond),
            ("bytes=0-", 0, Wanted::Beyond),
            ("bytes=5-2", 10, Wanted::All),
            ("bytes=0-1,4-5", 10, Wanted::All),
            ("bytes=+1-2", 10, Wanted::All),
            ("bytes=-", 10, Wanted::All),
            ("lines=0-1", 10, Wanted::All),
            ("", 10, Wanted::All),
        ] {
            assert_eq!(wanted(header, size), expected, "{header} of {size}");
        }
    }
}
