//! A live HLS origin: a playlist whose window slides in real time over numbered, real MPEG-TS segments. Channels are
//! independent (`/c/NAME/live.m3u8`), each with its own clock; the unnamed one starts with the origin. Segments stay
//! fetchable for one segment and one window after they leave the playlist, as RFC 8216, 6.2.2 asks.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::Result;

use crate::clock::Clock;
use crate::{Asked, Ca, HttpServer, Media, Reply};

/// How long a segment can be fetched after it left the playlist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retention {
    /// For its own duration and that of the playlist.
    #[default]
    Rfc8216,
    /// Not at all: 404 at once.
    None,
    /// For good.
    Forever,
}

/// How an origin is set up.
#[derive(Clone, Debug)]
pub struct OriginOptions {
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// What it plays; a channel ends with EXT-X-ENDLIST when this is used up.
    pub media: Media,
    /// Segments in the playlist.
    pub window: usize,
    /// The source segment at the head of the first window.
    pub start_offset: usize,
    /// TLS with a leaf of the shared test CA.
    pub tls: bool,
    /// What happens to segments that left the playlist.
    pub retention: Retention,
}

impl OriginOptions {
    /// Over TLS, 8 segments in the window, from the start of `media`.
    pub fn new(media: Media) -> Self {
        Self {
            listen: ([127, 0, 0, 1], 0).into(),
            media,
            window: 8,
            start_offset: 0,
            tls: true,
            retention: Retention::Rfc8216,
        }
    }

    /// With so many segments in the window.
    pub fn window(mut self, segments: usize) -> Self {
        self.window = segments;
        self
    }

    /// Without TLS.
    pub fn plain(mut self) -> Self {
        self.tls = false;
        self
    }
}

/// A running origin. Its server's faults, logs and address are those of [`HttpServer`], which it derefs to.
pub struct Origin {
    server: HttpServer,
    stage: Arc<Stage>,
}

struct Stage {
    options: OriginOptions,
    channels: Mutex<HashMap<String, Channel>>,
}

/// One channel's clock and what was done to it.
#[derive(Clone, Debug)]
struct Channel {
    clock: Clock,
    /// Set when the channel has ended: the edge where it stopped.
    ended: Option<usize>,
    /// A status instead of the playlist.
    gone: Option<u16>,
    /// Source numbers of segments that carry a discontinuity tag.
    breaks: Vec<usize>,
    /// From this source number on, media sequence numbers count from 0 again.
    renumbered: Option<usize>,
}

impl Origin {
    /// Starts it; the unnamed channel is live from now.
    pub async fn start(options: OriginOptions) -> Result<Self> {
        let tls = if options.tls { Some(Ca::shared()?.server_config(&[])?) } else { None };
        let listen = options.listen;
        let stage = Arc::new(Stage { options, channels: Mutex::default() });
        drop(stage.channel(""));
        let playing = Arc::clone(&stage);
        let server = HttpServer::start(listen, tls, move |asked| playing.answer(asked)).await?;
        Ok(Self { server, stage })
    }

    /// The address of the unnamed channel's playlist under a host name: `localhost`, or one that proxies map.
    pub fn url(&self, host: &str) -> String {
        format!("{}/live.m3u8", self.server.base_url(host))
    }

    /// The address of a named channel's playlist. The channel goes live with the first request for it.
    pub fn channel_url(&self, host: &str, channel: &str) -> String {
        format!("{}/c/{channel}/live.m3u8", self.server.base_url(host))
    }

    /// What it plays.
    pub fn media(&self) -> &Media {
        &self.stage.options.media
    }

    /// Starts a channel's clock anew (the unnamed one is `""`).
    pub fn restart(&self, channel: &str) {
        let options = &self.stage.options;
        self.stage.edit(channel, |c| *c = Channel::new(options));
    }

    /// Ends a channel properly: no further segments, EXT-X-ENDLIST.
    pub fn end(&self, channel: &str) {
        let options = &self.stage.options;
        self.stage.edit(channel, |c| c.ended = Some(c.edge(options)));
    }

    /// Answers a channel's playlists with this status (404, 410); `None` brings it back.
    pub fn set_gone(&self, channel: &str, status: Option<u16>) {
        self.stage.edit(channel, |c| c.gone = status);
    }

    /// Marks the next segment with EXT-X-DISCONTINUITY.
    pub fn discontinuity(&self, channel: &str) {
        let options = &self.stage.options;
        self.stage.edit(channel, |c| c.breaks.push(c.edge(options)));
    }

    /// Restarts the media sequence at 0 with the next segment, as an encoder that was restarted does.
    pub fn reset_sequence(&self, channel: &str) {
        let options = &self.stage.options;
        self.stage.edit(channel, |c| c.renumbered = Some(c.edge(options)));
    }

    /// The number of source segments a channel has published so far.
    pub fn edge(&self, channel: &str) -> usize {
        let options = &self.stage.options;
        self.stage.channel(channel).edge(options)
    }
}

impl Deref for Origin {
    type Target = HttpServer;

    fn deref(&self) -> &HttpServer {
        &self.server
    }
}

impl Channel {
    fn new(options: &OriginOptions) -> Self {
        Self {
            clock: Clock::new(options.media.segment_seconds()),
            ended: None,
            gone: None,
            breaks: Vec::new(),
            renumbered: None,
        }
    }

    /// One past the newest published source segment. The clock starts with a full window.
    fn edge(&self, options: &OriginOptions) -> usize {
        let edge = options.start_offset + options.window + self.clock.finished();
        edge.min(options.media.len()).min(self.ended.unwrap_or(usize::MAX))
    }

    fn first(&self, options: &OriginOptions) -> usize {
        let first = self.edge(options).saturating_sub(options.window);
        // After a renumbering the playlist holds new segments only, else it would hold numbers twice.
        match self.renumbered {
            Some(from) if self.edge(options) > from => first.max(from),
            _ => first,
        }
    }

    fn playlist(&self, options: &OriginOptions) -> String {
        let seconds = options.media.segment_seconds();
        let (first, edge) = (self.first(options), self.edge(options));
        let sequence = first - self.renumbered.filter(|from| first >= *from).unwrap_or(0);
        let discontinuities = self.breaks.iter().filter(|segment| **segment < first).count();
        let mut text = format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{seconds}\n");
        let _ = writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{sequence}");
        let _ = writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuities}");
        for number in first..edge {
            if self.breaks.contains(&number) {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            // Segment `start_offset + window` is finished, and so appears, one segment's time after the start.
            let offset = number as i64 - (options.start_offset + options.window) as i64;
            let at = self.clock.date(offset);
            let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{at}\n#EXTINF:{seconds}.000,\nseg/{number}.ts");
        }
        if self.ended.is_some() || edge == options.media.len() {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        text
    }

    fn serves(&self, options: &OriginOptions, number: usize) -> bool {
        let kept = match options.retention {
            Retention::Rfc8216 => options.window + 1,
            Retention::None => 0,
            Retention::Forever => usize::MAX,
        };
        number < self.edge(options)
            && number >= self.edge(options).saturating_sub(options.window).saturating_sub(kept)
    }
}

impl Stage {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Channel>> {
        self.channels.lock().expect("no holder of this lock panics")
    }

    fn channel(&self, name: &str) -> Channel {
        self.lock().entry(name.to_owned()).or_insert_with(|| Channel::new(&self.options)).clone()
    }

    fn edit(&self, name: &str, change: impl FnOnce(&mut Channel)) {
        change(self.lock().entry(name.to_owned()).or_insert_with(|| Channel::new(&self.options)));
    }

    fn answer(&self, asked: &Asked) -> Reply {
        const PLAYLIST: &str = "application/vnd.apple.mpegurl";
        let path = asked.path.trim_start_matches('/');
        let (name, rest) = match path.strip_prefix("c/").and_then(|rest| rest.split_once('/')) {
            Some((name, rest)) => (name, rest),
            None => ("", path),
        };
        let channel = self.channel(name);
        if rest == "master.m3u8" {
            return channel.gone.map_or_else(|| Reply::ok(PLAYLIST, MASTER), Reply::status);
        }
        let rest = VARIANTS.iter().find_map(|v| rest.strip_prefix(v)).unwrap_or(rest);
        if rest == "live.m3u8" {
            let playlist = || Reply::ok(PLAYLIST, channel.playlist(&self.options));
            return channel.gone.map_or_else(playlist, Reply::status);
        }
        let number = rest.strip_prefix("seg/").and_then(|rest| rest.strip_suffix(".ts")?.parse().ok());
        let segment = number
            .filter(|number| channel.serves(&self.options, *number))
            .and_then(|number| self.options.media.segment(number));
        segment.map_or_else(|| Reply::status(404), |bytes| Reply::ok("video/mp2t", bytes))
    }
}

const VARIANTS: [&str; 2] = ["1080p60/", "720p60/"];

/// The two variants carry the same pictures; which one was asked for is seen by its path in the log.
const MASTER: &str = "#EXTM3U
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"chunked\",NAME=\"1080p60\",AUTOSELECT=YES,DEFAULT=YES
#EXT-X-STREAM-INF:BANDWIDTH=8000000,RESOLUTION=1920x1080,FRAME-RATE=60.000,CODECS=\"avc1.64002A,mp4a.40.2\",VIDEO=\"chunked\"
1080p60/live.m3u8
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"720p60\",NAME=\"720p60\",AUTOSELECT=YES,DEFAULT=NO
#EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1280x720,FRAME-RATE=60.000,CODECS=\"avc1.4D401F,mp4a.40.2\",VIDEO=\"720p60\"
720p60/live.m3u8
";

impl Origin {
    /// The address of the unnamed channel's master playlist.
    pub fn master_url(&self, host: &str) -> String {
        format!("{}/master.m3u8", self.server.base_url(host))
    }

    /// Waits until a channel has published `count` source segments (time itself is the subject here).
    pub async fn edge_reaches(&self, channel: &str, count: usize) {
        while self.edge(channel) < count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
