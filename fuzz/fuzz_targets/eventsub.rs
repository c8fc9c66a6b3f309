//! What anybody may send to the EventSub webhook: an id, a time and a signature, a line each, and a body. Whatever the
//! bytes: no panic, and nothing that is not signed is believed. Signed, they are read, have an effect once, and no byte can
//! be moved from one signed part to the next to have another.
#![no_main]

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast_model::Secret;
use holdfast_twitch::eventsub::{Inbox, Notice, Rejected};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;

const SECRET: &str = "not-known-to-the-fuzzer";
/// The time of the seeds.
const NOW: i64 = 1_700_000_000;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (id, time, signature, body) = (line(), line(), line(), line());
    let inbox = Inbox::new(Secret::new(SECRET));
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    if let Some(headers) = headers(id, time, signature) {
        assert_eq!(inbox.receive(&headers, body, now), Err(Rejected::BadSignature));
    }

    let signature = sign(id, time, body);
    let Some(signed) = headers(id, time, signature.as_bytes()) else { return };
    let received = inbox.receive(&signed, body, now);
    let read = Notice::read(body);
    match &received {
        Ok(notice) => {
            assert_eq!(Ok(notice), read.as_ref());
            sensible(notice);
            let again = inbox.receive(&signed, body, now);
            let expected =
                if matches!(notice, Notice::Challenge(_)) { read } else { Err(Rejected::Replayed) };
            assert_eq!(again, expected);
            no_second_message(&inbox, id, time, body, &signature, now);
        }
        Err(Rejected::Malformed | Rejected::Stale) => {}
        Err(other) => panic!("a signed message is refused: {other}"),
    }
});

fn headers(id: &[u8], time: &[u8], signature: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in [("id", id), ("timestamp", time), ("signature", signature)] {
        let name: http::HeaderName = format!("twitch-eventsub-message-{name}").parse().unwrap();
        headers.insert(name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(headers)
}

fn sign(id: &[u8], time: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    for part in [id, time, body] {
        mac.update(part);
    }
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

fn sensible(notice: &Notice) {
    if let Notice::Online { login, .. } | Notice::Offline { login, .. } | Notice::Update { login, .. } =
        notice
    {
        assert!(!login.bytes().any(|b| b.is_ascii_uppercase()), "two names for one channel: {login}");
    }
    if let Notice::Update { title, category, .. } = notice {
        assert!([title, category].into_iter().flatten().all(|text| !text.trim().is_empty()), "{notice:?}");
    }
}

/// The same bytes with the ends of the parts moved have the same signature.
fn no_second_message(
    inbox: &Inbox,
    id: &[u8],
    time: &[u8],
    body: &[u8],
    signature: &str,
    now: DateTime<Utc>,
) {
    let (head, all) = (id.len() + time.len(), [id, time, body].concat());
    for start in id.len().saturating_sub(2)..=(id.len() + 2).min(all.len()) {
        for end in head.saturating_sub(2).max(start)..=(head + 2).min(all.len()) {
            if (start, end) == (id.len(), head) {
                continue;
            }
            if let Some(headers) = headers(&all[..start], &all[start..end], signature.as_bytes()) {
                let moved = inbox.receive(&headers, &all[end..], now);
                assert!(moved.is_err(), "read another way: {start} {end} {moved:?}");
            }
        }
    }
}
