//! A scene: a live origin, a target for health checks, and some proxies that lead to both.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use holdfast_testkit::{
    Ca, CheckTarget, HttpServer, Kind, Media, Options, Origin, OriginOptions, ProxyProcess, Reply, Twitch,
    TwitchOptions,
};
use tempfile::TempDir;

use crate::log::PATIENCE;
use crate::recording::{RecordOptions, Recording};
use crate::server::eventually;

/// The name under which the origin is known; only the proxies can resolve it.
pub const HOST: &str = "live.test";

/// What a scene is made of.
#[derive(Clone, Debug)]
pub struct SceneOptions {
    /// Segments in the playlist.
    pub window: usize,
    /// One proxy each, in order of priority.
    pub kinds: Vec<Kind>,
    /// Play time of the source, in seconds.
    pub media_seconds: u32,
    /// Bitrate of its video in kbit/s, where that matters.
    pub video_kbit: Option<u32>,
    /// Bandwidth of each proxy, as a multiple of the stream's bitrate.
    pub capacity: Option<f64>,
    /// With a pretended Twitch behind the proxies, which then is the target of health checks as well.
    pub twitch: bool,
}

impl Default for SceneOptions {
    fn default() -> Self {
        let kinds = vec![Kind::Http; 3];
        Self { window: 8, kinds, media_seconds: 120, video_kbit: None, capacity: None, twitch: false }
    }
}

/// What the pages `https://page.test/` and `http://plain.test/` say.
pub const GREETING: &str = "hello through the gateway";

fn greeting() -> Reply {
    Reply::ok("text/html", format!("<!doctype html><title>page</title><p id=\"said\">{GREETING}</p>"))
}

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A running scene.
pub struct Scene {
    /// The live stream.
    pub origin: Origin,
    /// The pretended Twitch.
    pub twitch: Option<Twitch>,
    /// What health checks ask.
    pub target: CheckTarget,
    /// The proxies, in order of priority.
    pub proxies: Vec<ProxyProcess>,
    pub(crate) dir: TempDir,
    pub(crate) passwords: Vec<String>,
    _pages: [HttpServer; 2],
}

impl Scene {
    /// Starts everything.
    ///
    /// # Errors
    /// If a piece does not start.
    pub async fn start(options: SceneOptions) -> Result<Self> {
        let media = match options.video_kbit {
            Some(kbit) => Media::with_bitrate(options.media_seconds, kbit).await?,
            None => Media::ready(options.media_seconds).await?,
        };
        let rate = media.bytes_per_second();
        let twitch = match options.twitch {
            true => {
                let twitch = TwitchOptions::new(media.clone()).window(options.window);
                Some(Twitch::start(twitch).await?)
            }
            false => None,
        };
        let origin = Origin::start(OriginOptions::new(media).window(options.window)).await?;
        let target = CheckTarget::start(200, true).await?;
        let page =
            HttpServer::start(loopback(), Some(Ca::shared()?.server_config(&["page.test"])?), |_| greeting())
                .await?;
        let plain = HttpServer::start(loopback(), None, |_| greeting()).await?;
        let (mut proxies, mut passwords) = (Vec::new(), Vec::new());
        for (index, kind) in options.kinds.into_iter().enumerate() {
            let password = format!("s3cret%{:08x}", rand::random::<u32>());
            let named = Options::default().credentials(&format!("user{index}"), &password);
            // The first name that fits counts.
            let named = twitch.as_ref().map_or(named.clone(), |twitch| twitch.map(named));
            let mut settings = named
                .map(&format!("{HOST}:443"), origin.addr())
                .map("plain.test:80", plain.addr())
                .map("page.test:443", page.addr())
                .map("id.twitch.tv:443", target.addr());
            if let Some(factor) = options.capacity {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "a rate"
                )]
                let bandwidth = (rate as f64 * factor) as u64;
                settings = settings.bandwidth(bandwidth);
            }
            proxies.push(ProxyProcess::start(kind, settings).await?);
            passwords.push(password);
        }
        Ok(Self {
            origin,
            twitch,
            target,
            proxies,
            dir: tempfile::tempdir()?,
            passwords,
            _pages: [page, plain],
        })
    }

    /// A list of its proxies for `--proxy-file`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn proxy_file(&self) -> Result<PathBuf> {
        let lines: Vec<_> =
            self.proxies.iter().enumerate().map(|(i, p)| format!("{} priority={i}", p.url())).collect();
        let path = self.dir.path().join("proxies.txt");
        std::fs::write(&path, lines.join("\n"))?;
        Ok(path)
    }

    /// The passwords of its proxies.
    pub fn passwords(&self) -> &[String] {
        &self.passwords
    }

    /// Connections that reached the origin or the check target, but not through a proxy.
    pub fn direct_connections(&self) -> Vec<SocketAddr> {
        let sources: Vec<_> = self.proxies.iter().map(|p| p as _).collect();
        let mut direct = self.origin.accepts_not_from(&sources);
        direct.extend(self.target.accepts_not_from(&sources));
        direct.extend(self.twitch.iter().flat_map(|twitch| twitch.accepts_not_from(&sources)));
        direct
    }

    /// Starts `holdfast record` for so long, never direct.
    ///
    /// # Errors
    /// If it does not start.
    pub fn record(&self, name: &str, duration: Duration) -> Result<Recording> {
        self.record_with(name, duration, RecordOptions::default())
    }

    /// Starts `holdfast record` for so long, as the options say.
    ///
    /// # Errors
    /// If it does not start.
    pub fn record_with(&self, name: &str, duration: Duration, options: RecordOptions) -> Result<Recording> {
        Recording::start(self, name, duration, options)
    }

    /// The proxy that carries the recording: waits until one of those that run has brought a second of it.
    ///
    /// # Errors
    /// If none does.
    pub async fn carrier(&mut self) -> Result<usize> {
        let second = self.origin.media().bytes_per_second();
        let before = self.carried().await?;
        eventually("a proxy carries the recording", PATIENCE, async || {
            let now = self.carried().await?;
            let since = now.iter().zip(&before).map(|(now, before)| now.saturating_sub(*before));
            let (bytes, index) = since.zip(0..).max().context("there are proxies")?;
            Ok((bytes > second).then_some(index))
        })
        .await
    }

    /// What each proxy that runs has brought so far.
    async fn carried(&mut self) -> Result<Vec<u64>> {
        let mut all = Vec::new();
        for proxy in &mut self.proxies {
            let running = proxy.pid().is_some();
            all.push(if running { proxy.stats().await?.bytes_down } else { 0 });
        }
        Ok(all)
    }

    /// Waits until the live edge has moved on by so many segments (2 s each).
    pub async fn segments(&self, count: usize) {
        let edge = self.origin.edge("live");
        self.origin.edge_reaches("live", edge + count).await;
    }
}
