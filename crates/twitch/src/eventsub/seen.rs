//! Which messages were here, for as long as they could come again, and in bounded memory. Only signed ones are noted, so
//! no stranger can fill it.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

/// A thousand channels whose title changes every minute send as many in 10 minutes. About 1 MB.
const MOST: usize = 10_000;

/// An id of any length, in 32 bytes.
type Mark = [u8; 32];

/// What was here, with the time from which it need not be known any more.
#[derive(Debug, Default)]
pub(super) struct Seen {
    until: HashMap<Mark, DateTime<Utc>>,
    by_time: BTreeSet<(DateTime<Utc>, Mark)>,
}

impl Seen {
    /// Whether this id is new; it is known from now `until` then. Beyond [`MOST`] the one that ends first is forgotten.
    pub(super) fn note(&mut self, id: &[u8], until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        while self.by_time.first().is_some_and(|(until, _)| *until < now) {
            self.forget_first();
        }
        let mark: Mark = Sha256::digest(id).into();
        if self.until.contains_key(&mark) {
            return false;
        }
        if self.until.len() >= MOST {
            self.forget_first();
        }
        self.until.insert(mark, until);
        self.by_time.insert((until, mark));
        true
    }

    fn forget_first(&mut self) {
        if let Some((_, mark)) = self.by_time.pop_first() {
            self.until.remove(&mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[test]
    fn an_id_is_new_once_until_its_time_is_over() {
        let mut seen = Seen::default();
        assert!(seen.note(b"a", at(10), at(0)));
        assert!(seen.note(b"b", at(5), at(0)));
        assert!(!seen.note(b"a", at(10), at(1)));
        // In its last moment it is still known.
        assert!(!seen.note(b"a", at(10), at(10)));
        assert!(seen.note(b"a", at(20), at(11)));
    }

    #[test]
    fn memory_is_bounded_and_what_ends_first_goes_first() {
        let mut seen = Seen::default();
        for n in 0..2 * MOST {
            assert!(seen.note(&n.to_be_bytes(), at(i64::try_from(n).unwrap()), at(0)));
            assert!(seen.until.len() <= MOST && seen.until.len() == seen.by_time.len());
        }
        assert_eq!(seen.until.len(), MOST);
        assert!(!seen.note(&MOST.to_be_bytes(), at(1), at(0)));
        assert!(seen.note(&(MOST - 1).to_be_bytes(), at(1), at(0)));
        // All of them end.
        assert!(seen.note(b"later", at(100_000), at(50_000)));
        assert_eq!((seen.until.len(), seen.by_time.len()), (1, 1));
    }
}
