//! What a person types for a stream: an address, or the bare name of a Twitch channel.

use holdfast_model::is_twitch_login;

use crate::mask::mask_url;

/// The schemes of the web, and the prefixes by which Streamlink is told what is behind them.
const SCHEMES: [&str; 5] = ["http", "https", "hls", "dash", "httpstream"];

/// Why a text names no stream. Shows no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither an address nor a name.
    #[error("'{0}' is neither an address nor the name of a Twitch channel")]
    Neither(String),
    /// The same, of a text that may hold a password and is therefore not shown.
    #[error(
        "what was given is neither an address nor the name of a Twitch channel (it holds an '@', and is not repeated here because it may hold a password)"
    )]
    Unshown,
    /// Another scheme, or no host.
    #[error(
        "only addresses of the web can be recorded: http:// or https:// and a host, with hls://, dash:// or httpstream:// before it if you like"
    )]
    NotWeb,
}

/// The address that Streamlink is given (it may hold a password or a token), and the name to show, which holds none:
/// a bare word is a Twitch channel.
///
/// # Errors
/// [`AddressError`] if the text is neither.
pub fn stream_address(text: &str) -> Result<(String, String), AddressError> {
    let stream = text.trim();
    let word = stream.strip_prefix('@').unwrap_or(stream);
    if is_twitch_login(word) {
        return Ok((format!("https://www.twitch.tv/{}", word.to_ascii_lowercase()), word.to_owned()));
    }
    if stream.is_empty()
        || stream.chars().any(|c| c.is_whitespace() || c.is_control())
        || !stream.contains(['.', ':'])
    {
        return Err(if stream.contains('@') {
            AddressError::Unshown
        } else {
            AddressError::Neither(stream.chars().take(200).collect())
        });
    }
    let url = if stream.contains("://") { stream.to_owned() } else { format!("https://{stream}") };
    let Some(place) = web_address(&url) else { return Err(AddressError::NotWeb) };
    let shown = mask_url(&url);
    let path = shown.split(['?', '#']).next().unwrap_or(&shown).trim_end_matches('/');
    let last = path.rsplit('/').next().filter(|part| !part.is_empty() && !part.contains(".m3u8"));
    // A path of nothing but the host, user and password included, is not shown as a name.
    let last = last.filter(|part| !path.ends_with(&format!("://{part}")));
    let shown = last.map_or(place, str::to_owned);
    Ok((url, shown))
}

/// Host and port of an address of the web, behind any of Streamlink's prefixes. Everything else is refused: Streamlink
/// would read a `file://` like a stream, and so hand the files of this machine to whoever may start a recording.
fn web_address(url: &str) -> Option<String> {
    let mut rest = url;
    let mut scheme = "";
    while let Some((before, after)) = rest.split_once("://")
        && before.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    {
        let known = SCHEMES.iter().find(|known| before.eq_ignore_ascii_case(known))?;
        (scheme, rest) = (known, after);
    }
    if rest.starts_with(['/', '\\']) {
        // The parser would forgive it and take the path for a host.
        return None;
    }
    let scheme = if scheme == "http" { "http" } else { "https" };
    let url = url::Url::parse(&format!("{scheme}://{rest}")).ok()?;
    let host = url.host_str().filter(|host| !host.is_empty())?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_twitch_channels_and_the_rest_are_addresses() {
        for (text, expected) in [
            ("SomeChannel", Some(("https://www.twitch.tv/somechannel", "SomeChannel"))),
            ("@some_channel", Some(("https://www.twitch.tv/some_channel", "some_channel"))),
            ("twitch.tv/abc", Some(("https://twitch.tv/abc", "abc"))),
            (
                "https://u:pw@h.test:8443/live/x.m3u8?token=1",
                Some(("https://u:pw@h.test:8443/live/x.m3u8?token=1", "h.test:8443")),
            ),
            ("hls://https://h.test/x.m3u8", Some(("hls://https://h.test/x.m3u8", "h.test"))),
            ("https://h.test/", Some(("https://h.test/", "h.test"))),
            ("httpstream://HTTPS://h.test/x", Some(("httpstream://HTTPS://h.test/x", "x"))),
            ("hls://h.test/x.m3u8", Some(("hls://h.test/x.m3u8", "h.test"))),
            ("file:///etc/passwd", None),
            ("httpstream://file:///etc/passwd", None),
            ("hls://FILE:///etc/passwd", None),
            ("hls:///etc/passwd", None),
            ("hls://https://", None),
            ("http://", None),
            ("http://[::1", None),
            ("ftp://h.test/x", None),
            ("", None),
            ("two words", None),
            ("a-name-with-dashes", None),
        ] {
            let read = stream_address(text).ok();
            assert_eq!(read.as_ref().map(|(u, n)| (u.as_str(), n.as_str())), expected, "{text}");
        }
    }

    #[test]
    fn a_refusal_shows_no_password() {
        for text in ["https://u:pa ss@h.test/x", "u:p@two words"] {
            let error = stream_address(text).expect_err(text).to_string();
            assert!(!error.contains("pa ss") && !error.contains("u:p"), "{error}");
        }
        let error = stream_address("two words").expect_err("no address").to_string();
        assert!(error.contains("'two words'"), "{error}");
    }
}
