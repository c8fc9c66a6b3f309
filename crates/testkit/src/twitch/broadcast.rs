//! One stretch of being live. Its numbers are those of the source, so that a recording can be compared with it; on the
//! wire the media sequence begins at 0 with each broadcast, as it does on Twitch.

use std::fmt::Write as _;
use std::ops::Range;

use chrono::{DateTime, Utc};

use crate::clock::Clock;

/// An advertisement over source segments, which are never delivered then.
#[derive(Clone, Debug)]
struct AdBreak {
    over: Range<usize>,
    roll: &'static str,
}

/// What a broadcast is cut from.
#[derive(Clone, Debug)]
pub(super) struct Reel {
    /// The source segments that are content; the first may be the end of another broadcast.
    pub(super) content: Range<usize>,
    /// The source segments that are shown as advertisements.
    pub(super) ads: Range<usize>,
    /// Segments in a playlist.
    pub(super) window: usize,
    /// Segments in the first playlist.
    pub(super) opening: usize,
    /// Seconds in a segment.
    pub(super) segment_seconds: u32,
}

/// A broadcast and what was done to it.
#[derive(Clone, Debug)]
pub(super) struct Broadcast {
    /// Twitch's id of the stream.
    pub(super) id: String,
    reel: Reel,
    clock: Clock,
    /// Set when it has ended: the edge where it stopped.
    ended: Option<usize>,
    ads: Vec<AdBreak>,
}

impl Broadcast {
    /// Live from now.
    pub(super) fn new(id: String, reel: Reel) -> Self {
        let clock = Clock::new(reel.segment_seconds);
        Self { id, reel, clock, ended: None, ads: Vec::new() }
    }

    /// When it began.
    pub(super) fn started_at(&self) -> DateTime<Utc> {
        self.clock.started_at()
    }

    /// One past the newest source segment that was published.
    pub(super) fn edge(&self) -> usize {
        let edge = self.reel.content.start + self.reel.opening + self.clock.finished();
        edge.min(self.reel.content.end).min(self.ended.unwrap_or(usize::MAX))
    }

    /// No more segments.
    pub(super) fn end(&mut self) {
        self.ended = Some(self.edge());
    }

    /// Whether the playlist has ended, because it was told to or because there is no more media.
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some() || self.is_used_up()
    }

    /// Whether there is no more media.
    pub(super) fn is_used_up(&self) -> bool {
        self.edge() == self.reel.content.end
    }

    /// The next so many segments are advertisements.
    pub(super) fn mid_roll(&mut self, segments: usize) {
        let edge = self.edge();
        self.ads.push(AdBreak { over: edge..edge + segments, roll: "MIDROLL" });
    }

    /// What is in the playlist and the next so many segments are advertisements.
    pub(super) fn pre_roll(&mut self, segments: usize) {
        let edge = self.edge();
        self.ads.push(AdBreak { over: self.first(edge)..edge + segments, roll: "PREROLL" });
    }

    /// What follows is no advertisement any longer.
    pub(super) fn end_ads(&mut self) {
        let edge = self.edge();
        self.ads.iter_mut().for_each(|ad| ad.over.end = ad.over.end.min(edge));
    }

    /// The published source segments that nobody got to see because of advertisements, in order.
    pub(super) fn hidden(&self) -> Vec<usize> {
        (self.reel.content.start..self.edge()).filter(|number| self.ad_over(*number).is_some()).collect()
    }

    fn first(&self, edge: usize) -> usize {
        edge.saturating_sub(self.reel.window).max(self.reel.content.start)
    }

    fn ad_over(&self, number: usize) -> Option<usize> {
        self.ads.iter().position(|ad| ad.over.contains(&number))
    }

    /// Whether this segment is of another kind than the one before.
    fn turns_at(&self, number: usize) -> bool {
        number > self.reel.content.start && self.ad_over(number) != self.ad_over(number - 1)
    }

    fn date(&self, number: usize) -> String {
        self.clock.date(number as i64 - (self.reel.content.start + self.reel.opening) as i64)
    }

    /// The media playlist; segments are at `base` + `/N.ts`, advertisements at `base` + `/ad-N.ts`.
    pub(super) fn playlist(&self, base: &str) -> String {
        let (seconds, edge) = (self.reel.segment_seconds, self.edge());
        let (begin, first) = (self.reel.content.start, self.first(edge));
        let sequence = first - begin;
        let turns = (begin..first).filter(|number| self.turns_at(*number)).count();
        let mut text = format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{seconds}\n");
        let _ = writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{sequence}\n#EXT-X-DISCONTINUITY-SEQUENCE:{turns}");
        let _ = writeln!(text, "#EXT-X-TWITCH-LIVE-SEQUENCE:{sequence}");
        let _ = writeln!(text, "#EXT-X-TWITCH-ELAPSED-SECS:{:.3}", sequence as f64 * f64::from(seconds));
        let _ = writeln!(text, "#EXT-X-TWITCH-TOTAL-SECS:{:.3}", (edge - begin) as f64 * f64::from(seconds));
        self.write_ad_ranges(&mut text, first..edge);
        for number in first..edge {
            if self.turns_at(number) {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", self.date(number));
            let _ = match self.ad_over(number) {
                Some(ad) => {
                    writeln!(
                        text,
                        "#EXTINF:{seconds}.000,Amazon|{ad}\n{base}/ad-{}.ts",
                        self.shown(ad, number)
                    )
                }
                None => writeln!(text, "#EXTINF:{seconds}.000,live\n{base}/{number}.ts"),
            };
        }
        if self.is_over() {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        text
    }

    fn write_ad_ranges(&self, text: &mut String, window: Range<usize>) {
        let in_sight = |ad: &AdBreak| ad.over.start < window.end && ad.over.end > window.start;
        for (index, ad) in self.ads.iter().enumerate().filter(|(_, ad)| in_sight(ad)) {
            let (id, roll) = (format!("{}-{index}", self.id), ad.roll);
            let duration = ad.over.len() as f64 * f64::from(self.reel.segment_seconds);
            let _ = writeln!(
                text,
                "#EXT-X-DATERANGE:ID=\"stitched-ad-{id}\",CLASS=\"twitch-stitched-ad\",START-DATE=\"{}\",\
                 DURATION={duration:.3},X-TV-TWITCH-AD-COMMERCIAL-ID=\"{id}\",X-TV-TWITCH-AD-ROLL-TYPE=\"{roll}\",\
                 X-TV-TWITCH-AD-POD-FILLED-DURATION=\"{duration:.3}\"",
                self.date(ad.over.start)
            );
        }
    }

    /// The source segment that is shown instead of one under an advertisement.
    fn shown(&self, ad: usize, number: usize) -> usize {
        self.reel.ads.start + (number - self.ads[ad].over.start) % self.reel.ads.len()
    }

    /// The source segment behind a name such as `12` or `ad-58`, if it can be fetched now: content for one segment and
    /// one window after it left the playlist (RFC 8216, 6.2.2), advertisements always.
    pub(super) fn segment(&self, name: &str) -> Option<usize> {
        if let Some(ad) = name.strip_prefix("ad-") {
            return ad.parse().ok().filter(|number| self.reel.ads.contains(number));
        }
        let number = name.parse().ok()?;
        let edge = self.edge();
        let kept = self.first(edge).saturating_sub(self.reel.window + 1).max(self.reel.content.start);
        ((kept..edge).contains(&number) && self.ad_over(number).is_none()).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broadcast() -> Broadcast {
        let reel = Reel { content: 4..40, ads: 40..42, window: 4, opening: 3, segment_seconds: 3600 };
        Broadcast::new("7".to_owned(), reel)
    }

    fn uris(playlist: &str) -> Vec<&str> {
        playlist.lines().filter(|line| !line.starts_with('#')).collect()
    }

    #[test]
    fn the_sequence_begins_at_0_wherever_the_source_does() {
        let playlist = broadcast().playlist("");
        assert!(playlist.contains("#EXT-X-MEDIA-SEQUENCE:0\n"), "{playlist}");
        assert_eq!(uris(&playlist), ["/4.ts", "/5.ts", "/6.ts"]);
        let mut ended = broadcast();
        ended.end();
        assert!(!playlist.contains("ENDLIST") && ended.playlist("").ends_with("/6.ts\n#EXT-X-ENDLIST\n"));
    }

    #[test]
    fn a_pre_roll_covers_the_playlist_and_its_segments_cannot_be_had() {
        let mut broadcast = broadcast();
        assert_eq!(broadcast.segment("5"), Some(5));
        broadcast.pre_roll(2);
        let playlist = broadcast.playlist("");
        assert_eq!(uris(&playlist), ["/ad-40.ts", "/ad-41.ts", "/ad-40.ts"]);
        assert!(playlist.contains("DURATION=18000.000,") && playlist.contains("\"PREROLL\""), "{playlist}");
        assert!(!playlist.contains("#EXT-X-DISCONTINUITY\n"), "nothing was before it: {playlist}");
        assert_eq!((broadcast.hidden(), broadcast.segment("5")), (vec![4, 5, 6], None));
        assert_eq!((broadcast.segment("ad-41"), broadcast.segment("ad-42")), (Some(41), None));
        assert_eq!(
            (broadcast.segment("7"), broadcast.segment("3"), broadcast.segment("x")),
            (None, None, None)
        );
    }

    #[test]
    fn a_mid_roll_is_set_off_by_discontinuities() {
        let mut broadcast = broadcast();
        broadcast.mid_roll(1);
        // One segment's time later, and then one more.
        broadcast.reel.opening += 1;
        let playlist = broadcast.playlist("");
        assert_eq!(uris(&playlist), ["/4.ts", "/5.ts", "/6.ts", "/ad-40.ts"]);
        assert_eq!(playlist.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{playlist}");
        broadcast.reel.opening += 1;
        let playlist = broadcast.playlist("");
        assert_eq!(uris(&playlist), ["/5.ts", "/6.ts", "/ad-40.ts", "/8.ts"]);
        assert_eq!(playlist.matches("#EXT-X-DISCONTINUITY\n").count(), 2, "{playlist}");
        broadcast.reel.opening += 3;
        let playlist = broadcast.playlist("");
        assert!(
            playlist.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"),
            "its first segment has the second: {playlist}"
        );
        assert!(!playlist.contains("DATERANGE"), "{playlist}");
        assert_eq!(broadcast.hidden(), [7]);
    }

    #[test]
    fn a_break_that_is_ended_covers_nothing_more() {
        let mut broadcast = broadcast();
        broadcast.pre_roll(9);
        broadcast.end_ads();
        broadcast.reel.opening += 1;
        assert_eq!(uris(&broadcast.playlist("")), ["/ad-40.ts", "/ad-41.ts", "/ad-40.ts", "/7.ts"]);
    }
}
