//! The shapes of Twitch's answers, and what its questions carry.

use serde_json::{Value, json};

use crate::{Asked, Reply};

/// A status with a JSON body.
pub(super) fn json_reply(status: u16, body: &Value) -> Reply {
    Reply { status, ..Reply::ok("application/json; charset=utf-8", body.to_string()) }
}

/// What api.twitch.tv and id.twitch.tv say when they say no.
pub(super) fn problem(status: u16, message: &str) -> Reply {
    let error = http::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
    json_reply(status, &json!({ "error": error.unwrap_or("Error"), "status": status, "message": message }))
}

/// The pairs of a query or a form, decoded.
pub(super) fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

/// The first value of a name.
pub(super) fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Every value of a name.
pub(super) fn all<'a>(pairs: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

/// A header as text.
pub(super) fn header<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    asked.headers.get(name).and_then(|value| value.to_str().ok())
}
