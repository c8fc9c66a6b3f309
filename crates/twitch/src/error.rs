//! Why Twitch did not do what was asked, in sentences that a person can act on and that hold nothing secret.

use chrono::{DateTime, Utc};
use http::StatusCode;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TwitchError {
    /// The client ID or the client secret is wrong. Asking again is of no use before a person has changed them.
    #[error("{0}")]
    Credentials(String),
    /// Twitch gives tokens for the client ID and secret, and its API takes none of them, a fresh one neither.
    #[error("{0}")]
    Token(String),
    /// Too many requests with this client ID.
    #[error("Twitch takes no more requests with this client ID until {}", until.format("%H:%M:%S UTC"))]
    RateLimited {
        /// From then on Twitch answers again, by this machine's clock.
        until: DateTime<Utc>,
    },
    /// Twitch cannot be reached, answers with a 5xx, or answers something that makes no sense. Try again later.
    #[error("{0}")]
    Unavailable(String),
    /// Twitch understood and refuses.
    #[error("Twitch refuses {what} ({}): {detail}", status.as_u16())]
    Refused {
        /// What was asked.
        what: &'static str,
        /// The HTTP status.
        status: StatusCode,
        /// Twitch's own words.
        detail: String,
    },
}

impl TwitchError {
    /// Whether Twitch refuses who is asking, which is no outage: it stays so until a person does something about the
    /// credentials.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Credentials(_) | Self::Token(_) => true,
            Self::Refused { status, .. } => *status == StatusCode::FORBIDDEN,
            Self::RateLimited { .. } | Self::Unavailable(_) => false,
        }
    }

    /// Whether what should be made is there already.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::CONFLICT, .. })
    }
}
