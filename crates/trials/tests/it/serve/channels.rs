//! Channels, unattended: one goes live, is recorded through the best proxy, loses that proxy, and ends; one waits for a
//! route; one goes direct; one outlives the server.

use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast_testkit::verify;
use holdfast_trials::{Database, ServerOptions, ServerProcess, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Play, on_both, stream};

on_both!(
    a_channel_is_recorded_from_its_start_to_its_end,
    a_channel_waits_for_a_route,
    a_channel_outlives_the_server,
    a_channel_outlives_a_restart,
);

/// Longer than a look, a start and an end take.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// A server that looks often and does not wait long, with one channel.
pub(super) async fn play(database: Database, wish: &Value) -> (Play, i64) {
    let play = Play::on(database).await;
    let settings = json!({ "channel_check_seconds": 10, "channel_linger_seconds": 5 });
    play.server.ok("PUT", "/api/settings", &settings.to_string()).await.expect("taken");
    let added = play.server.post("/api/streamers", wish).await.expect("added");
    (play, added["id"].as_i64().expect("an id"))
}

pub(super) async fn streamer(play: &Play, id: i64) -> Value {
    play.server.get(&format!("/api/streamers/{id}")).await.expect("there")
}

/// Waits until the channel is as wanted.
pub(super) async fn until(play: &Play, id: i64, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = eventually(what, PATIENCE, async || {
        let now = streamer(play, id).await;
        Ok(wanted(&now).then_some(now))
    });
    found.await.unwrap_or_else(|e| panic!("{e:?}\n{}", play.server.story()))
}

pub(super) async fn is_recording(play: &Play, id: i64) -> String {
    let now = until(play, id, "the channel is recorded", |now| now["status"] == "recording").await;
    let recording = now["recording_id"].as_str().expect("an id").to_owned();
    play.flows(&recording).await;
    recording
}

/// Waits for the end of a recording; the whole of it.
pub(super) async fn ended(play: &Play, recording: &str) -> Value {
    let found = eventually("the recording ends", PATIENCE, async || {
        let now = play.server.recording(recording).await?;
        Ok((!now["ended_at"].is_null()).then_some(now))
    });
    found.await.unwrap_or_else(|e| panic!("{e:?}\n{}", play.server.story()))
}

async fn a_channel_is_recorded_from_its_start_to_its_end(database: Database) {
    let wish = json!({ "url": stream(), "display_name": "Some/body?", "record": false });
    let (mut play, id) = play(database, &wish).await;
    play.scene.origin.set_gone("live", Some(404));
    let offline = |now: &Value| now["status"] == "offline" && now["last_checked_at"].is_string();
    until(&play, id, "the channel is offline", offline).await;
    let edit = json!({ "record": true }).to_string();
    play.server.ok("PATCH", &format!("/api/streamers/{id}"), &edit).await.expect("taken");

    play.scene.origin.restart("live");
    let recording = is_recording(&play, id).await;
    let used = play.scene.carrier().await.expect("it records");
    let ill = [(used, Utc::now())];
    play.scene.proxies[used].kill().await.expect("killed");
    play.scene.segments(5).await;
    play.scene.origin.end("live");

    let whole = ended(&play, &recording).await;
    assert_eq!(whole["status"], "completed", "{whole:#}\n{}", play.server.story());
    assert_eq!((&whole["segments_lost"], &whole["error"]), (&json!(0), &Value::Null), "{whole:#}");
    assert_eq!((&whole["streamer_id"], &whole["channel"]), (&json!(id), &json!("Some/body?")), "{whole:#}");
    let path = whole["path"].as_str().expect("a path");
    // A template, and nothing in a name can lead elsewhere.
    let day = Utc::now().format("%Y-%m-%d").to_string();
    assert!(path.contains("/recordings/Some") && path.contains(&day) && path.ends_with(".ts"), "{path}");
    assert!(!path.contains('?'), "{path}");
    let verdict = play.verdict(&recording).await;
    assert!(verdict.is_clean(), "{verdict}\n{whole:#}\n{}", play.server.story());
    play.explains(&whole, &ill);
    assert!(play.scene.direct_connections().is_empty(), "the origin was reached directly");

    until(&play, id, "the channel is offline again", |now| now["status"] == "offline").await;
    assert_eq!(play.events("recording_started").await.len(), 1, "it is recorded once");
    let empty = play.events("streamer_updated").await.into_iter().find(|event| event["message"] == "");
    assert_eq!(empty, None, "an event that says nothing");
    for kind in ["streamer_online", "streamer_offline"] {
        let told = play.events(kind).await;
        assert!(!told.is_empty() && told.iter().all(|event| event["streamer_id"] == id), "{kind}: {told:#?}");
    }
}

async fn a_channel_waits_for_a_route(database: Database) {
    let wish = json!({ "url": stream(), "record": false });
    let (mut play, id) = play(database.clone(), &wish).await;
    until(&play, id, "the channel is live", |now| now["status"] == "live").await;
    let config = json!({ "fallback_to_direct_connection": false }).to_string();
    play.server.ok("PUT", "/api/proxy/config", &config).await.expect("taken");
    for &proxy in &play.ids {
        play.server.post(&format!("/api/proxy/{proxy}/toggle"), &Value::Null).await.expect("disabled");
    }
    let edit = json!({ "record": true }).to_string();
    play.server.ok("PATCH", &format!("/api/streamers/{id}"), &edit).await.expect("taken");
    let waiting = until(&play, id, "the channel waits", |now| now["status"] == "waiting").await;
    let reason = waiting["waiting_reason"].as_str().expect("a reason");
    assert!(reason.contains("no route") && !reason.contains("s3cret"), "{reason}");
    play.server.says("No route: ").await.expect("in the log");
    let told = play.events("streamer_waiting").await;
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        play.server.get("/api/recordings").await.expect("the list")["items"] == json!([]),
        "nothing is made"
    );

    play.server.post(&format!("/api/proxy/{}/toggle", play.ids[1]), &Value::Null).await.expect("enabled");
    let recording = is_recording(&play, id).await;
    let whole = play.whole(&recording).await;
    assert_eq!(play.used(&whole), [false, true, false], "{whole:#}");
    // What a person stopped is left alone while it is live.
    let left = until(&play, id, "the channel is live", |now| now["status"] == "live").await;
    assert_eq!(left["recording_id"], Value::Null, "{left:#}");

    // Also when the server is started anew.
    play.server.signal(Signal::TERM);
    play.server.ended(Duration::from_secs(20)).await.expect("it ends");
    let again = Utc::now();
    let options = ServerOptions { database, ..ServerOptions::default() };
    play.server = ServerProcess::start(&play.scene, options).await.expect("it starts again");
    let looked = |now: &Value| {
        let at = now["last_checked_at"].as_str().map(|at| at.parse::<DateTime<Utc>>().expect("a time"));
        now["status"] == "live" && at.is_some_and(|at| at > again)
    };
    until(&play, id, "the channel is looked at again", looked).await;
    // A recording is begun with the look that finds it wanted; one more says that none was.
    play.server.post(&format!("/api/streamers/{id}/check"), &Value::Null).await.expect("looked at");
    let all = play.server.get("/api/recordings").await.expect("the list");
    assert_eq!(all["items"].as_array().map(Vec::len), Some(1), "{all:#}");
}

async fn a_channel_outlives_the_server(database: Database) {
    let (mut play, id) = play(database.clone(), &json!({ "url": stream() })).await;
    let recording = is_recording(&play, id).await;
    play.scene.segments(3).await;
    play.server.signal(Signal::KILL);
    play.server.ended(Duration::from_secs(10)).await.expect("it is dead");
    let options = ServerOptions { database, ..ServerOptions::default() };
    play.server = ServerProcess::start(&play.scene, options).await.expect("it starts again");
    assert_eq!(is_recording(&play, id).await, recording, "it goes on with the same");
    play.scene.segments(3).await;
    play.scene.origin.end("live");
    let whole = ended(&play, &recording).await;
    assert_eq!(whole["status"], "completed", "{whole:#}\n{}", play.server.story());
    let page = play.server.get(&format!("/api/recordings?streamer_id={id}")).await.expect("the list");
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page:#}");
}

async fn a_channel_outlives_a_restart(database: Database) {
    let (mut play, id) = play(database.clone(), &json!({ "url": stream() })).await;
    let recording = is_recording(&play, id).await;
    play.scene.segments(3).await;
    play.server.signal(Signal::TERM);
    let status = play.server.ended(Duration::from_secs(15)).await.expect("within 15 s");
    assert_eq!(status.code(), Some(0), "{}", play.server.log());
    let options = ServerOptions { database, ..ServerOptions::default() };
    play.server = ServerProcess::start(&play.scene, options).await.expect("it starts again");
    let told = play.events("recording_interrupted").await;
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(
        (&told[0]["recording_id"], &told[0]["level"]),
        (&json!(recording), &json!("info")),
        "{told:#?}"
    );
    assert_eq!(is_recording(&play, id).await, recording, "it goes on with the same");
    play.scene.segments(3).await;
    play.scene.origin.end("live");
    let whole = ended(&play, &recording).await;
    assert_eq!((&whole["status"], &whole["error"]), (&json!("completed"), &Value::Null), "{whole:#}");
    let verdict = play.verdict(&recording).await;
    let twice = !verdict.duplicated.is_empty() || verdict.foreign > 0 || verdict.out_of_order > 0;
    let told = whole["segments_lost"].as_u64().and_then(|lost| usize::try_from(lost).ok());
    assert!(
        !twice && told == Some(verdict.segments_missing()),
        "{verdict}\n{whole:#}\n{}",
        play.server.story()
    );
    let page = play.server.get(&format!("/api/recordings?streamer_id={id}")).await.expect("the list");
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page:#}");
    for kind in ["recording_started", "recording_finished"] {
        assert_eq!(play.events(kind).await.len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn without_proxies_a_channel_goes_direct() {
    let mut play = Play::on(Database::Sqlite).await;
    for &proxy in &play.ids {
        play.server.post(&format!("/api/proxy/{proxy}/toggle"), &Value::Null).await.expect("disabled");
    }
    let url = format!("hls://{}", play.scene.origin.channel_url("localhost", "live"));
    let added = play.server.post("/api/streamers", &json!({ "url": url })).await.expect("added");
    let recording = is_recording(&play, added["id"].as_i64().expect("an id")).await;
    play.server.says("No healthy proxies - using direct connection").await.expect("in the log");
    let recorded = play.server.stop(&recording).await.expect("stopped");
    assert_eq!(recorded["via"], "direct", "{recorded:#}");
    let file = play.server.media(&recording).await.expect("its file");
    let verdict = verify::compare(&file, play.scene.origin.media().frames()).await.expect("playable");
    assert!(verdict.is_clean(), "{verdict}");
}
