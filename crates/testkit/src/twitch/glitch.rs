//! What is wrong with one part of the pretended Twitch while the rest is fine. What is wrong with the whole server, or
//! with the way to it, are the faults of [`crate::HttpServer`] and of the proxies.

use super::answer::problem;
use super::playback::PLAYLIST_HOST;
use crate::upstream::matches;
use crate::{Asked, Reply};

/// A status instead of the answer, for some requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glitch {
    host: String,
    /// What the path contains.
    path: String,
    status: u16,
    /// How often still; `None` for good.
    times: Option<u32>,
}

impl Glitch {
    /// Everything a host is asked: `gql.twitch.tv`, `*.hls.ttvnw.net`.
    pub fn host(host: &str, status: u16) -> Self {
        Self { host: host.to_owned(), path: String::new(), status, times: None }
    }

    /// What a host is asked under paths that contain `path`: `/helix/users`.
    pub fn path(host: &str, path: &str, status: u16) -> Self {
        Self { path: path.to_owned(), ..Self::host(host, status) }
    }

    /// A channel's master playlist.
    pub fn master(login: &str, status: u16) -> Self {
        Self::path("usher.ttvnw.net", &format!("/hls/{}.m3u8", login.to_lowercase()), status)
    }

    /// The media playlists of a channel, in every quality: what a broadcast looks like whose playlist is away for a while.
    pub fn playlists(login: &str, status: u16) -> Self {
        Self::path(PLAYLIST_HOST, &format!("/{}/", login.to_lowercase()), status)
    }

    /// The media playlist of one quality of a channel: while resolving it is fetched once, so that a 502 makes this
    /// quality vanish from what Streamlink offers.
    pub fn variant(login: &str, variant: &str, status: u16) -> Self {
        let path = format!("/{}/{variant}.m3u8", login.to_lowercase());
        Self { path, ..Self::playlists(login, status) }
    }

    /// The segments of a channel, in every quality.
    pub fn segments(login: &str, status: u16) -> Self {
        Self::path("*.hls.ttvnw.net", &format!("/{}/", login.to_lowercase()), status)
    }

    /// The next so many requests only.
    pub fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    /// Whether it is the same but for the number of times.
    pub(super) fn same(&self, other: &Self) -> bool {
        (&self.host, &self.path, self.status) == (&other.host, &other.path, other.status)
    }

    fn concerns(&self, host: &str, asked: &Asked) -> bool {
        self.times != Some(0) && matches(&self.host, host, 443) && asked.path.contains(&self.path)
    }
}

/// The answer of the first glitch that concerns this request, which then has one time less.
pub(super) fn strike(glitches: &mut Vec<Glitch>, host: &str, asked: &Asked) -> Option<Reply> {
    let glitch = glitches.iter_mut().find(|glitch| glitch.concerns(host, asked))?;
    if let Some(times) = &mut glitch.times {
        *times -= 1;
    }
    let status = glitch.status;
    glitches.retain(|glitch| glitch.times != Some(0));
    let speaks_json = matches!(host, "api.twitch.tv" | "id.twitch.tv");
    Some(if speaks_json { problem(status, "") } else { Reply::status(status) })
}
