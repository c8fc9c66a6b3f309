//! Names of channels, as Twitch allows them.

/// Longer ones do not exist.
const MAX_LOGIN: usize = 25;

/// Whether this can be the name of a channel: 1 to 25 of the letters a to z, digits and underscores, in any case. One
/// that cannot makes Twitch refuse the other names of a request.
#[must_use]
pub fn is_twitch_login(text: &str) -> bool {
    (1..=MAX_LOGIN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_twitch_gives_out() {
        for good in ["a", "Cool_User", "0123456789012345678901234"] {
            assert!(is_twitch_login(good), "{good}");
        }
        for bad in ["", "a b", "a&user_login=b", "ä", "01234567890123456789012345", "a/b"] {
            assert!(!is_twitch_login(bad), "{bad}");
        }
    }
}
