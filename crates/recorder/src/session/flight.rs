//! Which segment is being fetched, since when, and whether it crawls.
//!
//! Streamlink fetches one segment at a time and a playlist's in order, so the oldest one queued is the one in flight,
//! since it was queued or since the one before it arrived.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::ports::SlowSegment;
use crate::streamlink::{LogLine, Track};

/// A segment may always take this long.
const AT_LEAST: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub(super) struct Flight {
    main: Queue,
    audio: Queue,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(u64, Duration)>,
    since: Option<Instant>,
}

impl Flight {
    /// Takes one line in; true if it says that a segment arrived whole and in time.
    pub(super) fn line(&mut self, line: &LogLine, now: Instant) -> bool {
        match *line {
            LogLine::Queued { track, number, duration } => {
                let queue = self.queue(track);
                queue.since.get_or_insert(now);
                queue.waiting.push_back((number, Duration::try_from_secs_f64(duration).unwrap_or_default()));
                false
            }
            // Its bytes are there; what remains is our own disk.
            LogLine::Writing { track, number } | LogLine::Discarded { track, number } => {
                self.queue(track).done(number, now)
            }
            LogLine::Failed { track, number, .. } => {
                self.queue(track).done(number, now);
                false
            }
            _ => false,
        }
    }

    fn queue(&mut self, track: Track) -> &mut Queue {
        match track {
            Track::Main => &mut self.main,
            Track::Audio => &mut self.audio,
        }
    }

    /// The number of the segment in flight, and for how long it has been.
    pub(super) fn wanted(&self, now: Instant) -> Option<(u64, Duration)> {
        let (number, _) = *self.main.waiting.front()?;
        Some((number, now - self.main.since?))
    }

    /// The segment that has been in flight for longer than max(3 s, 1.5 × its duration), if there is one.
    pub(super) fn slow(&self, now: Instant) -> Option<SlowSegment> {
        [&self.main, &self.audio].into_iter().find_map(|queue| queue.crawling(now))
    }
}

impl Queue {
    /// True if that was in time.
    fn done(&mut self, number: u64, now: Instant) -> bool {
        let crawled = self.crawling(now).is_some();
        let before = self.waiting.len();
        self.waiting.retain(|(waiting, _)| *waiting > number);
        self.since = if self.waiting.is_empty() { None } else { Some(now) };
        self.waiting.len() < before && !crawled
    }

    fn crawling(&self, now: Instant) -> Option<SlowSegment> {
        let (_, duration) = *self.waiting.front()?;
        let in_flight = now - self.since?;
        (in_flight > AT_LEAST.max(duration.mul_f64(1.5))).then_some(SlowSegment { in_flight, duration })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_segment_in_flight_can_be_slow() {
        let (mut flight, start) = (Flight::default(), Instant::now());
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let queued = |number| LogLine::Queued { track: Track::Main, number, duration: 4.0 };
        let writing = |number| LogLine::Writing { track: Track::Main, number };
        flight.line(&queued(1), at(0.0));
        flight.line(&queued(2), at(0.0));
        assert_eq!(flight.slow(at(5.9)), None);
        let slow = flight.slow(at(6.5)).expect("1.5 × 4 s have passed");
        assert_eq!((slow.in_flight.as_millis(), slow.duration.as_secs()), (6500, 4));
        assert!(!flight.line(&writing(1), at(7.0)), "it arrived, but late");
        assert_eq!(flight.slow(at(12.9)), None, "the second is in flight since the first arrived");
        assert!(flight.slow(at(13.1)).is_some());
        assert!(!flight.line(&writing(2), at(14.0)), "it arrived, but late");
        assert!(!flight.line(&writing(2), at(14.0)));
        assert_eq!(flight.slow(at(99.0)), None);
        flight.line(&queued(3), at(100.0));
        assert!(flight.line(&writing(3), at(101.0)), "in time");
    }
}
