//! Whatever arrives: nothing that is not signed, or was changed on its way, is believed, and nothing panics.

use holdfast_twitch::eventsub::Rejected;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use crate::letter::{ID, Letter, event, inbox, now, receive};

#[test]
fn each_bit_of_a_message_counts() {
    let letter = Letter::sent(ID, now(), &event("stream.online"));
    let mut tried = 0;
    for part in 0..4 {
        for at in 0..letter.clone().parts()[part].len() {
            for bit in 0..8 {
                let mut other = letter.clone();
                other.parts()[part][at] ^= 1 << bit;
                let Some(headers) = other.headers() else { continue };
                let received = inbox().receive(&headers, &other.body, now());
                assert_eq!(received, Err(Rejected::BadSignature), "{other:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 8 * letter.body.len(), "{tried}");
}

/// The headers that count, with anything in them; now and then one is missing or there twice.
fn any_headers() -> impl Strategy<Value = HeaderMap> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..80);
    let value = prop_oneof![
        bytes.clone(),
        "[ -~]{0,40}".prop_map(String::into_bytes),
        Just(b"2023-11-14T22:13:20Z".to_vec()),
    ];
    let signature = prop_oneof![bytes, "(sha256=)?[0-9a-f]{62,66}".prop_map(String::into_bytes)];
    let signature = prop_oneof![signature, "sha256=[0-9a-f]{64}".prop_map(String::into_bytes)];
    (value.clone(), value, signature, 0_usize..12).prop_map(|(id, time, signature, odd)| {
        let all = [("id", id), ("timestamp", time), ("signature", signature)];
        let mut headers = HeaderMap::new();
        for (at, (name, value)) in all.into_iter().enumerate() {
            let name: HeaderName = format!("twitch-eventsub-message-{name}").parse().expect("a name");
            let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
            if odd == at {
                headers.append(name.clone(), value.clone());
            }
            if odd != 3 + at {
                headers.append(name, value);
            }
        }
        headers
    })
}

proptest! {
    #[test]
    fn nothing_unsigned_is_believed_and_nothing_panics(
        headers in any_headers(),
        body in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        prop_assert_eq!(inbox().receive(&headers, &body, now()), Err(Rejected::BadSignature));
    }

    #[test]
    fn a_flipped_bit_of_any_message_is_refused(
        id in "[ -~]{1,40}",
        body in proptest::collection::vec(any::<u8>(), 1..400),
        part in 0_usize..4,
        byte in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let mut letter = Letter::signed(id.as_bytes(), now().to_rfc3339().as_bytes(), &body);
        let at = byte.index(letter.parts()[part].len());
        letter.parts()[part][at] ^= 1 << bit;
        // Some bytes no HTTP server would have let through.
        if let Some(headers) = letter.headers() {
            prop_assert_eq!(inbox().receive(&headers, &letter.body, now()), Err(Rejected::BadSignature));
        }
    }

    #[test]
    fn bytes_that_move_between_the_signed_parts_give_no_second_message(moved in -60_isize..60, between_id in any::<bool>()) {
        let letter = Letter::sent(ID, now(), &event("stream.online"));
        let mut other = letter.clone();
        let (left, right) = if between_id { (&mut other.id, &mut other.time) } else { (&mut other.time, &mut other.body) };
        let all = [left.as_slice(), right.as_slice()].concat();
        let cut = left.len().saturating_add_signed(moved).min(all.len());
        let unmoved = cut == left.len();
        (*left, *right) = (all[..cut].to_vec(), all[cut..].to_vec());
        if let Some(headers) = other.headers() {
            let inbox = inbox();
            prop_assert!(receive(&inbox, &letter).is_ok());
            let received = inbox.receive(&headers, &other.body, now());
            let expected = if unmoved { Rejected::Replayed } else { Rejected::Malformed };
            prop_assert_eq!(received, Err(expected));
        }
    }

    #[test]
    fn whatever_is_signed_is_read_without_a_panic(
        id in proptest::collection::vec(0x20_u8..0x7f, 0..100),
        time in prop_oneof!["[0-9TZ:.+ -]{0,40}", "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z"],
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let letter = Letter::signed(&id, time.as_bytes(), &body);
        let received = receive(&inbox(), &letter);
        prop_assert_ne!(received, Err(Rejected::BadSignature));
    }
}
