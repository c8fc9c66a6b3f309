//! Reads a client's request head out of raw bytes. Pure, so that it can be fuzzed. Only what the gateway must know
//! before it chooses a path is taken: CONNECT goes straight to the relay, the rest is replayed to hyper.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use holdfast_model::{Destination, Secret};

/// The longest request head that is read, in bytes. Browsers send up to about 16 K with large cookies.
pub const MAX_REQUEST_HEAD: usize = 32 * 1024;

/// The most header lines of a request.
pub const MAX_HEADERS: usize = 128;

/// What a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A tunnel.
    Connect(Destination),
    /// Anything else: forwarded as a plain request.
    Plain,
}

/// A whole request head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// What it wants.
    pub wish: Wish,
    /// User and password of `Proxy-Authorization: Basic`, if there are readable ones.
    pub credentials: Option<(String, Secret)>,
    /// Where the head ends; what follows is body or tunnel bytes.
    pub head_len: usize,
}

/// Why the bytes are no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not HTTP/1, or a CONNECT without a destination.
    #[error("the request cannot be read: {0}")]
    Malformed(String),
    /// Longer than [`MAX_REQUEST_HEAD`] or with more than [`MAX_HEADERS`] lines.
    #[error("the request head is too large")]
    TooLarge,
}

/// Looks for a whole request head at the start of `bytes`; `None` if more bytes are needed.
///
/// # Errors
/// [`HeadError`] if no further bytes can make it a request.
pub fn parse_request_head(bytes: &[u8]) -> Result<Option<RequestHead>, HeadError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let head_len = match request.parse(bytes) {
        Ok(httparse::Status::Complete(len)) if len > MAX_REQUEST_HEAD => return Err(HeadError::TooLarge),
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if bytes.len() >= MAX_REQUEST_HEAD => return Err(HeadError::TooLarge),
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLarge),
        Err(error) => return Err(HeadError::Malformed(error.to_string())),
    };
    let wish = match (request.method, request.path) {
        (Some("CONNECT"), Some(target)) => {
            Wish::Connect(target.parse().map_err(|e| HeadError::Malformed(format!("CONNECT {e}")))?)
        }
        _ => Wish::Plain,
    };
    let credentials = request
        .headers
        .iter()
        .find(|h| h.name.eq_ignore_ascii_case("proxy-authorization"))
        .and_then(|h| parse_basic(h.value));
    Ok(Some(RequestHead { wish, credentials, head_len }))
}

/// `Basic …` of RFC 7617.
pub(crate) fn parse_basic(value: &[u8]) -> Option<(String, Secret)> {
    let (scheme, encoded) = std::str::from_utf8(value).ok()?.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some((user.to_owned(), Secret::new(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(bytes: &str) -> Result<Option<(Wish, usize)>, HeadError> {
        parse_request_head(bytes.as_bytes()).map(|h| h.map(|h| (h.wish, h.head_len)))
    }

    #[test]
    fn requests_are_sorted() {
        let connect = |d: &str| Wish::Connect(d.parse().expect("destination"));
        assert_eq!(
            wish("CONNECT Live.test:443 HTTP/1.0\r\n\r\n\x16\x03"),
            Ok(Some((connect("live.test:443"), 34)))
        );
        assert_eq!(
            wish("CONNECT [::1]:8443 HTTP/1.1\r\nHost: x\r\n\r\n"),
            Ok(Some((connect("[::1]:8443"), 40)))
        );
        assert_eq!(wish("GET http://h/ HTTP/1.1\r\n\r\n"), Ok(Some((Wish::Plain, 26))));
        assert_eq!(wish("GET http://h/ HT"), Ok(None));
        for bad in [
            "CONNECT live.test HTTP/1.1\r\n\r\n",
            "CONNECT /x:1 HTTP/1.1\r\n\r\n",
            "\x16\x03\x01\x02",
            "GET / HTTP/2.0\r\n\r\n",
        ] {
            assert!(matches!(wish(bad), Err(HeadError::Malformed(_))), "{bad:?}");
        }
        let large = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(MAX_REQUEST_HEAD));
        assert_eq!(wish(&large), Err(HeadError::TooLarge));
    }

    #[test]
    fn credentials_are_read_from_basic_only() {
        let read = |line: &str| {
            let head = format!("GET http://h/ HTTP/1.1\r\n{line}\r\n\r\n");
            let credentials =
                parse_request_head(head.as_bytes()).expect("readable").expect("whole").credentials;
            credentials.map(|(user, password)| format!("{user}/{}", password.expose()))
        };
        assert_eq!(read("proxy-authorization: bAsic dTpwOnc="), Some("u/p:w".to_owned()));
        assert_eq!(read("Proxy-Authorization: Bearer dTpw"), None);
        assert_eq!(read("Proxy-Authorization: Basic ???"), None);
        assert_eq!(read("Proxy-Authorization: Basic"), None);
        assert_eq!(read("Authorization: Basic dTpw"), None);
    }
}
