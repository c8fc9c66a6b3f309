//! Addresses of the web, and the one way to write each: what is surely the same becomes the same, and nothing else is
//! touched, for a site may tell its streams apart by anything (also by what stands behind a `#`).

use url::Url;

/// The prefixes by which Streamlink is told what is behind them.
const PREFIXES: [&str; 3] = ["hls", "dash", "httpstream"];
/// The schemes of the web.
const SCHEMES: [&str; 2] = ["http", "https"];

/// An address of the web, taken apart.
pub(super) struct Web<'a> {
    /// `hls://`, or nothing.
    prefix: String,
    /// `http` or `https`, if it was given.
    scheme: Option<&'static str>,
    /// From user and host on, as it was given.
    rest: &'a str,
    /// All of it but the prefix, as a browser reads it.
    pub(super) url: Url,
}

impl<'a> Web<'a> {
    /// Takes an address apart; `None` if it is none of the web. Everything else is refused: Streamlink would read a
    /// `file://` like a stream, and so hand the files of this machine to whoever may start a recording.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (mut prefix, mut scheme, mut rest) = (String::new(), None, text);
        while let Some((before, after)) = rest.split_once("://")
            && before.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        {
            if scheme.is_some() {
                return None;
            }
            let is = |known: &&&str| before.eq_ignore_ascii_case(known);
            match PREFIXES.iter().find(is) {
                Some(known) => prefix.extend([known, "://"]),
                None => scheme = Some(*SCHEMES.iter().find(is)?),
            }
            rest = after;
        }
        if rest.starts_with(['/', '\\']) {
            // The parser would forgive it and take the path for a host.
            return None;
        }
        let url = Url::parse(&format!("{}://{rest}", scheme.unwrap_or("https"))).ok()?;
        url.host_str().filter(|host| !host.is_empty())?;
        Some(Self { prefix, scheme, rest, url })
    }

    /// Whether Streamlink is told what is behind it.
    pub(super) fn is_prefixed(&self) -> bool {
        !self.prefix.is_empty()
    }

    /// Host and port.
    pub(super) fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The one way to write it.
    pub(super) fn written(&self) -> String {
        let end = self.rest.find(['/', '\\', '?', '#']).unwrap_or(self.rest.len());
        let (authority, tail) = self.rest.split_at(end);
        let (user, host) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let port = if self.url.scheme() == "http" { ":80" } else { ":443" };
        let host = host.strip_suffix(port).or_else(|| host.strip_suffix(':')).unwrap_or(host);
        let scheme = match self.scheme {
            Some(scheme) => format!("{scheme}://"),
            None if self.is_prefixed() => String::new(),
            None => "https://".to_owned(),
        };
        let (path, tail) = tail.split_at(tail.find(['?', '#']).unwrap_or(tail.len()));
        // As browsers and our own parser read it; Streamlink would see something else.
        let path = if path.is_empty() { "/".to_owned() } else { path.replace('\\', "/") };
        format!("{}{scheme}{user}{}{path}{tail}", self.prefix, host.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_surely_the_same_is_written_the_same() {
        for (text, expected) in [
            ("HTTPS://H.Test:443", "https://h.test/"),
            ("h.test", "https://h.test/"),
            ("http://h.test:80/A?B#C", "http://h.test/A?B#C"),
            ("http://h.test:443/", "http://h.test:443/"),
            ("https://h.test:80/", "https://h.test:80/"),
            ("https://h.test:?x", "https://h.test/?x"),
            ("https://h.test\\@B.test\\x?\\", "https://h.test/@B.test/x?\\"),
            ("https://User:Pw@H.test/", "https://User:Pw@h.test/"),
            ("https://[2001:DB8::443]:443", "https://[2001:db8::443]/"),
            ("https://[2001:db8::443]", "https://[2001:db8::443]/"),
            ("HLS://HTTP://H.test:80/X.m3u8", "hls://http://h.test/X.m3u8"),
            ("hls://H.test:443/x", "hls://h.test/x"),
            ("h.test/a?next=https://B.test", "https://h.test/a?next=https://B.test"),
        ] {
            let written = Web::read(text).expect(text).written();
            assert_eq!(written, expected, "{text}");
            assert_eq!(Web::read(&written).expect(text).written(), expected, "{text}, once more");
        }
    }

    #[test]
    fn what_a_site_may_tell_apart_stays_apart() {
        let base = Web::read("https://h.test/live").expect("an address").written();
        for other in [
            "http://h.test/live",
            "https://www.h.test/live",
            "https://h.test/Live",
            "https://h.test/live/",
            "https://h.test/live?a",
            "https://h.test/live#two",
            "https://h.test/%6cive",
            "https://u@h.test/live",
            "https://h.test:8443/live",
        ] {
            assert_ne!(Web::read(other).expect(other).written(), base, "{other}");
        }
        assert!(Web::read("https://https://h.test/live").is_none(), "a scheme is given once");
    }
}
