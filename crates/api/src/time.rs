//! Times in a query string.

use chrono::{DateTime, Utc};

use crate::fields::Fields;
use crate::problem::Problem;

/// Takes a time in RFC 3339. A `+` that was not percent-encoded arrives as a space and is understood.
pub(crate) fn time(fields: &mut Fields, name: &'static str) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = fields.text(name, 64)? else { return Ok(None) };
    let (date, zone) = text.split_at_checked(11).unwrap_or((&text, ""));
    let text = format!("{date}{}", zone.replace(' ', "+"));
    match DateTime::parse_from_rfc3339(&text) {
        Ok(time) => Ok(Some(time.to_utc())),
        Err(_) => Err(Problem::bad(format!("{name} must be a time such as 2026-01-31T12:00:00Z"))),
    }
}
