//! The address of an upstream proxy. Parsed once, checked in the constructor, and masked in every text form but
//! the two that are asked for by name: [`ProxyUrl::expose`] and the credentials for the handshake.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Serialize, Serializer};

use crate::{Secret, mask_passwords};

/// Everything but the unreserved characters of RFC 3986 section 2.3 is encoded in user and password.
const USERINFO: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest proxy URL, in bytes.
const MAX_LENGTH: usize = 2048;

/// How to speak to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// HTTP CONNECT in plain text. Default port 80.
    Http,
    /// HTTP CONNECT inside TLS to the proxy. Default port 443.
    Https,
    /// SOCKS5, names resolved on this machine. Default port 1080.
    Socks5,
    /// SOCKS5, names resolved by the proxy. Default port 1080.
    Socks5h,
}

impl Scheme {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Socks5, Self::Socks5h];

    /// As written before `://`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    /// The port when the URL names none.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

/// User and password for a proxy, decoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The user name; may be empty.
    pub user: String,
    /// The password; may be empty.
    pub password: Secret,
}

/// What is shown instead of a password.
const HIDDEN: &str = "***";

/// A proxy's address, with credentials if it wants them.
///
/// `Debug` and `Display` give the masked form. Two are equal if scheme, host, port, user and password are.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ProxyUrl {
    scheme: Scheme,
    credentials: Option<Credentials>,
    host: String,
    port: u16,
}

/// Why a text is no proxy URL. The messages never repeat the text, as it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyUrlError {
    /// Empty, or longer than 2,048 bytes, as written or percent-encoded.
    #[error("a proxy URL has between 1 and 2048 characters")]
    Length,
    /// No `://`.
    #[error("the proxy URL has no scheme: write http://, https://, socks5:// or socks5h:// before the host")]
    NoScheme,
    /// A scheme that is not one of the four.
    #[error("the scheme '{0}' is not supported: use http, https, socks5 or socks5h")]
    Scheme(String),
    /// No usable host.
    #[error("the proxy URL has no valid host: write a name, an IPv4 address, or an IPv6 address in brackets")]
    Host,
    /// A port that is not a number between 1 and 65535.
    #[error("the port of the proxy URL is not a number between 1 and 65535")]
    Port,
    /// A path, query or fragment after the host.
    #[error("a proxy URL ends after the port: remove the path, query or fragment")]
    Path,
    /// User or password that cannot be decoded, or too long for SOCKS (255 bytes each, RFC 1929).
    #[error("user or password of the proxy URL cannot be used: {0}")]
    Credentials(&'static str),
    /// The masked form of a URL.
    #[error(
        "the password in the proxy URL is ***, which only stands for a hidden one: write the real password"
    )]
    Masked,
}

impl ProxyUrl {
    /// Reads `scheme://[user[:password]@]host[:port]`. A trailing slash is allowed.
    ///
    /// # Errors
    /// [`ProxyUrlError`] says what to change, without repeating the text.
    pub fn parse(text: &str) -> Result<Self, ProxyUrlError> {
        Self::read(text, &Password::Written)
    }

    /// Puts together what was taken apart for keeping: the text of [`ProxyUrl::without_password`] and the password.
    /// `None` stands for a password that is kept but cannot be read; the URL then has none, whatever the scheme
    /// demands, and must not be dialled. A password in the text itself was written there by hand, and counts.
    ///
    /// # Errors
    /// [`ProxyUrlError`] says what to change, without repeating the text.
    pub fn from_kept(text: &str, password: Option<Secret>) -> Result<Self, ProxyUrlError> {
        Self::read(text, &password.map_or(Password::Unreadable, Password::Kept))
    }

    fn read(text: &str, password: &Password) -> Result<Self, ProxyUrlError> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_LENGTH {
            return Err(ProxyUrlError::Length);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ProxyUrlError::NoScheme)?;
        let scheme = parse_scheme(scheme)?;
        // The last '@' parts the credentials off: unencoded ones in passwords are common.
        let (userinfo, address) = match rest.rsplit_once('@') {
            Some((userinfo, address)) => (Some(userinfo), address),
            None => (None, rest),
        };
        let address = address.strip_suffix('/').unwrap_or(address);
        if address.contains(['/', '?', '#']) {
            return Err(ProxyUrlError::Path);
        }
        let credentials = userinfo.map(|u| parse_credentials(u, scheme, password)).transpose()?;
        let (host, port) = parse_address(address)?;
        let url = Self { scheme, credentials, host, port: port.unwrap_or(scheme.default_port()) };
        // Encoded properly it may be longer than it was written, and must still be readable.
        if url.expose().expose().len() > MAX_LENGTH { Err(ProxyUrlError::Length) } else { Ok(url) }
    }

    /// How to speak to it.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Name or address, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's default if none was written. Never 0.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// User and password, if any were written.
    #[must_use]
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The only form that leaves the process: `http://user:***@host:port`.
    #[must_use]
    pub fn masked(&self) -> MaskedUrl {
        MaskedUrl(self.write(|_| HIDDEN.to_owned()))
    }

    /// The whole URL with its password, for the reveal that a person asked for and for 0600 files.
    #[must_use]
    pub fn expose(&self) -> Secret {
        Secret::new(self.write(|password| utf8_percent_encode(password.expose(), USERINFO).to_string()))
    }

    /// The URL with the user but without the password: for a place where the password is kept apart.
    #[must_use]
    pub fn without_password(&self) -> String {
        let bare = self
            .credentials
            .as_ref()
            .map(|c| Credentials { user: c.user.clone(), password: Secret::new("") });
        Self { credentials: bare, ..self.clone() }.write(|_| String::new())
    }

    fn write(&self, password: impl Fn(&Secret) -> String) -> String {
        let userinfo = self.credentials.as_ref().map_or_else(String::new, |c| {
            let user = utf8_percent_encode(&c.user, USERINFO);
            if c.password.expose().is_empty() {
                format!("{user}@")
            } else {
                format!("{user}:{}@", password(&c.password))
            }
        });
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        format!("{}://{userinfo}{open}{}{close}:{}", self.scheme.as_str(), self.host, self.port)
    }
}

fn parse_scheme(text: &str) -> Result<Scheme, ProxyUrlError> {
    Scheme::ALL.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
        // What stands before '://' is a password only when somebody got the order wrong; show no more than a
        // scheme can be.
        let valid =
            text.len() <= 12 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if valid && !text.is_empty() {
            ProxyUrlError::Scheme(text.to_owned())
        } else {
            ProxyUrlError::NoScheme
        }
    })
}

/// Where the password of a URL is.
enum Password {
    /// In its text.
    Written,
    /// Beside it.
    Kept(Secret),
    /// Nowhere that it can be read.
    Unreadable,
}

fn parse_credentials(userinfo: &str, scheme: Scheme, kept: &Password) -> Result<Credentials, ProxyUrlError> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let decode = |text: &str| {
        percent_decode_str(text)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| ProxyUrlError::Credentials("they are not valid UTF-8 after percent-decoding"))
    };
    let user = decode(user)?;
    let password = match kept {
        Password::Kept(secret) if password.is_empty() => secret.expose().to_owned(),
        Password::Written | Password::Kept(_) => decode(password)?,
        Password::Unreadable if !password.is_empty() => decode(password)?,
        Password::Unreadable => return Ok(Credentials { user, password: Secret::new("") }),
    };
    if password == HIDDEN {
        return Err(ProxyUrlError::Masked);
    }
    if user.chars().chain(password.chars()).any(char::is_control) {
        return Err(ProxyUrlError::Credentials("they contain control characters"));
    }
    match scheme {
        Scheme::Http | Scheme::Https if user.contains(':') => {
            Err(ProxyUrlError::Credentials("a user name for an HTTP proxy cannot contain a colon (RFC 7617)"))
        }
        Scheme::Socks5 | Scheme::Socks5h if user.len() > 255 || password.len() > 255 => {
            Err(ProxyUrlError::Credentials("SOCKS5 allows 255 bytes each (RFC 1929)"))
        }
        Scheme::Socks5 | Scheme::Socks5h if user.is_empty() || password.is_empty() => {
            Err(ProxyUrlError::Credentials("SOCKS5 needs both (RFC 1929)"))
        }
        _ => Ok(Credentials { user, password: Secret::new(password) }),
    }
}

fn parse_address(address: &str) -> Result<(String, Option<u16>), ProxyUrlError> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(ProxyUrlError::Host)?;
            let address: std::net::Ipv6Addr = host.parse().map_err(|_| ProxyUrlError::Host)?;
            let port = match after.strip_prefix(':') {
                Some(port) => Some(port),
                None if after.is_empty() => None,
                None => return Err(ProxyUrlError::Host),
            };
            (address.to_string(), port)
        }
        None => {
            let (host, port) = address.split_once(':').map_or((address, None), |(h, p)| (h, Some(p)));
            (parse_name(host)?, port)
        }
    };
    Ok((host, port.map(parse_port).transpose()?))
}

fn parse_name(host: &str) -> Result<String, ProxyUrlError> {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let bare = host.strip_suffix('.').unwrap_or(host);
    // A name of digits and dots only must be a whole IPv4 address, or getaddrinfo would read it in surprising ways.
    let numeric = bare.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let good = bare.len() <= 253
        && bare.split('.').all(label)
        && (!numeric || bare.parse::<std::net::Ipv4Addr>().is_ok());
    if good { Ok(bare.to_ascii_lowercase()) } else { Err(ProxyUrlError::Host) }
}

fn parse_port(text: &str) -> Result<u16, ProxyUrlError> {
    let digits = !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|&p| p != 0).ok_or(ProxyUrlError::Port)
}

impl FromStr for ProxyUrl {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.masked().fmt(f)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.masked().fmt(f)
    }
}

/// A proxy URL with `***` in place of the password; safe to log, store and show.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MaskedUrl(String);

impl MaskedUrl {
    /// A masked URL that was kept as text. It is masked again, whatever it is.
    #[must_use]
    pub fn from_kept(text: &str) -> Self {
        Self(mask_passwords(text).into_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MaskedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for MaskedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for MaskedUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, masked: &str) {
        assert_eq!(ProxyUrl::parse(text).map(|u| u.to_string()), Ok(masked.to_owned()), "{text}");
    }

    fn refuse(text: &str, part: &str) {
        let error = ProxyUrl::parse(text).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }

    #[test]
    fn urls_are_read_and_masked() {
        check("http://h", "http://h:80");
        check("HTTPS://User:p%40ss@Proxy.Example/", "https://User:***@proxy.example:443");
        check("socks5://u:p@10.0.0.1", "socks5://u:***@10.0.0.1:1080");
        check("socks5h://[2001:db8::1]:9050", "socks5h://[2001:db8::1]:9050");
        check("http://user@h:3128", "http://user@h:3128");
        check("http://u:a@b@h:1", "http://u:***@h:1");
        check("http://u%3Aser:p@h:1".replace("%3A", "").as_str(), "http://user:***@h:1");
    }

    #[test]
    fn bad_urls_are_refused_without_repeating_them() {
        refuse("", "between 1 and 2048");
        refuse("proxy.example:3128", "no scheme");
        refuse("ftp://h", "use http, https, socks5 or socks5h");
        refuse("http://", "valid host");
        refuse("http://h:0", "between 1 and 65535");
        refuse("http://h:99999", "between 1 and 65535");
        refuse("http://h:80/path", "remove the path");
        refuse("http://[::1", "valid host");
        refuse("http://1.2.3:80", "valid host");
        refuse("http://u:%ff@h", "UTF-8");
        refuse("http://u:a%0d%0ab@h", "control characters");
        refuse("socks5://user@h", "needs both");
        refuse("http://a%3Ab:c@h", "colon");
        refuse(&format!("http://u:{}@h", "^".repeat(1000)), "between 1 and 2048");
    }

    #[test]
    fn a_password_that_cannot_be_read_leaves_the_rest() {
        for text in ["socks5://u@h:1080", "http://u@h:80", "http://h:80"] {
            let url = ProxyUrl::from_kept(text, None).expect(text);
            assert_eq!(url.to_string(), text);
        }
        let url = ProxyUrl::from_kept("http://u:by-hand@h:80", Some(Secret::new("old"))).expect("by hand");
        assert_eq!(url.expose().expose(), "http://u:by-hand@h:80");
        assert!(
            ProxyUrl::from_kept("socks5://u@h:1", Some(Secret::new(""))).is_err(),
            "SOCKS needs a password"
        );
        assert_eq!(MaskedUrl::from_kept("http://u:***@h:1").as_str(), "http://u:***@h:1");
        assert_eq!(MaskedUrl::from_kept("http://u:plain@h:1").as_str(), "http://u:***@h:1");
    }

    proptest! {
        #[test]
        fn any_password_survives_the_round_trip_and_never_shows(user in "[a-z]{1,8}", password in "\\PC{1,40}") {
            let encoded = utf8_percent_encode(&password, USERINFO).to_string();
            let url = ProxyUrl::parse(&format!("http://{user}:{encoded}@host:1")).expect("valid");
            prop_assert_eq!(url.credentials().expect("given").password.expose(), password.as_str());
            prop_assert_eq!(&ProxyUrl::parse(url.expose().expose()).expect("its own form"), &url);
            let kept = ProxyUrl::from_kept(&url.without_password(), Some(Secret::new(password)));
            prop_assert_eq!(&kept.expect("kept apart"), &url);
            prop_assert_eq!(url.without_password(), format!("http://{user}@host:1"));
            prop_assert_eq!(format!("{url} {url:?}"), format!("http://{user}:***@host:1 http://{user}:***@host:1"));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,60}") {
            let _ = ProxyUrl::parse(&text);
        }
    }
}
