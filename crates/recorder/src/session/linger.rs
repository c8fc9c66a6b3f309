//! The stream is over. It may come back in a minute: an encoder that was restarted, a line that broke. Then it is the
//! same recording, and so the site is asked for a while, often at first, and at once when somebody was told that it is
//! back. What was not broadcast in between is no loss.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tokio::time::Instant;
use tracing::{debug, info};

use super::Session;
use super::recover::{Asked, Next};
use crate::control::Status;
use crate::ledger::Away;
use crate::live::{Answer, Exit};
use crate::mark::Over;

/// Between two questions in the first minute …
const AT_FIRST: Duration = Duration::from_secs(10);
const AT_FIRST_FOR: TimeDelta = TimeDelta::seconds(60);
/// … and later.
const LATER: Duration = Duration::from_secs(30);

impl Session {
    /// The stream is over, by this answer. Waits for it, if that is wanted.
    pub(super) async fn over_for_now(&mut self, reason: String, answer: &Answer) -> Next {
        if self.request.linger.is_zero() {
            return Next::End(self.over_with(reason));
        }
        // If it only seemed to be back, it is over since the first time.
        let over = self.over.get_or_insert(Over { since: Utc::now(), reason, ended: false, gone: false });
        over.note(answer);
        let over = over.clone();
        self.mark(TimeDelta::zero());
        self.linger(over, AT_FIRST).await
    }

    /// Waits for a stream that is over, and asks for the first time after so long. The wait ends with its time, with the
    /// wanted duration, and with a stop.
    pub(super) async fn linger(&mut self, over: Over, first: Duration) -> Next {
        let linger = TimeDelta::from_std(self.request.linger).unwrap_or(TimeDelta::MAX);
        let until = over.since.checked_add_signed(linger).unwrap_or(over.since);
        // A clock that was set back makes no wait longer.
        let left = (until - Utc::now()).to_std().unwrap_or_default().min(self.request.linger);
        let ends = Instant::now() + left;
        let ends = self.duration_ends().map_or(ends, |wanted| wanted.min(ends));
        let (reason, time) = (&over.reason, until.format("%H:%M:%S UTC"));
        let note = format!("the stream is over ({reason}); waiting until {time} whether it comes back");
        info!("{note}");
        self.status(Status::Recovering, Some(note));
        let mut wait = first;
        loop {
            let left = ends.saturating_duration_since(Instant::now());
            let stopped = tokio::select! {
                stopped = self.pause(wait.min(left)) => stopped,
                () = self.control.woken() => false,
            };
            if stopped {
                return Next::End(self.stopped());
            }
            let exit = Exit { clean: true, ..Exit::default() };
            let Asked { answer, unsaid, .. } = tokio::select! {
                asked = self.ask(&exit) => asked,
                () = self.control.soft().cancelled() => return Next::End(self.stopped()),
            };
            let back = self.is_back(&answer);
            self.outage.unsaid(unsaid.as_deref());
            if back || self.outage.is_news(format!("{answer:?}")) {
                info!(?answer, back, "asked whether the stream is back");
            } else {
                debug!(?answer, back, "asked whether the stream is back, as before");
            }
            if back {
                self.outage.ends();
                return self.back(&answer);
            }
            if Instant::now() >= ends {
                return Next::End(self.over_with(over.reason));
            }
            wait = if Utc::now() - over.since < AT_FIRST_FOR { AT_FIRST } else { LATER };
        }
    }

    /// Whether this answer says that the stream goes on.
    fn is_back(&mut self, answer: &Answer) -> bool {
        let recorded = self.ledger.recorded();
        let Some(over) = &mut self.over else { return false };
        over.note(answer);
        match *answer {
            Answer::SaidLive => true,
            Answer::Playlist { ended: false, next, .. } => match recorded {
                // The same playlist as before, which goes nowhere, is no news.
                Some(recorded) if !over.ended => next > recorded || is_another(next, recorded),
                Some(_) => true,
                None => over.gone,
            },
            // A file that was played to its end is still offered.
            Answer::Streams => over.gone,
            _ => false,
        }
    }

    /// It goes on.
    fn back(&mut self, answer: &Answer) -> Next {
        let ended = self.over.as_ref().is_some_and(|over| over.ended);
        self.ledger.was_away(if ended { Away::Ended } else { Away::Unseen });
        if let (Answer::Playlist { next, .. }, Some(recorded)) = (answer, self.ledger.recorded())
            && is_another(*next, recorded)
        {
            self.ledger.numbering_begins_anew();
        }
        // What was before says nothing about what comes.
        (self.barren, self.after_kill, self.last_new) = (0, false, Instant::now());
        self.note(Some("the stream is back".to_owned()));
        Next::Resume { live_edge: self.live_edge(Some(answer)) }
    }
}

/// Whether a playlist that ends before this number is another than the one that was recorded up to there. (Caches of a
/// site may differ by a segment or two.)
fn is_another(next: u64, recorded: u64) -> bool {
    next.saturating_add(2) < recorded
}

impl Over {
    fn note(&mut self, answer: &Answer) {
        match answer {
            Answer::Playlist { ended: true, .. } => (self.ended, self.gone) = (true, true),
            Answer::Gone(_) | Answer::SaidOffline => self.gone = true,
            _ => {}
        }
    }
}
