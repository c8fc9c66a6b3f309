//! What the pool has planned for one proxy. How it is used stands in `schedule.rs`.

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::SmallRng;

/// So many proxies are looked at for the first time at once; those beyond are spread out.
pub(crate) const MANY: usize = 20;

/// When one proxy is checked next, and how often it was tried in vain.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) regular: Instant,
    /// No check was ordered since it was added, changed or enabled.
    pub(crate) first: bool,
    /// Meant only while it is convicted or auto-disabled.
    pub(crate) retry: Instant,
    /// Doublings of the next pause between retries.
    pub(crate) step: u32,
    pub(crate) extra: Option<Instant>,
    /// When its latest check of any kind was ordered.
    pub(crate) begun: Option<Instant>,
    /// When its latest check in the present outage was ordered.
    pub(crate) tried: Option<Instant>,
    /// When its latest suspicion check was ordered.
    pub(crate) suspected: Option<Instant>,
    /// Auto-disabled: since when its checks are good.
    pub(crate) good_since: Option<Instant>,
}

impl Plan {
    /// First look at `at`.
    pub(crate) fn first(at: Instant) -> Self {
        let (begun, tried, suspected, good_since) = (None, None, None, None);
        Self {
            regular: at,
            first: true,
            retry: at,
            step: 0,
            extra: None,
            begun,
            tried,
            suspected,
            good_since,
        }
    }
}

/// Counts how many proxies are added together.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    since: Option<Instant>,
    count: usize,
}

impl Burst {
    /// How long the first check of one more proxy is put off.
    pub(crate) fn delay(&mut self, interval: Duration, at: Instant, rng: &mut SmallRng) -> Duration {
        if self.since.is_none_or(|since| at.saturating_duration_since(since) > Duration::from_secs(1)) {
            *self = Self { since: Some(at), count: 0 };
        }
        self.count += 1;
        if self.count > MANY { spread(interval).mul_f64(rng.random()) } else { Duration::ZERO }
    }
}

/// Over how long the first checks of many are spread.
pub(crate) fn spread(interval: Duration) -> Duration {
    (interval / 10).min(Duration::from_secs(5))
}
