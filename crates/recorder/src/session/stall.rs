//! Streamlink runs, and nothing new comes: is it the stream, or is it Streamlink?
//!
//! Two troubles it does not notice by itself. When the site begins to number its segments anew (an encoder was
//! restarted), it waits for numbers that will not come for a while, 40 s with our options, longer than most playlists
//! reach back: everything between is lost. And it may hang. And when a segment has left the playlist while it was being
//! fetched, it asks for it for another 19 s, in which the next ones leave, and so on without end. So when a stall cannot be explained by the route, the
//! playlist is looked at beside it, and if that has gone on, Streamlink is replaced by one that begins where the
//! recording stands.

use std::time::Duration;

use tokio::time::Instant;

use crate::live::Answer;
use crate::streamlink::{LogLine, Track};

/// So long without a new segment, or three durations of one, are worth a look.
const WORTH_A_LOOK: Duration = Duration::from_secs(6);
/// Streamlink says something every few seconds, and is silent for 19 s at most (three tries of a playlist). Not much
/// longer: Twitch's playlists hold 30 s, in which another has to be at work.
const HANGS: Duration = Duration::from_secs(21);
/// A segment that has left the playlist, and of which nothing has come for so long (or seven durations), will not come: a
/// site keeps it for its own duration and that of the playlist (RFC 8216 section 6.2.2).
const LOST: Duration = Duration::from_secs(12);
/// While its playlist comes, it says something this often, whatever segment it waits for: it waits for the duration of a
/// segment, and 6 s at most for an answer. Silence from here to [`HANGS`] may be either: it hangs, or the playlist answers
/// us and did not answer it until now.
const SPEAKS: Duration = Duration::from_secs(8);
const RARELY: Duration = Duration::from_secs(60);

/// What is wrong with Streamlink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The playlist's numbers began anew, below those that were recorded.
    Renumbered,
    /// The playlist goes on and Streamlink does not say a word, for longer than all its tries take.
    Hangs,
    /// It is as silent, or still at its tries, but since it last said something its route failed: that explains it.
    CutOff,
    /// It has been asking for a segment that is no longer in the playlist.
    Behind,
}

/// Watches one run.
#[derive(Debug)]
pub(super) struct Stall {
    last_line: Instant,
    last_queued: Option<Instant>,
    /// The number after the highest that was queued.
    next: u64,
    look_at: Instant,
    pause: Duration,
    /// When a segment that does not arrive, or a Streamlink that is silent, is worth the next look.
    urgent_look_at: Instant,
}

impl Stall {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last_line: now,
            last_queued: None,
            next: 0,
            look_at: now,
            pause: WORTH_A_LOOK,
            urgent_look_at: now,
        }
    }

    pub(super) fn line(&mut self, line: &LogLine, now: Instant) {
        self.last_line = now;
        // The playlist that is looked at is the video's; separate sound may be numbered quite differently.
        if let LogLine::Queued { track: Track::Main, number, .. } = line {
            self.last_queued = Some(now);
            self.next = self.next.max(number.saturating_add(1));
            self.pause = WORTH_A_LOOK;
        }
    }

    /// Whether the playlist should be looked at now; then less and less often. `usual` is the usual duration of a
    /// segment in seconds.
    pub(super) fn wants_a_look(&mut self, usual: f64, now: Instant) -> bool {
        let Some(last) = self.last_queued else { return false };
        let patience = WORTH_A_LOOK.max(Duration::from_secs_f64(3.0 * usual.clamp(0.0, 60.0)));
        let due = now - last >= patience && now >= self.look_at;
        if due {
            self.look_at = now + self.pause;
            self.pause = (self.pause * 2).min(RARELY);
        }
        due
    }

    /// Whether a segment that has been asked for since so long is worth a look. `usual` as above.
    pub(super) fn is_stuck(&mut self, in_flight: Duration, usual: f64, now: Instant) -> bool {
        let patience = LOST.max(Duration::from_secs_f64(7.0 * usual.clamp(0.0, 60.0)));
        in_flight >= patience && self.looks_again(now)
    }

    /// Whether it has been silent for so long that this is worth a look. Looks for want of new segments become rare, and a
    /// Streamlink that hangs must not wait for the next of those.
    pub(super) fn is_silent(&mut self, now: Instant) -> bool {
        self.last_queued.is_some() && now - self.last_line >= HANGS && self.looks_again(now)
    }

    fn looks_again(&mut self, now: Instant) -> bool {
        let due = now >= self.urgent_look_at;
        if due {
            let soon = now + WORTH_A_LOOK;
            // What could not be told yet can be as soon as silence is a hang.
            let told = Some(self.last_line + HANGS).filter(|told| *told > now);
            self.urgent_look_at = told.map_or(soon, |told| told.min(soon));
        }
        due
    }

    /// What the look at the playlist says. `wanted`: the segment that has been asked for, and for how long. `failed`: when
    /// something last did not get through.
    pub(super) fn judge(
        &self,
        answer: &Answer,
        wanted: Option<(u64, Duration)>,
        failed: Option<Instant>,
        now: Instant,
    ) -> Option<Trouble> {
        let Answer::Playlist { first, next, ended: false } = *answer else { return None };
        let silent = now - self.last_line;
        let cut_off = failed.is_some_and(|at| at >= self.last_line);
        if wanted.is_some_and(|(number, since)| number < first && since >= LOST) {
            return match silent {
                _ if silent < SPEAKS => Some(Trouble::Behind),
                _ if cut_off => Some(Trouble::CutOff),
                _ if silent >= HANGS => Some(Trouble::Hangs),
                _ => None,
            };
        }
        let stalled = self.last_queued.is_some_and(|last| now - last >= WORTH_A_LOOK);
        // Caches of a site may differ by a segment or two.
        if stalled && next.saturating_add(2) < self.next {
            return Some(Trouble::Renumbered);
        }
        let hangs = silent >= HANGS && next > self.next.saturating_add(2);
        hangs.then_some(if cut_off { Trouble::CutOff } else { Trouble::Hangs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_looked_at_and_explained() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut stall = Stall::new(start);
        assert!(!stall.wants_a_look(2.0, at(99)), "nothing was ever queued");
        stall.line(&LogLine::Queued { track: Track::Main, number: 30, duration: 2.0 }, at(0));
        assert!(!stall.wants_a_look(2.0, at(5)));
        assert!(stall.wants_a_look(2.0, at(6)));
        assert!(!stall.wants_a_look(2.0, at(11)), "not every second");
        assert!(stall.wants_a_look(2.0, at(12)));
        let open = |next| Answer::Playlist { ended: false, first: 0, next };
        for (answer, seconds, expected) in [
            (open(4), 7, Some(Trouble::Renumbered)),
            (open(4), 2, None),
            (open(30), 20, None),
            (open(31), 20, None),
            (open(40), 20, None),
            (open(32), 21, None),
            (open(40), 21, Some(Trouble::Hangs)),
            (Answer::Playlist { ended: true, first: 0, next: 4 }, 7, None),
            (Answer::Unreachable(String::new()), 40, None),
        ] {
            let found = stall.judge(&answer, None, None, at(seconds));
            assert_eq!(found, expected, "{answer:?} after {seconds} s");
        }
    }

    #[test]
    fn silence_since_the_route_failed_is_no_hang() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut stall = Stall::new(start);
        stall.line(&LogLine::Queued { track: Track::Main, number: 26, duration: 2.0 }, at(2));
        let answer = Answer::Playlist { ended: false, first: 27, next: 40 };
        for (wanted, failed, seconds, expected) in [
            // All proxies were away, and are back while it is at its third try.
            (true, Some(10), 19, Some(Trouble::CutOff)),
            (true, Some(10), 24, Some(Trouble::CutOff)),
            (false, Some(10), 24, Some(Trouble::CutOff)),
            (false, Some(10), 19, None),
            // What was overcome before it last spoke explains nothing.
            (true, Some(1), 24, Some(Trouble::Hangs)),
            (false, Some(1), 24, Some(Trouble::Hangs)),
            // Without a fault it may be the site that did not answer: that shows when it speaks again, or does not.
            (true, None, 19, None),
            (true, None, 22, None),
            (true, None, 23, Some(Trouble::Hangs)),
            // It speaks, and waits.
            (true, Some(10), 9, Some(Trouble::Behind)),
        ] {
            let wanted = wanted.then_some((26, LOST));
            let found = stall.judge(&answer, wanted, failed.map(at), at(seconds));
            assert_eq!(found, expected, "{wanted:?}, failed at {failed:?}, after {seconds} s");
        }
    }

    #[test]
    fn a_silence_that_is_not_understood_is_looked_at_as_soon_as_it_can_be() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut stall = Stall::new(start);
        stall.line(&LogLine::Queued { track: Track::Main, number: 30, duration: 2.0 }, at(0));
        let in_flight = Duration::from_secs;
        let looks: Vec<_> = (0..30)
            .filter(|s| stall.is_stuck(in_flight(*s), 2.0, at(*s)) || stall.is_silent(at(*s)))
            .collect();
        assert_eq!(looks, [14, 20, 21, 27]);
    }

    #[test]
    fn silence_is_looked_into_at_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut stall = Stall::new(start);
        assert!(!stall.is_silent(at(99)), "it has not come to anything yet");
        stall.line(&LogLine::Queued { track: Track::Main, number: 30, duration: 2.0 }, at(0));
        let looks: Vec<_> = (0..40).filter(|seconds| stall.wants_a_look(2.0, at(*seconds))).collect();
        assert_eq!(looks, [6, 12, 24], "rarely and more rarely");
        stall.line(&LogLine::Other, at(4));
        let looks: Vec<_> = (5..40).filter(|seconds| stall.is_silent(at(*seconds))).collect();
        assert_eq!(looks, [25, 31, 37]);
    }

    #[test]
    fn a_segment_that_left_the_playlist_is_not_waited_for() {
        let start = Instant::now();
        let mut stall = Stall::new(start);
        let seconds = Duration::from_secs;
        assert!(!stall.is_stuck(seconds(13), 2.0, start));
        assert!(stall.is_stuck(seconds(14), 2.0, start));
        assert!(!stall.is_stuck(seconds(15), 2.0, start + seconds(1)), "not every second");
        stall.line(&LogLine::Queued { track: Track::Main, number: 30, duration: 2.0 }, start);
        let answer = Answer::Playlist { ended: false, first: 27, next: 31 };
        for (wanted, expected) in [
            (Some((26, seconds(14))), Some(Trouble::Behind)),
            (Some((26, seconds(2))), None),
            (Some((27, seconds(14))), None),
            (None, None),
        ] {
            assert_eq!(stall.judge(&answer, wanted, None, start + seconds(1)), expected, "{wanted:?}");
        }
    }

    #[test]
    fn the_numbers_of_separate_sound_do_not_count() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut stall = Stall::new(start);
        for (track, number) in [(Track::Main, 30), (Track::Audio, 90_000)] {
            stall.line(&LogLine::Queued { track, number, duration: 2.0 }, at(0));
        }
        let answer = Answer::Playlist { ended: false, first: 20, next: 31 };
        assert_eq!(stall.judge(&answer, None, None, at(7)), None);
        stall.line(&LogLine::Queued { track: Track::Audio, number: 90_001, duration: 2.0 }, at(6));
        assert!(stall.wants_a_look(2.0, at(7)), "the video stalls, whatever the sound does");
    }
}
