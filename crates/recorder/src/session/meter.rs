//! Bytes, and bytes a second over the last five.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Meter {
    total: u64,
    recent: VecDeque<(Instant, u64)>,
}

impl Meter {
    pub(super) fn add(&mut self, bytes: u64) {
        let now = Instant::now();
        self.total += bytes;
        match self.recent.back_mut() {
            Some((at, sum)) if now - *at < Duration::from_millis(100) => *sum += bytes,
            _ => self.recent.push_back((now, bytes)),
        }
        while self.recent.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.recent.pop_front();
        }
    }

    /// Counts what an earlier run wrote.
    pub(super) fn carry(&mut self, bytes: u64) {
        self.total += bytes;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.total
    }

    /// Bytes a second.
    pub(super) fn rate(&self) -> u64 {
        let now = Instant::now();
        let sum: u64 = self.recent.iter().filter(|(at, _)| now - *at <= WINDOW).map(|(_, bytes)| bytes).sum();
        sum / WINDOW.as_secs()
    }
}
