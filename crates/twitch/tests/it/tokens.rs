//! The app token: fetched once for all, renewed, fetched anew after a 401, and what is said when there is none.

use futures_util::future::join_all;
use holdfast_model::Secret;
use holdfast_testkit::Reply;
use holdfast_twitch::{CheckRequest, TwitchError};
use serde_json::json;

use crate::stand_in::{ID, SECRET, StandIn, credentials, json_reply, pairs};

#[tokio::test]
async fn there_is_one_fetch_however_many_ask() {
    let stand_in = StandIn::start().await;
    let callers: Vec<_> = (0..50).map(|_| stand_in.twitch.clone()).collect();
    for token in join_all(callers.iter().map(|twitch| twitch.token())).await {
        assert_eq!(token, Ok(Secret::new("token-1")));
    }
    stand_in.twitch.users(&["a".to_owned()]).await.expect("users");
    assert_eq!(stand_in.fetches(), 1);
    let asked = stand_in.asked("/oauth2/token").remove(0);
    assert_eq!(asked.query, "", "a secret in an address ends up in logs");
    let form = [("client_id", ID), ("client_secret", SECRET), ("grant_type", "client_credentials")];
    assert_eq!(pairs(&asked.body), form.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn whoever_is_dropped_leaves_the_fetch_to_the_next() {
    let stand_in = StandIn::start().await;
    let mut first = Box::pin(stand_in.twitch.token());
    assert!(futures_util::poll!(&mut first).is_pending());
    drop(first);
    assert_eq!(stand_in.twitch.token().await, Ok(Secret::new("token-1")));
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let stand_in = StandIn::start().await;
    stand_in.world().life = 0;
    assert_eq!(stand_in.twitch.token().await, Ok(Secret::new("token-1")));
    stand_in.world().life = 1000;
    assert_eq!(stand_in.twitch.token().await, Ok(Secret::new("token-2")));
    assert_eq!(stand_in.twitch.token().await, Ok(Secret::new("token-2")));
}

#[tokio::test]
async fn a_token_that_twitch_took_back_is_replaced_once_for_all() {
    let stand_in = StandIn::start().await;
    stand_in.twitch.token().await.expect("a token");
    // From now on the next one is the good one.
    stand_in.world().tokens = 7;
    let names = ["a".to_owned()];
    for users in join_all((0..20).map(|_| stand_in.twitch.users(&names))).await {
        assert_eq!(users.expect("users").len(), 1);
    }
    assert_eq!(stand_in.fetches(), 2);
    assert_eq!(stand_in.twitch.token().await, Ok(Secret::new("token-8")));
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_is_not_replaced_for_ever() {
    let stand_in = StandIn::start().await;
    let reply =
        json_reply(401, &json!({ "status": 401, "message": "Client ID and OAuth token do not match" }));
    stand_in.instead("/helix/", reply);
    let error = stand_in.twitch.users(&["a".to_owned()]).await.expect_err("refused");
    let said = "Twitch refuses the token that it has just given for this client ID (Client ID and OAuth token do not \
                match): see at dev.twitch.tv/console/apps whether the application is still in order";
    assert_eq!(error, TwitchError::Token(said.to_owned()));
    assert!(error.is_refusal());
    assert_eq!((stand_in.fetches(), stand_in.asked("/helix/users").len()), (2, 2));
    // Nor does anybody else ask, for a while.
    for answer in join_all((0..50).map(|_| stand_in.twitch.token())).await {
        assert_eq!(answer, Err(error.clone()));
    }
    assert_eq!(stand_in.twitch.users(&["a".to_owned()]).await, Err(error));
    assert_eq!((stand_in.fetches(), stand_in.asked("/helix/users").len()), (2, 2));
}

#[tokio::test]
async fn a_check_that_was_refused_gets_another_token() {
    let stand_in = StandIn::start().await;
    let old = stand_in.twitch.token().await.expect("a token");
    let new = stand_in.twitch.token_instead_of(&old).await;
    assert_eq!(new, Ok(Secret::new("token-2")));
    assert_eq!(stand_in.twitch.token_instead_of(&old).await, new, "somebody else was here already");
    let check = CheckRequest::new(ID, &old);
    assert_eq!(check.url, "https://api.twitch.tv/helix/streams?first=1");
    let headers = check.headers.each_ref().map(|(name, value)| (*name, value.expose()));
    assert_eq!(headers, [("client-id", ID), ("authorization", "Bearer token-1")]);
    assert!(!format!("{check:?}").contains("token-1"));
}

#[tokio::test]
async fn wrong_credentials_are_told_apart_and_say_what_to_do() {
    let stand_in = StandIn::start().await;
    for (id, secret, said) in [
        (
            "another",
            SECRET,
            "Twitch does not know this client ID: copy it again from dev.twitch.tv/console/apps",
        ),
        ("", SECRET, "Twitch does not know this client ID: copy it again from dev.twitch.tv/console/apps"),
        (
            ID,
            "wrong-one",
            "Twitch does not accept this client secret: copy it again, or make a new one, at dev.twitch.tv/console/apps",
        ),
    ] {
        let twitch = stand_in.with(id, secret);
        assert_eq!(twitch.token().await, Err(TwitchError::Credentials(said.to_owned())));
    }
    let reply = json_reply(400, &json!({ "status": 400, "message": format!("missing {SECRET}\u{1b}[2J") }));
    stand_in.instead("/oauth2/", reply);
    let said = "Twitch gives no token for this client ID and secret (missing ***[2J): compare both with \
                dev.twitch.tv/console/apps";
    assert_eq!(stand_in.twitch.token().await, Err(TwitchError::Credentials(said.to_owned())));
}

#[tokio::test]
async fn wrong_credentials_are_not_tried_by_everybody() {
    let stand_in = StandIn::start().await;
    let twitch = stand_in.with(ID, "wrong");
    for answer in join_all((0..50).map(|_| twitch.token())).await {
        assert!(matches!(answer, Err(TwitchError::Credentials(_))), "{answer:?}");
    }
    assert_eq!(stand_in.fetches(), 1);
}

#[tokio::test]
async fn trouble_of_the_token_endpoint_is_not_the_fault_of_the_credentials() {
    let stand_in = StandIn::start().await;
    for (reply, said) in [
        (Reply::status(503), "Twitch has trouble of its own with a token (503): service unavailable"),
        (Reply::ok("text/html", "<p>hello"), "Twitch answered a token with something that makes no sense"),
        (
            json_reply(200, &json!({ "access_token": "secret-token", "expires_in": -5 })),
            "Twitch answered a token with something that makes no sense",
        ),
    ] {
        stand_in.instead("/oauth2/", reply);
        let twitch = stand_in.with(ID, SECRET);
        assert_eq!(twitch.token().await, Err(TwitchError::Unavailable(said.to_owned())));
    }
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let stand_in = StandIn::start().await;
    stand_in.twitch.token().await.expect("a token");
    let shown = format!("{:?} {:?}", stand_in.twitch, credentials(ID, SECRET));
    assert!(shown.contains(ID) && shown.contains("***"), "{shown}");
    assert!(!shown.contains(SECRET) && !shown.contains("token-1") && !shown.contains("127.0.0.1"), "{shown}");
}
