//! A message as it goes over the wire: body, headers, signature.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::Subscription;
use crate::twitch::sign::hex_hmac;

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Challenge,
    Notification,
    Revocation,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Challenge => "webhook_callback_verification",
            Self::Notification => "notification",
            Self::Revocation => "revocation",
        }
    }
}

/// A message that can be posted, and posted again.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(super) id: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Message {
    /// Signed with the subscription's secret.
    pub(super) fn new(
        id: &str,
        at: DateTime<Utc>,
        kind: Kind,
        to: &Subscription,
        body: impl Into<Bytes>,
    ) -> Self {
        let (body, at) = (body.into(), at.to_rfc3339_opts(SecondsFormat::Nanos, true));
        let signature = hex_hmac(&to.secret, &[id.as_bytes(), at.as_bytes(), &body]);
        let headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("Twitch-Eventsub-Message-Id", id.to_owned()),
            ("Twitch-Eventsub-Message-Retry", "0".to_owned()),
            ("Twitch-Eventsub-Message-Type", kind.name().to_owned()),
            ("Twitch-Eventsub-Message-Signature", format!("sha256={signature}")),
            ("Twitch-Eventsub-Message-Timestamp", at),
            ("Twitch-Eventsub-Subscription-Type", to.topic.name().to_owned()),
            ("Twitch-Eventsub-Subscription-Version", to.topic.version().to_owned()),
        ];
        Self { id: id.to_owned(), headers, body }
    }
}

/// `{"subscription": …}` and one thing more.
pub(super) fn body(subscription: &Subscription, name: &str, value: Value) -> String {
    let mut body = serde_json::Map::new();
    body.insert("subscription".to_owned(), subscription.shown());
    body.insert(name.to_owned(), value);
    Value::Object(body).to_string()
}
