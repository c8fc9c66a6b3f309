//! What is said when Twitch, or the way to it, does not do what it should.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use holdfast_testkit::{Fault, Reply};
use holdfast_twitch::TwitchError;

use crate::stand_in::{StandIn, problem};

async fn error(stand_in: &StandIn) -> TwitchError {
    stand_in.twitch.streams(&["a".to_owned()]).await.expect_err("trouble")
}

fn limited(headers: Vec<(&'static str, String)>) -> Reply {
    Reply { headers, ..problem(429, "Too Many Requests") }
}

#[tokio::test]
async fn a_rate_limit_says_until_when_and_nobody_waits_here() {
    let stand_in = StandIn::start().await;
    let now = Utc::now();
    let reset = now + TimeDelta::seconds(40);
    stand_in.instead(
        "/helix/",
        limited(vec![
            ("ratelimit-limit", "800".to_owned()),
            ("ratelimit-remaining", "0".to_owned()),
            ("ratelimit-reset", reset.timestamp().to_string()),
        ]),
    );
    let error = error(&stand_in).await;
    let TwitchError::RateLimited { until } = error else { panic!("{error:?}") };
    // The usual wait, had the header not been read, is a minute.
    assert!((until - reset).abs() < TimeDelta::seconds(15), "{until} instead of {reset}");
    let said =
        format!("Twitch takes no more requests with this client ID until {}", until.format("%H:%M:%S UTC"));
    assert_eq!(error.to_string(), said);
    assert_eq!(stand_in.asked("/helix/streams").len(), 1, "not tried again");
}

#[tokio::test]
async fn a_429_for_another_reason_is_a_refusal() {
    let stand_in = StandIn::start().await;
    let words = "number of subscriptions exceeded";
    let reply = Reply { headers: vec![("ratelimit-remaining", "799".to_owned())], ..problem(429, words) };
    stand_in.instead("/helix/", reply);
    assert_eq!(
        error(&stand_in).await.to_string(),
        "Twitch refuses streams (429): number of subscriptions exceeded"
    );
}

#[tokio::test]
async fn trouble_of_twitch_or_the_way_to_it_is_for_later() {
    let stand_in = StandIn::start().await;
    stand_in.twitch.token().await.expect("a token");
    for (reply, said) in [
        (problem(500, ""), "Twitch has trouble of its own with streams (500): internal server error"),
        (problem(503, "back soon"), "Twitch has trouble of its own with streams (503): back soon"),
        (
            Reply::ok("application/json", "{\"data\":[{}]}"),
            "Twitch answered streams with something that makes no sense",
        ),
        (
            Reply::ok("text/plain", vec![b' '; 5 << 20]),
            "api.twitch.tv sent an answer of more than 4194304 bytes",
        ),
    ] {
        stand_in.instead("/helix/", reply);
        assert_eq!(error(&stand_in).await, TwitchError::Unavailable(said.to_owned()));
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_work_is_named_as_such() {
    for (fault, said) in [
        (Fault::Refuse, "refused"),
        (Fault::status(502), "no way to it through the proxies"),
        (Fault::Reset, "reset"),
    ] {
        let stand_in = StandIn::start().await;
        stand_in.set_fault(fault).await;
        let error = error(&stand_in).await;
        let TwitchError::Unavailable(words) = &error else { panic!("{error:?}") };
        assert!(words.starts_with("id.twitch.tv cannot be reached: ") && words.contains(said), "{words}");
    }
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let stand_in = StandIn::start().await;
    stand_in.twitch.token().await.expect("a token");
    stand_in.fall_silent().await;
    // From here on the clock jumps to whatever is waited for: no answer ever comes.
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let said = "api.twitch.tv did not answer within 15 s";
    assert_eq!(error(&stand_in).await, TwitchError::Unavailable(said.to_owned()));
    assert!(begun.elapsed() >= Duration::from_secs(15));
}
