//! Which way a connection takes: the best proxy, else direct if that is allowed, else none.
//!
//! A proxy is out if it is disabled, convicted, without the tags, or already tried. Those that are left are ranked
//! by class first: unsuspected and not avoided before the others, then healthy, degraded, unknown, then priority.
//! Only inside one class a lease keeps its present proxy; after that the faster one wins (unmeasured last), then
//! the lower id. So a better proxy that returns gets the new connections, and a suspect one still comes before
//! going direct.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use holdfast_model::{Health, ProxyId, ProxyUrl};

use crate::Pool;
use crate::proxy::Proxy;
use crate::reason::Reason;

/// Who asks for a way, and what it knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// Only proxies that carry all of these; empty: any.
    pub tags: &'a [String],
    /// Failed for this very connection: never again.
    pub tried: &'a [ProxyId],
    /// Slow or stuck for this recording: ranked with the suspect ones, before direct.
    pub avoid: &'a [ProxyId],
    /// The proxy a lease uses now: wins among equals of the best class.
    pub keep: Option<ProxyId>,
}

/// The way a connection takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Through this proxy.
    Proxy {
        /// Which.
        id: ProxyId,
        /// Where it is.
        url: ProxyUrl,
        /// How it is.
        health: Health,
        /// Its priority, 0 first.
        priority: u32,
        /// Its average response time, if it was measured.
        average: Option<Duration>,
    },
    /// Without a proxy.
    Direct(DirectReason),
    /// Not at all.
    NoRoute(NoRouteReason),
}

/// Why a connection goes direct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DirectReason {
    /// A person switched the proxy system off.
    SystemOff,
    /// There is no proxy.
    NoneConfigured,
    /// No proxy can take it, and direct is allowed as the last resort.
    NoneUsable,
}

/// Why a connection cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoRouteReason {
    /// There is no proxy, and direct is not allowed.
    NoneConfigured,
    /// No proxy is enabled.
    AllDisabled,
    /// No proxy carries the tags.
    NoneMatch,
    /// All that are enabled and match have failed.
    AllFailed,
    /// All that could take it were tried for this connection.
    AllTried,
}

impl fmt::Display for DirectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SystemOff => "the proxy system is switched off",
            Self::NoneConfigured => "no proxies are configured",
            Self::NoneUsable => "no proxy can be used",
        })
    }
}

impl fmt::Display for NoRouteReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoneConfigured => "no proxies are configured and direct connections are not allowed",
            Self::AllDisabled => "all proxies are disabled and direct connections are not allowed",
            Self::NoneMatch => "no enabled proxy carries the tags and direct connections are not allowed",
            Self::AllFailed => "all proxies are down and direct connections are not allowed",
            Self::AllTried => "all proxies were tried and direct connections are not allowed",
        })
    }
}

/// What makes a class, best first.
pub(crate) type Class = (bool, Health, u32);

/// The class of a usable proxy for nobody in particular.
pub(crate) fn rank(proxy: &Proxy) -> Class {
    (proxy.is_suspect(), proxy.health, proxy.priority)
}

fn class(proxy: &Proxy, request: &Request<'_>) -> Class {
    (proxy.is_suspect() || request.avoid.contains(&proxy.id), proxy.health, proxy.priority)
}

/// Why this proxy is out of the question, if it is.
fn bar(proxy: &Proxy, request: &Request<'_>) -> Option<Bar> {
    if !proxy.enabled {
        Some(Bar::Disabled)
    } else if !request.tags.iter().all(|tag| proxy.tags.contains(tag)) {
        Some(Bar::Tags)
    } else if proxy.is_convicted() {
        Some(Bar::Convicted)
    } else if proxy.drill_until.is_some() {
        Some(Bar::Drilled)
    } else if request.tried.contains(&proxy.id) {
        Some(Bar::Tried)
    } else {
        None
    }
}

/// The rule that keeps a proxy out, the one that came closest to a route last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bar {
    Disabled,
    Tags,
    Convicted,
    Drilled,
    Tried,
}

/// How two usable proxies of one class compare: less is better.
fn within_class(a: &Proxy, b: &Proxy, request: &Request<'_>) -> Ordering {
    let kept = |p: &Proxy| request.keep != Some(p.id);
    let speed = |p: &Proxy| p.average_response_time.unwrap_or(Duration::MAX);
    kept(a).cmp(&kept(b)).then_with(|| speed(a).cmp(&speed(b))).then_with(|| a.id.cmp(&b.id))
}

impl Pool {
    /// The way for a connection. One pass over the proxies.
    #[must_use]
    pub fn select(&self, request: &Request<'_>) -> Choice {
        match self.best(request) {
            Ok(best) => Choice::Proxy {
                id: best.id,
                url: best.url.clone(),
                health: best.health,
                priority: best.priority,
                average: best.average_response_time,
            },
            Err(other) => other,
        }
    }

    /// Whether a connection would find a way, direct included.
    #[must_use]
    pub fn has_route(&self, request: &Request<'_>) -> bool {
        !matches!(self.best(request), Err(Choice::NoRoute(_)))
    }

    /// Why a connection may no longer go through this proxy at this address, if so: a person decided otherwise since it was
    /// chosen. Nothing that checks find ends what is open.
    #[must_use]
    pub fn objection(&self, id: ProxyId, url: &ProxyUrl) -> Option<&'static str> {
        match self.get(id) {
            None => Some("the proxy was removed"),
            Some(proxy) if !proxy.enabled => Some("the proxy was disabled"),
            Some(proxy) if proxy.url != *url => Some("the proxy got another address"),
            Some(proxy) if proxy.drill_until.is_some() => Some("a drill"),
            Some(_) => None,
        }
    }

    /// The same for a connection that goes direct for this reason.
    #[must_use]
    pub fn objection_to_direct(&self, reason: DirectReason, tags: &[String]) -> Option<&'static str> {
        let off = !self.settings().enabled;
        if !off && !self.settings().fallback_to_direct {
            return Some("direct connections were forbidden");
        }
        let by_proxy = || self.best(&Request { tags, ..Request::default() }).is_ok();
        let switched_on = reason == DirectReason::SystemOff && !off && by_proxy();
        switched_on.then_some("the proxy system was switched on")
    }

    /// Each proxy that [`Pool::select`] does not choose, with the reason, by priority.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>) -> Vec<(ProxyId, Reason)> {
        let best = self.best(request).ok();
        self.proxies()
            .filter(|p| best.is_none_or(|b| b.id != p.id))
            .map(|p| (p.id, self.reason(p, best, request)))
            .collect()
    }

    fn best(&self, request: &Request<'_>) -> Result<&Proxy, Choice> {
        if !self.settings().enabled {
            return Err(Choice::Direct(DirectReason::SystemOff));
        }
        let mut best: Option<(Class, &Proxy)> = None;
        let mut closest = None;
        for proxy in self.proxies() {
            if let Some(bar) = bar(proxy, request) {
                closest = closest.max(Some(bar));
                continue;
            }
            let class = class(proxy, request);
            let better = best.as_ref().is_none_or(|(best_class, best)| {
                class.cmp(best_class).then_with(|| within_class(proxy, best, request)).is_lt()
            });
            if better {
                best = Some((class, proxy));
            }
        }
        best.map(|(_, proxy)| proxy).ok_or_else(|| self.without_proxy(closest))
    }

    fn without_proxy(&self, closest: Option<Bar>) -> Choice {
        match (self.settings().fallback_to_direct, closest) {
            (true, None) => Choice::Direct(DirectReason::NoneConfigured),
            (true, Some(_)) => Choice::Direct(DirectReason::NoneUsable),
            (false, None) => Choice::NoRoute(NoRouteReason::NoneConfigured),
            (false, Some(Bar::Disabled)) => Choice::NoRoute(NoRouteReason::AllDisabled),
            (false, Some(Bar::Tags)) => Choice::NoRoute(NoRouteReason::NoneMatch),
            (false, Some(Bar::Convicted | Bar::Drilled)) => Choice::NoRoute(NoRouteReason::AllFailed),
            (false, Some(Bar::Tried)) => Choice::NoRoute(NoRouteReason::AllTried),
        }
    }

    fn reason(&self, loser: &Proxy, best: Option<&Proxy>, request: &Request<'_>) -> Reason {
        if !self.settings().enabled {
            return Reason::SystemOff;
        }
        match bar(loser, request) {
            Some(Bar::Disabled) if loser.auto_disabled => Reason::AutoDisabled(loser.consecutive_failures),
            Some(Bar::Disabled) => Reason::Disabled,
            Some(Bar::Tags) => Reason::Tags,
            Some(Bar::Convicted) => Reason::Failed(loser.last_error.clone().unwrap_or_default()),
            Some(Bar::Drilled) => Reason::Drilled,
            Some(Bar::Tried) => Reason::Tried,
            None => best.map_or(Reason::Later, |best| Self::compare(loser, best, request)),
        }
    }

    fn compare(loser: &Proxy, best: &Proxy, request: &Request<'_>) -> Reason {
        let (lost, won) = (class(loser, request), class(best, request));
        if lost.0 != won.0 {
            if loser.is_suspect() { Reason::Suspect } else { Reason::Avoided }
        } else if lost.1 != won.1 {
            Reason::Health(loser.health)
        } else if lost.2 != won.2 {
            Reason::Priority(loser.priority)
        } else if request.keep == Some(best.id) {
            Reason::Kept
        } else if loser.average_response_time != best.average_response_time {
            loser.average_response_time.map_or(Reason::Unmeasured, Reason::Slower)
        } else {
            Reason::Later
        }
    }
}
