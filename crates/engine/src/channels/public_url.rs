//! The address by which Twitch reaches this server. It takes no other than https on port 443, and nothing arrives at one that
//! only this machine or its network knows; better said at once than waited for. `http://` on loopback is taken all the same:
//! it is for trying messages out with a sender that is not Twitch.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Refusal;

/// Endings of names that no public name server knows.
const AT_HOME: [&str; 6] = [".localhost", ".local", ".internal", ".home.arpa", ".lan", ".localdomain"];

/// The address without what is around it.
///
/// # Errors
/// [`Refusal::Invalid`] if Twitch cannot deliver there.
pub(super) fn public_url(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if is_trial(text) {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    let refused = |why: &str| {
        Refusal::Invalid(format!(
            "public_url {why}: give the address by which the internet reaches your reverse proxy, such as https://rec.example.org"
        ))
    };
    let scheme = text.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://"));
    let rest = scheme
        .and(text.get(8..))
        .ok_or_else(|| refused("has to be https://, for Twitch sends nowhere else"))?;
    if rest.contains(|c: char| c.is_whitespace() || c.is_control() || "@?#\\".contains(c)) {
        return Err(refused("has a user, a '?', a '#', a '\\' or a space in it, and may have none"));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if !matches!(port, None | Some("443")) {
        return Err(refused("has to be on port 443, for Twitch sends nowhere else"));
    }
    if is_public(host) {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(refused("leads to no host that Twitch can reach"))
    }
}

/// Whether it leads to a port of this machine, without TLS.
fn is_trial(text: &str) -> bool {
    let rest = ["http://127.0.0.1:", "http://localhost:"].iter().find_map(|start| text.strip_prefix(start));
    let port = rest.and_then(|rest| rest.split('/').next()).and_then(|port| port.parse::<u16>().ok());
    port.is_some_and(|port| port > 0) && !text.contains(|c: char| c.is_whitespace() || "@?#\\".contains(c))
}

/// Whether the internet may know this host: an address of it, or a name with a dot.
fn is_public(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').and_then(|address| address.parse().ok());
        return address.is_some_and(is_public_v6);
    }
    if let Ok(address) = host.parse() {
        return is_public_v4(address);
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_lowercase();
    let well_made =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    // The last label of a name has a letter first; `127.1` and `0x7f.0x1` are addresses.
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.')
        && name.split('.').all(well_made)
        && last.starts_with(char::is_alphabetic)
        && !AT_HOME.iter().any(|ending| name.ends_with(ending))
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let set_aside =
        a == 0 || a >= 224 || a == 100 && (64..128).contains(&b) || a == 198 && (18..20).contains(&b);
    !set_aside
        && !address.is_private()
        && !address.is_loopback()
        && !address.is_link_local()
        && !address.is_documentation()
}

/// Everything else is set aside for something.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    (0x2000..0x4000).contains(&first) && !(first == 0x2001 && second == 0xdb8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_address_is_one_that_twitch_sends_to() {
        for text in [
            "https://rec.example.org",
            " https://rec.example.org/holdfast/ ",
            "HTTPS://Rec.Example.Org:443",
            "https://rec.example.org.",
            "https://rec.example.test",
            "https://r\u{e9}c.example.org",
            "https://8.8.8.8",
            "https://[2606:4700::1]:443",
            "http://127.0.0.1:8000/",
            "http://localhost:8000/holdfast",
        ] {
            assert_eq!(public_url(text), Ok(text.trim().trim_end_matches('/').to_owned()));
        }
    }

    #[test]
    fn where_twitch_cannot_deliver_is_refused_with_the_reason() {
        for (texts, why) in [
            (
                &[
                    "http://rec.example.org",
                    "http://127.0.0.1",
                    "http://127.0.0.1:8000@evil.test",
                    "http://localhost:0",
                    "http://192.168.1.2:8000",
                    "rec.example.org",
                    "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
                ][..],
                "has to be https://",
            ),
            (
                &["https://rec.example.org:8443", "https://rec.example.org:", "https://[2606:4700::1]:80"],
                "port 443",
            ),
            (
                &[
                    "https://user:hunter2@rec.example.org",
                    "https://rec.example.org/?a",
                    "https://rec.example.org/#a",
                    "https://a b.test",
                    "https://a.test\\b",
                ],
                "may have none",
            ),
            (
                &[
                    "https://",
                    "https:///path",
                    "https://.",
                    "https://localhost",
                    "https://LOCALHOST.",
                    "https://recorder",
                    "https://recorder.local",
                    "https://nas.home.arpa/x",
                    "https://a..b",
                    "https://127.0.0.1",
                    "https://127.1",
                    "https://127.0.0.1.",
                    "https://2130706433",
                    "https://0x7f.0x1",
                    "https://10.0.0.1:443",
                    "https://172.16.3.4",
                    "https://192.168.1.2",
                    "https://169.254.1.1",
                    "https://100.64.0.1",
                    "https://0.0.0.0",
                    "https://255.255.255.255",
                    "https://[::1]",
                    "https://[fe80::1]:443",
                    "https://[fd00::1]",
                    "https://[::ffff:8.8.8.8]",
                    "https://[2001:db8::1]",
                ],
                "no host that Twitch can reach",
            ),
        ] {
            for text in texts {
                let said = public_url(text).err().unwrap_or_else(|| panic!("{text} is taken")).to_string();
                assert!(said.contains(why) && said.contains("https://rec.example.org"), "{text}: {said}");
                assert!(!said.contains("hunter2"), "{said}");
            }
        }
    }
}
