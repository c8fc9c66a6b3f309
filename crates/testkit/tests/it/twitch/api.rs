//! id.twitch.tv and api.twitch.tv: tokens, users, streams, pages, limits, faults.

use std::time::Duration;

use chrono::Utc;
use holdfast_testkit::twitch::Glitch;
use serde_json::json;

use super::{Scene, scene};

/// The logins on a page of streams, and the cursor of the next.
async fn page(scene: &Scene, query: &str, token: &str) -> (Vec<String>, Option<String>) {
    let got = scene.helix("GET", &format!("streams{query}"), token, "").await;
    assert_eq!(got.status, 200, "{}", got.text);
    let body = got.json();
    let logins = body["data"].as_array().unwrap().iter();
    let logins = logins.map(|stream| stream["user_login"].as_str().unwrap().to_owned()).collect();
    (logins, body["pagination"]["cursor"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn tokens_are_for_those_who_know_the_secret() {
    let scene = scene(|o| o).await;
    let (id, secret) = scene.twitch.credentials();
    let wrong = scene.ask_for_token(&id, "wrong").await;
    assert_eq!((wrong.status, &wrong.json()["message"]), (403, &json!("invalid client secret")));
    let wrong = scene.ask_for_token("wrong", &secret).await;
    assert_eq!((wrong.status, &wrong.json()["message"]), (400, &json!("invalid client")));
    assert!(scene.twitch.app_tokens().is_empty());
    let token = scene.token().await;
    assert_eq!(scene.twitch.app_tokens(), [token.as_str()]);

    let validate = async |token: &str| {
        let header = format!("OAuth {token}");
        scene.ask("GET", "https://id.twitch.tv/oauth2/validate", &[("authorization", &header)], "").await
    };
    let valid = validate(&token).await;
    assert_eq!((valid.status, &valid.json()["client_id"]), (200, &json!(id)));
    assert_eq!(validate("made-up").await.status, 401);
    assert_eq!(scene.get("https://id.twitch.tv/oauth2/keys").await.status, 200);
}

#[tokio::test]
async fn the_api_wants_a_token_that_is_good_and_its_client() {
    let scene = scene(|o| o).await;
    let token = scene.token().await;
    let (id, _) = scene.twitch.credentials();
    let bearer = format!("Bearer {token}");
    let url = "https://api.twitch.tv/helix/streams?first=1";
    let ask = async |headers: &[(&str, &str)]| scene.ask("GET", url, headers, "").await.status;
    assert_eq!(ask(&[]).await, 401);
    assert_eq!(ask(&[("authorization", &bearer)]).await, 401);
    assert_eq!(ask(&[("authorization", &bearer), ("client-id", "another")]).await, 401);
    assert_eq!(ask(&[("authorization", "Bearer made-up"), ("client-id", &id)]).await, 401);
    assert_eq!(ask(&[("authorization", &bearer), ("client-id", &id)]).await, 200);
    scene.twitch.revoke_tokens();
    assert_eq!(ask(&[("authorization", &bearer), ("client-id", &id)]).await, 401);
    scene.twitch.set_token_lifetime(Duration::ZERO);
    let stale = scene.token().await;
    assert_eq!(scene.helix("GET", "streams", &stale, "").await.status, 401);
}

#[tokio::test]
async fn who_is_live_and_what_it_is_called() {
    let scene = scene(|o| o).await;
    let token = scene.token().await;
    scene.twitch.add_channel("alice", "Alice");
    scene.twitch.go_live("Bob", "first", "Chess");
    scene.twitch.set_title("bob", "second");
    let found = scene.helix("GET", "users?login=ALICE&login=nobody_here", &token, "").await.json();
    let users = found["data"].as_array().unwrap();
    assert_eq!(users.len(), 1, "{found}");
    assert_eq!((&users[0]["login"], &users[0]["display_name"]), (&json!("alice"), &json!("Alice")));
    assert_eq!(users[0]["id"], json!(scene.twitch.user_id("alice")));

    let query = "streams?user_login=alice&user_login=bob";
    let live = scene.helix("GET", query, &token, "").await.json();
    let bob = &live["data"][0];
    assert_eq!(live["data"].as_array().unwrap().len(), 1, "{live}");
    assert_eq!((&bob["title"], &bob["game_name"]), (&json!("second"), &json!("Chess")));
    scene.twitch.set_category("bob", "");
    let path = format!("channels?broadcaster_id={}", scene.twitch.user_id("bob"));
    let channel = &scene.helix("GET", &path, &token, "").await.json()["data"][0];
    assert_eq!((&channel["title"], &channel["game_name"]), (&json!("second"), &json!("")));
    scene.twitch.end_playlists("bob");
    assert_eq!(page(&scene, "?user_login=bob", &token).await.0, ["bob"], "Twitch does not know yet");
    scene.twitch.go_offline("bob");
    assert!(page(&scene, "?user_login=bob", &token).await.0.is_empty());
}

#[tokio::test]
async fn a_hundred_at_most_in_pages() {
    let scene = scene(|o| o).await;
    let token = scene.token().await;
    let logins: Vec<String> = (0..101).map(|number| format!("user{number}")).collect();
    logins.iter().for_each(|login| scene.twitch.go_live(login, "", ""));
    let query = |count: usize| {
        let named: Vec<String> = logins[..count].iter().map(|login| format!("user_login={login}")).collect();
        format!("?{}", named.join("&"))
    };
    assert_eq!(scene.helix("GET", &format!("streams{}", query(101)), &token, "").await.status, 400);
    let users = format!("users{}", query(101).replace("user_login", "login"));
    assert_eq!(scene.helix("GET", &users, &token, "").await.status, 400);
    let (first, cursor) = page(&scene, &query(100), &token).await;
    assert_eq!((first.len(), first[0].as_str()), (20, "user0"), "a page is small unless asked otherwise");
    let next = format!("{}&after={}", query(100), cursor.unwrap());
    let (second, _) = page(&scene, &next, &token).await;
    assert_eq!((second.len(), second[0].as_str()), (20, "user20"));
    let (all, cursor) = page(&scene, &format!("{}&first=100", query(100)), &token).await;
    assert_eq!((all.len(), cursor), (100, None));
    assert_eq!(scene.helix("GET", "streams?first=101", &token, "").await.status, 400);
    assert_eq!(scene.helix("GET", "users?login=not+a+login", &token, "").await.status, 400);
}

#[tokio::test]
async fn limits_and_faults_of_one_part() {
    let scene = scene(|o| o).await;
    let token = scene.token().await;
    scene.twitch.set_rate_limit(2);
    let left = async || {
        let got = scene.helix("GET", "streams", &token, "").await;
        (got.status, got.header("ratelimit-remaining").to_owned())
    };
    assert_eq!(left().await, (200, "1".to_owned()));
    assert_eq!(left().await, (200, "0".to_owned()));
    let got = scene.helix("GET", "streams", &token, "").await;
    let reset: i64 = got.header("ratelimit-reset").parse().unwrap();
    assert_eq!((got.status, got.header("ratelimit-limit")), (429, "2"));
    assert!((0..=61).contains(&(reset - Utc::now().timestamp())), "{reset}");
    scene.twitch.exhaust_rate_limit(Duration::ZERO);
    assert_eq!(left().await.0, 200, "that was over at once");

    let broken = Glitch::host("api.twitch.tv", 503);
    scene.twitch.set_rate_limit(800);
    scene.twitch.glitch(broken.clone());
    assert_eq!(scene.helix("GET", "streams", &token, "").await.status, 503);
    assert_eq!(scene.get("https://id.twitch.tv/oauth2/keys").await.status, 200);
    scene.twitch.mend(&broken);
    scene.twitch.glitch(Glitch::path("*.twitch.tv", "/helix/users", 500).times(1));
    assert_eq!(scene.helix("GET", "streams", &token, "").await.status, 200);
    assert_eq!(scene.helix("GET", "users?login=a", &token, "").await.status, 500);
    assert_eq!(scene.helix("GET", "users?login=a", &token, "").await.status, 200);
}
