//! What a person can set for the whole pool, and the time that the caller hands in.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// The five settings of the proxy system. They take effect at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// False: everything goes direct and nothing is checked.
    pub enabled: bool,
    /// False: no regular checks. Suspicions, retries of failed proxies and recovery go on.
    pub health_checks: bool,
    /// From one regular check of a proxy to its next, 10 s to 86,400 s; shorter than 100 ms is taken as 100 ms.
    pub interval: Duration,
    /// After how many failed regular checks or manual tests in a row a proxy is disabled, 1 to 10; 0 is taken
    /// as 1.
    pub max_consecutive_failures: u32,
    /// Whether a connection may go direct when no proxy can take it.
    pub fallback_to_direct: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            health_checks: true,
            interval: Duration::from_secs(300),
            max_consecutive_failures: 3,
            fallback_to_direct: true,
        }
    }
}

/// The present, twice: a clock that only goes forward to reckon with, and the time of day to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For everything that is reckoned.
    pub at: Instant,
    /// For what people read.
    pub wall: DateTime<Utc>,
}
