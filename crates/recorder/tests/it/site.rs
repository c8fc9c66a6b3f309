//! A site whose channel goes off the air and comes back, as often as a test wants: with numbers that go on or begin anew,
//! under the same address or another. Each broadcast plays on in the source where the one before it stopped, so that a
//! recording of them all is whole if nothing of any is missing.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use holdfast_testkit::{Asked, Ca, HttpServer, Media, Reply};

/// Segments of 2 s in the playlist.
const WINDOW: usize = 10;
const PLAYLIST: &str = "application/vnd.apple.mpegurl";

/// One stretch of being live.
#[derive(Clone, Debug)]
struct Broadcast {
    /// Its place in every address.
    name: usize,
    since: Instant,
    /// The source segment it begins with, and that one's number.
    source: usize,
    number: usize,
    /// How many segments it had, once it has ended.
    ended: Option<usize>,
    /// Nothing of it can be had.
    gone: bool,
}

impl Broadcast {
    /// How many segments it has had so far: the first at once.
    fn published(&self) -> usize {
        self.ended.unwrap_or(1 + usize::try_from(self.since.elapsed().as_secs() / 2).expect("few"))
    }

    fn playlist(&self) -> String {
        let published = self.published();
        let first = published.saturating_sub(WINDOW);
        let mut text =
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{}\n", self.number + first);
        for segment in first..published {
            let _ = writeln!(text, "#EXTINF:2.000,\n/{}/{}.ts", self.name, self.source + segment);
        }
        if self.ended.is_some() {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        text
    }
}

/// The site. Over TLS; its certificate is of the test CA.
pub(crate) struct Site {
    pub(crate) server: HttpServer,
    pub(crate) media: Media,
    now: Arc<Mutex<Broadcast>>,
}

impl Site {
    /// On the air, with this number first.
    pub(crate) async fn start(number: usize) -> Self {
        let media = Media::ready(120).await.expect("media");
        // Enough that a Streamlink begins in the middle of it.
        let since = Instant::now() - Duration::from_secs(16);
        let now = Broadcast { name: 0, since, source: 0, number, ended: None, gone: false };
        let now = Arc::new(Mutex::new(now));
        let tls = Ca::shared().and_then(|ca| ca.server_config(&[])).expect("a certificate");
        let (playing, source) = (Arc::clone(&now), media.clone());
        let answer = move |asked: &Asked| answer(&playing.lock().expect("unpoisoned"), &source, asked);
        let server =
            HttpServer::start(([127, 0, 0, 1], 0).into(), Some(tls), answer).await.expect("a server");
        Self { server, media, now }
    }

    /// The address of the playlist, whichever broadcast it is of.
    pub(crate) fn playlist(&self) -> String {
        format!("{}/live.m3u8", self.server.base_url("live.test"))
    }

    /// The address of a page: it names a playlist whose address changes with each broadcast.
    pub(crate) fn page(&self) -> String {
        format!("{}/master.m3u8", self.server.base_url("live.test"))
    }

    /// Off the air: the playlist says that it has ended. Answers with the last source segment.
    pub(crate) fn end(&self) -> usize {
        let mut now = self.lock();
        now.ended = Some(now.published());
        now.source + now.published() - 1
    }

    /// Off the air, and nothing is to be had. Answers as above.
    pub(crate) fn vanish(&self) -> usize {
        let last = self.end();
        self.lock().gone = true;
        last
    }

    /// On the air again, with the next source segment and this number.
    pub(crate) fn comes_back(&self, number: usize) {
        let mut now = self.lock();
        let source = now.source + now.published();
        *now =
            Broadcast { name: now.name + 1, since: Instant::now(), source, number, ended: None, gone: false };
    }

    fn lock(&self) -> MutexGuard<'_, Broadcast> {
        self.now.lock().expect("unpoisoned")
    }
}

fn answer(now: &Broadcast, media: &Media, asked: &Asked) -> Reply {
    let path = asked.path.trim_start_matches('/');
    let of_now = path.split_once('/').filter(|(name, _)| *name == now.name.to_string()).map(|(_, rest)| rest);
    match (path, of_now) {
        _ if now.gone => Reply::status(404),
        ("live.m3u8", _) | (_, Some("live.m3u8")) => Reply::ok(PLAYLIST, now.playlist()),
        ("master.m3u8", _) => {
            let variant =
                "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=8000000,RESOLUTION=1280x720,FRAME-RATE=60.000";
            Reply::ok(PLAYLIST, format!("{variant}\n{}/live.m3u8\n", now.name))
        }
        (_, Some(segment)) => {
            let number = segment.strip_suffix(".ts").and_then(|number| number.parse().ok());
            let published = number.filter(|number| *number < now.source + now.published());
            let bytes = published.and_then(|number| media.segment(number));
            bytes.map_or_else(|| Reply::status(404), |bytes| Reply::ok("video/mp2t", bytes))
        }
        _ => Reply::status(404),
    }
}
