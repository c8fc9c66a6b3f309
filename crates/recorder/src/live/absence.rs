//! For how long the same has been said that would end a recording.
//!
//! What is said twice is believed only if it is the same twice. A page without streams, read while the platform's API
//! failed, is no first half of a platform that says "offline": that API has just recovered, and is wrong then if ever.

use std::time::Duration;

use tokio::time::Instant;

use super::Answer;

/// A word that ends a recording if it is said again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// The stream is gone; in doubt, because the platform should know and failed to answer.
    Gone { in_doubt: bool },
    /// The platform says that the channel is offline.
    Offline,
}

/// Remembers which of these was said last, and since when.
#[derive(Debug, Default)]
pub(crate) struct Absence {
    said: Option<(Word, Instant)>,
}

impl Absence {
    /// Hears the next answer; for how long the same has been said by then, if it was said before.
    pub(crate) fn hear(&mut self, answer: &Answer, platform_fails: bool, now: Instant) -> Option<Duration> {
        let word = match answer {
            Answer::Gone(_) => Word::Gone { in_doubt: platform_fails },
            Answer::SaidOffline => Word::Offline,
            _ => {
                self.forget();
                return None;
            }
        };
        match self.said {
            Some((before, since)) if before == word => Some(now - since),
            _ => {
                self.said = Some((word, now));
                None
            }
        }
    }

    /// What was said does not count: it came by a bad route.
    pub(crate) fn forget(&mut self) {
        self.said = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_word_confirms() {
        let start = Instant::now();
        let (gone, offline) = (Answer::Gone("404".into()), Answer::SaidOffline);
        let mut absence = Absence::default();
        for (second, answer, platform_fails, expected) in [
            (0, &gone, true, None),
            (5, &gone, true, Some(5)),
            // The API is back, and this is the first that it says.
            (10, &offline, false, None),
            (15, &offline, false, Some(5)),
            // It does not know, and now it should.
            (20, &gone, false, None),
            (25, &Answer::Gone("no streams".into()), false, Some(5)),
            (30, &gone, true, None),
            (90, &gone, true, Some(60)),
            // Whatever else is said is a break.
            (95, &Answer::SaidLive, false, None),
            (100, &gone, true, None),
        ] {
            let heard = absence.hear(answer, platform_fails, start + Duration::from_secs(second));
            assert_eq!(heard, expected.map(Duration::from_secs), "at {second} s");
        }
        absence.forget();
        assert_eq!(absence.hear(&gone, true, start + Duration::from_secs(105)), None);
    }
}
