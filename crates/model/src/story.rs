//! What a broadcast is called, and how that changes while it is recorded.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a broadcast is called now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// Its title; `None` if the platform does not say.
    pub title: Option<String>,
    /// Its category, a game for example; `None` if it has none or the platform does not say.
    pub category: Option<String>,
}

/// One stretch of a recording in which the broadcast was called the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chapter {
    /// When it began.
    pub at: DateTime<Utc>,
    /// Where it begins in the finished file, in seconds from the file's beginning (at least 0).
    pub offset_s: f64,
    /// The title then.
    pub title: Option<String>,
    /// The category then.
    pub category: Option<String>,
}
