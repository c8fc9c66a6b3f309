//! Where a recording stands, as far as that is certain, and a ledger that goes on from there.

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_model::Gap;

use super::Ledger;
use super::numbers::runs_within;
use crate::mark::Mark;

/// Where the ledger stands, as far as that is certain.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stand {
    /// The number after the last that is in the file.
    pub(crate) next: u64,
    /// When that one arrived.
    pub(crate) at: DateTime<Utc>,
    /// Play time recorded, in seconds.
    pub(crate) media: f64,
    /// What is missing before `next`.
    pub(crate) gaps: Vec<Gap>,
}

impl Ledger {
    /// A ledger that goes on where an earlier one was at the mark; nothing ran from then until `now`.
    pub(crate) fn resume(mark: &Mark, now: DateTime<Utc>) -> Self {
        let down = (now - mark.at).num_milliseconds().max(0) as f64 / 1000.0;
        let mut ledger = Self {
            settled: mark.gaps.clone(),
            media: mark.media,
            announced: (mark.next, mark.gaps.len()),
            ..Self::default()
        };
        ledger.main.usual = mark.usual;
        ledger.main.next = Some(mark.next);
        ledger.main.done.push(0..mark.next);
        ledger.main.content_end = mark.next;
        ledger.before_content = Some(mark.before_content);
        ledger.main.last_complete = Some(mark.at);
        ledger.due_while_down = mark.next.saturating_add((down / ledger.usual()).ceil() as u64);
        ledger
    }

    /// Where it stands, leaving out what completed less than `lag` ago, or has shown no bytes since: that may not be in the
    /// file yet. Without a lag it is. `None` if nothing is certain.
    pub(crate) fn stand(&self, now: DateTime<Utc>, lag: TimeDelta) -> Option<Stand> {
        // With sound of its own, ffmpeg mixes the two and holds back what the other has not reached yet.
        let mixing = TimeDelta::milliseconds((self.usual() * 2000.0) as i64 + 1000);
        let lag = if self.audio.next.is_some() && lag > TimeDelta::zero() { lag.max(mixing) } else { lag };
        let fresh = &self.main.fresh;
        let inside = |at| lag > TimeDelta::zero() && (now - at < lag || !self.has_left(at, now));
        let (doubtful, certain): (Vec<_>, Vec<_>) = fresh.iter().partition(|(_, _, at)| inside(*at));
        let first_doubtful = doubtful.iter().map(|(number, _, _)| *number).min();
        let next = first_doubtful.or(self.main.done.last().map(|range| range.end))?;
        let at = match certain.last() {
            Some((_, _, at)) => *at,
            None if doubtful.is_empty() => self.main.last_complete?,
            None => return None,
        };
        let media = self.media - doubtful.iter().map(|(_, duration, _)| duration).sum::<f64>();
        let gaps = self.gaps_of(runs_within(&self.main, 0..next));
        Some(Stand { next, at, media, gaps })
    }
}
