//! A stream that was over and came back: what was not broadcast in between is no loss.
//!
//! It comes back with new numbers (another broadcast), and then nothing was due between the two; or the numbers go on.
//! If the playlist itself had ended, those that were passed over were given to nothing that was sent. But if it was only
//! not to be had (the site answered 404 for a while), then numbers that went on meanwhile say that it was there, and what
//! has left the playlist since is missing.

use chrono::{DateTime, Utc};

use super::Ledger;

/// How the stream was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Away {
    /// The playlist said that it had ended.
    Ended,
    /// It was not to be had, for whatever reason.
    Unseen,
}

impl Ledger {
    /// The stream was over and is back; the next part shows with which numbers.
    pub(crate) fn was_away(&mut self, away: Away) {
        self.away = Some(away);
    }

    /// The numbers of a stream that was over go on with this one.
    pub(super) fn back_in_the_old_numbering(&mut self, away: Option<Away>, number: u64, now: DateTime<Utc>) {
        if away == Some(Away::Ended) && self.main.next.is_some_and(|next| next < number) {
            self.main.next = Some(number);
            self.main.last_complete = Some(now);
            // The numbers of separate sound went on with those of the video.
            self.audio.next = None;
        }
    }
}
