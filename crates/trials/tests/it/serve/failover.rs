//! The proxy in use dies under a recording made over the API: nothing is lost, and everybody tells the same story.

use chrono::Utc;
use holdfast_trials::Database;
use serde_json::{Value, json};

use super::{Play, on_both};

on_both!(nothing_is_lost_when_the_proxy_in_use_is_killed);

async fn nothing_is_lost_when_the_proxy_in_use_is_killed(database: Database) {
    let mut play = Play::on(database).await;
    let mut socket = play.server.socket().await.expect("a socket");
    let recording = play.record().await;
    play.scene.segments(4).await;
    let active = play.server.get("/api/recordings/active").await.expect("the list");
    assert_eq!(active["items"][0]["id"], recording, "{active:#}");
    let used = play.scene.carrier().await.expect("it records");
    let ill = [(used, Utc::now())];
    play.scene.proxies[used].kill().await.expect("killed");
    let from = play.masked(used);
    let moved = |frame: &Value| frame["type"] == "recording_failover" && frame["from"] == from;
    let moved = socket.until("a failover", moved).await.expect("told");
    assert_eq!(moved["recording_id"], recording, "{moved:#}");
    assert!(moved["to"].is_string() && moved["to"] != from, "{moved:#}");
    assert!(moved["reason"].is_string() && moved["took_ms"].is_u64(), "{moved:#}");
    play.scene.segments(4).await;

    let whole = play.whole(&recording).await;
    play.explains(&whole, &ill);
    for route in whole["routes"].as_array().expect("a list") {
        assert!(route["started_at"].is_string() && route["ended_at"].is_string(), "{whole:#}");
    }
    assert_eq!(whole["gaps"], json!([]), "{whole:#}");
    assert_eq!(whole["seconds_lost"], 0.0, "{whole:#}");
    socket.until("the end", |frame| frame["type"] == "recording_finished").await.expect("told");

    statistics(&play, used, &whole).await;
    let failovers = whole["failovers"].as_u64().and_then(|times| usize::try_from(times).ok());
    let failovers = failovers.expect("a number");
    for (kind, times) in [
        ("recording_started", 1),
        ("recording_failover", failovers),
        ("recording_finished", 1),
        ("recording_gap", 0),
    ] {
        assert_eq!(play.events(kind).await.len(), times, "{kind} in the log");
        assert_eq!(socket.of_type(kind).len(), times, "{kind} on the socket:\n{}", socket.story());
    }
    let direct = play.scene.direct_connections();
    assert!(direct.is_empty(), "the origin was reached directly: {direct:?}");
}

async fn statistics(play: &Play, killed: usize, recording: &Value) {
    for (index, used) in play.used(recording).into_iter().enumerate() {
        let (total, failed, rate) = match used {
            _ if index == killed => (1, 1, json!(0.0)),
            true => (1, 0, json!(1.0)),
            false => (0, 0, Value::Null),
        };
        let proxy = play.server.proxy(play.ids[index]).await.expect("there");
        assert_eq!(proxy["total_recordings"], total, "{proxy:#}");
        assert_eq!(proxy["failed_recordings"], failed, "{proxy:#}");
        assert_eq!(proxy["success_rate"], rate, "{proxy:#}");
        // More than checks alone bring, or there was no recording.
        assert!(total == 0 || proxy["bytes_down"].as_u64() > Some(0), "{proxy:#}");
        assert!(index != killed || proxy["bytes_down"].as_u64() > Some(100_000), "{proxy:#}");
    }
}
