//! What is believed of what arrives: signed, of now, once, and understood.

use chrono::{DateTime, TimeDelta};
use holdfast_model::Secret;
use holdfast_twitch::Kind;
use holdfast_twitch::eventsub::{Inbox, MAX_BODY, Notice, Rejected};

use crate::letter::{ID, Letter, SECRET, challenge, event, inbox, now, read, receive, revocation};

#[test]
fn each_sort_of_message_is_read() {
    let broadcaster_id = "1337".to_owned();
    let (login, display_name) = ("cool_user".to_owned(), "Cool_User".to_owned());
    let started_at = DateTime::parse_from_rfc3339("2020-10-11T10:11:12.123Z").expect("a time").to_utc();
    assert_eq!(read(&challenge()), Ok(Notice::Challenge("pogchamp-kappa-360noscope".to_owned())));
    assert_eq!(
        read(&event("stream.online")),
        Ok(Notice::Online {
            broadcaster_id: broadcaster_id.clone(),
            login: login.clone(),
            display_name: display_name.clone(),
            stream_id: "9001".to_owned(),
            started_at
        })
    );
    assert_eq!(
        read(&event("stream.offline")),
        Ok(Notice::Offline {
            broadcaster_id: broadcaster_id.clone(),
            login: login.clone(),
            display_name: display_name.clone()
        })
    );
    assert_eq!(
        read(&event("channel.update")),
        Ok(Notice::Update {
            broadcaster_id: broadcaster_id.clone(),
            login,
            display_name,
            title: Some("Best Stream Ever".to_owned()),
            category: Some("Grand Theft Auto".to_owned()),
        })
    );
    assert_eq!(
        read(&revocation("channel.update", "notification_failures_exceeded")),
        Ok(Notice::Revoked {
            subscription_id: "f1c2a387-161a-49f9-a165-0f21d7a4e1c4".to_owned(),
            kind: Kind::Update,
            broadcaster_id,
            reason: "notification_failures_exceeded".to_owned(),
        })
    );
    assert_eq!(read(&event("channel.follow")), Ok(Notice::Other));
    assert_eq!(read(&revocation("channel.follow", "user_removed")), Ok(Notice::Other));
}

#[test]
fn a_signature_that_was_made_elsewhere_is_known() {
    // python3: hmac.new(SECRET, ID + time + body, "sha256").hexdigest()
    let signature = "sha256=03a8a8037d99662cecf18a7c566387c4b01ef2362a7b536328504c5ca8a7899b";
    let time = "2023-11-14T22:13:20.123456789Z";
    let body = br#"{"subscription":{"id":"1","status":"enabled","type":"a.b"},"event":{}}"#;
    let letter =
        Letter { id: ID.into(), time: time.into(), signature: signature.into(), body: body.to_vec() };
    assert_eq!(receive(&inbox(), &letter), Ok(Notice::Other));
}

#[test]
fn what_twitch_sends_twice_has_an_effect_once() {
    let inbox = inbox();
    let first = Letter::sent(ID, now(), &event("stream.online"));
    // Sent again, with the same id, a minute later.
    let again = Letter::sent(ID, now() + TimeDelta::minutes(1), &event("stream.online"));
    let other = Letter::sent("another", now(), &event("stream.online"));
    assert!(matches!(receive(&inbox, &first), Ok(Notice::Online { .. })));
    assert_eq!(receive(&inbox, &first), Err(Rejected::Replayed));
    assert_eq!(receive(&inbox, &again), Err(Rejected::Replayed));
    assert!(matches!(receive(&inbox, &other), Ok(Notice::Online { .. })));
    let end = now() + TimeDelta::minutes(10);
    let headers = first.headers().expect("headers");
    assert_eq!(inbox.receive(&headers, &first.body, end), Err(Rejected::Replayed));
    let after = end + TimeDelta::nanoseconds(1);
    assert_eq!(inbox.receive(&headers, &first.body, after), Err(Rejected::Stale));
}

#[test]
fn a_challenge_is_answered_however_often_it_is_put() {
    let inbox = inbox();
    let letter = Letter::sent(ID, now(), &challenge());
    assert!(receive(&inbox, &letter).is_ok());
    assert!(receive(&inbox, &letter).is_ok());
}

#[test]
fn a_message_of_another_time_is_refused() {
    for (offset, fresh) in [
        (TimeDelta::minutes(10), true),
        (TimeDelta::minutes(-10), true),
        (TimeDelta::milliseconds(600_001), false),
        (TimeDelta::milliseconds(-600_001), false),
        (TimeDelta::days(3000), false),
    ] {
        let letter = Letter::sent(ID, now() + offset, &event("stream.offline"));
        let received = receive(&inbox(), &letter);
        let as_expected = if fresh { received.is_ok() } else { received == Err(Rejected::Stale) };
        assert!(as_expected, "{offset}: {received:?}");
    }
    // The first and the last moment that chrono knows, and one that is none.
    for (time, expected) in [
        ("0000-01-01T00:00:00Z", Rejected::Stale),
        ("9999-12-31T23:59:60Z", Rejected::Stale),
        ("yesterday", Rejected::Malformed),
        ("", Rejected::Malformed),
    ] {
        let letter = Letter::signed(ID.as_bytes(), time.as_bytes(), b"{}");
        assert_eq!(receive(&inbox(), &letter), Err(expected), "{time}");
    }
}

#[test]
fn a_body_may_have_64_kib() {
    let mut body = event("stream.offline").to_string().into_bytes();
    body.resize(MAX_BODY, b' ');
    let time = now().to_rfc3339();
    let letter = Letter::signed(ID.as_bytes(), time.as_bytes(), &body);
    assert!(receive(&inbox(), &letter).is_ok());
    body.push(b' ');
    let letter = Letter::signed(ID.as_bytes(), time.as_bytes(), &body);
    assert_eq!(receive(&inbox(), &letter), Err(Rejected::TooLarge));
}

#[test]
fn a_missing_or_doubled_header_is_as_good_as_no_signature() {
    let letter = Letter::sent(ID, now(), &event("stream.offline"));
    let whole = letter.headers().expect("headers");
    for name in whole.keys() {
        let mut without = whole.clone();
        without.remove(name);
        assert_eq!(inbox().receive(&without, &letter.body, now()), Err(Rejected::BadSignature), "{name}");
        let mut doubled = whole.clone();
        doubled.append(name, whole[name].clone());
        assert_eq!(inbox().receive(&doubled, &letter.body, now()), Err(Rejected::BadSignature), "{name}");
    }
    assert!(inbox().receive(&whole, &letter.body, now()).is_ok());
}

#[test]
fn a_signature_is_written_in_one_way() {
    let letter = Letter::sent(ID, now(), &event("stream.offline"));
    let whole = String::from_utf8(letter.signature.clone()).expect("digits");
    let digits = whole.strip_prefix("sha256=").expect("the name of the hash");
    for signature in [
        format!("{whole}0"),
        format!("{whole}00"),
        whole[..whole.len() - 2].to_owned(),
        format!("sha256={}", digits.to_uppercase()),
        format!("SHA256={digits}"),
        format!("sha1={digits}"),
        digits.to_owned(),
        "sha256=".to_owned(),
    ] {
        let other = Letter { signature: signature.clone().into_bytes(), ..letter.clone() };
        assert_eq!(receive(&inbox(), &other), Err(Rejected::BadSignature), "{signature}");
    }
    assert!(receive(&inbox(), &letter).is_ok());
}

#[test]
fn an_empty_secret_is_nobodys() {
    let letter = Letter::signed_with("", ID.as_bytes(), now().to_rfc3339().as_bytes(), b"{}");
    assert_eq!(receive(&Inbox::new(Secret::new("")), &letter), Err(Rejected::BadSignature));
}

#[test]
fn what_is_signed_and_makes_no_sense_is_malformed() {
    let mut no_name = event("stream.online");
    no_name["event"]["broadcaster_user_id"] = 5.into();
    let mut no_event = event("stream.offline");
    no_event["event"].take();
    let mut no_start = event("stream.online");
    no_start["event"]["started_at"] = "soon".into();
    for body in ["", "{}", "[]", "null", "{\"subscription\":{}}", "\u{0}"]
        .map(str::to_owned)
        .into_iter()
        .chain([no_name.to_string(), no_event.to_string(), no_start.to_string(), "[".repeat(MAX_BODY)])
    {
        let letter = Letter::signed(ID.as_bytes(), now().to_rfc3339().as_bytes(), body.as_bytes());
        assert_eq!(receive(&inbox(), &letter), Err(Rejected::Malformed), "{body:.80}");
    }
    // What was not understood is no message that was received: it may come again.
    let inbox = inbox();
    assert!(receive(&inbox, &Letter::sent(ID, now(), &no_start)).is_err());
    assert!(receive(&inbox, &Letter::sent(ID, now(), &event("stream.online"))).is_ok());
}

#[test]
fn each_refusal_has_its_status() {
    let statuses = [
        (Rejected::BadSignature, 403),
        (Rejected::Stale, 403),
        (Rejected::Replayed, 204),
        (Rejected::TooLarge, 413),
        (Rejected::Malformed, 400),
    ];
    for (rejected, status) in statuses {
        assert_eq!(rejected.status().as_u16(), status);
    }
}

#[test]
fn the_secret_is_not_shown() {
    let shown = format!("{:?}", inbox());
    assert!(shown.contains("***") && !shown.contains(SECRET), "{shown}");
}
