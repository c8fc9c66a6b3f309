//! The proxy's own idea of where names lead. Tests speak of `live.test:443` and `api.twitch.tv:443`; the proxy takes
//! them to loopback, as a hosts file would. What is neither mapped nor loopback is refused: no test reaches out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Names to loopback addresses: `host`, `host:port`, `*.suffix`, `*.suffix:port` or `*`.
#[derive(Clone, Debug, Default)]
pub struct NameMap(Vec<(String, SocketAddr)>);

impl NameMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry; the first that matches wins.
    pub fn with(mut self, pattern: impl Into<String>, addr: SocketAddr) -> Self {
        self.0.push((pattern.into(), addr));
        self
    }

    pub(crate) fn entries(&self) -> &[(String, SocketAddr)] {
        &self.0
    }

    /// Where a destination leads, if anywhere.
    pub(crate) fn resolve(&self, host: &str, port: u16) -> Option<SocketAddr> {
        if let Some((_, addr)) = self.0.iter().find(|(pattern, _)| matches(pattern, host, port)) {
            return Some(*addr);
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let ip = if bare.eq_ignore_ascii_case("localhost") {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            bare.parse::<IpAddr>().ok()?
        };
        ip.is_loopback().then(|| SocketAddr::new(ip, port))
    }
}

/// Whether `pattern` names this destination.
pub(crate) fn matches(pattern: &str, host: &str, port: u16) -> bool {
    let (name, wanted) = match pattern.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') => match digits.parse::<u16>() {
            Ok(number) => (name, Some(number)),
            Err(_) => (pattern, None),
        },
        _ => (pattern, None),
    };
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    match name.strip_prefix('*') {
        Some("") => true,
        Some(suffix) => host.len() > suffix.len() && host.to_ascii_lowercase().ends_with(suffix),
        None => name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, host: &str, port: u16, expect: bool) {
        assert_eq!(matches(pattern, host, port), expect, "{pattern} against {host}:{port}");
    }

    #[test]
    fn patterns() {
        check("live.test", "LIVE.test", 443, true);
        check("live.test:443", "live.test", 443, true);
        check("live.test:443", "live.test", 80, false);
        check("*.ttvnw.net:443", "a.hls.ttvnw.net", 443, true);
        check("*.ttvnw.net", "ttvnw.net", 443, false);
        check("*", "anything", 1, true);
    }

    #[test]
    fn the_internet_is_out_of_reach() {
        let map = NameMap::new();
        assert_eq!(map.resolve("93.184.215.14", 80), None);
        assert_eq!(map.resolve("example.org", 80), None);
        assert_eq!(map.resolve("localhost", 80), Some(([127, 0, 0, 1], 80).into()));
    }
}
