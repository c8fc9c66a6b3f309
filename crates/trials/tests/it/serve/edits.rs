//! Somebody edits the database by hand, and the next check takes the row as it finds it.

use std::time::Duration;

use chrono::Utc;
use holdfast_trials::{Database, Socket, eventually};
use serde_json::{Value, json};

use super::{Play, on_both, stream};

on_both!(
    a_counter_edited_by_hand_counts,
    a_row_edited_by_hand_is_honoured_at_the_next_start,
    settings_edited_by_hand_are_honoured_at_the_next_start,
);

async fn a_counter_edited_by_hand_counts(database: Database) {
    let mut play = Play::on(database).await;
    let mut socket = play.server.socket().await.expect("a socket");
    let id = play.ids[1];
    play.scene.proxies[1].kill().await.expect("killed");
    play.server
        .sql(&format!("UPDATE proxy_settings SET consecutive_failures = 2 WHERE id = {id}"))
        .await
        .expect("edited");
    let test = format!("/api/proxy/{id}/test");
    let tested = play.server.post(&test, &json!(null)).await.expect("tested");
    assert_eq!(tested["status"], "failed", "{tested:#}");
    assert_eq!(
        (&tested["consecutive_failures"], &tested["enabled"]),
        (&json!(3), &json!(false)),
        "{tested:#}"
    );

    let disabled =
        socket.until("proxy_disabled", |frame| frame["type"] == "proxy_disabled").await.expect("told");
    assert_eq!(disabled["proxy_id"], id, "{disabled:#}");
    assert_eq!(disabled["proxy_url"], play.masked(1), "{disabled:#}");
    assert_eq!(disabled["reason"], "3 consecutive failures", "{disabled:#}");
    let update = |frame: &Value| {
        let proxy = &frame["proxy"];
        frame["type"] == "proxy_health_update" && proxy["id"] == id && proxy["consecutive_failures"] == 3
    };
    let update = socket.until("proxy_health_update", update).await.expect("told");
    assert_eq!(update["proxy"]["enabled"], false, "{update:#}");
    assert_eq!(update["proxy"]["health_status"], "failed", "{update:#}");
    let line = format!("Proxy auto-disabled after 3 consecutive failures: {}", play.masked(1));
    play.server.says(&line).await.expect("logged");
    let row = "SELECT enabled, auto_disabled, consecutive_failures FROM proxy_settings WHERE id = ";
    let row = play.server.sql(&format!("{row}{id}")).await.expect("the row");
    assert!(matches!(row.as_str(), "0|1|3" | "f|t|3"), "{row}");

    comes_back(&mut play, &mut socket, id).await;
}

/// Repaired, it is tried again after an interval, and once more 10 s later.
async fn comes_back(play: &mut Play, socket: &mut Socket, id: i64) {
    play.scene.proxies[1].restart().await.expect("repaired");
    let interval = json!({ "proxy_health_check_interval_seconds": 10 }).to_string();
    play.server.ok("PUT", "/api/proxy/config", &interval).await.expect("taken");
    let back = eventually("the proxy comes back", Duration::from_secs(60), async || {
        let proxy = play.server.proxy(id).await?;
        Ok((proxy["enabled"] == true).then_some(proxy))
    });
    let back = back.await.unwrap_or_else(|e| panic!("{e}\n{}", play.server.story()));
    assert_eq!(back["auto_disabled"], false, "{back:#}");
    assert_eq!(back["health_status"], "healthy", "{back:#}");
    assert_eq!(back["consecutive_failures"], 0, "{back:#}");
    let line = format!("Proxy recovered: {}", play.masked(1));
    play.server.says(&line).await.expect("logged");
    let recovered = |frame: &Value| frame["type"] == "proxy_recovered" && frame["proxy_id"] == id;
    socket.until("proxy_recovered", recovered).await.expect("told");
    assert_eq!(play.events("proxy_recovered").await.len(), 1, "told before it was stored");

    let checks = play.server.get(&format!("/api/proxy/{id}/checks")).await.expect("its checks");
    let good: Vec<_> = checks["checks"]
        .as_array()
        .expect("a list")
        .iter()
        .take_while(|check| check["status"] == "healthy")
        .filter(|check| check["trigger"] == "recovery")
        .map(|check| time(&check["at"]))
        .collect();
    let apart = good[0] - *good.last().expect("one at least");
    assert!(good.len() >= 2 && apart.num_milliseconds() >= 9_000, "confirmed after {apart}: {checks:#}");
}

fn time(value: &Value) -> chrono::DateTime<chrono::FixedOffset> {
    let text = value.as_str().expect("a time");
    chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339")
}

async fn a_row_edited_by_hand_is_honoured_at_the_next_start(database: Database) {
    let play = Play::on(database).await;
    let id = play.ids[0];
    play.server
        .sql(&format!("UPDATE proxy_settings SET enabled = false WHERE id = {id}"))
        .await
        .expect("edited");
    let edited = Utc::now();
    let recording = play.server.record(&stream()).await.expect("it starts");
    play.flows(&recording).await;
    let whole = play.whole(&recording).await;
    assert!(!play.used(&whole)[0], "{whole:#}\n{}", play.server.story());
    play.explains(&whole, &[(0, edited)]);
    assert_eq!(play.server.proxy(id).await.expect("there")["enabled"], false);
}

async fn settings_edited_by_hand_are_honoured_at_the_next_start(database: Database) {
    let mut play = Play::on(database).await;
    for proxy in &mut play.scene.proxies {
        proxy.kill().await.expect("killed");
    }
    for id in &play.ids {
        play.server.post(&format!("/api/proxy/{id}/test"), &json!(null)).await.expect("tested");
    }
    let best = play.server.get("/api/proxy/best").await.expect("an answer");
    assert_eq!(best["route"], "direct", "{best:#}");
    play.server
        .sql("UPDATE recording_settings SET fallback_to_direct_connection = false")
        .await
        .expect("edited");
    let url = format!("hls://{}", play.scene.origin.channel_url("127.0.0.1", "live"));
    let refused = play.server.call("POST", "/api/recordings", &json!({ "url": url }).to_string()).await;
    let refused = refused.expect("an answer");
    assert_eq!(refused.status, 409, "{:#}", refused.json);
    assert!(
        play.scene.origin.accepts().is_empty(),
        "the origin was reached: {:?}",
        play.scene.origin.accepts()
    );
    let config = play.server.get("/api/proxy/config").await.expect("the settings");
    assert_eq!(config["fallback_to_direct_connection"], false, "{config:#}");
}
