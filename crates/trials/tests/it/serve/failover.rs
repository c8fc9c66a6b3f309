//! The proxy in use dies under a recording made over the API: nothing is lost, and everybody tells the same story.

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
    assert_eq!(active["items"][0]["via"], play.masked(0), "{active:#}");
    play.scene.proxies[0].kill().await.expect("killed");
    let moved =
        socket.until("a failover", |frame| frame["type"] == "recording_failover").await.expect("told");
    assert_eq!(moved["recording_id"], recording, "{moved:#}");
    assert_eq!((&moved["from"], &moved["to"]), (&json!(play.masked(0)), &json!(play.masked(1))), "{moved:#}");
    assert!(moved["reason"].is_string() && moved["took_ms"].is_u64(), "{moved:#}");
    play.scene.segments(4).await;

    let whole = play.whole(&recording).await;
    let routes = whole["routes"].as_array().expect("a list");
    let via: Vec<_> = routes.iter().map(|route| route["via"].as_str().unwrap_or_default()).collect();
    assert_eq!(via, [play.masked(0), play.masked(1)], "{whole:#}");
    for route in routes {
        assert!(route["bytes"].as_u64() > Some(100_000), "{whole:#}");
        assert!(route["started_at"].is_string() && route["ended_at"].is_string(), "{whole:#}");
    }
    assert!(routes[0]["reason"].is_string(), "{whole:#}");
    assert_eq!((&whole["failovers"], &whole["gaps"]), (&json!(1), &json!([])), "{whole:#}");
    assert_eq!(whole["seconds_lost"], 0.0, "{whole:#}");
    socket.until("the end", |frame| frame["type"] == "recording_finished").await.expect("told");

    statistics(&play).await;
    for (kind, times) in
        [("recording_started", 1), ("recording_failover", 1), ("recording_finished", 1), ("recording_gap", 0)]
    {
        assert_eq!(play.events(kind).await.len(), times, "{kind} in the log");
        assert_eq!(socket.of_type(kind).len(), times, "{kind} on the socket:\n{}", socket.story());
    }
    let direct = play.scene.direct_connections();
    assert!(direct.is_empty(), "the origin was reached directly: {direct:?}");
}

async fn statistics(play: &Play) {
    let expected = [(1, 1, json!(0.0)), (1, 0, json!(1.0)), (0, 0, Value::Null)];
    for (&id, (total, failed, rate)) in play.ids.iter().zip(expected) {
        let proxy = play.server.proxy(id).await.expect("there");
        assert_eq!(proxy["total_recordings"], total, "{proxy:#}");
        assert_eq!(proxy["failed_recordings"], failed, "{proxy:#}");
        assert_eq!(proxy["success_rate"], rate, "{proxy:#}");
        assert_eq!(total > 0, proxy["bytes_down"].as_u64() > Some(100_000), "{proxy:#}");
    }
}
