//! What anyone on the machine can see of a recording's processes while it runs, and the secrets to look for in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything seen so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Distinct command lines of the process and of all below it.
    arguments: BTreeSet<String>,
    /// Distinct environments of those below it.
    environments: BTreeSet<String>,
    /// The passwords of the leases that Streamlink was given.
    tokens: BTreeSet<String>,
}

impl Seen {
    /// Looks at a process and all below it.
    pub(crate) fn look(&mut self, pid: u32) {
        self.note_arguments(&read(pid, "cmdline"));
        let own = exe(pid);
        for child in Self::below(pid) {
            // Between fork and exec it is still a copy of its parent, environment and all.
            if exe(child) == own {
                continue;
            }
            let arguments = read(child, "cmdline");
            self.environments.insert(format!("{arguments}\n{}", read(child, "environ")));
            self.note_arguments(&arguments);
        }
    }

    fn note_arguments(&mut self, arguments: &str) {
        if !self.arguments.insert(arguments.to_owned()) && !self.tokens.is_empty() {
            return;
        }
        let config = arguments.split('\0').skip_while(|word| *word != "--config").nth(1);
        let config = config.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        self.tokens.extend(config.lines().filter_map(token).map(str::to_owned));
    }

    /// The processes below one (a child belongs to the thread that started it), itself not included.
    pub(crate) fn below(pid: u32) -> Vec<u32> {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let children: Vec<u32> = children
            .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
            .collect();
        children.iter().flat_map(|&child| [vec![child], Self::below(child)].concat()).collect()
    }

    /// Whether there was a lease.
    pub(crate) fn any_token(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// No secret is in any of the texts, nor in what was seen.
    pub(crate) fn keeps_secrets(&self, passwords: &[String], texts: &[(&str, &str)]) -> Result<()> {
        let passwords = passwords.iter().flat_map(|password| disguises(password));
        let passwords = passwords.map(|secret| ("a proxy's password", secret));
        let tokens = self.tokens.iter().cloned().map(|secret| ("a lease's token", secret));
        let arguments = self.arguments.iter().map(|text| ("an argument", text.as_str()));
        let environments = self.environments.iter().map(|text| ("an environment", text.as_str()));
        let places: Vec<_> = texts.iter().copied().chain(arguments).chain(environments).collect();
        for (what, secret) in passwords.chain(tokens) {
            for (place, said) in &places {
                ensure!(!said.contains(&secret), "{what} ({secret}) is in {place}:\n{said}");
            }
        }
        Ok(())
    }
}

/// A secret, and what it looks like in a URL, in a header, in a dump of a database.
pub(crate) fn disguises(secret: &str) -> Vec<String> {
    let url = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let hex = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![secret.to_owned(), secret.replace('%', "%25"), url, hex];
    // In base64 a text looks different behind 0, 1 and 2 bytes; what its neighbours decide too is left out at both ends.
    for before in 0..3 {
        let whole = BASE64_STANDARD_NO_PAD.encode([&vec![0; before], secret.as_bytes()].concat());
        let end = (before + secret.len()) * 8 / 6;
        all.extend(whole.get((before * 8).div_ceil(6)..end).map(str::to_owned));
    }
    all
}

/// The password in `http-proxy=http://user:password@address`.
fn token(line: &str) -> Option<&str> {
    let (credentials, _) = line.strip_prefix("http-proxy=http://")?.rsplit_once('@')?;
    credentials.split_once(':').map(|(_, token)| token).filter(|token| !token.is_empty())
}

fn exe(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

fn read(pid: u32, what: &str) -> String {
    let bytes = fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn seen(arguments: &str, environment: &str) -> Seen {
        Seen {
            arguments: [arguments.to_owned(), "later".to_owned()].into(),
            environments: [environment.to_owned()].into(),
            tokens: ["t0ken".to_owned()].into(),
        }
    }

    #[test]
    fn a_secret_is_found_wherever_it_is() {
        let passwords = ["s3cret%1".to_owned()];
        let good = seen("streamlink --config f", "TZ=UTC");
        assert!(good.keeps_secrets(&passwords, &[("the log", "rec:***@a")]).is_ok());
        assert!(good.keeps_secrets(&passwords, &[("the log", "rec:t0ken@a")]).is_err());
        for secret in ["s3cret%1", "s3cret%251", "t0ken"] {
            assert!(seen(secret, "").keeps_secrets(&passwords, &[]).is_err(), "{secret} in an argument");
            assert!(seen("", secret).keeps_secrets(&passwords, &[]).is_err(), "{secret} in an environment");
        }
    }

    #[test]
    fn a_disguised_secret_is_found() {
        let secret = "s3cret%12ab";
        for before in ["", "u", "us", "use", "user:"] {
            let header = BASE64_STANDARD.encode(format!("{before}{secret}, and more"));
            let found = disguises(secret).iter().any(|form| form.len() > 8 && header.contains(form));
            assert!(found, "behind {before:?}");
        }
        assert!(disguises(secret).contains(&"s3cret%2512ab".to_owned()));
        assert!(disguises("p@ss").contains(&"p%40ss".to_owned()));
        assert!(disguises(secret).contains(&"7333637265742531326162".to_owned()));
    }

    #[test]
    fn tokens_are_read_from_configurations() {
        assert_eq!(token("http-proxy=http://rec:t0ken@127.0.0.1:1"), Some("t0ken"));
        assert_eq!(token("url=http://rec:t0ken@127.0.0.1:1"), None);
    }
}
