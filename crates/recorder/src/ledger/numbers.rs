//! One playlist's numbers: which are done, which are due, and which are lost.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use chrono::{DateTime, Utc};
use holdfast_model::{Gap, GapCause};

use super::{ASSUMED_DURATION, Blame};

/// More numbers than this are never passed over, only numbered anew: a day of the shortest segments.
const MOST_SKIPPED: u64 = 100_000;

/// So many completions are remembered in that light: 16 MiB of sound alone.
pub(super) const FRESH: usize = 1024;

/// One segment that is due and has not come.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) duration: f64,
    pub(super) at: DateTime<Utc>,
    /// Set once it is known to be lost (until a later part brings it).
    pub(super) blame: Option<Blame>,
}

impl Due {
    pub(super) fn is_cut_out(&self) -> bool {
        self.blame.as_ref().is_some_and(|blame| !blame.cause.is_loss())
    }

    /// Its play time in seconds. Streamlink gives none of what it cuts out: if nothing had come before either, the
    /// usual one is taken.
    fn seconds(&self, usual: f64) -> f64 {
        if self.is_cut_out() && self.duration <= 0.0 { usual } else { self.duration }
    }
}

/// One playlist's numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Every number that completed or was left out, as few ranges.
    pub(super) done: Vec<Range<u64>>,
    pub(super) due: BTreeMap<u64, Due>,
    /// The number after the highest that completed: advertisements do not count.
    pub(super) content_end: u64,
    /// The number after the highest ever seen.
    pub(super) next: Option<u64>,
    /// The usual duration, in seconds.
    pub(super) usual: f64,
    pub(super) last_complete: Option<DateTime<Utc>>,
    /// Durations queued in this part so far, by number; gone once it completed.
    pub(super) queued: BTreeMap<u64, f64>,
    /// The number after the highest done when the part began. What the part brings of lower ones is cut out when the
    /// parts are joined, for it lies before the end of the part before: a hole there stays one.
    pub(super) tail: u64,
    /// The numbers last completed in this part, their durations, and when: their bytes may not have left Streamlink.
    pub(super) fresh: VecDeque<(u64, f64, DateTime<Utc>)>,
}

impl Numbers {
    pub(super) fn is_done(&self, number: u64) -> bool {
        let at = self.done.partition_point(|range| range.end <= number);
        self.done.get(at).is_some_and(|range| range.contains(&number))
    }

    pub(super) fn mark_done(&mut self, number: u64) {
        // The very last number has none after it.
        let number = number.min(u64::MAX - 1);
        let at = self.done.partition_point(|range| range.end < number);
        match self.done.get_mut(at) {
            Some(range) if range.contains(&number) => return,
            Some(range) if range.end == number => range.end += 1,
            Some(range) if range.start == number + 1 => range.start = number,
            _ => self.done.insert(at, number..number + 1),
        }
        if let [left, right] = self.done.get(at..at + 2).unwrap_or_default()
            && left.end == right.start
        {
            let merged = left.start..right.end;
            self.done.splice(at..at + 2, [merged]);
        }
    }

    pub(super) fn unmark(&mut self, number: u64) {
        if let Some(at) = self.done.iter().position(|range| range.contains(&number)) {
            let range = self.done.remove(at);
            let halves = [range.start..number, number + 1..range.end];
            self.done.splice(at..at, halves.into_iter().filter(|r| !r.is_empty()));
            self.content_end = self.content_end.min(number);
        }
    }

    /// Numbers that were passed over, from the first that was expected to the one that came.
    /// Those below `down` were due while nothing ran.
    pub(super) fn skip(&mut self, to: u64, down: u64, now: DateTime<Utc>, blame: &Blame) {
        let first = self.next.unwrap_or(to).max(to.saturating_sub(MOST_SKIPPED));
        for number in first..to {
            let at = self.last_complete.unwrap_or(now);
            let process = Blame { cause: GapCause::Process, via: None };
            let blame = if number < down { process } else { blame.clone() };
            let due = Due { duration: self.usual, at, blame: Some(blame) };
            self.due.entry(number).or_insert(due);
        }
    }

    /// Whether a number lies further ahead than the time since something last came explains.
    pub(super) fn jumps_to(&self, number: u64, now: DateTime<Utc>) -> bool {
        let Some(next) = self.next else { return false };
        let since = self.last_complete.or_else(|| self.due.values().map(|due| due.at).min()).unwrap_or(now);
        let elapsed = (now - since).num_milliseconds().max(0) as f64 / 1000.0;
        jumps(next, number, self.usual, elapsed)
    }

    /// A segment was cut out. That fills no hole in what an earlier part holds, and takes nothing away from it.
    pub(super) fn cut_out(&mut self, number: u64, now: DateTime<Utc>) {
        self.queued.remove(&number);
        if number < self.tail || self.is_done(number) {
            return;
        }
        self.mark_done(number);
        let at = self.due.get(&number).map_or(now, |due| due.at);
        let blame = Some(Blame { cause: GapCause::Ads, via: None });
        self.due.insert(number, Due { duration: self.usual, at, blame });
    }

    /// Whether it was cut out. A later part may hold it all the same.
    pub(super) fn is_cut_out(&self, number: u64) -> bool {
        self.due.get(&number).is_some_and(Due::is_cut_out)
    }

    pub(super) fn missing(&self) -> impl Iterator<Item = (u64, &Due)> {
        self.due.iter().filter(|(_, due)| due.blame.is_some()).map(|(number, due)| (*number, due))
    }
}

/// Whether a number lies further ahead than the time that has passed explains.
pub(super) fn jumps(next: u64, number: u64, usual: f64, elapsed: f64) -> bool {
    number.saturating_sub(next) as f64 * usual.max(0.1) > 60.0 + 1.5 * elapsed
}

pub(super) fn runs(numbers: &Numbers) -> Vec<Gap> {
    runs_within(numbers, 0..u64::MAX)
}

/// Missing numbers of a range, neighbours with the same blame put together.
pub(super) fn runs_within(numbers: &Numbers, range: Range<u64>) -> Vec<Gap> {
    let usual = if numbers.usual > 0.0 { numbers.usual } else { ASSUMED_DURATION };
    let mut gaps: Vec<(u64, Gap)> = Vec::new();
    for (number, due) in numbers.missing().filter(|(number, _)| range.contains(number)) {
        let Some(Blame { cause, via }) = due.blame.clone() else { continue };
        let seconds = due.seconds(usual);
        match gaps.last_mut() {
            Some((last, gap)) if *last + 1 == number && gap.cause == cause && gap.via == via => {
                *last = number;
                gap.segments += 1;
                gap.seconds += seconds;
            }
            _ => gaps.push((number, Gap { at: due.at, segments: 1, seconds, cause, via, estimated: false })),
        }
    }
    gaps.into_iter().map(|(_, gap)| gap).collect()
}
