//! Ways to a destination: through a proxy of the pool, or direct. And what was carried on each.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::{MaskedUrl, ProxyId};

/// How traffic leaves this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// Through this proxy. The masked URL stays readable when the proxy is deleted.
    Proxy(ProxyId, MaskedUrl),
    /// Without a proxy.
    Direct,
}

impl Via {
    /// The proxy, if there is one.
    #[must_use]
    pub fn proxy_id(&self) -> Option<ProxyId> {
        match self {
            Self::Proxy(id, _) => Some(*id),
            Self::Direct => None,
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proxy(_, url) => url.fmt(f),
            Self::Direct => f.write_str("direct"),
        }
    }
}

impl Serialize for Via {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One stretch of a recording on one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteUse {
    /// The route.
    pub via: Via,
    /// When its first connection was opened.
    pub started_at: DateTime<Utc>,
    /// When the recording left it; `None` while it is in use.
    pub ended_at: Option<DateTime<Utc>>,
    /// Bytes received over it.
    pub bytes: u64,
    /// Why it ended, in words ("refused the connection"); `None` while it is in use.
    pub reason: Option<String>,
}

impl RouteUse {
    /// The reason of a stretch whose route had nothing wrong with it. Whoever asks which route is at fault for a loss
    /// compares with it.
    pub const BETTER_ROUTE: &str = "a better route is available";
}

/// `host:port` that a client wants to reach. The host is a name, an IPv4 address, or an IPv6 address (kept
/// without brackets, shown with them).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    host: String,
    port: u16,
}

/// Why a text is no destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// No `:port` at the end, or one outside 1-65535.
    #[error("'{0}' has no port between 1 and 65535: write it as host:port")]
    Port(String),
    /// An empty host, one longer than 253 bytes, or one with characters no host has.
    #[error("'{0}' is not a host name or an address")]
    Host(String),
}

impl Destination {
    /// Checks and keeps host and port. IPv6 may come with or without brackets; names are put in lower case.
    ///
    /// # Errors
    /// [`DestinationError`] if the host cannot be one or the port is 0.
    pub fn new(host: &str, port: u16) -> Result<Self, DestinationError> {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if port == 0 {
            return Err(DestinationError::Port(shorten(host)));
        }
        let is_v6 = bare.parse::<std::net::Ipv6Addr>().is_ok();
        let is_name = !bare.is_empty()
            && bare.len() <= 253
            && bare == host
            && bare.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        if is_v6 || is_name {
            Ok(Self { host: bare.to_ascii_lowercase(), port })
        } else {
            Err(DestinationError::Host(shorten(host)))
        }
    }

    /// The name or address, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, if the host is one and not a name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or_else(|| DestinationError::Port(shorten(text)))?;
        let digits = !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
        let port = digits.then(|| port.parse().ok()).flatten();
        Self::new(host, port.ok_or_else(|| DestinationError::Port(shorten(text)))?)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_read_and_shown() {
        for (text, shown) in [
            ("Live.Test:443", Some("live.test:443")),
            ("127.0.0.1:80", Some("127.0.0.1:80")),
            ("[::1]:8443", Some("[::1]:8443")),
            ("a_b.example:1", Some("a_b.example:1")),
            ("no-port", None),
            ("host:0", None),
            ("host:65536", None),
            ("host:+1", None),
            (":443", None),
            ("[name]:443", None),
            ("ho st:443", None),
            ("user@host:443", None),
        ] {
            assert_eq!(text.parse::<Destination>().ok().map(|d| d.to_string()).as_deref(), shown, "{text}");
        }
    }
}
