//! What Twitch is asked to tell.

use holdfast_model::Secret;
use holdfast_twitch::{Kind, State, Subscription, TwitchError};
use serde_json::{Value, json};

use crate::stand_in::{StandIn, problem};

const CALLBACK: &str = "https://holdfast.example/eventsub";
const SECRET: &str = "eventsub-secret-0123";

#[tokio::test]
async fn subscriptions_are_made_listed_and_taken_back() {
    let stand_in = StandIn::start().await;
    let (twitch, secret) = (&stand_in.twitch, Secret::new(SECRET));
    let mut made = Vec::new();
    for kind in Kind::ALL {
        made.push(twitch.subscribe(kind, "1337", CALLBACK, &secret).await.expect("subscribed"));
    }
    let first = Subscription {
        id: "sub-0".to_owned(),
        state: State::Pending,
        kind: Kind::Online,
        broadcaster_id: "1337".to_owned(),
        callback: CALLBACK.to_owned(),
    };
    assert_eq!(made[0], first);
    let bodies: Vec<Value> = stand_in
        .asked("/helix/eventsub/subscriptions")
        .iter()
        .map(|asked| serde_json::from_slice(&asked.body).expect("JSON"))
        .collect();
    let body = |kind, version| {
        json!({
            "type": kind, "version": version, "condition": { "broadcaster_user_id": "1337" },
            "transport": { "method": "webhook", "callback": CALLBACK, "secret": SECRET },
        })
    };
    assert_eq!(
        bodies,
        [body("stream.online", "1"), body("stream.offline", "1"), body("channel.update", "2")]
    );

    assert_eq!(twitch.subscriptions().await.expect("a list"), made);
    twitch.unsubscribe("sub-1").await.expect("taken back");
    twitch.unsubscribe("sub-1").await.expect("gone already");
    made.remove(1);
    assert_eq!(twitch.subscriptions().await.expect("a list"), made);

    let again = twitch.subscribe(Kind::Online, "1337", CALLBACK, &secret).await.expect_err("there is one");
    assert!(again.is_conflict(), "{again:?}");
    assert_eq!(again.to_string(), "Twitch refuses a subscription (409): subscription already exists");
}

#[tokio::test]
async fn a_long_list_is_read_to_its_end_without_what_others_have() {
    let stand_in = StandIn::start().await;
    let one = |id: usize, kind: &str, status: &str| {
        json!({
            "id": id.to_string(), "status": status, "type": kind, "version": "1",
            "condition": { "broadcaster_user_id": "1" },
            "transport": { "method": "webhook", "callback": CALLBACK },
        })
    };
    let mut all: Vec<Value> = (0..250).map(|id| one(id, "stream.online", "enabled")).collect();
    all.push(one(250, "channel.follow", "enabled"));
    all.push(
        json!({ "id": "x", "status": "enabled", "type": "stream.online", "condition": {}, "transport": {} }),
    );
    all.push(
        json!({ "id": "y", "status": "enabled", "type": "user.update", "condition": { "user_id": "1" } }),
    );
    all.push(one(251, "stream.offline", "user_removed"));
    stand_in.world().subscriptions = all;
    let list = stand_in.twitch.subscriptions().await.expect("a list");
    assert_eq!(list.len(), 251);
    assert!(list[..250].iter().all(|subscription| subscription.state == State::Enabled));
    assert_eq!(list[250].state, State::Over("user_removed".to_owned()));
    assert_eq!(stand_in.asked("/helix/eventsub/subscriptions").len(), 3);
}

#[tokio::test]
async fn a_list_that_begins_again_and_again_is_left() {
    let stand_in = StandIn::start().await;
    let same = json!({ "data": [], "pagination": { "cursor": "again" } });
    stand_in.instead("/helix/", crate::stand_in::json_reply(200, &same));
    assert_eq!(stand_in.twitch.subscriptions().await, Ok(Vec::new()));
    assert_eq!(stand_in.asked("/helix/eventsub/subscriptions").len(), 2);
}

#[tokio::test]
async fn the_secret_is_not_in_what_is_said_of_a_refusal() {
    let stand_in = StandIn::start().await;
    stand_in.instead("/helix/", problem(400, &format!("bad secret {SECRET} with token-1")));
    let secret = Secret::new(SECRET);
    let error = stand_in.twitch.subscribe(Kind::Online, "1", CALLBACK, &secret).await.expect_err("refused");
    assert_eq!(error.to_string(), "Twitch refuses a subscription (400): bad secret *** with ***");
    assert!(matches!(error, TwitchError::Refused { .. }));
}
