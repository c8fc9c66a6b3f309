//! What a health check asks for when there are credentials: an answer that only a good token gets. Plain data; the
//! checks make their own connections.

use chrono::{DateTime, Utc};
use holdfast_model::Secret;
use http::{HeaderMap, StatusCode};

use crate::TwitchError;
use crate::wire::Answer;

/// A request that Twitch answers with 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRequest {
    /// Where.
    pub url: &'static str,
    /// Headers to send along.
    pub headers: [(&'static str, Secret); 2],
}

/// What Twitch said against us, and not against whoever carried the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objection {
    /// The token is not good, or no longer.
    Token,
    /// Twitch has trouble of its own (5xx): whoever brought this answer over TLS works.
    Unavailable,
    /// This client ID has used up its requests.
    RateLimited {
        /// From then on Twitch answers again, by this machine's clock.
        until: DateTime<Utc>,
    },
}

impl CheckRequest {
    /// Where such a check goes.
    pub const URL: &str = "https://api.twitch.tv/helix/streams?first=1";

    /// With a token that belongs to this client ID.
    #[must_use]
    pub fn new(client_id: &str, token: &Secret) -> Self {
        let bearer = Secret::new(format!("Bearer {}", token.expose()));
        Self { url: Self::URL, headers: [("client-id", Secret::new(client_id)), ("authorization", bearer)] }
    }
    /// What an answer to such a check says against us; `None`: whatever it says is meant for the address that it came to.
    /// A 429 with requests left is that: Twitch limits addresses as well.
    #[must_use]
    pub fn objection(status: StatusCode, headers: &HeaderMap) -> Option<Objection> {
        if status == StatusCode::UNAUTHORIZED {
            return Some(Objection::Token);
        }
        if status.is_server_error() {
            return Some(Objection::Unavailable);
        }
        match Answer::without_body(status, headers.clone()).judged("a check", &[]) {
            Err(TwitchError::RateLimited { until }) => Some(Objection::RateLimited { until }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_against_us_is_told_from_what_is_said_against_an_address() {
        let left = |left: &'static str| {
            let pair = (http::HeaderName::from_static("ratelimit-remaining"), left.parse().unwrap());
            HeaderMap::from_iter([pair])
        };
        let judge = |status: u16, headers: &HeaderMap| {
            CheckRequest::objection(StatusCode::from_u16(status).unwrap(), headers)
        };
        assert_eq!(judge(401, &HeaderMap::new()), Some(Objection::Token));
        assert_eq!(judge(503, &left("7")), Some(Objection::Unavailable));
        assert!(matches!(judge(429, &left("0")), Some(Objection::RateLimited { .. })));
        for (status, headers) in [(429, left("7")), (403, left("0"))] {
            assert_eq!(judge(status, &headers), None, "{status}");
        }
    }
}
