//! What a person types for a stream: an address, or the bare name of a Twitch channel.

use crate::mask::mask_url;

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
}

/// The address that Streamlink is given (it may hold a password or a token), and the name to show, which holds none:
/// a bare word is a Twitch channel.
///
/// # Errors
/// [`AddressError`] if the text is neither.
pub fn stream_address(text: &str) -> Result<(String, String), AddressError> {
    let stream = text.trim();
    let word = stream.strip_prefix('@').unwrap_or(stream);
    let is_name =
        (1..=25).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_name {
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
    let shown = mask_url(&url);
    let path = shown.split(['?', '#']).next().unwrap_or(&shown).trim_end_matches('/');
    let last = path.rsplit('/').next().filter(|part| !part.is_empty() && !part.contains(".m3u8"));
    let host = path.split("://").last().and_then(|rest| rest.split('/').next());
    let shown = last.or(host).unwrap_or(path).to_owned();
    Ok((url, shown))
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
                Some(("https://u:pw@h.test:8443/live/x.m3u8?token=1", "u:***@h.test:8443")),
            ),
            ("hls://https://h.test/x.m3u8", Some(("hls://https://h.test/x.m3u8", "h.test"))),
            ("https://h.test/", Some(("https://h.test/", "h.test"))),
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
