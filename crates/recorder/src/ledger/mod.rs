//! The ledger of what is missing: media-sequence numbers that never completed, across all parts.
//!
//! A number is *pending* from the line that queued it until it completes, is cut out as an advertisement (that is a gap
//! and no loss), or is given up; then it is *missing*. A later part may bring it after all, if nothing that follows it was recorded before:
//! joining takes nothing from before the end of the part before. What lies before the first segment was never
//! due. Neither is what had only just been queued when somebody stopped the recording; but what had been pending for
//! long by then, and the time in which no route worked, is a loss. Time between parts is no loss
//! by itself: the next part begins far enough back, and only numbers that left the playlist meanwhile are gone.
//!
//! When the site begins to number anew (a new broadcast under the same address) numbers say nothing about the time
//! between; the loss is then taken from the clock and marked as estimated. Unless the stream was over in between
//! ([`Away`]): what was not broadcast is no loss.
//!
//! Sound in a playlist of its own is kept apart: its losses count as seconds only where the video is whole, never
//! twice. (Streamlink says nothing of the numbers of DASH; a failed DASH segment counts as one.)

mod away;
mod drained;
mod numbers;
mod stand;

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_model::{Gap, GapCause, Via};

use crate::streamlink::{LogLine, Track};
pub(crate) use away::Away;
pub(crate) use drained::PartEnd;
use numbers::{Due, FRESH, Numbers, jumps, runs, runs_within};

/// Streamlink reports a segment as complete when it is in its buffer; so much later it has left for our pipe.
pub(crate) const DRAINED: TimeDelta = TimeDelta::milliseconds(200);

/// How long a segment lasts while none has said so, in seconds.
pub(crate) const ASSUMED_DURATION: f64 = 2.0;

/// A segment that was queued so recently when the recording was stopped may have been on its way: three times its
/// duration, and this for the stop itself.
const STOPPING: TimeDelta = TimeDelta::seconds(4);

/// Who would be at fault if something were lost now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Blame {
    pub(crate) cause: GapCause,
    pub(crate) via: Option<Via>,
}

/// Segments and seconds that were lost: what was cut out on purpose is not.
pub(crate) fn loss(gaps: &[Gap]) -> (u64, f64) {
    let lost = gaps.iter().filter(|gap| gap.cause.is_loss());
    lost.fold((0, 0.0), |(segments, seconds), gap| (segments + gap.segments, seconds + gap.seconds))
}

fn cut_out_before(numbers: &Numbers, number: u64) -> f64 {
    runs_within(numbers, 0..number).iter().filter(|gap| !gap.cause.is_loss()).map(|gap| gap.seconds).sum()
}

/// What is missing from one recording.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    main: Numbers,
    audio: Numbers,
    /// Losses that cannot come back: of an earlier numbering, of DASH, estimates.
    settled: Vec<Gap>,
    media: f64,
    in_new_part: bool,
    renumbered_in_part: bool,
    /// How many segments completed in this part that no part had before.
    fresh_in_part: u64,
    /// The site was seen to begin numbering anew.
    renumbered: bool,
    /// The number after the last in the playlist when the part began.
    window_ends: Option<u64>,
    /// Gaps below this number, and so many settled ones, have been announced.
    announced: (u64, usize),
    /// What was cut out before anything was recorded, in seconds; `None` until something is.
    before_content: Option<f64>,
    /// Numbers below this one were due while nothing ran.
    due_while_down: u64,
    /// The stream was over and is back, and nothing has been queued since.
    away: Option<Away>,
    /// When the running child last delivered something …
    last_byte: Option<DateTime<Utc>>,
    /// … and last said something.
    last_line: Option<DateTime<Utc>>,
}

impl Ledger {
    /// A child starts.
    pub(crate) fn part_starts(&mut self) {
        self.in_new_part = true;
        self.renumbered_in_part = false;
        self.window_ends = None;
        self.fresh_in_part = 0;
        (self.last_byte, self.last_line) = (None, None);
        for numbers in [&mut self.main, &mut self.audio] {
            numbers.tail = numbers.content_end;
        }
    }

    /// Takes one line of the log in.
    pub(crate) fn line(&mut self, line: &LogLine, now: DateTime<Utc>, blame: &Blame) {
        self.last_line = Some(now);
        match *line {
            LogLine::Queued { track, number, duration } => {
                if track == Track::Main {
                    self.check_numbering(number, now, blame);
                } else if self.audio.jumps_to(number, now) {
                    // Only the video is measured by the clock.
                    self.audio.next = None;
                }
                let down = if track == Track::Main { self.due_while_down } else { 0 };
                let numbers = self.numbers(track);
                numbers.skip(number, down, now, blame);
                numbers.next = numbers.next.max(Some(number.saturating_add(1)));
                if duration > 0.0 {
                    numbers.usual = duration;
                }
                numbers.queued.insert(number, duration);
                if number >= numbers.tail && !numbers.is_done(number) {
                    numbers.due.insert(number, Due { duration, at: now, blame: None });
                }
            }
            LogLine::Window { last, .. } if self.in_new_part => {
                self.window_ends = Some(last.saturating_add(1));
            }
            LogLine::Complete { track, number } => {
                let numbers = self.numbers(track);
                if number < numbers.tail {
                    numbers.queued.remove(&number);
                    numbers.last_complete = Some(now);
                    return;
                }
                let new = !numbers.is_done(number) || numbers.is_cut_out(number);
                numbers.mark_done(number);
                numbers.due.remove(&number);
                let duration = numbers.queued.remove(&number).unwrap_or_default();
                numbers.last_complete = Some(now);
                numbers.content_end = numbers.content_end.max(number.saturating_add(1));
                if new {
                    numbers.fresh.push_back((number, duration, now));
                    if numbers.fresh.len() > FRESH {
                        numbers.fresh.pop_front();
                    }
                    if track == Track::Main {
                        self.before_content.get_or_insert_with(|| cut_out_before(&self.main, number));
                        self.media += duration;
                        self.fresh_in_part += 1;
                    }
                }
            }
            LogLine::Discarded { track, number } => {
                self.numbers(track).cut_out(number, now);
            }
            LogLine::Failed { track, number, .. } => {
                let numbers = self.numbers(track);
                numbers.queued.remove(&number);
                if let Some(due) = numbers.due.get_mut(&number) {
                    due.blame = Some(blame.clone());
                }
            }
            LogLine::DashFailed { .. } => {
                let seconds = self.main.usual;
                let Blame { cause, via } = blame.clone();
                self.settled.push(Gap {
                    at: now,
                    segments: 1,
                    seconds,
                    cause,
                    via,
                    estimated: seconds <= 0.0,
                });
            }
            _ => {}
        }
    }

    /// A child ended: what it had queued and not completed is missing for now. Unless it ended by itself, what it last
    /// completed may not have come out of it.
    pub(crate) fn part_ends(&mut self, end: PartEnd, now: DateTime<Utc>, blame: &Blame) {
        for track in [Track::Main, Track::Audio] {
            let numbers = self.numbers(track);
            numbers.queued.clear();
            let mut fresh = std::mem::take(&mut numbers.fresh);
            fresh.retain(|(_, _, at)| end != PartEnd::Whole && !self.has_left(*at, now));
            for (number, duration, at) in fresh {
                let numbers = self.numbers(track);
                numbers.unmark(number);
                // The next part has to reach back to before it.
                let before = at - TimeDelta::milliseconds((duration * 1000.0) as i64);
                numbers.last_complete = numbers.last_complete.min(Some(before));
                numbers.due.insert(number, Due { duration, at, blame: None });
                if track == Track::Main {
                    self.media -= duration;
                }
            }
            for due in self.numbers(track).due.values_mut() {
                due.blame.get_or_insert_with(|| blame.clone());
            }
        }
    }

    /// The next part begins another numbering.
    pub(crate) fn numbering_begins_anew(&mut self) {
        self.renumbered = true;
    }

    /// The playlist had ended and held these numbers too: they were due.
    pub(crate) fn ended_at(&mut self, next: u64, now: DateTime<Utc>, blame: &Blame) {
        if self.main.jumps_to(next, now) {
            self.clock_says(now, blame);
        } else if self.main.next.is_some() {
            self.main.skip(next, self.due_while_down, now, blame);
            self.main.next = self.main.next.max(Some(next));
        }
    }

    /// Somebody stopped the recording: what had only just been queued was on its way. What had waited for longer is
    /// lost, and so is, by the clock, what nobody could see while no route worked (`route_dead`).
    pub(crate) fn stopped_at(&mut self, now: DateTime<Utc>, blame: &Blame, route_dead: bool) {
        let grace = TimeDelta::milliseconds((self.usual() * 3000.0) as i64) + STOPPING;
        for numbers in [&mut self.main, &mut self.audio] {
            let tail = numbers.done.last().map_or(0, |range| range.end);
            numbers.due.retain(|number, due| *number < tail || now - due.at > grace || due.is_cut_out());
        }
        let queued = self.main.due.values().map(|due| due.at).max();
        let Some(seen) = self.main.last_complete.max(queued) else { return };
        if route_dead && now - seen > grace {
            let seconds = (now - seen).num_milliseconds() as f64 / 1000.0 - self.usual();
            self.estimate(seen, seconds, blame);
        }
    }

    /// A loss that only the clock knows.
    fn estimate(&mut self, at: DateTime<Utc>, seconds: f64, blame: &Blame) {
        let Blame { cause, via } = blame.clone();
        let segments = (seconds / self.usual()).round() as u64;
        self.settled.push(Gap { at, segments, seconds, cause, via, estimated: true });
    }

    fn numbers(&mut self, track: Track) -> &mut Numbers {
        match track {
            Track::Main => &mut self.main,
            Track::Audio => &mut self.audio,
        }
    }

    /// Notices whether the site has begun to number anew: at the first segment of a part a number lower than what
    /// was recorded, and at any segment one higher than the clock allows.
    fn check_numbering(&mut self, number: u64, now: DateTime<Utc>, blame: &Blame) {
        if !std::mem::take(&mut self.in_new_part) {
            self.check_jump(number, now, blame);
            return;
        }
        let renumbered = std::mem::take(&mut self.renumbered);
        let window_ends = self.window_ends.take();
        let away = self.away.take();
        let (Some(next), Some(last)) = (self.main.next, self.main.last_complete) else { return };
        let elapsed = (now - last).num_milliseconds() as f64 / 1000.0;
        let usual = self.main.usual.max(0.1);
        let tail = self.main.done.last().map_or(next, |range| range.end);
        // A playlist that only went on begins within its window of where we were, behind or ahead.
        let behind = tail.saturating_sub(number) as f64 * usual;
        // Caches of a site may differ by a segment or two.
        let lower = window_ends.is_some_and(|end| end.saturating_add(2) < tail);
        if !renumbered && !lower && behind <= 120.0_f64.max(elapsed) && !jumps(next, number, usual, elapsed) {
            self.back_in_the_old_numbering(away, number, now);
            return;
        }
        self.settle();
        if away.is_some() {
            // A new broadcast: nothing was due before it.
            self.main.last_complete = Some(now);
            return;
        }
        // What the playlist holds from this segment on reaches back by so much.
        let held = window_ends.map_or(1, |end| end.saturating_sub(number).max(1)) as f64 * usual;
        let lost = (elapsed - held).max(0.0);
        if lost > usual {
            self.estimate(last, lost, blame);
        }
    }

    /// Numbers that jump ahead of the clock under a running Streamlink (an encoder that numbers by the time of day).
    fn check_jump(&mut self, number: u64, now: DateTime<Utc>, blame: &Blame) {
        if !self.main.jumps_to(number, now) {
            return;
        }
        self.clock_says(now, blame);
        // What Streamlink has queued under the old numbers may still come.
        let queued = std::mem::take(&mut self.main.queued);
        let (due, gone) =
            std::mem::take(&mut self.main.due).into_iter().partition(|(_, due)| due.blame.is_none());
        self.main.due = gone;
        self.settle();
        (self.main.due, self.main.queued) = (due, queued);
    }

    /// The numbers say nothing of the time since something last came: it is lost, but for a segment.
    fn clock_says(&mut self, now: DateTime<Utc>, blame: &Blame) {
        let Some(last) = self.main.last_complete else { return };
        let lost = (now - last).num_milliseconds() as f64 / 1000.0 - self.usual();
        if lost > self.usual() {
            self.estimate(last, lost, blame);
        }
    }

    /// Closes the current numbering.
    fn settle(&mut self) {
        let (number, told) = self.announced;
        let before = runs_within(&self.main, 0..number);
        self.announced = (0, told + before.len());
        self.settled.splice(told..told, before);
        self.settled.extend(runs_within(&self.main, number..u64::MAX));
        self.renumbered_in_part = true;
        self.main =
            Numbers { usual: self.main.usual, last_complete: self.main.last_complete, ..Numbers::default() };
        self.audio = Numbers::default();
        self.due_while_down = 0;
    }

    /// Everything missing, run by run, in order of time.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        self.gaps_of(runs(&self.main))
    }

    /// The settled ones, these of the video, and those of separate sound.
    fn gaps_of(&self, video: Vec<Gap>) -> Vec<Gap> {
        let mut gaps = self.settled.clone();
        gaps.extend(video);
        for mut gap in runs(&self.audio) {
            // The same moment without picture and sound is one loss.
            let known = gaps.iter().any(|g| (g.at - gap.at).num_milliseconds().abs() < 15_000);
            if !known {
                gap.segments = gap.segments.max(1);
                gaps.push(gap);
            }
        }
        gaps.sort_by_key(|gap| gap.at);
        gaps
    }

    /// Gaps that have become certain since the last call: something after them has arrived, and has left Streamlink.
    pub(crate) fn announce(&mut self) -> Vec<Gap> {
        let (number, settled) = self.announced;
        let tail = self.drained_end().max(number);
        let mut certain = self.settled.get(settled..).unwrap_or_default().to_vec();
        certain.extend(runs_within(&self.main, number..tail));
        self.announced = (tail, self.settled.len());
        certain
    }

    /// At the end: all that has not been announced.
    pub(crate) fn announce_rest(&mut self) -> Vec<Gap> {
        let mut rest = self.announce();
        rest.extend(runs_within(&self.main, self.announced.0..u64::MAX));
        rest
    }

    /// The loss that is certain so far: something after it has arrived.
    pub(crate) fn certain_loss(&self) -> (u64, f64) {
        loss(&self.certain_gaps())
    }

    fn certain_gaps(&self) -> Vec<Gap> {
        let mut gaps = self.settled.clone();
        gaps.extend(runs_within(&self.main, 0..self.main.content_end));
        gaps
    }

    /// How much play time is missing between what was recorded first and last, in seconds.
    pub(crate) fn absent_seconds(&self) -> f64 {
        let all = self.certain_gaps().iter().fold(0.0, |sum, gap| sum + gap.seconds);
        (all - self.before_content()).max(0.0)
    }

    /// How much was cut out before the first segment of all, in seconds: the file begins after that.
    pub(crate) fn before_content(&self) -> f64 {
        self.before_content.unwrap_or_default()
    }

    /// Play time recorded, in seconds.
    pub(crate) fn media_seconds(&self) -> f64 {
        self.media.max(0.0)
    }

    /// The number after the highest that was recorded, in the current numbering.
    pub(crate) fn recorded(&self) -> Option<u64> {
        self.main.done.last().map(|range| range.end)
    }

    /// When a segment was last completed.
    pub(crate) fn last_complete(&self) -> Option<DateTime<Utc>> {
        self.main.last_complete
    }

    /// The usual duration of a segment in seconds, [`ASSUMED_DURATION`] if none was seen.
    pub(crate) fn usual(&self) -> f64 {
        if self.main.usual > 0.0 { self.main.usual } else { ASSUMED_DURATION }
    }

    /// Whether the site began to number anew in this part.
    pub(crate) fn renumbered_in_part(&self) -> bool {
        self.renumbered_in_part
    }

    /// How many segments this part brought that none before had.
    pub(crate) fn fresh_in_part(&self) -> u64 {
        self.fresh_in_part
    }
}

#[cfg(test)]
mod tests;
