//! 1, 2, 4 … s between tries, up to 30 s or less.

use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(30);

/// How long to wait before the next try.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::up_to(LONGEST)
    }
}

impl Backoff {
    /// From 1 s to this.
    pub(super) fn up_to(longest: Duration) -> Self {
        Self { next: Duration::from_secs(1), longest }
    }

    /// This time, and longer the next.
    pub(super) fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(self.longest);
        now
    }

    /// Something worked: begin at 1 s again.
    pub(super) fn reset(&mut self) {
        *self = Self::up_to(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_thirty_seconds() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..7).map(|_| backoff.next().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        backoff.reset();
        assert_eq!(backoff.next().as_secs(), 1);
    }
}
