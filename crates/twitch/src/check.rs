//! What a health check asks for when there are credentials: an answer that only a good token gets. Plain data; the
//! checks make their own connections.

use holdfast_model::Secret;

/// A request that Twitch answers with 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRequest {
    /// Where.
    pub url: &'static str,
    /// Headers to send along.
    pub headers: [(&'static str, Secret); 2],
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
}
