//! Every answer that the gateway gives on its own behalf, in one place: status, `Proxy-Status` (RFC 9209) and one
//! line that says why, so that a person who looks at a failed request knows what to do.

use std::fmt::Write as _;

/// An answer of the gateway's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    reason: &'static str,
    /// The error type of RFC 9209 section 2.3.
    error: &'static str,
    detail: String,
}

impl Answer {
    fn new(status: u16, reason: &'static str, error: &'static str, detail: impl Into<String>) -> Self {
        Self { status, reason, error, detail: detail.into() }
    }

    pub(crate) fn malformed(why: impl Into<String>) -> Self {
        Self::new(400, "Bad Request", "http_request_error", why)
    }

    pub(crate) fn refused(why: impl Into<String>) -> Self {
        Self::new(403, "Forbidden", "destination_ip_prohibited", why)
    }

    pub(crate) fn own_listener() -> Self {
        let why = "this destination is holdfast itself: no client is led to its own listeners";
        Self::new(403, "Forbidden", "proxy_loop_detected", why)
    }

    pub(crate) fn credentials() -> Self {
        let why = "user or password for the gateway are missing or wrong";
        Self::new(407, "Proxy Authentication Required", "http_request_denied", why)
    }

    pub(crate) fn slow_head() -> Self {
        Self::new(408, "Request Timeout", "http_request_error", "the request head did not arrive within 10 s")
    }

    pub(crate) fn large_head() -> Self {
        let why = format!("the request head is longer than {} KiB", crate::head::MAX_REQUEST_HEAD / 1024);
        Self::new(431, "Request Header Fields Too Large", "http_request_error", why)
    }

    pub(crate) fn unsupported(why: impl Into<String>) -> Self {
        Self::new(501, "Not Implemented", "http_request_error", why)
    }

    pub(crate) fn all_failed(why: impl Into<String>) -> Self {
        Self::new(502, "Bad Gateway", "destination_unavailable", why)
    }

    pub(crate) fn no_route(why: impl Into<String>) -> Self {
        Self::new(503, "Service Unavailable", "destination_unavailable", why)
    }

    /// Header lines that go with it, without the framing ones.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("Proxy-Status", format!("holdfast; error={}; details=\"{}\"", self.error, quoted(&self.detail))),
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
            ("Connection", "close".to_owned()),
        ];
        match self.status {
            407 => {
                headers
                    .push(("Proxy-Authenticate", "Basic realm=\"holdfast\", charset=\"UTF-8\"".to_owned()));
            }
            503 => headers.push(("Retry-After", "1".to_owned())),
            _ => {}
        }
        headers
    }

    /// The one line.
    pub(crate) fn body(&self) -> String {
        format!("holdfast: {}\n", self.detail)
    }

    /// The whole answer as bytes, for a connection that hyper does not drive.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let body = self.body();
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, self.reason);
        for (name, value) in self.headers() {
            // Writing into a String cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "Content-Length: {}\r\n\r\n{body}", body.len());
        head.into_bytes()
    }
}

/// An sf-string of RFC 8941: printable ASCII, quote and backslash escaped.
fn quoted(text: &str) -> String {
    let printable = text.chars().filter(|c| (' '..='~').contains(c));
    printable.flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c])).collect()
}
