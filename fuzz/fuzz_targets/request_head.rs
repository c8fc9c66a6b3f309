//! What a client may send to the gateway. Whatever the bytes: no panic, the head ends within them, and the verdict
//! on a whole head does not change however the bytes behind it arrive.
#![no_main]

use holdfast_gateway::head::{HeadError, MAX_REQUEST_HEAD, Wish, parse_request_head};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = parse_request_head(bytes);
    if let Ok(Some(head)) = &whole {
        let len = head.head_len;
        assert!(
            (1..=bytes.len().min(MAX_REQUEST_HEAD)).contains(&len),
            "the head ends at {len} of {}",
            bytes.len()
        );
        assert_eq!(parse_request_head(&bytes[..len]), whole, "the head alone reads differently");
        assert!(!matches!(parse_request_head(&bytes[..len - 1]), Ok(Some(_))), "the head ended earlier");
        if let Wish::Connect(to) = &head.wish {
            assert!(to.port() != 0 && !to.host().is_empty(), "no destination: {to}");
            assert_eq!(
                to.to_string().parse().as_ref(),
                Ok(to),
                "the destination changes on the way upstream"
            );
            assert!(
                !to.host().contains(|c: char| c.is_whitespace() || c.is_control()),
                "a host to inject: {to:?}"
            );
        }
        if let Some((user, _)) = &head.credentials {
            assert!(!user.contains(':'), "the user holds the separator");
        }
    }
    // The bytes come in pieces: a verdict on a piece is the verdict on the whole.
    let step = (bytes.len() / 64).max(1);
    for end in (0..bytes.len()).step_by(step) {
        match parse_request_head(&bytes[..end]) {
            Ok(None) => {}
            Ok(Some(head)) => assert_eq!(whole, Ok(Some(head)), "a head read after {end} bytes changed"),
            Err(HeadError::Malformed(_)) => {
                assert!(whole.is_err(), "refused after {end} bytes, read as a whole")
            }
            // More bytes in one piece may complete a head that is too large when it comes in several.
            Err(HeadError::TooLarge) => {}
        }
    }
});
