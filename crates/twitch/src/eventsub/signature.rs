//! Whether a message is Twitch's: HMAC-SHA256 over id, time and body, compared in constant time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast_model::Secret;
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

use super::Rejected;

const ID: &str = "twitch-eventsub-message-id";
const TIME: &str = "twitch-eventsub-message-timestamp";
const SIGNATURE: &str = "twitch-eventsub-message-signature";
const DIGEST: usize = 32;

/// The headers that are signed.
pub(super) struct Signed<'a> {
    pub(super) id: &'a HeaderValue,
    pub(super) time: &'a HeaderValue,
}

pub(super) fn verify<'a>(
    secret: &Secret,
    headers: &'a HeaderMap,
    body: &[u8],
) -> Result<Signed<'a>, Rejected> {
    let header = |name: &str| only(headers, name).ok_or(Rejected::BadSignature);
    let (id, time) = (header(ID)?, header(TIME)?);
    let signature = digest(header(SIGNATURE)?.as_bytes()).ok_or(Rejected::BadSignature)?;
    if secret.expose().is_empty() {
        return Err(Rejected::BadSignature);
    }
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes());
    let mut mac = mac.map_err(|_| Rejected::BadSignature)?;
    for part in [id.as_bytes(), time.as_bytes(), body] {
        mac.update(part);
    }
    mac.verify_slice(&signature).map_err(|_| Rejected::BadSignature)?;
    Ok(Signed { id, time })
}

/// The header, unless there are several: it would not be clear which one is signed.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    let mut all = headers.get_all(name).iter();
    all.next().filter(|_| all.next().is_none())
}

/// `sha256=` and 64 hexadecimal digits in lower case: one way to write it, as Twitch does.
fn digest(text: &[u8]) -> Option<[u8; DIGEST]> {
    let digits = text.strip_prefix(b"sha256=")?;
    if digits.len() != 2 * DIGEST {
        return None;
    }
    let mut bytes = [0; DIGEST];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
