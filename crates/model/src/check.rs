//! What one health check saw. The probe of the gateway makes these, the pool judges them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Health;

/// Why a check was made. Only [`Trigger::Schedule`] and [`Trigger::Manual`] move the failure counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The regular round.
    Schedule,
    /// A person asked.
    Manual,
    /// Traffic raised a suspicion, or a recording is about to start.
    Suspicion,
    /// A failed or auto-disabled proxy is tried again.
    Recovery,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The proxy itself: no TCP, TLS or proxy handshake with it, wrong credentials, or silence before it answered.
    Proxy,
    /// Beyond the proxy: it answered CONNECT with a 5xx, or opened the tunnel and the target then failed.
    Target,
    /// This machine's own: it had no file, port or memory left for the connection. Nothing was learned of anybody.
    Ours,
}

/// What one check says of one target reached through one proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The expected answer (2xx unless configured otherwise).
    Healthy,
    /// A 3xx or 4xx from the target.
    Degraded,
    /// No usable answer.
    Failed(Blame),
}

/// How long each phase of a check took; `None` where it did not get that far or has no such phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// TCP connection to the proxy, name look-up included, in milliseconds.
    pub connect_ms: Option<u32>,
    /// TLS to the proxy and its CONNECT or SOCKS handshake, in milliseconds.
    pub proxy_ms: Option<u32>,
    /// TLS with the target through the tunnel, in milliseconds.
    pub tls_ms: Option<u32>,
    /// From the request to the first byte of the answer, in milliseconds.
    pub first_byte_ms: Option<u32>,
}

/// One target of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetOutcome {
    /// `host:port` of the target: the key under which targets of different proxies are compared.
    pub target: String,
    /// What it means.
    pub verdict: Verdict,
    /// Whether the target itself answered, over TLS with its own certificate: then the proxy brought an answer unaltered,
    /// whatever that says.
    pub spoke: bool,
    /// The phase and the reason in words, passwords masked; `None` for [`Verdict::Healthy`].
    pub error: Option<String>,
    /// From the first packet to the first byte of the answer; `None` without an answer.
    pub response_time: Option<Duration>,
    /// The same, phase by phase.
    pub phases: Phases,
}

/// One whole check of one proxy, over all its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// One entry a target, at least one, in the configured order.
    pub outcomes: Vec<TargetOutcome>,
}

/// What one check says by itself, over all its targets, without regard to what others reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFinding {
    /// Failed if all targets failed, degraded if some did or objected, healthy if all were content; unknown if none could
    /// be asked.
    pub status: Health,
    /// To the first answer; `None` if there was none.
    pub response_time: Option<Duration>,
    /// The first thing that was wrong, in words, masked.
    pub error: Option<String>,
    /// Of the target that the error is about, else of the first.
    pub phases: Phases,
}

impl CheckReport {
    /// The report without the targets that this machine could not ask. If none is left, the check was not carried out.
    #[must_use]
    pub fn carried_out(&self) -> Option<Self> {
        let asked = |o: &&TargetOutcome| o.verdict != Verdict::Failed(Blame::Ours);
        let outcomes: Vec<_> = self.outcomes.iter().filter(asked).cloned().collect();
        (!outcomes.is_empty()).then_some(Self { outcomes })
    }

    /// Sums it up.
    #[must_use]
    pub fn finding(&self) -> CheckFinding {
        match self.carried_out() {
            Some(asked) => asked.sum(),
            None => CheckFinding { status: Health::Unknown, ..self.sum() },
        }
    }

    fn sum(&self) -> CheckFinding {
        let failed = |o: &&TargetOutcome| matches!(o.verdict, Verdict::Failed(_));
        let failures = self.outcomes.iter().filter(failed).count();
        let flaw = self.outcomes.iter().find(failed);
        let flaw = flaw.or_else(|| self.outcomes.iter().find(|o| o.verdict != Verdict::Healthy));
        let status = match flaw {
            _ if self.outcomes.is_empty() => Health::Unknown,
            None => Health::Healthy,
            Some(_) if failures == self.outcomes.len() => Health::Failed,
            Some(_) => Health::Degraded,
        };
        let told = flaw.or_else(|| self.outcomes.first());
        CheckFinding {
            status,
            response_time: self.outcomes.iter().find_map(|o| o.response_time),
            error: flaw.map(|o| o.error.clone().unwrap_or_else(|| "the check failed".to_owned())),
            phases: told.map(|o| o.phases).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(verdict: Verdict) -> TargetOutcome {
        let failed = matches!(verdict, Verdict::Failed(_));
        TargetOutcome {
            target: "t:443".to_owned(),
            verdict,
            spoke: false,
            error: (verdict != Verdict::Healthy).then(|| "wrong".to_owned()),
            response_time: (!failed).then(|| Duration::from_millis(5)),
            phases: Phases::default(),
        }
    }

    #[test]
    fn a_check_is_summed_up() {
        let (good, meh, bad) = (Verdict::Healthy, Verdict::Degraded, Verdict::Failed(Blame::Target));
        let ours = Verdict::Failed(Blame::Ours);
        for (verdicts, status) in [
            (vec![], Health::Unknown),
            (vec![good, good], Health::Healthy),
            (vec![good, meh], Health::Degraded),
            (vec![good, bad], Health::Degraded),
            (vec![bad, bad], Health::Failed),
            (vec![ours, bad], Health::Failed),
            (vec![ours, good], Health::Healthy),
            (vec![ours, ours], Health::Unknown),
        ] {
            let report = CheckReport { outcomes: verdicts.into_iter().map(outcome).collect() };
            let finding = report.finding();
            assert_eq!(finding.status, status, "{report:?}");
            assert_eq!(
                finding.error.is_some(),
                report.outcomes.iter().any(|o| o.error.is_some()) && status != Health::Healthy
            );
        }
    }
}
