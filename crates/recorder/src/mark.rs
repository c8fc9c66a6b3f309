//! Where a recording stands, so that another process can go on with it after this one was killed.
//!
//! A mark counts only what is in the file. Streamlink says that a segment is complete when it is in its own buffer, so a
//! mark is made a moment later, when no byte has come for a while; it says how long the part was then. What came between
//! the last mark that was kept and the end is read from the part itself ([`Mark::checked`]), and should the part be
//! shorter than the mark says (the power failed), the mark is taken back as far.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_model::{Chapter, Gap};
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::join::span::play_time_after;
use crate::ledger::ASSUMED_DURATION;
use crate::part::Format;
use crate::streamlink::segment_duration;

/// Where a recording stands in the site's numbering. Kept by a server (it is JSON without secrets) and given back in
/// [`crate::RecordRequest::resume`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Every number below this one is in the file, or in `gaps`; this one is expected next.
    pub next: u64,
    /// When the last of them arrived.
    pub at: DateTime<Utc>,
    /// The usual duration of a segment, in seconds.
    pub usual: f64,
    /// Play time recorded so far, in seconds, earlier runs included.
    pub media: f64,
    /// The quality that later parts ask for first ("1080p60").
    pub quality: Option<String>,
    /// Parts that show what the one before shows, in another quality ([`crate::About::aligned`]).
    #[serde(default)]
    pub aligned: Vec<PathBuf>,
    /// The part that was written when the mark was made …
    pub part: PathBuf,
    /// … and how long it was, in bytes: all that the mark counts lies before that.
    pub bytes: u64,
    /// What is missing before `next`.
    #[serde(with = "rows")]
    pub gaps: Vec<Gap>,
    /// How much was cut out before the first segment of all, in seconds: the file begins after that.
    #[serde(default)]
    pub before_content: f64,
    /// What the broadcast was called so far.
    #[serde(default)]
    pub chapters: Vec<Chapter>,
    /// The stream was over, and nothing has come since: it is waited for.
    #[serde(default)]
    pub over: Option<Over>,
}

/// How a stream was over that may come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    /// Since when.
    pub since: DateTime<Utc>,
    /// How that is known, in words.
    pub reason: String,
    /// The playlist itself said so: what it numbers after that was not broadcast before it came back.
    pub ended: bool,
    /// It was seen to be gone: that the page offers something is news.
    pub gone: bool,
}

impl Mark {
    /// The mark as the parts show it. Reads the end of the part that it names; blocking.
    pub(crate) fn checked(mut self, parts: &[PathBuf]) -> Self {
        // It comes from a database, where an earlier version or a person may have left any number.
        if segment_duration(self.usual) <= 0.0 {
            self.usual = ASSUMED_DURATION;
        }
        self.media = self.media.max(0.0);
        let Some(part) = parts.iter().find(|part| part.file_name() == self.part.file_name()) else {
            return self;
        };
        let length = part.metadata().map_or(0, |meta| meta.len());
        if length < self.bytes {
            return self.taken_back(length, parts);
        }
        match play_time_after(part, self.bytes) {
            Ok(seconds) if Format::of(part).is_ok_and(|format| format == Format::Ts) => {
                self.advanced(seconds)
            }
            _ => self,
        }
    }

    /// So much more is in the part than was counted: whole segments of it are taken in.
    fn advanced(mut self, seconds: f64) -> Self {
        // A hundredth of a second for clocks that do not divide evenly; a frame lasts longer.
        let whole = ((seconds + 0.01) / self.usual.max(0.1)).floor().clamp(0.0, 1000.0);
        let time = whole * self.usual;
        self.next = self.next.saturating_add(whole as u64);
        self.media += time;
        let at = self.at.checked_add_signed(milliseconds(time)).unwrap_or(self.at);
        self.at = at.min(Utc::now().max(self.at));
        self
    }

    /// The part lost its end: the segments that were in it count as due again.
    fn taken_back(mut self, length: u64, parts: &[PathBuf]) -> Self {
        let others = parts.iter().filter(|part| part.file_name() != self.part.file_name());
        let others: u64 = others.filter_map(|part| Some(part.metadata().ok()?.len())).sum();
        let a_second = others.saturating_add(self.bytes) as f64 / self.media.max(0.1);
        let gone = (self.bytes - length) as f64 / a_second.max(1.0);
        // Segments differ in size: one more than it seems.
        let segments = ((gone / self.usual.max(0.1)).ceil() + 1.0).min(self.next as f64);
        let time = segments * self.usual;
        info!(segments, "the last part is shorter than it was: its end counts as missing");
        self.next = self.next.saturating_sub(segments as u64);
        self.media = (self.media - time).max(0.0);
        self.at = self.at.checked_sub_signed(milliseconds(time)).unwrap_or(self.at);
        self
    }
}

fn milliseconds(seconds: f64) -> TimeDelta {
    TimeDelta::milliseconds((seconds * 1000.0) as i64)
}

/// Gaps as they are kept: the model only knows how to show them.
mod rows {
    use chrono::{DateTime, Utc};
    use holdfast_model::{Gap, GapCause, MaskedUrl, ProxyId, Via};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Row {
        at: DateTime<Utc>,
        segments: u64,
        seconds: f64,
        #[serde(with = "Cause")]
        cause: GapCause,
        /// `None`: no route was in use. Without a proxy: direct.
        via: Option<Way>,
        estimated: bool,
    }

    #[derive(Serialize, Deserialize)]
    struct Way {
        proxy: Option<(ProxyId, String)>,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(remote = "GapCause", rename_all = "lowercase")]
    enum Cause {
        Route,
        Origin,
        Ads,
        Process,
    }

    pub(super) fn serialize<S: Serializer>(gaps: &[Gap], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(gaps.iter().map(|gap| {
            let via = gap.via.as_ref().map(|via| match via {
                Via::Proxy(id, url) => Way { proxy: Some((*id, url.to_string())) },
                Via::Direct => Way { proxy: None },
            });
            let Gap { at, segments, seconds, cause, estimated, .. } = *gap;
            Row { at, segments, seconds, cause, via, estimated }
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Gap>, D::Error> {
        let rows = Vec::<Row>::deserialize(from)?;
        let way =
            |way: Way| way.proxy.map_or(Via::Direct, |(id, url)| Via::Proxy(id, MaskedUrl::from_kept(&url)));
        let gap = |row: Row| {
            let Row { at, segments, seconds, cause, via, estimated } = row;
            Gap { at, segments, seconds, cause, via: via.map(way), estimated }
        };
        Ok(rows.into_iter().map(gap).collect())
    }
}

/// Opens a file of packets so that reading begins at a packet, at most `back` bytes before `offset`; with the place.
pub(crate) fn open_near(
    path: &Path,
    offset: u64,
    back: u64,
    packet: u64,
) -> io::Result<(BufReader<File>, u64)> {
    let begin = offset.saturating_sub(back) / packet * packet;
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(begin))?;
    Ok((BufReader::with_capacity(1 << 20, file), begin))
}

#[cfg(test)]
mod tests {
    use holdfast_model::{GapCause, ProxyId, ProxyUrl, Via};

    use super::*;

    fn mark() -> Mark {
        let url = ProxyUrl::parse("http://user:secret@h:1").expect("a proxy");
        let gap = |via| Gap {
            at: DateTime::UNIX_EPOCH,
            segments: 2,
            seconds: 4.0,
            cause: GapCause::Process,
            via,
            estimated: false,
        };
        Mark {
            next: 100,
            at: DateTime::UNIX_EPOCH,
            usual: 2.0,
            media: 200.0,
            quality: Some("best".into()),
            aligned: vec!["/x/show.part001.ts".into()],
            part: "/x/show.part001.ts".into(),
            bytes: 100_000,
            gaps: vec![gap(Some(Via::Proxy(ProxyId(3), url.masked()))), gap(Some(Via::Direct)), gap(None)],
            before_content: 12.0,
            chapters: vec![Chapter {
                at: DateTime::UNIX_EPOCH,
                offset_s: 0.0,
                title: Some("a title".into()),
                category: None,
            }],
            over: Some(Over { since: DateTime::UNIX_EPOCH, reason: "404".into(), ended: false, gone: true }),
        }
    }

    #[test]
    fn it_survives_the_store_and_holds_no_password() {
        let text = serde_json::to_string(&mark()).expect("JSON");
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(serde_json::from_str::<Mark>(&text).expect("a mark"), mark());
        // An earlier version kept neither chapters nor advertisements, and knew of no waiting.
        let mut kept: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        for name in ["chapters", "before_content", "aligned", "over"] {
            kept.as_object_mut().expect("an object").remove(name).expect(name);
        }
        let old = serde_json::from_value::<Mark>(kept).expect("a mark");
        assert_eq!(
            old,
            Mark { chapters: Vec::new(), before_content: 0.0, aligned: Vec::new(), over: None, ..mark() }
        );
    }

    #[test]
    fn only_whole_segments_are_taken_in() {
        for (seconds, next) in [(0.0, 100), (1.96, 100), (1.995, 101), (2.0, 101), (5.9, 102), (-1.0, 100)] {
            assert_eq!(mark().advanced(seconds).next, next, "{seconds} s more");
        }
        assert!((mark().advanced(4.0).media - 204.0).abs() < 1e-9);
    }

    #[test]
    fn a_mark_with_absurd_numbers_is_borne() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("show.part001.ts");
        // Two pictures are in the part beyond the mark, or all of it is gone.
        std::fs::write(&path, crate::join::transport_stream(0..60, 7)).expect("written");
        let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        for (usual, media, next, at, bytes) in [
            (1e23, 1e300, u64::MAX, DateTime::UNIX_EPOCH, 0),
            (1e23, 1e300, u64::MAX, DateTime::UNIX_EPOCH, u64::MAX),
            (1e-320, 0.0, u64::MAX, first, u64::MAX),
            (2.0, -1e300, u64::MAX, first, u64::MAX),
            (0.5, 4.0, u64::MAX, last, 0),
            (-1.0, 4.0, 0, last, u64::MAX),
        ] {
            let mark = Mark { usual, media, next, at, bytes, ..mark() };
            let shown = format!("{mark:?}");
            let checked = mark.checked(std::slice::from_ref(&path));
            assert!((0.001..=3600.0).contains(&checked.usual), "{shown} became {checked:?}");
            let mut ledger = crate::ledger::Ledger::resume(&checked, Utc::now());
            let blame = crate::ledger::Blame { cause: GapCause::Route, via: None };
            ledger.stopped_at(Utc::now(), &blame, true);
            let _ = ledger.stand(Utc::now(), TimeDelta::zero());
        }
    }

    #[test]
    fn a_part_that_lost_its_end_takes_the_mark_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("show.part001.ts");
        // A second is 500 bytes, a segment 1000.
        for (length, next) in [(99_999, 98), (98_000, 97), (0, 0)] {
            std::fs::write(&path, vec![0; length]).expect("written");
            let checked = mark().checked(std::slice::from_ref(&path));
            assert_eq!(checked.next, next, "{length} bytes are left");
        }
    }
}
