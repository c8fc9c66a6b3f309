//! The order for one check: made by the pool, carried out by the driver, handed back with its report.

use std::time::{Duration, Instant};

use holdfast_model::{ProxyId, ProxyUrl, Trigger};

/// One check to be run now. Give it back by [`crate::Pool::finish_check`] or [`crate::Pool::abandon_check`]; one
/// that never comes back is taken for lost after a minute.
#[must_use = "a check that is ordered must be run and handed back"]
#[derive(Debug)]
pub struct CheckOrder {
    /// Whom to check.
    pub id: ProxyId,
    /// Where it is.
    pub url: ProxyUrl,
    /// Why.
    pub trigger: Trigger,
    /// Only for [`Trigger::Suspicion`]: without an answer after this long (4 times its usual, 1.5 s to 4 s), call
    /// [`crate::Pool::overdue`] and let the check run on.
    pub convict_after: Option<Duration>,
    /// Tells checks of one proxy apart; unknown to the pool once the proxy got another URL.
    pub(crate) serial: u64,
    /// When it was ordered.
    pub(crate) begun: Instant,
}
