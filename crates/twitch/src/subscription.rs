//! Subscriptions to EventSub: what Twitch was asked to tell, and where.

use holdfast_model::Secret;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::client::Call;
use crate::{Kind, Twitch, TwitchError};

const PATH: &str = "eventsub/subscriptions";
/// Twitch shows 100 a page and allows an application 10,000.
const MOST_PAGES: usize = 200;

/// Twitch's word for one that works.
pub(crate) const ENABLED: &str = "enabled";

/// One thing that Twitch was asked to tell by a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Twitch's own name for it.
    pub id: String,
    /// Whether it works.
    pub state: State,
    /// What is told.
    pub kind: Kind,
    /// Of which channel: its number.
    pub broadcaster_id: String,
    /// Where Twitch sends it.
    pub callback: String,
}

/// Whether a subscription works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It does.
    Enabled,
    /// Twitch has not had the answer to its challenge yet.
    Pending,
    /// It does not and will not, in Twitch's word: `webhook_callback_verification_failed`,
    /// `notification_failures_exceeded`, `authorization_revoked`, `user_removed` …
    Over(String),
}

/// As Twitch writes it. Those of other programs with the same client ID may look different.
#[derive(Deserialize)]
pub(crate) struct Written {
    pub(crate) id: String,
    pub(crate) status: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) condition: Condition,
    #[serde(default)]
    transport: Transport,
}

#[derive(Default, Deserialize)]
pub(crate) struct Condition {
    pub(crate) broadcaster_user_id: Option<String>,
}

#[derive(Default, Deserialize)]
struct Transport {
    callback: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Written>,
    #[serde(default)]
    pagination: Pagination,
}

#[derive(Default, Deserialize)]
struct Pagination {
    cursor: Option<String>,
}

impl Twitch {
    /// All subscriptions of this client ID that are of our kinds and go to a webhook: those of other programs with
    /// the same client ID too, which have another callback.
    ///
    /// # Errors
    /// [`TwitchError`].
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, TwitchError> {
        const WHAT: &str = "the list of subscriptions";
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let query = cursor.iter().map(|cursor| ("after", cursor.as_str())).collect();
            let page: Page = self.call(&Call::get(PATH, query, WHAT)).await?.read(WHAT)?;
            found.extend(page.data.into_iter().filter_map(Subscription::of));
            match page.pagination.cursor.filter(|cursor| !cursor.is_empty()) {
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => break,
            }
        }
        Ok(found)
    }

    /// Asks Twitch to tell this of a channel to `callback` (`https://`, port 443), signed with `secret` (10 to 100
    /// characters of ASCII). Twitch then sends a challenge there and waits for its answer.
    ///
    /// # Errors
    /// [`TwitchError`]; [`TwitchError::is_conflict`] if there is one for this already.
    pub async fn subscribe(
        &self,
        kind: Kind,
        broadcaster_id: &str,
        callback: &str,
        secret: &Secret,
    ) -> Result<Subscription, TwitchError> {
        const WHAT: &str = "a subscription";
        let body = json!({
            "type": kind.name(),
            "version": kind.version(),
            "condition": { "broadcaster_user_id": broadcaster_id },
            "transport": { "method": "webhook", "callback": callback, "secret": secret.expose() },
        });
        let (body, secret) = (Some(body.to_string()), Some(secret));
        let call = Call { method: Method::POST, path: PATH, query: Vec::new(), body, what: WHAT, secret };
        let page: Page = self.call(&call).await?.read(WHAT)?;
        let made = page.data.into_iter().find_map(Subscription::of);
        made.ok_or_else(|| TwitchError::Unavailable(format!("Twitch made {WHAT} and does not show it")))
    }

    /// Takes one back. One that is gone already is no error.
    ///
    /// # Errors
    /// [`TwitchError`].
    pub async fn unsubscribe(&self, id: &str) -> Result<(), TwitchError> {
        const WHAT: &str = "to end a subscription";
        let call = Call { method: Method::DELETE, ..Call::get(PATH, vec![("id", id)], WHAT) };
        match self.call(&call).await {
            Ok(_) | Err(TwitchError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Subscription {
    fn of(written: Written) -> Option<Self> {
        Some(Self {
            kind: Kind::of(&written.kind)?,
            broadcaster_id: written.condition.broadcaster_user_id?,
            callback: written.transport.callback?,
            state: State::of(written.status),
            id: written.id,
        })
    }
}

impl State {
    fn of(word: String) -> Self {
        match word.as_str() {
            ENABLED => Self::Enabled,
            "webhook_callback_verification_pending" => Self::Pending,
            _ => Self::Over(word),
        }
    }
}
