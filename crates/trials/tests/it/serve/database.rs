//! The database goes away under a recording and comes back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::Utc;
use holdfast_testkit::Postgres;
use holdfast_trials::{Database, eventually};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::Play;

async fn ready(play: &Play, status: u16) {
    let what = format!("/readyz says {status}");
    let reached = eventually(&what, Duration::from_secs(30), async || {
        Ok((play.server.call("GET", "/readyz", "").await?.status == status).then_some(()))
    });
    reached.await.unwrap_or_else(|e| panic!("{e}\n{}", play.server.story()));
}

#[tokio::test]
async fn away_and_back_nothing_is_lost_or_doubled() {
    let mut postgres = Postgres::start().await.expect("PostgreSQL");
    let url = postgres.database().await.expect("a database");
    let mut play = Play::on(Database::Postgres(url.clone())).await;
    let mut socket = play.server.socket().await.expect("a socket");
    ready(&play, 200).await;
    let recording = play.record().await;
    play.scene.segments(3).await;

    postgres.stop().await.expect("stopped");
    ready(&play, 503).await;
    assert_eq!(play.server.call("GET", "/healthz", "").await.expect("an answer").status, 200);
    changes_are_refused(&play).await;
    let used = play.scene.carrier().await.expect("it records");
    let ill = [(used, Utc::now())];
    play.scene.proxies[used].kill().await.expect("killed");
    play.scene.segments(5).await;
    let active = play.server.get("/api/recordings/active").await.expect("from memory");
    assert_eq!(active["items"][0]["id"], recording, "{active:#}");
    assert_ne!(active["items"][0]["via"], play.masked(used), "{active:#}\n{}", play.server.story());

    postgres.start_again().await.expect("started again");
    ready(&play, 200).await;
    let moved = |frame: &Value| frame["type"] == "recording_failover";
    socket.until("the failover", moved).await.expect("told, at the latest now");
    let whole = play.whole(&recording).await;
    play.explains(&whole, &ill);
    socket.until("the end", |frame| frame["type"] == "recording_finished").await.expect("told");
    for kind in ["recording_started", "recording_failover", "recording_finished"] {
        let times = if kind == "recording_failover" { whole["failovers"].clone() } else { json!(1) };
        assert_eq!(json!(play.events(kind).await.len()), times, "{kind}\n{}", play.server.story());
    }
    every_event_is_told_once(&play).await;
    let first = play.server.proxy(play.ids[used]).await.expect("there");
    assert_eq!(
        (&first["total_recordings"], &first["failed_recordings"]),
        (&json!(1), &json!(1)),
        "{first:#}"
    );
    let changed = play.server.add("http://127.0.0.1:9", 7).await;
    changed.expect("changes are taken again");

    let password = url.split([':', '@']).nth(2).expect("a password");
    let password = percent_decode_str(password).decode_utf8().expect("UTF-8").into_owned();
    play.server.keeps_secrets(&[password], &[]).expect("the database's password is kept");
}

#[tokio::test]
async fn hanging_it_holds_up_nobody() {
    let postgres = Postgres::start().await.expect("PostgreSQL");
    let url = postgres.database().await.expect("a database");
    let play = Play::on(Database::Postgres(url)).await;
    let recording = play.record().await;
    postgres.freeze().expect("frozen");
    let began = Instant::now();
    let answer = play.server.call("PATCH", &format!("/api/proxy/{}", play.ids[0]), r#"{"label":"x"}"#).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 503, "{:#}", answer.json);
    assert!(began.elapsed() < Duration::from_secs(30), "it took {:?}", began.elapsed());
    ready(&play, 503).await;
    play.scene.segments(4).await;
    postgres.thaw().expect("thawed");
    ready(&play, 200).await;
    let whole = play.whole(&recording).await;
    play.explains(&whole, &[]);
    every_event_is_told_once(&play).await;
    let label = &play.server.proxy(play.ids[0]).await.expect("there")["label"];
    assert!(label.is_null() || label == "x", "{label}");
    let stored = format!("SELECT label FROM proxy_settings WHERE id = {}", play.ids[0]);
    let stored = play.server.sql(&stored).await.expect("a row");
    assert_eq!(label.as_str().unwrap_or_default(), stored, "memory and database differ");
}

async fn changes_are_refused(play: &Play) {
    let id = play.ids[2];
    for (method, path, body) in [
        ("POST", "/api/proxy/add".to_owned(), json!({ "proxy_url": "http://127.0.0.1:9" })),
        ("PATCH", format!("/api/proxy/{id}"), json!({ "label": "new" })),
        ("POST", format!("/api/proxy/{id}/toggle"), Value::Null),
        ("DELETE", format!("/api/proxy/{id}"), Value::Null),
        ("PUT", "/api/proxy/config".to_owned(), json!({ "proxy_max_consecutive_failures": 4 })),
        (
            "POST",
            "/api/recordings".to_owned(),
            json!({ "url": super::stream().replace("live/live", "other/live") }),
        ),
    ] {
        let answer = play.server.call(method, &path, &body.to_string()).await.expect("an answer");
        assert_eq!(answer.status, 503, "{method} {path}: {:#}", answer.json);
        let detail = answer.json["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("database"), "{method} {path}: {:#}", answer.json);
    }
    let config = play.server.get("/api/proxy/config").await.expect("from memory");
    assert_eq!(config["proxy_max_consecutive_failures"], 3, "a refused change took effect: {config:#}");
}

async fn every_event_is_told_once(play: &Play) {
    let page = play.server.get("/api/events?limit=1000").await.expect("the log");
    let seqs: Vec<_> = page["items"].as_array().expect("a list").iter().map(|e| e["seq"].as_i64()).collect();
    let distinct: BTreeSet<_> = seqs.iter().collect();
    assert_eq!(distinct.len(), seqs.len(), "{page:#}");
    assert!(seqs.is_sorted(), "{page:#}");
}
