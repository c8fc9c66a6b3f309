//! Sealing of what must not lie in the database in plain text: passwords of proxies and addresses of recordings.
//!
//! XChaCha20-Poly1305 with a random nonce for each text. What is sealed is bound to its place ("proxy_settings/17"),
//! so that nobody who can write to the database can move a password to a proxy of his own. A sealed text reads
//! `v1:` and base64 of nonce, cipher text and tag.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use holdfast_model::Secret;

use crate::{StoreError, key_file};

/// The first letters of everything sealed: tells how, should it ever be done another way.
const VERSION: &str = "v1:";

/// Bytes of a nonce of XChaCha20.
const NONCE: usize = 24;

/// Bytes of a key.
pub(crate) const KEY: usize = 32;

/// The fewest characters of a passphrase.
const MIN_PASSPHRASE: usize = 16;

/// A text that cannot be opened: sealed with another key, for another place, or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Locked;

/// The secret key, ready to seal and to open. Cheap to clone; `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Vault {
    cipher: Arc<XChaCha20Poly1305>,
}

impl Vault {
    /// Takes the key from the value of `HOLDFAST_SECRET_KEY` if there is one, else from the file, which is made with a
    /// random key if it does not exist.
    ///
    /// The value is 32 bytes as 64 hex digits or in base64, or a passphrase of at least 16 characters. A passphrase
    /// takes about 20 ms and 19 MiB to work out (Argon2id), once.
    ///
    /// # Errors
    /// [`StoreError::Key`]: what is wrong with the value or the file, and what to do. The key is never repeated.
    pub fn from_env_or_file(env_value: Option<Secret>, file: &Path) -> Result<Self, StoreError> {
        let key = match env_value {
            Some(text) => key_of_text(text.expose().trim())?,
            None => key_file::read_or_make(file)?,
        };
        Ok(Self { cipher: Arc::new(XChaCha20Poly1305::new(&key.into())) })
    }

    /// Seals a text for one place.
    pub(crate) fn seal(&self, place: &str, text: &str) -> Result<String, StoreError> {
        let nonce = XNonce::try_generate()
            .map_err(|error| StoreError::Key(format!("the system gives no random numbers: {error}")))?;
        let payload = Payload { msg: text.as_bytes(), aad: place.as_bytes() };
        let sealed = self
            .cipher
            .encrypt(&nonce, payload)
            .map_err(|_| StoreError::Key("the text is too long to be encrypted".to_owned()))?;
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed);
        Ok(format!("{VERSION}{}", STANDARD.encode(bytes)))
    }

    /// Opens what was sealed for the same place.
    pub(crate) fn open(&self, place: &str, sealed: &str) -> Result<Secret, Locked> {
        let bytes = STANDARD.decode(sealed.strip_prefix(VERSION).ok_or(Locked)?).map_err(|_| Locked)?;
        let (nonce, text) = bytes.split_at_checked(NONCE).ok_or(Locked)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| Locked)?;
        let payload = Payload { msg: text, aad: place.as_bytes() };
        let text = self.cipher.decrypt(&nonce, payload).map_err(|_| Locked)?;
        String::from_utf8(text).map(Secret::new).map_err(|_| Locked)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(***)")
    }
}

/// The key that a person wrote.
pub(crate) fn key_of_text(text: &str) -> Result<[u8; KEY], StoreError> {
    let hex = !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    match text.len() {
        0 => Err(StoreError::Key("HOLDFAST_SECRET_KEY is empty: give it a value or remove it".to_owned())),
        64 if hex => key_of_hex(text),
        // A key that lost or gained a digit on the way must not become a passphrase unnoticed.
        length if hex && length > KEY => Err(StoreError::Key(format!(
            "HOLDFAST_SECRET_KEY has {length} hex digits and needs 64: copy the whole key"
        ))),
        _ => match key_of_base64(text) {
            Some(key) => Ok(key),
            None if text.chars().count() >= MIN_PASSPHRASE => key_of_passphrase(text),
            None => Err(StoreError::Key(format!(
                "HOLDFAST_SECRET_KEY is too short: give 64 hex digits (`openssl rand -hex 32`), 32 bytes in base64, or \
                 a passphrase of at least {MIN_PASSPHRASE} characters"
            ))),
        },
    }
}

/// 64 hex digits as bytes.
pub(crate) fn key_of_hex(text: &str) -> Result<[u8; KEY], StoreError> {
    let mut key = [0; KEY];
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| digits.len() == 2 * KEY);
    let digits = digits.ok_or_else(|| StoreError::Key("it is not 64 hex digits".to_owned()))?;
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    }
    Ok(key)
}

fn key_of_base64(text: &str) -> Option<[u8; KEY]> {
    let bare = text.trim_end_matches('=');
    let bytes = STANDARD_NO_PAD.decode(bare).or_else(|_| URL_SAFE_NO_PAD.decode(bare)).ok()?;
    bytes.try_into().ok()
}

/// The salt is fixed: the same passphrase must give the same key with nothing but the passphrase at hand.
fn key_of_passphrase(text: &str) -> Result<[u8; KEY], StoreError> {
    let mut key = [0; KEY];
    argon2::Argon2::default()
        .hash_password_into(text.as_bytes(), b"holdfast secret key v1", &mut key)
        .map_err(|error| StoreError::Key(format!("no key could be made of the passphrase: {error}")))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(text: &str) -> Result<Vault, StoreError> {
        Vault::from_env_or_file(Some(Secret::new(text)), Path::new("/nonexistent"))
    }

    #[test]
    fn keys_are_read_or_refused_with_advice() {
        let hex = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
        let base64 = "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=";
        let url_safe = "ABEiM0RVZneImaq7zN3u_wARIjNEVWZ3iJmqu8zd7v8";
        let expected = key_of_hex(hex).expect("a key");
        assert_eq!(expected[..4], [0, 0x11, 0x22, 0x33]);
        for text in [hex, base64, url_safe] {
            assert_eq!(key_of_text(text), Ok(expected), "{text}");
        }
        assert!(key_of_text("a passphrase of some length").is_ok_and(|key| key != expected));
        for (text, advice) in [
            ("", "empty"),
            ("hunter2", "too short"),
            ("fifteen letters", "too short"),
            (&hex[1..], "63 hex digits and needs 64"),
        ] {
            let error = vault(text).expect_err(text).to_string();
            assert!(error.contains(advice), "{text}: {error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_with_its_key_only() {
        let (ours, other) = (vault("one passphrase 12345"), vault("another passphrase 1"));
        let (ours, other) = (ours.expect("a key"), other.expect("a key"));
        let sealed = ours.seal("proxy_settings/1", "pässword").expect("sealed");
        assert!(sealed.starts_with("v1:") && !sealed.contains("ssword"), "{sealed}");
        assert_ne!(
            sealed,
            ours.seal("proxy_settings/1", "pässword").expect("sealed"),
            "a nonce is used once"
        );
        assert_eq!(ours.open("proxy_settings/1", &sealed).expect("open").expose(), "pässword");
        assert_eq!(ours.open("proxy_settings/2", &sealed), Err(Locked));
        assert_eq!(other.open("proxy_settings/1", &sealed), Err(Locked));
        let mut damaged = sealed.clone();
        damaged.replace_range(10..11, if sealed.as_bytes()[10] == b'A' { "B" } else { "A" });
        for text in [damaged.as_str(), "", "v1:", "v1:AAAA", "v2:AAAA", "plain text"] {
            assert_eq!(ours.open("proxy_settings/1", text), Err(Locked), "{text}");
        }
        assert_eq!(format!("{ours:?}"), "Vault(***)");
    }
}
