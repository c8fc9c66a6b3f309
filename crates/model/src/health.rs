//! The health of a proxy, in the words of the API.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the last check said of a proxy. The order is the order of preference of a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// The proxy reached every target and the target was content.
    Healthy,
    /// The proxy works, but a target objected (3xx or 4xx: a banned or limited address).
    Degraded,
    /// Not checked yet.
    Unknown,
    /// The proxy does not carry traffic. Never selected.
    Failed,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        })
    }
}
