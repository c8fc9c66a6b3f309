//! The check target fails. For every proxy at once: that is the target's business. For one only: that is the proxy's, but
//! what runs through it already goes on.

use std::time::Duration;

use holdfast_testkit::{Fault, ServerFault};
use holdfast_trials::{Case, Database, eventually};
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

/// No recording is counted against anybody, once that of a conviction that was taken back has come off again.
async fn nobody_failed_it(play: &Play) {
    for &id in &play.ids {
        let off = eventually("it is counted for no failure", Duration::from_secs(10), async || {
            Ok((play.server.proxy(id).await?["failed_recordings"] == 0).then_some(()))
        });
        off.await.unwrap_or_else(|e| panic!("{id}: {e}\n{}", play.server.story()));
    }
}

#[tokio::test]
async fn our_own_line_blames_nobody() {
    let mut play = Play::on(Database::Sqlite).await;
    let recording = play.record().await;
    for proxy in &mut play.scene.proxies {
        proxy.kill().await.expect("killed");
    }
    play.server.says("it looks like our own line").await.expect("it is told");
    for proxy in &mut play.scene.proxies {
        proxy.restart().await.expect("back again");
    }
    play.flows(&recording).await;
    assert!(!play.events("proxy_acquitted").await.is_empty(), "{}", play.server.story());
    play.server.stop(&recording).await.expect("stopped");
    nobody_failed_it(&play).await;
    for &id in &play.ids {
        let proxy = play.server.proxy(id).await.expect("there");
        assert_eq!(
            (&proxy["consecutive_failures"], &proxy["enabled"]),
            (&json!(0), &json!(true)),
            "{proxy:#}"
        );
    }
}

async fn is_not_blamed(fault: ServerFault) -> Play {
    let play = Play::on(Database::Sqlite).await;
    let recording = play.record().await;
    let before = counters(&play).await;
    play.scene.target.set_fault(fault).await;
    for _ in 0..4 {
        check_all(&play).await;
    }
    assert_eq!(counters(&play).await, before, "{}", play.server.story());
    let one = eventually("a notice", Duration::from_secs(60), async || {
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
    nobody_failed_it(&play).await;
    // Until it was known that it is the target, one may have been taken for ill; but no connection was cut for it.
    let log = play.server.log();
    let case = Case { scene: &play.scene, ids: &play.ids, ill: &[], beyond: true, log: &log };
    case.explains(&whole).unwrap_or_else(|e| panic!("{e:?}\n{whole:#}\n{}", play.server.story()));
    play
}

#[tokio::test]
async fn answering_500_to_all_blames_nobody() {
    // Not for a moment: each of the proxies brings that answer over the target's own TLS.
    let play = is_not_blamed(ServerFault::Status(500)).await;
    let convicted = play.events("proxy_convicted").await;
    assert!(convicted.is_empty(), "{convicted:#?}\n{}", play.server.story());
}

#[tokio::test]
async fn vanishing_for_all_blames_nobody() {
    drop(is_not_blamed(ServerFault::Refuse).await);
}

#[tokio::test]
async fn failing_for_one_convicts_it_and_its_open_tunnels_live_on() {
    let mut play = Play::on(Database::Sqlite).await;
    let recording = play.record().await;
    let used = play.scene.carrier().await.expect("it records");
    let fault = Fault::status(502).only("id.twitch.tv:443");
    play.scene.proxies[used].set_fault(fault).await.expect("a fault");
    // Another proxy has just reached the target, so it is not the target.
    check_all(&play).await;
    let convicted = play.is(play.ids[used], "failed").await;
    assert!(convicted["last_error"].as_str().is_some_and(|e| e.contains("502")), "{convicted:#}");
    for &id in play.ids.iter().filter(|&&id| id != play.ids[used]) {
        let proxy = play.server.proxy(id).await.expect("there");
        assert_eq!(proxy["health_status"], "healthy", "{proxy:#}");
    }
    let before = play.scene.proxies[used].stats().await.expect("counters");
    assert!(before.open_tunnels > 0, "its tunnels were cut: {}", play.server.story());
    play.scene.segments(3).await;
    let after = play.scene.proxies[used].stats().await.expect("counters");
    let carried = after.bytes_down - before.bytes_down;
    let rate = play.scene.origin.media().bytes_per_second();
    assert!(carried > 2 * rate, "only {carried} bytes went on through it: {}", play.server.story());
    assert!(!play.server.log().contains("tunnel cut"), "{}", play.server.story());
    // A new connection may have taken another route meanwhile.
    play.whole(&recording).await;
}
