//! Messages that must have no effect.

use std::str::FromStr;

use anyhow::{Context, Result};
use bytes::Bytes;
use chrono::{TimeDelta, Utc};

use super::Subscription;
use super::message::{Kind, Message};

/// What is wrong with a message. But for that it is an announcement that the channel is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Signed with another secret.
    WrongSignature,
    /// Without the signature.
    Unsigned,
    /// Signed, but the body was changed afterwards.
    Altered,
    /// Signed properly, eleven minutes ago.
    Stale,
    /// Signed properly, eleven minutes ahead.
    Ahead,
    /// The last good message to this subscription, word for word once more.
    Replayed,
    /// Signed properly, with a body of a million bytes.
    Huge,
    /// Signed properly, but not JSON.
    Malformed,
}

impl Forgery {
    const ALL: [(&str, Self); 8] = [
        ("wrong-signature", Self::WrongSignature),
        ("unsigned", Self::Unsigned),
        ("altered", Self::Altered),
        ("stale", Self::Stale),
        ("ahead", Self::Ahead),
        ("replayed", Self::Replayed),
        ("huge", Self::Huge),
        ("malformed", Self::Malformed),
    ];

    /// The message. `good` is the body of a proper one, `last` the last that was sent.
    pub(super) fn forge(
        self,
        id: &str,
        to: &Subscription,
        good: String,
        last: Option<Message>,
    ) -> Option<Message> {
        let signed = |at, body: Bytes| Message::new(id, at, Kind::Notification, to, body);
        let now = Utc::now();
        Some(match self {
            Self::WrongSignature => {
                let other = Subscription { secret: "not the secret".to_owned(), ..to.clone() };
                Message::new(id, now, Kind::Notification, &other, good)
            }
            Self::Unsigned => {
                let mut message = signed(now, good.into());
                message.headers.retain(|(name, _)| !name.ends_with("Signature"));
                message
            }
            Self::Altered => Message { body: format!("{good} ").into(), ..signed(now, good.into()) },
            Self::Stale => signed(now - TimeDelta::minutes(11), good.into()),
            Self::Ahead => signed(now + TimeDelta::minutes(11), good.into()),
            Self::Replayed => return last,
            Self::Huge => {
                let padding = " ".repeat(1_000_000_usize.saturating_sub(good.len()));
                signed(now, format!("{good}{padding}").into())
            }
            Self::Malformed => signed(now, Bytes::from_static(b"{\"subscription\": {\"id\": 1, ")),
        })
    }
}

impl FromStr for Forgery {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, forgery)| forgery).with_context(|| format!("no such forgery: {name}"))
    }
}
