//! The clock of a live stream: how many segments were finished since it began, and what time of day each shows.

use std::time::Instant;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// Started once, never stopped.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: DateTime<Utc>,
    segment_seconds: u32,
}

impl Clock {
    /// Starts now.
    pub(crate) fn new(segment_seconds: u32) -> Self {
        Self { started: Instant::now(), started_at: Utc::now(), segment_seconds }
    }

    /// When it was started.
    pub(crate) fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }

    /// Segments finished since the start.
    pub(crate) fn finished(&self) -> usize {
        let elapsed = self.started.elapsed().as_secs() / u64::from(self.segment_seconds);
        usize::try_from(elapsed).unwrap_or(usize::MAX / 2)
    }

    /// When a segment begins that is so many segments behind the first one that is finished after the start (negative:
    /// before it), as EXT-X-PROGRAM-DATE-TIME wants it. That first one begins with the clock.
    pub(crate) fn date(&self, offset: i64) -> String {
        let at = self.started_at + TimeDelta::seconds(offset * i64::from(self.segment_seconds));
        at.to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}
