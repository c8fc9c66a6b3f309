//! The gap ledger's entry: what is missing from a recording, when, how much and through whose fault.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::Via;

/// Why segments were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GapCause {
    /// No route worked, or one died and the change took too long.
    Route,
    /// The streaming site did not deliver.
    Origin,
    /// Advertisements that were cut out. Not counted as loss.
    Ads,
    /// Streamlink or this program was not running.
    Process,
}

impl GapCause {
    /// Whether something was lost. What was cut out on purpose was not.
    #[must_use]
    pub fn is_loss(self) -> bool {
        self != Self::Ads
    }
}

impl fmt::Display for GapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Route => "route",
            Self::Origin => "origin",
            Self::Ads => "ads",
            Self::Process => "process",
        })
    }
}

/// One run of segments that never arrived, or that were cut out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// When the first of them was due.
    pub at: DateTime<Utc>,
    /// How many segments.
    pub segments: u64,
    /// How much play time they carried, in seconds. Of advertisements only their number is known: each is taken to be as
    /// long as the segments around them.
    pub seconds: f64,
    /// Why.
    pub cause: GapCause,
    /// The route in use at the time, if one was.
    pub via: Option<Via>,
    /// True where the numbering was reset and the loss had to be taken from the clock.
    pub estimated: bool,
}
