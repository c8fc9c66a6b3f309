//! A pretended Twitch: one TLS server behind all the hosts that Streamlink's plugin and Twitch's API are spread over. It
//! is reached only through a proxy of this kit that takes those names to it ([`Twitch::map`]). What it plays is the kit's
//! real media, so that a recording of it can be judged frame by frame. What it says, what it plays and what it tells its
//! subscribers are set one by one, because on the real one they disagree too.

mod answer;
mod broadcast;
mod control;
mod controls;
mod eventsub;
mod glitch;
mod gql;
mod helix;
mod playback;
mod rate;
mod sign;
mod stage;
mod token;
mod usher;
mod world;

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use anyhow::{Result, ensure};

pub use control::{Control, description};
pub use eventsub::{Delivery, Forgery, Subscription, Topic};
pub use glitch::Glitch;

use crate::{Ca, HttpServer, Media, Options};
use stage::Stage;
use world::World;

/// The names that it answers for, as proxies map them.
pub const HOSTS: [&str; 2] = ["*.twitch.tv:443", "*.ttvnw.net:443"];

/// How a pretended Twitch is set up.
#[derive(Clone, Debug)]
pub struct TwitchOptions {
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// What every channel plays, from its beginning. A broadcast ends when this is used up.
    pub media: Media,
    /// Segments in a media playlist.
    pub window: usize,
    /// Segments in the first playlist of a broadcast; a whole window unless given. At least 1.
    pub opening: Option<usize>,
    /// How many segments at the end of the media are kept for advertisements and are never content. At least 1.
    pub ad_segments: usize,
    /// The only client id that is known.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

impl TwitchOptions {
    /// Windows of 8 segments, the last 10 segments kept for advertisements.
    pub fn new(media: Media) -> Self {
        Self {
            listen: ([127, 0, 0, 1], 0).into(),
            media,
            window: 8,
            opening: None,
            ad_segments: 10,
            client_id: "uo6dggojyb8d6soh92zknwmi5ej1q2".to_owned(),
            client_secret: "nyo51xcdrerl8z9m56w9w6wg3k8ab0".to_owned(),
        }
    }

    /// With so many segments in a media playlist.
    pub fn window(mut self, segments: usize) -> Self {
        self.window = segments;
        self
    }

    /// Broadcasts begin with so many segments in the playlist instead of a whole window.
    pub fn opening(mut self, segments: usize) -> Self {
        self.opening = Some(segments);
        self
    }
}

/// A running one. Its server's faults, logs and address are those of [`HttpServer`], which it derefs to; dropping it
/// resets everything.
pub struct Twitch {
    server: HttpServer,
    stage: Arc<Stage>,
}

impl Twitch {
    /// Starts it; nobody is there yet.
    ///
    /// # Errors
    /// If the media is too short for its windows, or the address cannot be bound.
    pub async fn start(options: TwitchOptions) -> Result<Self> {
        let opening = options.opening.unwrap_or(options.window);
        ensure!(
            options.ad_segments > 0 && opening > 0,
            "advertisements and openings have one segment at least"
        );
        let needed = options.ad_segments + opening.max(options.window);
        ensure!(options.media.len() > needed, "the media needs more than {needed} segments");
        let tls = Ca::shared()?.server_config(&[])?;
        let listen = options.listen;
        let stage = Arc::new(Stage::new(World::new(options)));
        let playing = Arc::clone(&stage);
        let server = HttpServer::start(listen, Some(tls), move |asked| playing.answer(asked)).await?;
        Ok(Self { server, stage })
    }

    /// The options of a proxy that leads to it.
    pub fn map(&self, options: Options) -> Options {
        HOSTS.into_iter().fold(options, |options, pattern| options.map(pattern, self.server.addr()))
    }
}

impl Deref for Twitch {
    type Target = HttpServer;

    fn deref(&self) -> &HttpServer {
        &self.server
    }
}
