//! What traffic may say against a proxy. It is only ever a reason to check it.
//!
//! A 5xx answer may be the destination's fault. When the check that it causes passes, that destination carries the
//! blame for a minute, and its 5xx answers suspect nobody. All other causes always lead to a check: checks are
//! cheap, and only they convict.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use holdfast_model::{Destination, ProxyId, Trigger};

use crate::proxy::Mark;
use crate::schedule::SUSPICION_PAUSE;
use crate::{CheckOrder, Now, Pool, Proxy};

/// So long a destination carries the blame.
const BLAMED_FOR: Duration = Duration::from_secs(60);
/// Clients choose destinations, so their number is bounded.
const MOST_BLAMED: usize = 1024;
const MOST_DESTINATIONS: usize = 16;
const LEAST_PATIENCE: Duration = Duration::from_millis(1500);
const MOST_PATIENCE: Duration = Duration::from_secs(4);

/// Something that went wrong with a connection through a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// What.
    pub cause: SuspicionCause,
    /// Where the client wanted to go, if that is known.
    pub destination: Option<Destination>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SuspicionCause {
    /// The proxy refused the connection.
    Refused,
    /// The connection was reset.
    Reset,
    /// TLS with the proxy failed.
    TlsFailed,
    /// The proxy answered 407, or refused user and password over SOCKS.
    WrongCredentials,
    /// The proxy answered with this 5xx, or with the SOCKS reply that says the same.
    ServerError(u16),
    /// Another proxy that was asked later answered first, and this one had not said a word.
    HedgeLost,
    /// A tunnel had no byte from the proxy for 2 s after the client's last.
    Unanswered,
    /// A write to the proxy was blocked for 2 s.
    WriteBlocked,
    /// A steady download stopped for 2 s.
    WentSilent,
}

impl fmt::Display for SuspicionCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "refused the connection",
            Self::Reset => "reset the connection",
            Self::TlsFailed => "TLS with the proxy failed",
            Self::WrongCredentials => "wrong user or password",
            Self::ServerError(status) => return write!(f, "answered {status}"),
            Self::HedgeLost => "was overtaken and had not answered",
            Self::Unanswered => "no byte for 2 s after the client's last",
            Self::WriteBlocked => "took no byte for 2 s",
            Self::WentSilent => "a steady download stopped for 2 s",
        })
    }
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        self.destination.as_ref().map_or(Ok(()), |d| write!(f, " ({d})"))
    }
}

/// Destinations that answered 5xx through a proxy that a check then found in order: it was they.
#[derive(Debug, Default)]
pub(crate) struct Blamed(BTreeMap<Destination, Instant>);

impl Blamed {
    pub(crate) fn blame(&mut self, destination: Destination, at: Instant) {
        if self.0.len() >= MOST_BLAMED {
            self.0.retain(|_, until| *until > at);
        }
        if self.0.len() >= MOST_BLAMED
            && let Some(first) = self.0.iter().min_by_key(|(_, until)| **until).map(|(d, _)| d.clone())
        {
            self.0.remove(&first);
        }
        self.0.insert(destination, at + BLAMED_FOR);
    }

    fn carries(&self, destination: &Destination, at: Instant) -> bool {
        self.0.get(destination).is_some_and(|until| *until > at)
    }
}

impl Pool {
    /// Whether something speaks for a proxy through which `to` was not reached at `since`: a check that began since then
    /// passed, or that destination is known to be at fault.
    #[must_use]
    pub fn is_vouched_for(&self, id: ProxyId, since: Instant, to: &Destination, at: Instant) -> bool {
        let passed = self.get(id).and_then(|proxy| proxy.track.passed);
        passed.is_some_and(|begun| begun >= since) || self.blamed.carries(to, at)
    }

    /// Traffic met something wrong. The proxy is suspect until a check that begins from now on passes. `Some`: run
    /// this check at once. `None`: a suspicion check is under way or was less than 2 s ago (another follows by
    /// itself where it is needed), the destination is known to be at fault, or the proxy is out of use anyway.
    pub fn suspect(&mut self, id: ProxyId, suspicion: &Suspicion, now: Now) -> Option<CheckOrder> {
        let index = self.index(id)?;
        let of_destination = matches!(suspicion.cause, SuspicionCause::ServerError(_));
        let destination = suspicion.destination.as_ref().filter(|_| of_destination);
        let proxy = &mut self.proxies[index];
        let excused = destination.is_some_and(|d| self.blamed.carries(d, now.at));
        if !self.settings.enabled || !proxy.is_usable() || excused {
            return None;
        }
        proxy.mark(destination, now.at);
        let plan = &proxy.track.plan;
        let pausing = plan.suspected.is_some_and(|at| now.at < at + SUSPICION_PAUSE);
        if pausing || proxy.track.in_flight.iter().any(|f| f.trigger == Trigger::Suspicion) {
            self.secure_suspicion(index);
            return None;
        }
        Some(self.order(index, Trigger::Suspicion, now.at))
    }
}

impl Proxy {
    fn mark(&mut self, destination: Option<&Destination>, at: Instant) {
        let mark =
            self.suspicion.get_or_insert_with(|| Box::new(Mark { raised: at, destinations: Vec::new() }));
        if let Some(destination) = destination
            && mark.destinations.len() < MOST_DESTINATIONS
            && !mark.destinations.contains(destination)
        {
            mark.destinations.push(destination.clone());
        }
    }

    /// How long a suspicion check of it may go unanswered.
    pub(crate) fn patience(&self) -> Duration {
        let usual = self.average_response_time.max(self.track.dial);
        usual.map_or(MOST_PATIENCE, |usual| usual.saturating_mul(4).clamp(LEAST_PATIENCE, MOST_PATIENCE))
    }
}
