//! What a message says. Which sort it is follows from its body, which is signed; the header that names it is not.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::Rejected;
use crate::Kind;
use crate::stream::told;
use crate::subscription::{ENABLED, Written};

/// A message of Twitch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Twitch wants to know whether this address wants its messages: answer 200, `text/plain`, with this text.
    Challenge(String),
    /// A broadcast began.
    Online {
        /// The channel's number.
        broadcaster_id: String,
        /// The channel's name in addresses, in lower case.
        login: String,
        /// The channel's name for people.
        display_name: String,
        /// The broadcast's own number.
        stream_id: String,
        /// When it began.
        started_at: DateTime<Utc>,
    },
    /// A broadcast ended.
    Offline {
        /// The channel's number.
        broadcaster_id: String,
        /// The channel's name in addresses, in lower case.
        login: String,
        /// The channel's name for people.
        display_name: String,
    },
    /// Title or category are other ones. They may be the same, if something else changed.
    Update {
        /// The channel's number.
        broadcaster_id: String,
        /// The channel's name in addresses, in lower case.
        login: String,
        /// The channel's name for people.
        display_name: String,
        /// The title; `None` if there is none.
        title: Option<String>,
        /// The game or category; `None` if there is none.
        category: Option<String>,
    },
    /// Twitch has ended one of our subscriptions.
    Revoked {
        /// Which one.
        subscription_id: String,
        /// What it told.
        kind: Kind,
        /// Of which channel: its number.
        broadcaster_id: String,
        /// In Twitch's word: `user_removed`, `authorization_revoked`, `notification_failures_exceeded`,
        /// `version_removed` …
        reason: String,
    },
    /// Something else, of no concern here.
    Other,
}

#[derive(Deserialize)]
struct Message {
    subscription: Written,
    challenge: Option<String>,
    event: Option<Value>,
}

#[derive(Deserialize)]
struct Channel {
    broadcaster_user_id: String,
    broadcaster_user_login: String,
    broadcaster_user_name: String,
}

#[derive(Deserialize)]
struct Began {
    id: String,
    started_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Changed {
    title: String,
    category_name: String,
}

impl Notice {
    /// Reads the body of a message whose signature is good.
    ///
    /// # Errors
    /// [`Rejected::Malformed`].
    pub fn read(body: &[u8]) -> Result<Self, Rejected> {
        let message: Message = serde_json::from_slice(body).map_err(|_| Rejected::Malformed)?;
        if let Some(challenge) = message.challenge {
            return Ok(Self::Challenge(challenge));
        }
        let Some(kind) = Kind::of(&message.subscription.kind) else { return Ok(Self::Other) };
        match message.event {
            Some(event) => Self::event(kind, &event),
            None => Self::ended(kind, message.subscription),
        }
    }

    fn event(kind: Kind, event: &Value) -> Result<Self, Rejected> {
        let channel: Channel = part(event)?;
        let broadcaster_id = channel.broadcaster_user_id;
        let login = channel.broadcaster_user_login.to_ascii_lowercase();
        let display_name = channel.broadcaster_user_name;
        Ok(match kind {
            Kind::Online => {
                let Began { id: stream_id, started_at } = part(event)?;
                Self::Online { broadcaster_id, login, display_name, stream_id, started_at }
            }
            Kind::Offline => Self::Offline { broadcaster_id, login, display_name },
            Kind::Update => {
                let Changed { title, category_name } = part(event)?;
                let (title, category) = (told(title), told(category_name));
                Self::Update { broadcaster_id, login, display_name, title, category }
            }
        })
    }

    fn ended(kind: Kind, subscription: Written) -> Result<Self, Rejected> {
        let Written { id: subscription_id, status: reason, condition, .. } = subscription;
        match condition.broadcaster_user_id {
            // It would be an event that is missing.
            Some(broadcaster_id) if reason != ENABLED => {
                Ok(Self::Revoked { subscription_id, kind, broadcaster_id, reason })
            }
            _ => Err(Rejected::Malformed),
        }
    }
}

fn part<'a, T: Deserialize<'a>>(event: &'a Value) -> Result<T, Rejected> {
    T::deserialize(event).map_err(|_| Rejected::Malformed)
}
