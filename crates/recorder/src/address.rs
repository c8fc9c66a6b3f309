//! What a person types for a stream: an address, or the bare name of a Twitch channel. Each stream has one way in which
//! it is written here, so that none is recorded twice; `twitch.rs` knows the many spellings of a channel there.

mod twitch;
mod web;

use holdfast_model::is_twitch_login;

use crate::mask::mask_url;
use web::Web;

pub use twitch::Twitch;

/// A stream, as it is written whatever was typed for it.
pub struct StreamAddress {
    /// What Streamlink is given. It may hold a password or a token.
    pub url: String,
    /// What to show. It holds neither.
    pub name: String,
    /// What it is on Twitch; `None` for other sites.
    pub twitch: Option<Twitch>,
}

/// Why a text names no stream. Shows no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither an address nor a name.
    #[error(
        "'{0}' is neither an address nor the name of a Twitch channel: give the name alone, such as xqc, or a whole address, such as https://www.twitch.tv/xqc"
    )]
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
    /// Something on Twitch that is no stream.
    #[error(
        "{what}: give the name of a channel alone, such as {channel}, or https://www.twitch.tv/{channel}"
    )]
    Twitch {
        /// What is wrong with it.
        what: &'static str,
        /// The channel that was probably meant, or an example.
        channel: String,
    },
}

/// The stream that a text names: a bare word is a Twitch channel.
///
/// # Errors
/// [`AddressError`] if it names none.
pub fn stream_address(text: &str) -> Result<StreamAddress, AddressError> {
    let stream = text.trim();
    let word = stream.strip_prefix('@').unwrap_or(stream);
    if is_twitch_login(word) {
        return twitch::channel(word);
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
    let web = Web::read(stream).ok_or(AddressError::NotWeb)?;
    if let Some(found) = twitch::read(&web) {
        return found;
    }
    let url = web.written();
    Ok(StreamAddress { name: shown(&url, &web), url, twitch: None })
}

/// Host and port of an address of the web, behind any of Streamlink's prefixes; `None` for everything else.
#[must_use]
pub fn site_of(url: &str) -> Option<String> {
    Web::read(url).map(|web| web.place())
}

/// The last part of the path, or host and port where that says nothing.
fn shown(url: &str, web: &Web<'_>) -> String {
    let shown = mask_url(url);
    let path = shown.split(['?', '#']).next().unwrap_or(&shown).trim_end_matches('/');
    let last = path.rsplit('/').next().filter(|part| !part.is_empty() && !part.contains(".m3u8"));
    // A path of nothing but the host, user and password included, is not shown as a name.
    let last = last.filter(|part| !path.ends_with(&format!("://{part}")));
    last.map_or_else(|| web.place(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_twitch_channels_and_the_rest_are_addresses() {
        for (text, expected) in [
            ("SomeChannel", Some(("https://www.twitch.tv/somechannel", "SomeChannel"))),
            ("@some_channel", Some(("https://www.twitch.tv/some_channel", "some_channel"))),
            ("twitch.tv/Abc", Some(("https://www.twitch.tv/abc", "Abc"))),
            (
                "https://u:pw@h.test:8443/live/x.m3u8?token=1",
                Some(("https://u:pw@h.test:8443/live/x.m3u8?token=1", "h.test:8443")),
            ),
            ("hls://https://h.test/x.m3u8", Some(("hls://https://h.test/x.m3u8", "h.test"))),
            ("https://h.test/", Some(("https://h.test/", "h.test"))),
            ("httpstream://HTTPS://h.test/x", Some(("httpstream://https://h.test/x", "x"))),
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
            assert_eq!(read.as_ref().map(|r| (r.url.as_str(), r.name.as_str())), expected, "{text}");
        }
    }

    #[test]
    fn a_refusal_shows_no_password() {
        for text in ["https://u:pa ss@h.test/x", "u:p@two words"] {
            let error = stream_address(text).err().expect(text).to_string();
            assert!(!error.contains("pa ss") && !error.contains("u:p"), "{error}");
        }
        let error = stream_address("two words").err().expect("no address").to_string();
        assert!(error.contains("'two words'"), "{error}");
    }
}
