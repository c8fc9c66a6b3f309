//! What the answers of all targets of one check come to. A target that this proxy did not reach, and nobody else
//! lately either, does not count; of the others, all must fail for the proxy to have failed.

use std::time::{Duration, Instant};

use holdfast_model::{Blame, CheckReport, Event, Health, Phases, TargetOutcome, Verdict};

use crate::Pool;
use crate::proxy::Unproven;

/// What a whole check comes to.
pub(crate) enum Finding {
    Passed(Passed),
    Failed {
        blame: Blame,
        reason: String,
    },
    /// Nobody can say whose fault it is.
    Nothing,
}

/// The proxy works.
pub(crate) struct Passed {
    /// Healthy or degraded.
    pub(crate) health: Health,
    /// Of the first target that answered.
    pub(crate) response_time: Option<Duration>,
    /// How long it took to open the way to it; `None` if the check did not need to.
    pub(crate) dial: Option<Duration>,
    /// What some target objected to.
    pub(crate) error: Option<String>,
}

impl Pool {
    /// Sorts out what the targets said, and keeps who reached what.
    pub(crate) fn judge(
        &mut self,
        index: usize,
        report: &CheckReport,
        at: Instant,
        events: &mut Vec<Event>,
    ) -> (Finding, Option<Unproven>) {
        let id = self.proxies[index].id;
        if report.outcomes.is_empty() {
            return (Finding::Nothing, None);
        }
        self.proxies[index].track.asked = report.outcomes.iter().map(|o| o.target.clone()).collect();
        // Whatever else it says, an answer or a failure beyond the proxy shows that our line is up.
        self.line_down &= report.outcomes.iter().all(|o| o.verdict == Verdict::Failed(Blame::Proxy));
        let is_reached = |o: &&TargetOutcome| !matches!(o.verdict, Verdict::Failed(_));
        for outcome in report.outcomes.iter().filter(is_reached) {
            self.target_reached(&outcome.target, id, at, events);
        }
        let of_target = |o: &&TargetOutcome| o.verdict == Verdict::Failed(Blame::Target);
        let track = &mut self.proxies[index].track;
        if track.brought.is_none() && report.outcomes.iter().any(|o| of_target(&o) && o.spoke) {
            track.brought = Some(at);
        }
        let (unproven, counted): (Vec<_>, Vec<_>) =
            report.outcomes.iter().partition(|o| of_target(o) && !self.tells_against(index, o, at));
        let doubt = unproven.first().map(|first| Unproven {
            targets: unproven.iter().map(|o| o.target.clone()).collect(),
            reason: words(first),
            waiting: false,
        });
        (weigh(&counted, doubt.as_ref()), doubt)
    }
}

/// Why a target was not content, in words.
fn words(outcome: &TargetOutcome) -> String {
    outcome.error.clone().unwrap_or_else(|| "the check failed".to_owned())
}

/// How long a tunnel took to open. A plain request to an HTTP proxy needs none.
fn opened(phases: &Phases) -> Option<Duration> {
    let (connect, proxy) = (phases.connect_ms?, phases.proxy_ms?);
    Some(Duration::from_millis(u64::from(connect) + u64::from(proxy)))
}

/// One finding from all targets that count: failed if all fail, degraded if some do, else the worst.
fn weigh(counted: &[&TargetOutcome], doubt: Option<&Unproven>) -> Finding {
    let failed = |o: &&&TargetOutcome| matches!(o.verdict, Verdict::Failed(_));
    let failures = counted.iter().filter(failed).count();
    let own = counted.iter().find(|o| o.verdict == Verdict::Failed(Blame::Proxy));
    let flaw = own.or_else(|| counted.iter().find(failed));
    let flaw = flaw.or_else(|| counted.iter().find(|o| o.verdict == Verdict::Degraded));
    match flaw {
        _ if counted.is_empty() => Finding::Nothing,
        Some(worst) if failures == counted.len() => {
            let blame = if own.is_some() { Blame::Proxy } else { Blame::Target };
            Finding::Failed { blame, reason: words(worst) }
        }
        _ => Finding::Passed(Passed {
            health: if flaw.is_some() { Health::Degraded } else { Health::Healthy },
            response_time: counted.iter().find_map(|o| o.response_time.filter(|_| !failed(&o))),
            dial: counted.iter().find_map(|o| opened(&o.phases).filter(|_| !failed(&o))),
            error: flaw.map(|o| words(o)).or_else(|| doubt.map(|u| u.reason.clone())),
        }),
    }
}
