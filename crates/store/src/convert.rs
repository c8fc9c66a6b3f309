//! Between the words of the model and what stands in a column. Writing keeps secrets out, whoever forgot to; reading
//! takes what people wrote by hand for the nearest sensible value.

use std::path::{Path, PathBuf};

use chrono::{DateTime, SubsecRound as _, Utc};
use holdfast_model::{GapCause, Health, Level, MaskedUrl, ProxyId, Trigger, Via, mask_passwords};
use serde_json::Value;

use crate::{RecordingStatus, StoreError};

/// What a closed list of values is called in the database.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// All values and their words.
    const WORDS: &'static [(Self, &'static str)];

    /// The word of this value.
    fn word(self) -> String {
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("", |(_, word)| word).to_owned()
    }

    /// The value of a word, however it is written.
    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| known.eq_ignore_ascii_case(word.trim())).map(|(value, _)| *value)
    }
}

impl Word for Health {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Healthy, "healthy"),
        (Self::Degraded, "degraded"),
        (Self::Unknown, "unknown"),
        (Self::Failed, "failed"),
    ];
}

impl Word for Trigger {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Schedule, "schedule"),
        (Self::Manual, "manual"),
        (Self::Suspicion, "suspicion"),
        (Self::Recovery, "recovery"),
    ];
}

impl Word for Level {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Info, "info"), (Self::Warning, "warning"), (Self::Error, "error")];
}

impl Word for GapCause {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Route, "route"), (Self::Origin, "origin"), (Self::Ads, "ads"), (Self::Process, "process")];
}

impl Word for RecordingStatus {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Starting, "starting"),
        (Self::Recording, "recording"),
        (Self::Recovering, "recovering"),
        (Self::Finalizing, "finalizing"),
        (Self::Completed, "completed"),
        (Self::Stopped, "stopped"),
        (Self::Failed, "failed"),
        (Self::Interrupted, "interrupted"),
    ];
}

/// To the microsecond: PostgreSQL keeps no more.
pub(crate) fn micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}

/// Now, to the microsecond.
pub(crate) fn now() -> DateTime<Utc> {
    micros(Utc::now())
}

/// Text without the one character that PostgreSQL refuses.
pub(crate) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Text that may come from strangers or name a proxy: masked again.
pub(crate) fn masked(words: &str) -> String {
    text(&mask_passwords(words))
}

/// JSON with every text in it masked.
pub(crate) fn masked_json(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask_passwords(text).into_owned()),
        Value::Array(items) => items.iter().map(masked_json).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), masked_json(value))).collect()
        }
        other => other.clone(),
    }
}

/// A count for a column; one that is too big becomes the biggest.
pub(crate) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count from a column; one below 0 becomes 0.
pub(crate) fn uncount(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A smaller count from a column; one that does not fit becomes the nearest.
pub(crate) fn small(number: i64) -> u32 {
    u32::try_from(number.clamp(0, i64::from(u32::MAX))).unwrap_or(0)
}

/// A fraction for a column: SQLite would keep one that is not a number as nothing.
pub(crate) fn fraction(number: f64) -> f64 {
    if number.is_finite() { number } else { 0.0 }
}

/// A list of tags for a column.
pub(crate) fn tags(tags: &[String]) -> String {
    Value::from(tags.iter().map(|tag| text(tag)).collect::<Vec<_>>()).to_string()
}

/// A list of tags from a column: JSON, or words with commas between them.
pub(crate) fn untags(column: &str) -> Vec<String> {
    serde_json::from_str(column).unwrap_or_else(|_| {
        column.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
    })
}

/// A path for a column.
pub(crate) fn path(path: &Path) -> Result<String, StoreError> {
    let text = path.to_str().filter(|text| !text.contains('\0'));
    text.map(str::to_owned)
        .ok_or_else(|| StoreError::data(format!("the path {} is not UTF-8: choose another", path.display())))
}

/// A path from a column.
pub(crate) fn unpath(column: String) -> PathBuf {
    PathBuf::from(column)
}

/// A route for two columns: the proxy's id, if it is one, and its masked URL or `direct`.
pub(crate) fn via(via: &Via) -> (Option<i64>, String) {
    (via.proxy_id().map(|id| id.0), masked(&via.to_string()))
}

/// A route from its two columns.
pub(crate) fn unvia(proxy_id: Option<i64>, text: &str) -> Via {
    proxy_id.map_or(Via::Direct, |id| Via::Proxy(ProxyId(id), MaskedUrl::from_kept(text)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn odd_values_become_the_nearest_sensible_ones() {
        assert_eq!(Health::of(" Failed "), Some(Health::Failed));
        assert_eq!(Health::of("nonsense"), None);
        assert_eq!((small(-1), small(i64::MAX), uncount(-5)), (0, u32::MAX, 0));
        assert_eq!((count(u64::MAX), fraction(f64::NAN)), (i64::MAX, 0.0));
        assert_eq!(untags(r#"["a, b","c"]"#), ["a, b", "c"]);
        assert_eq!(untags(" us , fast,,"), ["us", "fast"]);
        assert_eq!(text("a\0b"), "a\u{fffd}b");
    }

    #[test]
    fn json_is_masked_text_by_text() {
        let data = json!({"from": "http://u:secret@h:1", "list": ["http://a:b@c", 1], "x": "http://x:y", "mail": "c@d"});
        let expected = json!({"from": "http://u:***@h:1", "list": ["http://a:***@c", 1], "x": "http://x:y", "mail": "c@d"});
        assert_eq!(masked_json(&data), expected);
    }
}
