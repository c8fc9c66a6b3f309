//! What a check asks for: an `http://` or `https://` address, the answer that counts as good, and what has to be
//! sent along.

use std::fmt;

use holdfast_model::{Destination, Secret};
use http::header::{HeaderName, HeaderValue};
use url::Url;

/// A public Twitch address that answers 200 to anybody.
pub const DEFAULT_CHECK_URL: &str = "https://id.twitch.tv/oauth2/keys";

/// Longer addresses are refused; none that a person writes comes near.
const MAX_URL: usize = 2048;

/// One address that a check asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckTarget {
    pub(super) url: Url,
    pub(super) destination: Destination,
    pub(super) expected: Option<u16>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Why a text is no check target. The messages repeat no more of it than a scheme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckTargetError {
    /// Not an absolute URL.
    #[error("the check URL is not valid ({0}): write it as https://host/path")]
    NotAUrl(String),
    /// A scheme that is neither http nor https.
    #[error("a check URL begins with http:// or https://, not {0}://")]
    Scheme(String),
    /// User or password.
    #[error("a check URL cannot hold a user or password: remove the part before the @")]
    Credentials,
    /// A host that is none.
    #[error("the check URL has no usable host: {0}")]
    Host(String),
    /// A status that no final answer has.
    #[error("{0} is not an HTTP status: the expected one is between 200 and 599")]
    Status(u16),
    /// A header value with control characters.
    #[error("a header for the check URL has characters that HTTP does not allow")]
    Header,
}

impl CheckTarget {
    /// Reads `https://host[:port]/path`; 2xx is then the good answer.
    ///
    /// # Errors
    /// [`CheckTargetError`] says what to change.
    pub fn parse(text: &str) -> Result<Self, CheckTargetError> {
        let text = text.trim();
        if text.len() > MAX_URL {
            return Err(CheckTargetError::NotAUrl(format!("longer than {MAX_URL} characters")));
        }
        let url = Url::parse(text).map_err(|e| CheckTargetError::NotAUrl(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(CheckTargetError::Scheme(url.scheme().chars().take(12).collect()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(CheckTargetError::Credentials);
        }
        let destination = destination_of(&url)?;
        // What the URL standard allows and the HTTP library does not is refused here, not at the first check.
        let path: Result<http::Uri, _> = path_of(&url).parse();
        path.map_err(|e| CheckTargetError::NotAUrl(e.to_string()))?;
        Ok(Self { url, destination, expected: None, headers: Vec::new() })
    }

    /// This very status is the good answer, instead of any 2xx.
    ///
    /// # Errors
    /// If no final answer can have that status.
    pub fn expecting(self, status: u16) -> Result<Self, CheckTargetError> {
        match status {
            200..=599 => Ok(Self { expected: Some(status), ..self }),
            _ => Err(CheckTargetError::Status(status)),
        }
    }

    /// Sends this header along (an app token), but never to another host that the target redirects to.
    ///
    /// # Errors
    /// If the value cannot be sent.
    pub fn with_header(mut self, name: HeaderName, value: &Secret) -> Result<Self, CheckTargetError> {
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| CheckTargetError::Header)?;
        value.set_sensitive(true);
        self.headers.push((name, value));
        Ok(self)
    }

    /// `host:port`: the key under which checks through different proxies are compared.
    #[must_use]
    pub fn destination(&self) -> Destination {
        self.destination.clone()
    }
}

impl fmt::Display for CheckTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// Where a URL leads.
pub(super) fn destination_of(url: &Url) -> Result<Destination, CheckTargetError> {
    let port = url.port_or_known_default().unwrap_or(0);
    Destination::new(url.host_str().unwrap_or(""), port).map_err(|e| CheckTargetError::Host(e.to_string()))
}

/// Path and query, as origin-form writes them.
pub(super) fn path_of(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_urls_are_read_and_bad_ones_explained() {
        for (text, expect) in [
            ("https://id.twitch.tv/oauth2/keys", Ok("id.twitch.tv:443")),
            (" http://127.0.0.1:8080/a?b=c#d ", Ok("127.0.0.1:8080")),
            ("https://[::1]/", Ok("[::1]:443")),
            ("host/path", Err("write it as https://host/path")),
            ("socks5://host/", Err("begins with http:// or https://, not socks5")),
            ("https://user:secret@host/", Err("remove the part before the @")),
            ("https://ho%20st/", Err("not valid")),
            ("http://h:0/", Err("no usable host")),
        ] {
            let got =
                CheckTarget::parse(text).map(|t| t.destination().to_string()).map_err(|e| e.to_string());
            match expect {
                Ok(destination) => assert_eq!(got.as_deref(), Ok(destination), "{text}"),
                Err(part) => {
                    let error = got.expect_err(text);
                    assert!(error.contains(part) && !error.contains("secret"), "{text}: {error}");
                }
            }
        }
    }

    #[test]
    fn an_impossible_expectation_is_refused_and_a_token_does_not_show() {
        let target = CheckTarget::parse(DEFAULT_CHECK_URL).expect("valid");
        assert!(target.clone().expecting(401).is_ok());
        assert!(target.clone().expecting(99).is_err());
        let secret = Secret::new("Bearer hunter2");
        let target = target.with_header(http::header::AUTHORIZATION, &secret).expect("valid");
        assert!(!format!("{target:?} {target}").contains("hunter2"));
    }
}
