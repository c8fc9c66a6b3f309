//! EventSub: the subscriptions that api.twitch.tv keeps, and the messages that Twitch posts to their callbacks.

mod forgery;
mod message;
mod post;
mod sender;
mod subscriptions;

use std::str::FromStr;

use anyhow::{Context, Result};

pub use forgery::Forgery;
pub use post::Delivery;
pub use subscriptions::Subscription;

pub(super) use message::Message;
pub(super) use subscriptions::{Subscriptions, answer};

/// What a subscription is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// `stream.online`, version 1.
    Online,
    /// `stream.offline`, version 1.
    Offline,
    /// `channel.update`, version 2: title, category.
    Update,
}

impl Topic {
    const ALL: [Self; 3] = [Self::Online, Self::Offline, Self::Update];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "stream.online",
            Self::Offline => "stream.offline",
            Self::Update => "channel.update",
        }
    }

    fn version(self) -> &'static str {
        if self == Self::Update { "2" } else { "1" }
    }

    fn find(name: &str, version: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| (topic.name(), topic.version()) == (name, version))
    }
}

impl FromStr for Topic {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|topic| topic.name() == name)
            .with_context(|| format!("no such topic: {name}"))
    }
}
