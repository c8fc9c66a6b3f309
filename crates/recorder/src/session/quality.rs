//! Streamlink opened less than was asked for: does the site really offer no better?
//!
//! While Streamlink resolves a page it asks for the playlist of every quality once. One that fails, because a route just
//! did, vanishes from its list, and "best" silently becomes 720p60 (measured). So where the best was asked for, and a route
//! failed while it resolved, or it opened less than a part before, the page is asked once more what there is. If there is
//! better, Streamlink is replaced; the next part begins before the end of this one, as ever.

use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use holdfast_model::Event;
use tracing::info;

use super::Session;
use super::child_run::Watch;
use crate::live::Asker;

/// The page is asked when so much has come: first of all there must be a recording.
const SETTLED: Duration = Duration::from_secs(5);
/// When a route failed while the page was asked, it is asked again after this …
const AGAIN: Duration = Duration::from_secs(15);
/// … but no more often than this in one run.
const MOST_ASKED: u32 = 3;
/// So often is Streamlink replaced in one recording.
const MOST_REPLACED: u32 = 3;

/// What a name says of height and frames a second ("1080p60", "720p"); `None` for names that say nothing of it.
fn rank(name: &str) -> Option<(u32, u32)> {
    let (height, rate) = name.trim().split_once('p')?;
    let digits = |text: &str| text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    if height.is_empty() || !digits(height) || !digits(rate) {
        return None;
    }
    // Without a number it is the usual rate.
    Some((height.parse().ok()?, if rate.is_empty() { 30 } else { rate.parse().ok()? }))
}

/// Whether the first is better than the second, as far as their names tell.
fn is_better(one: &str, other: &str) -> bool {
    rank(one).zip(rank(other)).is_some_and(|(one, other)| one > other)
}

/// The best of these whose name says how good it is.
fn best(names: &[String]) -> Option<&String> {
    names.iter().filter(|name| rank(name).is_some()).max_by_key(|name| rank(name))
}

/// Whether one run of Streamlink opened what it should have.
#[derive(Default)]
pub(super) struct Doubt {
    /// What it opened.
    opened: Option<String>,
    doubtful: bool,
    asked: u32,
    /// When the last question was put.
    asked_at: Option<Instant>,
    flowing_since: Option<Instant>,
    pub(super) asking: Option<BoxFuture<'static, Option<Vec<String>>>>,
    /// Better is offered: the run is over.
    pub(super) replaced: bool,
}

impl Doubt {
    /// The first byte has come.
    pub(super) fn flows(&mut self) {
        self.flowing_since.get_or_insert_with(Instant::now);
    }

    fn is_due(&self) -> bool {
        let waited = |since: Option<Instant>, time| since.is_some_and(|since| since.elapsed() >= time);
        let settled = waited(self.flowing_since, SETTLED);
        let again = self.asked == 0 || waited(self.asked_at, AGAIN);
        self.doubtful && self.asking.is_none() && self.asked < MOST_ASKED && settled && again
    }
}

impl Session {
    /// Streamlink, begun then, opened this quality.
    pub(super) fn opened(&mut self, quality: &str, begun: Instant, doubt: &mut Doubt) {
        let wants_best = self.request.quality.split(',').next().is_some_and(|first| first.trim() == "best");
        let failed = self.account.traffic().last_failure().is_some_and(|at| at >= begun);
        let less = self.opened.as_deref().is_some_and(|before| is_better(before, quality));
        doubt.doubtful = wants_best && (failed || less) && rank(quality).is_some();
        doubt.opened = Some(quality.to_owned());
        self.opened.get_or_insert_with(|| quality.to_owned());
    }

    /// Once a second: asks what is offered, if that is in doubt and this is the time.
    pub(super) fn ask_for_better(&self, doubt: &mut Doubt, asker: impl FnOnce() -> Asker) {
        if self.replaced < MOST_REPLACED && doubt.is_due() {
            doubt.asked += 1;
            doubt.asked_at = Some(Instant::now());
            doubt.asking = Some(asker().offered().boxed());
        }
    }

    /// So much is offered now, if that could be learned. True if Streamlink is to be replaced.
    pub(super) fn compare(&mut self, offered: Option<&[String]>, doubt: &mut Doubt) -> bool {
        doubt.asking = None;
        let asked = doubt.asked_at;
        let failed =
            self.account.traffic().last_failure().is_some_and(|at| asked.is_none_or(|asked| at >= asked));
        // What vanished once may vanish again: only a sound answer is the last one.
        doubt.doubtful = offered.is_none() || failed;
        let Some((opened, better)) = doubt.opened.clone().zip(offered.and_then(best).cloned()) else {
            return false;
        };
        if !is_better(&better, &opened) {
            info!(opened, best = better, "the best that is offered was opened");
            return false;
        }
        self.replaced += 1;
        doubt.replaced = true;
        self.opened = Some(better.clone());
        let recording = self.request.id;
        self.observer.event(Event::QualityDropped { recording, opened, offered: better });
        true
    }

    /// The first byte of a part has come: notes if it shows what the one before shows, in another quality.
    pub(super) fn note_quality(&mut self, watch: &Watch) {
        let Some(opened) = watch.doubt.opened.clone() else { return };
        let other = self.last_opened.as_ref().is_some_and(|before| *before != opened);
        if other
            && !self.ledger.renumbered_in_part()
            && let Some(part) = &self.writing
        {
            self.aligned.push(part.path.clone());
        }
        self.last_opened = Some(opened);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities_compare_by_height_and_then_by_frames() {
        for (one, other, better) in [
            ("1080p60", "720p60", true),
            ("1080p", "720p60", true),
            ("720p60", "720p", true),
            ("720p", "720p30", false),
            ("720p60", "1080p60", false),
            ("1440p60", "1080p60", true),
            ("source", "720p60", false),
            ("1080p60", "source", false),
            ("1080p60_alt", "720p60", false),
            ("audio_only", "720p60", false),
            ("p", "720p", false),
            ("99999999999p", "720p", false),
            ("", "", false),
        ] {
            assert_eq!(is_better(one, other), better, "{one} {other}");
        }
        let names = ["worst", "360p", "1080p60", "best", "720p60", "audio_only"].map(str::to_owned);
        assert_eq!(best(&names).map(String::as_str), Some("1080p60"));
        assert_eq!(best(&["best".to_owned(), "live".to_owned()]), None);
    }
}
