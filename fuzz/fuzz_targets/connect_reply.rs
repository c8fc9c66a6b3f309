//! What a proxy may send in answer to CONNECT. Whatever the bytes: no panic, the head ends within them, and the
//! verdict on a whole head does not change however the bytes behind it arrive.
#![no_main]

use holdfast_gateway::dial::{ConnectReply, ReplyError, parse_connect_reply};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = parse_connect_reply(bytes);
    if let Ok(Some(ConnectReply { status, head_len })) = &whole {
        assert!((200..=999).contains(status), "status {status}");
        assert!((1..=bytes.len()).contains(head_len), "the head ends at {head_len} of {}", bytes.len());
        assert_eq!(parse_connect_reply(&bytes[..*head_len]), whole, "the head alone reads differently");
        assert!(
            !matches!(parse_connect_reply(&bytes[..head_len - 1]), Ok(Some(_))),
            "the head ended earlier"
        );
    }
    // The bytes come in pieces: a verdict on a piece is the verdict on the whole.
    let step = (bytes.len() / 64).max(1);
    for end in (0..bytes.len()).step_by(step) {
        match parse_connect_reply(&bytes[..end]) {
            Ok(None) => {}
            Ok(Some(reply)) => assert_eq!(whole, Ok(Some(reply)), "a reply read after {end} bytes changed"),
            Err(ReplyError::NotHttp(_)) => {
                assert!(whole.is_err(), "refused after {end} bytes, read as a whole")
            }
            // More bytes in one piece may complete a head that is too long when it comes in several.
            Err(ReplyError::TooLong) => {}
        }
    }
});
