//! One request and its whole answer. Bounded in time and size, and every failure put in words: of the network here, of
//! Twitch in [`Answer`].

use std::error::Error as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_model::{Secret, clean};
use http::{HeaderMap, StatusCode};
use reqwest::{Client, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::TwitchError;

/// For one request, the way through the proxies included.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(15);
/// A hundred streams are 80 kB.
const MAX_ANSWER: usize = 4 << 20;
/// Of Twitch's own words, in characters.
const MAX_WORDS: usize = 300;
/// Twitch counts by the minute. A clock that is wrong must not silence us for long.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(10);
/// When Twitch does not say how long.
const USUAL_WAIT: TimeDelta = TimeDelta::minutes(1);

/// A status, its headers and the whole body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Sends it and reads the answer, whatever its status.
pub(crate) async fn ask(client: &Client, mut request: Request) -> Result<Answer, TwitchError> {
    let host = request.url().host_str().unwrap_or("Twitch").to_owned();
    *request.timeout_mut() = Some(TIMEOUT);
    read(client, request, &host).await.map_err(|e| unreachable(&host, &e))?
}

/// The outer error is the network's, the inner one ours.
async fn read(
    client: &Client,
    request: Request,
    host: &str,
) -> Result<Result<Answer, TwitchError>, reqwest::Error> {
    let mut response = client.execute(request).await?;
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > MAX_ANSWER {
            let words = format!("{host} sent an answer of more than {MAX_ANSWER} bytes");
            return Ok(Err(TwitchError::Unavailable(words)));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Ok(Answer { status: response.status(), headers: response.headers().clone(), body }))
}

/// The innermost cause: the outer ones say "error sending request" and repeat the address.
fn unreachable(host: &str, error: &reqwest::Error) -> TwitchError {
    if error.is_timeout() {
        return TwitchError::Unavailable(format!("{host} did not answer within {} s", TIMEOUT.as_secs()));
    }
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    let cause = match cause.map(ToString::to_string).as_deref() {
        None => "the request failed".to_owned(),
        // The proxy answered CONNECT with something else than 200.
        Some("tunnel error: unsuccessful") => "there is no way to it through the proxies".to_owned(),
        Some(cause) => clean(cause),
    };
    TwitchError::Unavailable(format!("{host} cannot be reached: {cause}"))
}

impl Answer {
    /// Of which nobody reads more than the head.
    pub(crate) fn without_body(status: StatusCode, headers: HeaderMap) -> Self {
        Self { status, headers, body: Vec::new() }
    }

    /// The body as what it should be.
    pub(crate) fn read<T: DeserializeOwned>(&self, what: &'static str) -> Result<T, TwitchError> {
        // serde's message may repeat what it read, which may be a token.
        serde_json::from_slice(&self.body).map_err(|_| {
            TwitchError::Unavailable(format!("Twitch answered {what} with something that makes no sense"))
        })
    }

    /// Itself if it says yes; else why not. `secrets` are those that went with the request, which Twitch might repeat.
    pub(crate) fn judged(self, what: &'static str, secrets: &[&Secret]) -> Result<Self, TwitchError> {
        let status = self.status;
        if status.is_success() {
            return Ok(self);
        }
        if status == StatusCode::TOO_MANY_REQUESTS
            && self.number("ratelimit-remaining").is_none_or(|n| n == 0)
        {
            return Err(TwitchError::RateLimited { until: self.until(Utc::now()) });
        }
        let detail = self.words(secrets);
        if status.is_server_error() {
            let words = format!("Twitch has trouble of its own with {what} ({}): {detail}", status.as_u16());
            return Err(TwitchError::Unavailable(words));
        }
        Err(TwitchError::Refused { what, status, detail })
    }

    /// What Twitch says of it, fit to be shown, without any of the secrets.
    pub(crate) fn words(&self, secrets: &[&Secret]) -> String {
        #[derive(Deserialize)]
        struct Problem {
            message: String,
        }
        let said = serde_json::from_slice::<Problem>(&self.body).ok().map(|p| p.message);
        let said = said.filter(|message| !message.trim().is_empty());
        let mut said = said.unwrap_or_else(|| {
            self.status.canonical_reason().unwrap_or("it does not say why").to_lowercase()
        });
        for secret in secrets.iter().filter(|secret| !secret.expose().is_empty()) {
            said = said.replace(secret.expose(), "***");
        }
        clean(&said).chars().take(MAX_WORDS).collect()
    }

    /// When the rate limit ends. Twitch says so by its own clock, which the answer shows too.
    fn until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let date = self.headers.get(http::header::DATE).and_then(|value| value.to_str().ok());
        let date = date.and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        let twitch_now = date.map_or(now, |date| date.to_utc());
        let reset = self.number("ratelimit-reset").and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let wait = reset.map_or(USUAL_WAIT, |reset| reset - twitch_now);
        now + wait.clamp(TimeDelta::zero(), LONGEST_WAIT)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.headers.get(name)?.to_str().ok()?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &str)]) -> Answer {
        let pairs = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Answer { status: StatusCode::TOO_MANY_REQUESTS, headers: pairs.collect(), body: Vec::new() }
    }

    #[test]
    fn the_end_of_a_rate_limit_is_told_by_our_own_clock() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        for (headers, seconds) in [
            (&[][..], 60),
            (&[("ratelimit-reset", "1000007")], 7),
            (&[("ratelimit-reset", "999000")], 0),
            (&[("ratelimit-reset", "9000000")], 600),
            (&[("ratelimit-reset", "-9223372036854775808")], 60),
            (&[("ratelimit-reset", "soon")], 60),
            // This machine is two years and some days behind.
            (&[("ratelimit-reset", "1700000012"), ("date", "Tue, 14 Nov 2023 22:13:20 GMT")], 12),
            (&[("ratelimit-reset", "1000007"), ("date", "yesterday")], 7),
        ] {
            assert_eq!(answer(headers).until(now) - now, TimeDelta::seconds(seconds), "{headers:?}");
        }
    }

    #[test]
    fn a_429_with_requests_left_is_no_rate_limit() {
        let judge = |left| answer(&[("ratelimit-remaining", left)]).judged("it", &[]).err().unwrap();
        assert!(matches!(judge("0"), TwitchError::RateLimited { .. }));
        assert!(matches!(judge("3"), TwitchError::Refused { .. }));
    }
}
