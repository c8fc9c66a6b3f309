//! The one sentence on the whole pool that the page and the API show.

use holdfast_model::Health;
use serde::Serialize;

use crate::{Pool, Proxy};

/// How the pool is as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SystemState {
    /// At least one proxy is healthy.
    Healthy,
    /// None is healthy, but connections find a way.
    Degraded,
    /// No connection finds a way.
    Error,
    /// A person switched the proxy system off.
    Disabled,
}

impl SystemState {
    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Error => "error",
            Self::Disabled => "disabled",
        }
    }
}

/// The state of the pool in figures and words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SystemStatus {
    /// The state.
    pub state: SystemState,
    /// The sentence.
    pub message: String,
    /// How many enabled proxies are healthy.
    pub healthy: usize,
    /// How many are enabled.
    pub enabled: usize,
    /// How many there are.
    pub total: usize,
}

impl Pool {
    /// The pool as a whole, in the words of the API.
    #[must_use]
    pub fn system_status(&self) -> SystemStatus {
        let count = |what: fn(&&Proxy) -> bool| self.proxies().filter(what).count();
        let healthy = count(|p| p.is_usable() && p.health == Health::Healthy);
        let (state, message) = self.sentence(healthy);
        SystemStatus { state, message, healthy, enabled: count(|p| p.enabled), total: count(|_| true) }
    }

    fn sentence(&self, healthy: usize) -> (SystemState, String) {
        let count = |what: fn(&&Proxy) -> bool| self.proxies().filter(what).count();
        let wanted = count(|p| p.is_wanted());
        let degraded = count(|p| p.is_usable() && p.health == Health::Degraded);
        let unknown = count(|p| p.is_usable() && p.health == Health::Unknown);
        let none = count(|_| true) == 0;
        let down = if none { "No proxies configured" } else { "All proxies down" };
        if !self.settings().enabled {
            (SystemState::Disabled, "Proxy system disabled - using direct connection".to_owned())
        } else if healthy > 0 {
            (SystemState::Healthy, format!("{healthy} of {wanted} proxies healthy"))
        } else if degraded + unknown > 0 {
            let message = format!("0 of {wanted} proxies healthy, {degraded} degraded, {unknown} unchecked");
            (SystemState::Degraded, message)
        } else if self.settings().fallback_to_direct {
            let direct = if none { "using direct connection" } else { "using direct connection fallback" };
            (SystemState::Degraded, format!("{down} - {direct}"))
        } else {
            (SystemState::Error, format!("{down} - recordings will fail"))
        }
    }
}
