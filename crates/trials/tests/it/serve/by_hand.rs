//! Channels while a person meddles: what is stopped by hand stays stopped until the next broadcast and no longer, and a
//! recording that runs is found again by a channel that is added.

use holdfast_testkit::twitch::Topic;
use holdfast_trials::{Database, SceneOptions};
use serde_json::{Value, json};

use super::channels::{PATIENCE, ended, is_recording, streamer, until};
use super::twitch::{play_in, twitch};
use super::{Play, on_both};

on_both!(the_broadcast_after_the_one_that_was_stopped_is_recorded, a_channel_takes_over_what_runs);

/// How many recordings there are.
async fn recordings(play: &Play) -> usize {
    let page = play.server.get("/api/recordings").await.expect("the list");
    page["items"].as_array().expect("a list").len()
}

async fn the_broadcast_after_the_one_that_was_stopped_is_recorded(database: Database) {
    // So rarely asked that only messages tell.
    let more = json!({ "public_url": "https://rec.example.test", "channel_check_seconds": 3600 });
    let (play, id) = play_in(SceneOptions::default(), database, more).await;
    for topic in [Topic::Online, Topic::Offline] {
        let subscribed = tokio::time::timeout(PATIENCE, twitch(&play).subscribed("alice", topic)).await;
        subscribed.unwrap_or_else(|_| panic!("not subscribed to {topic:?}\n{}", play.server.story()));
    }
    twitch(&play).go_live("alice", "Part one", "Chess");
    twitch(&play).notify_online("alice").await.expect("delivered");
    let first = is_recording(&play, id).await;
    play.server.stop(&first).await.expect("stopped");
    twitch(&play).notify_online("alice").await.expect("delivered");
    let now = until(&play, id, "it is live", |now| now["status"] == "live").await;
    assert_eq!((&now["recording_id"], recordings(&play).await), (&Value::Null, 1), "{now:#}");

    // Seen offline once, and live again before anybody looks another time.
    twitch(&play).go_offline("alice");
    twitch(&play).notify_offline("alice").await.expect("delivered");
    until(&play, id, "it is offline", |now| now["status"] == "offline").await;
    twitch(&play).go_live("alice", "Part two", "Chess");
    twitch(&play).notify_online("alice").await.expect("delivered");
    let second = is_recording(&play, id).await;
    assert_ne!(second, first);
    twitch(&play).go_offline("alice");
    twitch(&play).notify_offline("alice").await.expect("delivered");
    let whole = ended(&play, &second).await;
    assert_eq!((&whole["status"], &whole["segments_lost"]), (&json!("completed"), &json!(0)), "{whole:#}");
}

async fn a_channel_takes_over_what_runs(database: Database) {
    let more = json!({ "channel_check_seconds": 10 });
    let (play, id) = play_in(SceneOptions::default(), database, more).await;
    twitch(&play).go_live("alice", "Only one", "Chess");
    let recording = is_recording(&play, id).await;
    let path = format!("/api/streamers/{id}");
    play.server.ok("DELETE", &path, "").await.expect("removed");
    play.flows(&recording).await;
    let orphan = play.server.recording(&recording).await.expect("there");
    assert_eq!(orphan["streamer_id"], Value::Null, "{orphan:#}");

    let added = play.server.post("/api/streamers", &json!({ "username": "alice" })).await.expect("added");
    let again = added["id"].as_i64().expect("an id");
    assert_eq!(
        (&added["status"], &added["recording_id"]),
        (&json!("recording"), &json!(recording)),
        "{added:#}"
    );
    let page = play.server.get(&format!("/api/recordings?streamer_id={again}")).await.expect("the list");
    assert_eq!(page["items"][0]["id"], recording, "{page:#}");
    play.flows(&recording).await;

    // Stopped by hand it is this channel's, too: it is left alone.
    let whole = play.server.stop(&recording).await.expect("stopped");
    assert_eq!((&whole["streamer_id"], &whole["segments_lost"]), (&json!(again), &json!(0)), "{whole:#}");
    let look = format!("/api/streamers/{again}/check");
    play.server.post(&look, &Value::Null).await.expect("looked at");
    let now = streamer(&play, again).await;
    assert_eq!((&now["status"], &now["last_error"]), (&json!("live"), &Value::Null), "{now:#}");
    assert_eq!(recordings(&play).await, 1);
}
