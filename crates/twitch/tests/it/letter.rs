//! Messages as Twitch writes them, and where they arrive.

use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast_model::Secret;
use holdfast_twitch::eventsub::{Inbox, Notice, Rejected};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) const SECRET: &str = "5f1a6e7cd2e7137ccf9e15b2f43fe63949eb84b1db83c1d5a867dc93429de4e4";
pub(crate) const ID: &str = "e76c6bd4-55c9-4987-8304-da1588d8988b";

pub(crate) fn inbox() -> Inbox {
    Inbox::new(Secret::new(SECRET))
}

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 123_456_789).expect("a time")
}

pub(crate) fn receive(inbox: &Inbox, letter: &Letter) -> Result<Notice, Rejected> {
    inbox.receive(&letter.headers().expect("headers"), &letter.body, now())
}

pub(crate) fn read(body: &Value) -> Result<Notice, Rejected> {
    receive(&inbox(), &Letter::sent(ID, now(), body))
}

/// A message with its signed parts.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) id: Vec<u8>,
    pub(crate) time: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Letter {
    pub(crate) fn signed(id: &[u8], time: &[u8], body: &[u8]) -> Self {
        Self::signed_with(SECRET, id, time, body)
    }

    pub(crate) fn signed_with(secret: &str, id: &[u8], time: &[u8], body: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
        for part in [id, time, body] {
            mac.update(part);
        }
        let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let signature = format!("sha256={digits}").into_bytes();
        Self { id: id.to_vec(), time: time.to_vec(), signature, body: body.to_vec() }
    }

    pub(crate) fn sent(id: &str, at: DateTime<Utc>, body: &Value) -> Self {
        // Twitch writes nanoseconds.
        let time = at.to_rfc3339_opts(SecondsFormat::Nanos, true);
        Self::signed(id.as_bytes(), time.as_bytes(), body.to_string().as_bytes())
    }

    /// Id, time, signature and body.
    pub(crate) fn parts(&mut self) -> [&mut Vec<u8>; 4] {
        [&mut self.id, &mut self.time, &mut self.signature, &mut self.body]
    }

    /// `None` if HTTP cannot carry them.
    pub(crate) fn headers(&self) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("twitch-eventsub-message-id", &self.id),
            ("twitch-eventsub-message-timestamp", &self.time),
            ("twitch-eventsub-message-signature", &self.signature),
        ] {
            headers.insert(name, HeaderValue::from_bytes(value).ok()?);
        }
        Some(headers)
    }
}

fn subscription(kind: &str, status: &str) -> Value {
    json!({
        "id": "f1c2a387-161a-49f9-a165-0f21d7a4e1c4", "status": status, "type": kind, "version": "1", "cost": 1,
        "condition": { "broadcaster_user_id": "1337" },
        "transport": { "method": "webhook", "callback": "https://example.com/eventsub" },
        "created_at": "2019-11-16T10:11:12.634234626Z"
    })
}

pub(crate) fn challenge() -> Value {
    let status = "webhook_callback_verification_pending";
    json!({ "challenge": "pogchamp-kappa-360noscope", "subscription": subscription("stream.online", status) })
}

pub(crate) fn event(kind: &str) -> Value {
    json!({
        "subscription": subscription(kind, "enabled"),
        "event": {
            "id": "9001", "type": "live", "started_at": "2020-10-11T10:11:12.123Z",
            "broadcaster_user_id": "1337", "broadcaster_user_login": "cool_user",
            "broadcaster_user_name": "Cool_User",
            "title": "Best Stream Ever", "language": "en", "category_id": "12453",
            "category_name": "Grand Theft Auto", "content_classification_labels": ["MatureGame"]
        }
    })
}

pub(crate) fn revocation(kind: &str, reason: &str) -> Value {
    json!({ "subscription": subscription(kind, reason) })
}
