//! The check target fails. For every proxy at once: that is the target's business. For one only: that is the proxy's, but
//! what runs through it already goes on.

use std::time::Duration;

use holdfast_testkit::{Fault, ServerFault};
use holdfast_trials::{Database, eventually};
use serde_json::{Value, json};

use super::Play;

async fn counters(play: &Play) -> Vec<Value> {
    let mut all = Vec::new();
    for &id in &play.ids {
        let proxy = play.server.proxy(id).await.expect("there");
        all.push(json!([proxy["health_status"], proxy["consecutive_failures"], proxy["enabled"]]));
    }
    all
}

/// Every proxy is checked once more, and its result is in.
async fn check_all(play: &Play) {
    for &id in &play.ids {
        play.server.post(&format!("/api/proxy/{id}/test"), &json!(null)).await.expect("tested");
    }
}

async fn is_not_blamed(fault: ServerFault) {
    let play = Play::on(Database::Sqlite).await;
    let recording = play.record().await;
    let before = counters(&play).await;
    play.scene.target.set_fault(fault).await;
    for _ in 0..4 {
        check_all(&play).await;
    }
    assert_eq!(counters(&play).await, before, "{}", play.server.story());
    let one = eventually("a notice", Duration::from_secs(10), async || {
        let notices = play.events("notice").await;
        Ok((!notices.is_empty()).then_some(notices))
    });
    let notices = one.await.unwrap_or_else(|e| panic!("{e}\n{}", play.server.story()));
    assert_eq!(notices.len(), 1, "{notices:#?}");
    for &id in &play.ids {
        let proxy = play.server.proxy(id).await.expect("there");
        assert!(proxy["last_error"].is_string(), "{proxy:#}");
    }
    assert!(play.events("proxy_disabled").await.is_empty());
    play.scene.segments(3).await;
    play.scene.target.heal().await;
    check_all(&play).await;
    let whole = play.whole(&recording).await;
    assert_eq!(whole["failovers"], 0, "{whole:#}\n{}", play.server.story());
    assert_eq!(whole["routes"].as_array().map(Vec::len), Some(1), "{whole:#}");
}

#[tokio::test]
async fn answering_500_to_all_blames_nobody() {
    is_not_blamed(ServerFault::Status(500)).await;
}

#[tokio::test]
async fn vanishing_for_all_blames_nobody() {
    is_not_blamed(ServerFault::Refuse).await;
}

#[tokio::test]
async fn failing_for_one_convicts_it_and_its_open_tunnels_live_on() {
    let mut play = Play::on(Database::Sqlite).await;
    let recording = play.record().await;
    let first = &mut play.scene.proxies[0];
    first.set_fault(Fault::status(502).only("id.twitch.tv:443")).await.expect("a fault");
    // Another proxy has just reached the target, so it is not the target.
    check_all(&play).await;
    let convicted = play.is(play.ids[0], "failed").await;
    assert!(convicted["last_error"].as_str().is_some_and(|e| e.contains("502")), "{convicted:#}");
    for &id in &play.ids[1..] {
        let proxy = play.server.proxy(id).await.expect("there");
        assert_eq!(proxy["health_status"], "healthy", "{proxy:#}");
    }
    let before = play.scene.proxies[0].stats().await.expect("counters");
    assert!(before.open_tunnels > 0, "its tunnels were cut: {}", play.server.story());
    play.scene.segments(3).await;
    let after = play.scene.proxies[0].stats().await.expect("counters");
    let carried = after.bytes_down - before.bytes_down;
    let rate = play.scene.origin.media().bytes_per_second();
    assert!(carried > 2 * rate, "only {carried} bytes went on through it: {}", play.server.story());
    let whole = play.whole(&recording).await;
    assert_eq!(whole["via"], play.masked(0), "{whole:#}");
}
