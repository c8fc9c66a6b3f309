//! EventSub, received by a server that checks the signatures by itself.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use holdfast_testkit::twitch::{Forgery, Topic};
use holdfast_testkit::{Asked, HttpServer, Reply};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Got, Scene, scene};
use crate::client::soon;

const SECRET: &str = "a secret of the webhook";

fn header<'a>(asked: &'a Asked, name: &str) -> &'a str {
    asked.headers.get(format!("twitch-eventsub-{name}")).map_or("", |value| value.to_str().unwrap())
}

/// What the receiver of a webhook has to find out.
fn is_genuine(asked: &Asked) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(header(asked, "message-id").as_bytes());
    mac.update(header(asked, "message-timestamp").as_bytes());
    mac.update(&asked.body);
    let mut expected = "sha256=".to_owned();
    mac.finalize().into_bytes().iter().for_each(|byte| write!(expected, "{byte:02x}").unwrap());
    header(asked, "message-signature") == expected
}

/// Answers challenges that are signed, and takes everything else.
async fn webhook() -> HttpServer {
    let handler = |asked: &Asked| match header(asked, "message-type") {
        "webhook_callback_verification" if is_genuine(asked) => {
            let body: Value = serde_json::from_slice(&asked.body).unwrap();
            Reply::ok("text/plain", body["challenge"].as_str().unwrap().to_owned())
        }
        _ => Reply { status: 204, ..Reply::ok("text/plain", "") },
    };
    HttpServer::start(([127, 0, 0, 1], 0).into(), None, handler).await.unwrap()
}

fn age(asked: &Asked) -> i64 {
    let at = chrono::DateTime::parse_from_rfc3339(header(asked, "message-timestamp")).unwrap();
    (asked.at - at.to_utc()).num_minutes()
}

async fn subscribe(scene: &Scene, topic: Topic, login: &str, callback: &str) -> Got {
    let token = scene.token().await;
    let version = if topic == Topic::Update { "2" } else { "1" };
    let wish = json!({
        "type": topic.name(),
        "version": version,
        "condition": { "broadcaster_user_id": scene.twitch.user_id(login) },
        "transport": { "method": "webhook", "callback": callback, "secret": SECRET },
    });
    scene.helix("POST", "eventsub/subscriptions", &token, wish.to_string()).await
}

/// Subscribed and verified.
async fn subscribed(scene: &Scene, topic: Topic, callback: &str) {
    let made = subscribe(scene, topic, "alice", callback).await;
    assert_eq!(made.status, 202, "{}", made.text);
    assert_eq!(made.json()["data"][0]["status"], json!("webhook_callback_verification_pending"));
    soon(scene.twitch.subscribed("alice", topic)).await;
}

#[tokio::test]
async fn a_subscription_is_verified_told_and_taken_away() {
    let (scene, hook) = (scene(|o| o).await, webhook().await);
    let callback = hook.base_url("127.0.0.1") + "/eventsub";
    assert!(scene.twitch.notify_online("alice").await.is_err(), "nobody is subscribed");
    subscribed(&scene, Topic::Online, &callback).await;
    subscribed(&scene, Topic::Offline, &callback).await;
    subscribed(&scene, Topic::Update, &callback).await;
    assert_eq!(subscribe(&scene, Topic::Online, "alice", &callback).await.status, 409);

    scene.twitch.go_live("alice", "the title", "Chess");
    let answers = scene.twitch.notify_online("alice").await.unwrap();
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [204]);
    scene.twitch.notify_update("alice").await.unwrap();
    scene.twitch.notify_offline("alice").await.unwrap();
    let told = hook.requests();
    assert!(told.iter().all(is_genuine) && told.iter().all(|asked| asked.path == "/eventsub"));
    let bodies: Vec<Value> = told.iter().map(|asked| serde_json::from_slice(&asked.body).unwrap()).collect();
    assert_eq!(header(&told[3], "subscription-type"), "stream.online");
    assert_eq!(bodies[3]["event"]["broadcaster_user_id"], json!(scene.twitch.user_id("alice")));
    assert_eq!(bodies[3]["event"]["type"], json!("live"));
    assert_eq!(bodies[4]["event"]["title"], json!("the title"));
    assert_eq!(bodies[4]["event"]["category_name"], json!("Chess"));
    assert_eq!(header(&told[5], "subscription-type"), "stream.offline");
    assert!(!told.iter().any(|asked| String::from_utf8_lossy(&asked.body).contains(SECRET)));

    let token = scene.token().await;
    let list = scene.helix("GET", "eventsub/subscriptions?type=stream.online", &token, "").await.json();
    assert_eq!((&list["total"], list["data"].as_array().unwrap().len()), (&json!(3), 1));
    let path = format!("eventsub/subscriptions?id={}", list["data"][0]["id"].as_str().unwrap());
    assert_eq!(scene.helix("DELETE", &path, &token, "").await.status, 204);
    assert_eq!(scene.helix("DELETE", &path, &token, "").await.status, 404);
    assert!(scene.twitch.notify_online("alice").await.is_err());
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let (scene, hook) = (scene(|o| o).await, webhook().await);
    let token = scene.token().await;
    let callback = hook.base_url("127.0.0.1");
    let good = json!({
        "type": "stream.online",
        "version": "1",
        "condition": { "broadcaster_user_id": scene.twitch.user_id("alice") },
        "transport": { "method": "webhook", "callback": callback, "secret": SECRET },
    });
    for (pointer, bad) in [
        ("/type", json!("stream.unknown")),
        ("/version", json!("7")),
        ("/condition/broadcaster_user_id", json!("1")),
        ("/transport/method", json!("websocket")),
        ("/transport/secret", json!("short")),
        ("/transport/callback", json!("http://192.0.2.1/eventsub")),
        ("/transport/callback", json!("https://holdfast.example/eventsub")),
        ("/transport/callback", Value::Null),
    ] {
        let mut wish = good.clone();
        *wish.pointer_mut(pointer).unwrap() = bad;
        let got = scene.helix("POST", "eventsub/subscriptions", &token, wish.to_string()).await;
        assert_eq!(got.status, 400, "{wish}: {}", got.text);
    }
    assert_eq!(scene.helix("POST", "eventsub/subscriptions", &token, "not JSON").await.status, 400);
    assert!(scene.twitch.subscriptions().is_empty() && hook.requests().is_empty());
}

#[tokio::test]
async fn who_does_not_answer_the_challenge_gets_nothing() {
    let scene = scene(|o| o).await;
    let mute = HttpServer::start(([127, 0, 0, 1], 0).into(), None, |_| Reply::ok("text/plain", "yes"))
        .await
        .unwrap();
    subscribe(&scene, Topic::Online, "alice", &mute.base_url("127.0.0.1")).await;
    let failed = "webhook_callback_verification_failed";
    soon(scene.twitch.subscriptions_are(|all| all.iter().any(|one| one.status == failed))).await;
    assert!(scene.twitch.notify_online("alice").await.is_err());
    assert_eq!(scene.twitch.deliveries()[0].body, "yes");
}

#[tokio::test]
async fn a_front_takes_messages_for_a_public_name() {
    let (scene, hook) = (scene(|o| o).await, webhook().await);
    scene.twitch.set_front(hook.addr());
    subscribed(&scene, Topic::Online, "https://holdfast.example/eventsub").await;
    assert_eq!(
        (hook.requests()[0].host.as_str(), hook.requests()[0].path.as_str()),
        ("holdfast.example", "/eventsub")
    );
}

#[tokio::test]
async fn a_revoked_subscription_is_told_and_can_be_made_again() {
    let (scene, hook) = (scene(|o| o).await, webhook().await);
    let callback = hook.base_url("localhost");
    subscribed(&scene, Topic::Offline, &callback).await;
    scene.twitch.revoke("alice", Topic::Offline, "authorization_revoked").await.unwrap();
    let told = hook.requests().pop().unwrap();
    assert!(is_genuine(&told) && header(&told, "message-type") == "revocation");
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(body["subscription"]["status"], json!("authorization_revoked"));
    assert_eq!(scene.twitch.subscriptions()[0].status, "authorization_revoked");
    assert!(scene.twitch.notify_offline("alice").await.is_err());
    subscribed(&scene, Topic::Offline, &callback).await;
    assert_eq!(scene.twitch.subscriptions().len(), 2);
}

#[tokio::test]
async fn every_forgery_is_wrong_in_one_way() {
    let (scene, hook) = (scene(|o| o).await, webhook().await);
    subscribed(&scene, Topic::Online, &hook.base_url("127.0.0.1")).await;
    scene.twitch.go_live("alice", "t", "c");
    assert!(scene.twitch.forge("alice", Forgery::Replayed).await.is_err(), "nothing was sent yet");
    scene.twitch.notify_online("alice").await.unwrap();
    let forged = async |forgery| {
        let delivery = scene.twitch.forge("alice", forgery).await.unwrap();
        let told = hook.requests().pop().unwrap();
        assert_eq!(header(&told, "message-id"), delivery.message_id);
        (is_genuine(&told), age(&told), serde_json::from_slice::<Value>(&told.body).is_ok(), told)
    };
    assert!(matches!(forged(Forgery::WrongSignature).await, (false, 0, true, _)));
    assert!(matches!(forged(Forgery::Altered).await, (false, 0, true, _)));
    let (genuine, _, _, unsigned) = forged(Forgery::Unsigned).await;
    assert!(!genuine && header(&unsigned, "message-signature").is_empty());
    assert!(matches!(forged(Forgery::Stale).await, (true, 11, true, _)));
    assert!(matches!(forged(Forgery::Ahead).await, (true, -11..=-10, true, _)));
    assert!(matches!(forged(Forgery::Malformed).await, (true, 0, false, _)));
    let (genuine, _, _, huge) = forged(Forgery::Huge).await;
    assert!(genuine && huge.body.len() == 1_000_000);
    let sent = hook.requests()[1].clone();
    let (genuine, _, _, again) = forged(Forgery::Replayed).await;
    assert!(genuine && again.headers == sent.headers && again.body == sent.body);
}
