//! What anyone on the machine can see of a recording's processes while it runs, and the secrets to look for in it.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Result, ensure};

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
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        // A child belongs to the thread that started it.
        let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        for children in children.collect::<Vec<_>>() {
            for child in children.split_whitespace().filter_map(|c| c.parse().ok()) {
                self.environments.insert(read(child, "environ"));
                self.look(child);
            }
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

    /// Whether there was a lease.
    pub(crate) fn any_token(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// No secret is in any of the texts, nor in what was seen.
    pub(crate) fn keeps_secrets(&self, passwords: &[String], texts: &[(&str, &str)]) -> Result<()> {
        let encoded = passwords.iter().map(|password| password.replace('%', "%25"));
        let passwords = passwords.iter().cloned().chain(encoded).map(|secret| ("a proxy's password", secret));
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

/// The password in `http-proxy=http://user:password@address`.
fn token(line: &str) -> Option<&str> {
    let (credentials, _) = line.strip_prefix("http-proxy=http://")?.rsplit_once('@')?;
    credentials.split_once(':').map(|(_, token)| token).filter(|token| !token.is_empty())
}

fn read(pid: u32, what: &str) -> String {
    let bytes = fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
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
    fn tokens_are_read_from_configurations() {
        assert_eq!(token("http-proxy=http://rec:t0ken@127.0.0.1:1"), Some("t0ken"));
        assert_eq!(token("url=http://rec:t0ken@127.0.0.1:1"), None);
    }
}
