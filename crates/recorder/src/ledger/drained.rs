//! What has left Streamlink. It reports a segment as complete when that is in its buffer, of 16 MiB; if its output stands
//! still while its workers go on, that buffer fills with what no file will ever hold. So a completion is believed only by
//! what was seen of the output.

use chrono::{DateTime, Utc};

use super::{DRAINED, Ledger};

/// How a run of Streamlink ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartEnd {
    /// By itself: everything it had has come.
    Whole,
    /// It was killed, or hung: what it had not delivered is lost.
    Killed,
}

impl Ledger {
    /// Bytes of its output have come.
    pub(crate) fn bytes_came(&mut self, now: DateTime<Utc>) {
        self.last_byte = Some(now);
    }

    /// Whether what completed then has left Streamlink, if that worked until `alive`: bytes came well after it, or they came
    /// with it and there was time for all of them. Once true it stays so, for both only grow.
    pub(super) fn has_left(&self, at: DateTime<Utc>, alive: DateTime<Utc>) -> bool {
        let Some(byte) = self.last_byte else { return false };
        byte - at >= DRAINED || (at - byte <= DRAINED && alive - at >= DRAINED)
    }

    /// The number after the highest whose bytes have left Streamlink for certain; 0 if none of those that are remembered
    /// is certain. No end of it takes anything of what lies below.
    pub(super) fn drained_end(&self) -> u64 {
        let certain = |at: DateTime<Utc>| self.last_line.is_some_and(|line| self.has_left(at, line));
        let fresh = &self.main.fresh;
        if fresh.iter().all(|(_, _, at)| certain(*at)) {
            return self.main.content_end;
        }
        let last = fresh.iter().rev().find(|(_, _, at)| certain(*at));
        last.map_or(0, |(number, _, _)| number.saturating_add(1))
    }
}
