//! The checks on their way into the history of their proxies.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_model::{CheckFinding, Health, ProxyId, Trigger, milliseconds};
use holdfast_store::rows::CheckRow;
use tokio::time::Instant;

/// How often the same failure of a proxy that is tried again and again is kept.
const SAME_FAILURE_EVERY: Duration = Duration::from_secs(60);
/// Checks that wait at most while the database is away; beyond it the oldest are not kept.
const WAITING: usize = 50_000;

/// Checks that are not stored yet, and what was last kept of each proxy.
#[derive(Default)]
pub(super) struct History {
    waiting: VecDeque<CheckRow>,
    last: HashMap<ProxyId, Last>,
}

struct Last {
    at: DateTime<Utc>,
    failure: Option<(Instant, Option<String>)>,
}

impl History {
    /// Takes a check in, if it says more than the one before it.
    pub(super) fn take(&mut self, id: ProxyId, trigger: Trigger, finding: &CheckFinding, at: DateTime<Utc>) {
        if !self.is_news(id, trigger, finding) {
            return;
        }
        let failure = (finding.status == Health::Failed).then(|| (Instant::now(), finding.error.clone()));
        // Two of a proxy at the same microsecond would be one row.
        let after = self.last.get(&id).map(|last| last.at + TimeDelta::microseconds(1));
        let at = after.map_or(at, |after| at.max(after));
        self.last.insert(id, Last { at, failure });
        self.waiting.push_back(CheckRow {
            proxy_id: id,
            at,
            status: finding.status,
            response_time_ms: finding.response_time.map(milliseconds),
            error: finding.error.clone(),
            phases: finding.phases,
            trigger,
        });
        if self.waiting.len() > WAITING {
            self.waiting.pop_front();
        }
    }

    /// The next ones to be stored, so many at most.
    pub(super) fn next(&mut self, most: usize) -> Vec<CheckRow> {
        self.waiting.drain(..self.waiting.len().min(most)).collect()
    }

    /// While a proxy is down it is tried again every few seconds, and a night of that with a thousand proxies would be
    /// millions of rows that say the same: one a minute is kept.
    fn is_news(&self, id: ProxyId, trigger: Trigger, finding: &CheckFinding) -> bool {
        let vain = trigger == Trigger::Recovery && finding.status == Health::Failed;
        let last = self.last.get(&id).and_then(|last| last.failure.as_ref());
        let same = last.is_some_and(|(at, error)| {
            *error == finding.error && Instant::now().duration_since(*at) < SAME_FAILURE_EVERY
        });
        !(vain && same)
    }
}
