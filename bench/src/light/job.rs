//! What the stand-in is told: by its arguments, and by the file that holds what is secret.

use anyhow::{Context, Result};
use url::Url;

/// One run.
pub(super) struct Job {
    /// The address of the playlist, without the `hls://` in front.
    pub(super) url: String,
    /// Its host and port, as CONNECT wants them.
    pub(super) authority: String,
    /// Its host.
    pub(super) host: String,
    /// Its path.
    pub(super) path: String,
    /// The proxy.
    pub(super) proxy: Url,
    /// Whether only an answer is wanted.
    pub(super) json: bool,
    /// `--hls-live-edge`: so many segments before the end it begins.
    pub(super) live_edge: u64,
}

impl Job {
    /// Reads the arguments and the file they name.
    pub(super) fn read(arguments: &[String]) -> Result<Self> {
        let file = arguments.iter().skip_while(|word| *word != "--config").nth(1).context("no --config")?;
        let config = std::fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
        let setting = |name: &str| {
            let line = config.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.with_context(|| format!("{file} has no {name}"))
        };
        let url = setting("url")?;
        let address = Url::parse(url.strip_prefix("hls://").unwrap_or(url))?;
        let host = address.host_str().context("an address without a host")?.to_owned();
        let port = address.port_or_known_default().context("an address without a port")?;
        let live_edge = arguments.iter().find_map(|word| word.strip_prefix("--hls-live-edge="));
        Ok(Self {
            url: address.to_string(),
            authority: format!("{host}:{port}"),
            path: address.path().to_owned(),
            host,
            proxy: Url::parse(setting("http-proxy")?)?,
            json: arguments.iter().any(|word| word == "--json"),
            live_edge: live_edge.map_or(Ok(3), str::parse)?,
        })
    }

    /// The path of a name that stands in the playlist.
    pub(super) fn beside(&self, name: &str) -> String {
        let (folder, _) = self.path.rsplit_once('/').unwrap_or_default();
        format!("{folder}/{name}")
    }
}
