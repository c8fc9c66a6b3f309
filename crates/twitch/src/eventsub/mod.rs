//! What Twitch tells by itself. Anybody may write to the address that Twitch writes to, so nothing is believed but what
//! is signed with the secret that only we and Twitch know: the message's id, its time and its body. The other headers are
//! not signed, and not read.

mod notice;
mod seen;
mod signature;

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_model::Secret;
use http::{HeaderMap, StatusCode};

use seen::Seen;

pub use notice::Notice;

/// Larger bodies are refused; Twitch's are below 4 KiB. Whoever reads the request need not read more.
pub const MAX_BODY: usize = 64 << 10;

/// A message may be so old, or so far ahead of our clock.
const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejected {
    /// Not signed, or with another secret.
    #[error("this message is not signed by Twitch with the secret of its subscription")]
    BadSignature,
    /// Signed at another time than now. If all are, this machine's clock is wrong.
    #[error("this message is from another time: it was sent more than 10 minutes ago, or will be")]
    Stale,
    /// It was here already; Twitch sends again what it believes lost.
    #[error("this message has been received before")]
    Replayed,
    /// Larger than [`MAX_BODY`].
    #[error("this message is larger than {MAX_BODY} bytes")]
    TooLarge,
    /// Twitch's, but not understood.
    #[error("this message cannot be read")]
    Malformed,
}

impl Rejected {
    /// What the sender is answered with. For what was here before 204, so that Twitch does not send it a third time.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadSignature | Self::Stale => StatusCode::FORBIDDEN,
            Self::Replayed => StatusCode::NO_CONTENT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed => StatusCode::BAD_REQUEST,
        }
    }
}

/// Where Twitch's messages arrive.
#[derive(Debug)]
pub struct Inbox {
    secret: Secret,
    seen: Mutex<Seen>,
}

impl Inbox {
    /// For messages signed with this secret. An empty secret is nobody's: everything is refused.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self { secret, seen: Mutex::default() }
    }

    /// Reads a message. `now` is the time of its arrival. What is answered with `Ok` is answered so once for each message
    /// id, but for challenges: Twitch repeats one that had no answer, and answering has no effect here.
    ///
    /// # Errors
    /// [`Rejected`] says why it is to be ignored.
    pub fn receive(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<Notice, Rejected> {
        if body.len() > MAX_BODY {
            return Err(Rejected::TooLarge);
        }
        let signed = signature::verify(&self.secret, headers, body)?;
        let sent_at = signed.time.to_str().ok().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        let sent_at = sent_at.ok_or(Rejected::Malformed)?.to_utc();
        if (now - sent_at).abs() > WINDOW {
            return Err(Rejected::Stale);
        }
        let notice = Notice::read(body)?;
        if matches!(notice, Notice::Challenge(_)) {
            return Ok(notice);
        }
        // Once its time is out of the window it is refused for that.
        let is_new = self.seen.lock().unwrap_or_else(PoisonError::into_inner).note(
            signed.id.as_bytes(),
            sent_at + WINDOW,
            now,
        );
        if is_new { Ok(notice) } else { Err(Rejected::Replayed) }
    }
}
