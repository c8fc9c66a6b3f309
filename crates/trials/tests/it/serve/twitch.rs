//! A channel of Twitch from `stream.online` to the finished file, with the real plugin of the real Streamlink: told by signed
//! messages, recorded through the proxies, with its title and chapters; and what strangers send starts nothing.

use chrono::Utc;
use holdfast_testkit::Twitch;
use holdfast_testkit::twitch::{Forgery, Topic};
use holdfast_testkit::verify;
use holdfast_trials::{Database, SceneOptions, ServerOptions, eventually};
use serde_json::{Value, json};

use super::channels::{PATIENCE, ended, is_recording, streamer, until};
use super::{Play, on_both};

on_both!(what_twitch_tells_is_recorded_to_its_end, without_messages_twitch_is_asked);

pub(super) fn twitch(play: &Play) -> &Twitch {
    play.scene.twitch.as_ref().expect("a scene with Twitch")
}

/// A server with Twitch behind its proxies and the channel `alice`, who is offline; the channel's id.
async fn play(database: Database, more: Value) -> (Play, i64) {
    play_in(SceneOptions::default(), database, more).await
}

/// The same in a scene of this kind.
pub(super) async fn play_in(scene: SceneOptions, database: Database, more: Value) -> (Play, i64) {
    let scene = SceneOptions { twitch: true, ..scene };
    let play = Play::open(scene, ServerOptions { database, ..ServerOptions::default() }).await;
    let (id, secret) = twitch(&play).credentials();
    twitch(&play).set_front(play.server.addr());
    twitch(&play).add_channel("alice", "Alice");
    let wrong = json!({ "twitch_client_id": id, "twitch_client_secret": "wr0ngsecret" }).to_string();
    let refused = play.server.call("PUT", "/api/settings", &wrong).await.expect("answered");
    assert_eq!(refused.status, 400, "{}", refused.json);
    assert!(!refused.json.to_string().contains("wr0ngsecret"), "{}", refused.json);
    let mut settings = json!({
        "twitch_client_id": id, "twitch_client_secret": secret, "channel_linger_seconds": 5, "container": "mp4",
    });
    for (key, value) in more.as_object().expect("an object") {
        settings[key] = value.clone();
    }
    let set = play.server.ok("PUT", "/api/settings", &settings.to_string()).await.expect("taken");
    assert_eq!(set["has_twitch_client_secret"], true, "{set:#}");
    let added = play.server.post("/api/streamers", &json!({ "username": "alice" })).await.expect("added");
    let id = added["id"].as_i64().expect("an id");
    let offline = |now: &Value| now["status"] == "offline" && now["last_checked_at"].is_string();
    until(&play, id, "Twitch was asked", offline).await;
    (play, id)
}

async fn what_twitch_tells_is_recorded_to_its_end(database: Database) {
    // So rarely asked that only a message can start it.
    let more = json!({ "public_url": "https://rec.example.test", "channel_check_seconds": 3600 });
    let (mut play, id) = play(database, more).await;
    for topic in [Topic::Online, Topic::Offline, Topic::Update] {
        let subscribed = tokio::time::timeout(PATIENCE, twitch(&play).subscribed("alice", topic)).await;
        subscribed.unwrap_or_else(|_| panic!("not subscribed to {topic:?}\n{}", play.server.story()));
    }
    strangers_start_nothing(&play, id).await;

    twitch(&play).go_live("alice", "A title: with / and ?", "Chess");
    let answers = twitch(&play).notify_online("alice").await.expect("delivered");
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:#?}");
    let recording = is_recording(&play, id).await;
    let again = twitch(&play).forge("alice", Forgery::Replayed).await.expect("delivered");
    assert_eq!(again.status, 204, "{again:#?}");
    let used = play.scene.carrier().await.expect("it records");
    let ill = [(used, Utc::now())];
    play.scene.proxies[used].kill().await.expect("killed");
    twitch(&play).set_title("alice", "Another title");
    twitch(&play).notify_update("alice").await.expect("delivered");
    twitch(&play).edge_reaches("alice", twitch(&play).edge("alice") + 4).await;
    twitch(&play).go_offline("alice");
    twitch(&play).notify_offline("alice").await.expect("delivered");

    let whole = ended(&play, &recording).await;
    assert_eq!(whole["status"], "completed", "{whole:#}\n{}", play.server.story());
    assert_eq!((&whole["segments_lost"], &whole["error"]), (&json!(0), &Value::Null), "{whole:#}");
    assert_eq!((&whole["channel"], &whole["title"]), (&json!("Alice"), &json!("Another title")), "{whole:#}");
    assert_eq!(whole["has_thumbnail"], true, "{whole:#}\n{}", play.server.story());
    let titles: Vec<_> =
        whole["chapters"].as_array().expect("a list").iter().map(|c| c["title"].clone()).collect();
    assert_eq!(titles, ["A title: with / and ?", "Another title"], "{whole:#}");
    let path = whole["path"].as_str().expect("a path");
    assert!(path.contains("/Alice/") && path.contains("A title") && path.ends_with(".mp4"), "{path}");
    let file = play.server.media(&recording).await.expect("its file");
    let verdict = verify::compare(&file, &twitch(&play).source()).await.expect("playable");
    assert!(verdict.is_clean(), "{verdict}\n{whole:#}\n{}", play.server.story());
    play.explains(&whole, &ill);
    assert!(play.scene.direct_connections().is_empty(), "something went direct");
    assert_eq!(play.events("recording_started").await.len(), 1, "it is recorded once");
    until(&play, id, "it is offline", |now| now["status"] == "offline").await;
    let (_, secret) = twitch(&play).credentials();
    let mut secrets = twitch(&play).app_tokens();
    secrets.push(secret);
    play.server.keeps_secrets(&secrets, &[]).expect("no secret is seen");
}

async fn strangers_start_nothing(play: &Play, id: i64) {
    for (forgery, status) in [
        (Forgery::WrongSignature, 403),
        (Forgery::Unsigned, 403),
        (Forgery::Altered, 403),
        (Forgery::Stale, 403),
        (Forgery::Ahead, 403),
        (Forgery::Huge, 413),
        (Forgery::Malformed, 400),
    ] {
        let answer = twitch(play).forge("alice", forgery).await.expect("delivered");
        assert_eq!(answer.status, status, "{forgery:?}: {answer:#?}");
    }
    let now = streamer(play, id).await;
    assert_eq!((&now["status"], &now["recording_id"]), (&json!("offline"), &Value::Null), "{now:#}");
    let logged = play.server.log().matches("a message to /eventsub was not taken").count();
    assert!(logged >= 7, "{logged} of 7 are in the log");
}

async fn without_messages_twitch_is_asked(database: Database) {
    let (play, id) = play(database, json!({ "channel_check_seconds": 10 })).await;
    twitch(&play).go_live("alice", "Only asked", "Chess");
    let recording = is_recording(&play, id).await;
    let row = streamer(&play, id).await;
    assert_eq!((&row["title"], &row["category"]), (&json!("Only asked"), &json!("Chess")), "{row:#}");
    twitch(&play).go_offline("alice");
    let whole = ended(&play, &recording).await;
    assert_eq!((&whole["status"], &whole["segments_lost"]), (&json!("completed"), &json!(0)), "{whole:#}");
    let settings = eventually("Twitch answers", PATIENCE, async || {
        let now = play.server.get("/api/settings").await?;
        Ok((now["twitch"]["state"] == "ok").then_some(now))
    });
    let settings = settings.await.expect("the settings");
    assert_eq!(settings["eventsub"]["state"], "off", "{settings:#}");
}
