//! A channel of Twitch from `stream.online` to the finished file, with the real plugin of the real Streamlink: told by signed
//! messages, recorded through the proxies, with its title and chapters; and what strangers send starts nothing.

use std::time::{Duration, Instant};

use chrono::Utc;
use holdfast_testkit::twitch::{Forgery, Glitch, Topic};
use holdfast_testkit::verify;
use holdfast_testkit::{Asked, Twitch};
use holdfast_trials::{Database, SceneOptions, ServerOptions, eventually};
use serde_json::{Value, json};

use super::channels::{PATIENCE, ended, is_recording, streamer, until};
use super::{Play, on_both};

on_both!(
    what_twitch_tells_is_recorded_to_its_end,
    without_messages_twitch_is_asked,
    proxies_are_judged_by_twitch_and_not_by_our_credentials,
);

pub(super) fn twitch(play: &Play) -> &Twitch {
    play.scene.twitch.as_ref().expect("a scene with Twitch")
}

/// A server with Twitch behind its proxies and the channel `alice`, who is offline; the channel's id.
pub(super) async fn play(database: Database, more: Value) -> (Play, i64) {
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

#[tokio::test]
async fn a_broadcast_that_twitch_says_is_back_goes_on_at_once() {
    let more = json!({
        "public_url": "https://rec.example.test", "channel_check_seconds": 3600, "channel_linger_seconds": 300,
    });
    let (mut play, id) = play(Database::Sqlite, more).await;
    for topic in [Topic::Online, Topic::Offline] {
        let subscribed = tokio::time::timeout(PATIENCE, twitch(&play).subscribed("alice", topic)).await;
        subscribed.unwrap_or_else(|_| panic!("not subscribed to {topic:?}\n{}", play.server.story()));
    }
    twitch(&play).go_live("alice", "Part one", "Chess");
    twitch(&play).notify_online("alice").await.expect("delivered");
    let recording = is_recording(&play, id).await;
    twitch(&play).go_offline("alice");
    twitch(&play).notify_offline("alice").await.expect("delivered");
    play.server.says("waiting until").await.expect("it waits");
    let back = Instant::now();
    twitch(&play).go_live("alice", "Part two", "Chess");
    twitch(&play).notify_online("alice").await.expect("delivered");
    play.server.says("back=true").await.expect("it is back");
    assert!(back.elapsed() < Duration::from_secs(5), "by itself it asks after 10 s: {:?}", back.elapsed());
    play.flows(&recording).await;
    twitch(&play).go_offline("alice");
    twitch(&play).notify_offline("alice").await.expect("delivered");
    let waits = eventually("it waits again", PATIENCE, async || {
        Ok((play.server.log().matches("waiting until").count() > 1).then_some(()))
    });
    waits.await.unwrap_or_else(|e| panic!("{e:?}\n{}", play.server.story()));
    let whole = play.server.stop(&recording).await.expect("stopped");
    assert_eq!((&whole["status"], &whole["segments_lost"]), (&json!("completed"), &json!(0)), "{whole:#}");
    assert_eq!(play.events("recording_started").await.len(), 1, "it is one: {whole:#}");
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

async fn proxies_are_judged_by_twitch_and_not_by_our_credentials(database: Database) {
    let more = json!({ "channel_check_seconds": 3600 });
    let (mut play, _) = play(database, more).await;
    // At once: the connection that was tried has a token already.
    all_pass(&play).await;
    let asked = helix_checks(&play);
    assert!(asked.iter().all(|asked| asked.status == 200), "{asked:#?}");
    assert!(asked.len() >= play.ids.len() && public_checks(&play) > 0, "{asked:#?}");

    let tokens = twitch(&play).app_tokens().len();
    twitch(&play).revoke_tokens();
    all_pass(&play).await;
    assert_eq!(twitch(&play).app_tokens().len(), tokens + 1, "renewed once for all");
    assert!(helix_checks(&play).iter().any(|asked| asked.status == 401), "it was refused first");

    twitch(&play).exhaust_rate_limit(PATIENCE);
    let before = (helix_checks(&play).len(), public_checks(&play));
    all_pass(&play).await;
    all_pass(&play).await;
    // Those that were under way when the first was told.
    assert!(helix_checks(&play).len() <= before.0 + play.ids.len(), "it is left alone");
    assert!(public_checks(&play) >= before.1 + play.ids.len() * 2, "another address is asked");
    assert!(play.server.log().contains("Twitch takes no more requests"), "{}", play.server.story());
    twitch(&play).exhaust_rate_limit(Duration::ZERO);

    no_token_blames_nobody(&mut play).await;
    refused_credentials_are_told_of_each_time(&play).await;
    let gone = json!({ "twitch_client_id": null }).to_string();
    play.server.ok("PUT", "/api/settings", &gone).await.expect("taken");
    let before = helix_checks(&play).len();
    all_pass(&play).await;
    assert_eq!(helix_checks(&play).len(), before, "the credentials are gone");
    assert!(
        play.events("proxy_convicted").await.is_empty() && play.events("proxy_disabled").await.is_empty()
    );
    let (_, secret) = twitch(&play).credentials();
    let mut secrets = twitch(&play).app_tokens();
    secrets.push(secret);
    play.server.keeps_secrets(&secrets, &[]).expect("no secret is seen");
}

/// After new credentials: Twitch gives no token, says so once, and gives one again.
async fn no_token_blames_nobody(play: &mut Play) {
    let glitch = Glitch::path("id.twitch.tv", "/oauth2/token", 503);
    twitch(play).glitch(glitch.clone());
    let (id, _) = twitch(play).credentials();
    twitch(play).set_client_secret("an0thersecret");
    let settings =
        json!({ "twitch_client_id": id, "twitch_client_secret": "an0thersecret", "untested": true });
    play.server.ok("PUT", "/api/settings", &settings.to_string()).await.expect("taken");
    let before = helix_checks(play).len();
    play.server.says("There is no token of Twitch").await.expect("it is told");
    all_pass(play).await;
    assert_eq!(helix_checks(play).len(), before, "there is no token");
    twitch(play).mend(&glitch);
    play.server.says("Twitch gives a token again").await.expect("it is told");
    all_pass(play).await;
    assert!(helix_checks(play).len() >= before + play.ids.len());
    let told = |text: &str, all: &[Value]| {
        all.iter().filter(|event| event["message"].as_str().is_some_and(|m| m.contains(text))).count()
    };
    let notices = play.events("notice").await;
    let counts = (told("There is no token", &notices), told("gives a token again", &notices));
    assert_eq!(counts, (1, 1), "{notices:#?}");
}

/// Others that are refused as well are news, and the page shows it.
async fn refused_credentials_are_told_of_each_time(play: &Play) {
    let told = async || {
        let notices = play.events("notice").await;
        let refused = |event: &&Value| {
            event["message"]
                .as_str()
                .is_some_and(|message| message.contains("Twitch refuses the credentials"))
        };
        notices.iter().filter(refused).count()
    };
    let before = told().await;
    for (index, secret) in ["wr0ngsecret", "wr0ngagain"].into_iter().enumerate() {
        let settings = json!({ "twitch_client_secret": secret, "untested": true }).to_string();
        play.server.ok("PUT", "/api/settings", &settings).await.expect("taken");
        let shown = eventually("they are refused", PATIENCE, async || {
            let now = play.server.get("/api/settings").await?;
            let shown = now["twitch"]["state"] == "error" && told().await == before + index + 1;
            Ok(shown.then_some(()))
        });
        shown.await.unwrap_or_else(|e| panic!("{secret}: {e:?}\n{}", play.server.story()));
    }
}

/// Tests each proxy; all are healthy.
pub(super) async fn all_pass(play: &Play) {
    for id in &play.ids {
        let tested = play.server.post(&format!("/api/proxy/{id}/test"), &Value::Null).await.expect("tested");
        let (status, error) = (&tested["status"], &tested["error"]);
        assert_eq!((status, error), (&json!("healthy"), &Value::Null), "{tested:#}\n{}", play.server.story());
    }
}

/// What health checks asked Twitch's API.
fn helix_checks(play: &Play) -> Vec<Asked> {
    let all = twitch(play).asked("api.twitch.tv").into_iter();
    all.filter(|asked| asked.path == "/helix/streams" && asked.query == "first=1").collect()
}

/// How often they asked the public address.
fn public_checks(play: &Play) -> usize {
    twitch(play).asked("id.twitch.tv").iter().filter(|asked| asked.path == "/oauth2/keys").count()
}
