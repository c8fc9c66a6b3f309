//! What of our environment Streamlink sees. HTTPS_PROXY overrides `--http-proxy` (measured), a HOLDFAST_ variable
//! may hold passwords, and a `config.<plugin>` in the user's configuration overrides `--config` (measured): none of
//! them reaches it.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The child's whole environment, made from `ours`. `empty` is a directory with nothing in it.
pub(super) fn environment(
    ours: impl Iterator<Item = (OsString, OsString)>,
    empty: &Path,
) -> Vec<(OsString, OsString)> {
    let mut theirs: Vec<_> = ours.filter(|(name, _)| passes(name)).collect();
    for home in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
        theirs.push((home.into(), empty.into()));
    }
    // Streamlink asks requests for its certificates, we ask the platform: one setting must do for both.
    let has = |name: &str| theirs.iter().any(|(n, _)| n == OsStr::new(name));
    if !has("REQUESTS_CA_BUNDLE") {
        let bundle = theirs.iter().find(|(n, v)| n == OsStr::new("SSL_CERT_FILE") && !v.is_empty());
        if let Some(bundle) = bundle.map(|(_, v)| v.clone()) {
            theirs.push(("REQUESTS_CA_BUNDLE".into(), bundle));
        }
    }
    theirs.push(("PYTHONUNBUFFERED".into(), "1".into()));
    theirs.push(("PYTHONIOENCODING".into(), "utf-8:replace".into()));
    theirs
}

/// A variable that no program of ours is to see: it names a proxy, or may hold a password.
pub(crate) fn is_secret(name: &OsStr) -> bool {
    let upper = name.to_string_lossy().to_ascii_uppercase();
    upper.ends_with("_PROXY") || upper.starts_with("HOLDFAST_")
}

fn passes(name: &OsStr) -> bool {
    let upper = name.to_string_lossy().to_ascii_uppercase();
    let ours = ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"];
    !is_secret(name)
        && !upper.starts_with("PYTHONIOENCODING")
        && !upper.starts_with("PYTHONUNBUFFERED")
        && !ours.contains(&upper.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ours: &[(&str, &str)]) -> Vec<(String, String)> {
        let ours = ours.iter().map(|(n, v)| (OsString::from(n), OsString::from(v)));
        let theirs = environment(ours, Path::new("/empty"));
        theirs
            .into_iter()
            .map(|(n, v)| (n.into_string().expect("text"), v.into_string().expect("text")))
            .collect()
    }

    fn value<'a>(of: &'a [(String, String)], name: &str) -> Option<&'a str> {
        of.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    #[test]
    fn proxies_secrets_and_the_users_configuration_stay_outside() {
        let dirty = [
            ("PATH", "/bin"),
            ("HTTPS_PROXY", "http://x"),
            ("https_proxy", "http://x"),
            ("All_Proxy", "http://x"),
            ("no_proxy", "*"),
            ("HOLDFAST_PROXIES", "http://u:p@h"),
            ("XDG_CONFIG_HOME", "/home/u/.config"),
        ];
        let clean = of(&dirty);
        assert_eq!(value(&clean, "PATH"), Some("/bin"));
        assert_eq!(value(&clean, "XDG_CONFIG_HOME"), Some("/empty"));
        assert_eq!(value(&clean, "XDG_DATA_HOME"), Some("/empty"));
        assert_eq!(clean.iter().filter(|(n, _)| n == "XDG_CONFIG_HOME").count(), 1);
        for (name, _) in clean {
            assert!(!name.to_ascii_uppercase().contains("_PROX") && !name.contains("HOLDFAST"), "{name}");
        }
    }

    #[test]
    fn one_certificate_setting_serves_both() {
        assert_eq!(value(&of(&[("SSL_CERT_FILE", "/ca")]), "REQUESTS_CA_BUNDLE"), Some("/ca"));
        let own = of(&[("SSL_CERT_FILE", "/ca"), ("REQUESTS_CA_BUNDLE", "/other")]);
        assert_eq!(value(&own, "REQUESTS_CA_BUNDLE"), Some("/other"));
        assert_eq!(value(&of(&[]), "REQUESTS_CA_BUNDLE"), None);
    }
}
