//! Keeping passwords and tokens out of everything a person or a log sees.

use holdfast_model::{Secret, mask_passwords};

/// Names of query parameters that hold a secret contain one of these.
const SECRET_NAMES: [&str; 13] = [
    "token",
    "sig",
    "key",
    "auth",
    "secret",
    "pass",
    "pwd",
    "hash",
    "hmac",
    "session",
    "ticket",
    "jwt",
    "credential",
];
/// A value so long is more likely a signed token than the name of a stream.
const LONG: usize = 24;
/// Ends a URL in running text.
const DELIMITERS: [char; 10] = [' ', '\t', '\n', '"', '\'', '<', '>', '(', ')', ','];

/// The URL with `***` in place of a password before the host, and of what looks like a token in its query: a parameter
/// that is named like one, or has a very long value. The rest of the query is kept: it names the stream. Works on running
/// text with URLs in it as well.
#[must_use]
pub fn mask_url(text: &str) -> String {
    let text = mask_passwords(text);
    if !text.contains('?') && !text.contains('#') {
        return text.into_owned();
    }
    text.split_inclusive(DELIMITERS).map(mask_query).collect()
}

/// One word, with its delimiter. What has a scheme is a URL, and what begins with a slash the rest of one: HTTP clients tell
/// of their failures so ("Max retries exceeded with url: /a?token=…").
fn mask_query(word: &str) -> String {
    let begin = word.find("://").or_else(|| word.starts_with('/').then_some(0));
    let start = begin.and_then(|begin| Some(begin + word[begin..].find(['?', '#'])?));
    let Some(start) = start else { return word.to_owned() };
    let (address, query) = word.split_at(start);
    address
        .chars()
        .chain(
            query
                .split_inclusive(['?', '#', '&', ';'])
                .flat_map(|p| mask_pair(p).chars().collect::<Vec<_>>()),
        )
        .collect()
}

fn mask_pair(pair: &str) -> String {
    let Some((name, rest)) = pair.split_once('=') else { return pair.to_owned() };
    let end = rest.find(|c: char| DELIMITERS.contains(&c) || "?#&;".contains(c)).unwrap_or(rest.len());
    let (value, tail) = rest.split_at(end);
    let lower = name.to_ascii_lowercase();
    let secret = SECRET_NAMES.iter().any(|word| lower.contains(word)) || value.len() >= LONG;
    if secret && !value.is_empty() { format!("{name}=***{tail}") } else { pair.to_owned() }
}

/// Masks lines of a child that was given secrets: they go, wherever they turn up, and so does everything that looks
/// like a password in a URL.
#[derive(Clone, Debug)]
pub(crate) struct Masker {
    secrets: Vec<Secret>,
}

impl Masker {
    /// For a child that was given this proxy URL, and perhaps a token.
    pub(crate) fn new(proxy: &Secret, token: Option<&Secret>) -> Self {
        let password = url::Url::parse(proxy.expose()).ok().and_then(|u| u.password().map(Secret::new));
        // What is shorter is no secret, and would take half the log with it.
        let secrets = password.into_iter().chain(token.cloned()).filter(|secret| secret.expose().len() >= 4);
        Self { secrets: secrets.collect() }
    }

    pub(crate) fn mask(&self, line: &str) -> String {
        let masked = mask_url(line);
        self.secrets.iter().fold(masked, |line, secret| line.replace(secret.expose(), "***"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_in_queries_are_masked_and_names_are_not() {
        for (text, shown) in [
            ("https://h/x.m3u8?quality=best&channel=abc", "https://h/x.m3u8?quality=best&channel=abc"),
            ("https://u:p@h/x?token=abc&v=1#sig=q", "https://u:***@h/x?token=***&v=1#sig=***"),
            ("hls://https://h/x.m3u8?Policy-Key=abc;b=2", "hls://https://h/x.m3u8?Policy-Key=***;b=2"),
            ("https://h/x?a=0123456789012345678901234", "https://h/x?a=***"),
            (
                "Max retries exceeded with url: /api/v2/hls/x.m3u8?p=7&sig=abc&token=%7Bdef (Caused by x)",
                "Max retries exceeded with url: /api/v2/hls/x.m3u8?p=7&sig=***&token=*** (Caused by x)",
            ),
            (
                "403 for url: https://h/x?sig=abc (Caused by 'y?token=z')",
                "403 for url: https://h/x?sig=*** (Caused by 'y?token=z')",
            ),
            ("is it live? key=value", "is it live? key=value"),
            ("https://h/x?token=", "https://h/x?token="),
        ] {
            assert_eq!(mask_url(text), shown);
        }
    }

    #[test]
    fn the_token_itself_goes_too() {
        let proxy = Secret::new("http://rec:tok123@127.0.0.1:9");
        let masker = Masker::new(&proxy, Some(&Secret::new("oauth789")));
        assert_eq!(masker.mask("auth rec tok123 to http://rec:tok123@h"), "auth rec *** to http://rec:***@h");
        assert_eq!(masker.mask("[('Authorization', 'OAuth oauth789')]"), "[('Authorization', 'OAuth ***')]");
        assert_eq!(Masker::new(&proxy, Some(&Secret::new("a"))).mask("a word"), "a word");
    }
}
