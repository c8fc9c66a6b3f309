//! Keeping passwords and tokens out of everything a person or a log sees.

use holdfast_model::{Secret, mask_passwords};

/// The URL with `***` in place of a password before the host. Query strings are kept: they name the stream.
#[must_use]
pub fn mask_url(url: &str) -> String {
    mask_passwords(url).into_owned()
}

/// Masks lines of a child that was given a secret URL: the password itself goes, wherever it turns up, and so
/// does everything that looks like a password in a URL.
#[derive(Clone, Debug)]
pub(crate) struct Masker {
    secret: Option<Secret>,
}

impl Masker {
    /// For a child that was given this proxy URL.
    pub(crate) fn for_proxy(proxy: &Secret) -> Self {
        let password = url::Url::parse(proxy.expose()).ok().and_then(|u| u.password().map(Secret::new));
        Self { secret: password.filter(|p| p.expose().len() >= 4) }
    }

    pub(crate) fn mask(&self, line: &str) -> String {
        let masked = mask_passwords(line);
        match &self.secret {
            Some(secret) => masked.replace(secret.expose(), "***"),
            None => masked.into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_itself_goes_too() {
        let masker = Masker::for_proxy(&Secret::new("http://rec:tok123@127.0.0.1:9"));
        assert_eq!(masker.mask("auth rec tok123 to http://rec:tok123@h"), "auth rec *** to http://rec:***@h");
    }
}
