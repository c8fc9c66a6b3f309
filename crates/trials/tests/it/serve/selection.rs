//! Which route is taken, and what `GET /api/proxy/best` says of it.

use holdfast_testkit::{CheckTarget, Fault, Kind, Options, ProxyProcess};
use holdfast_trials::{Database, SceneOptions, ServerOptions};
use serde_json::{Value, json};

use super::{Play, on_both};

on_both!(the_best_is_chosen_and_explained);

async fn best(play: &Play) -> Value {
    play.server.get("/api/proxy/best").await.expect("an answer")
}

/// The id of the choice; everybody else must be there with a reason.
async fn chosen(play: &Play, others: &[i64]) -> i64 {
    let best = best(play).await;
    assert_eq!(best["route"], "proxy", "{best:#}");
    explained(&best, others);
    best["proxy"]["id"].as_i64().expect("an id")
}

fn explained(best: &Value, others: &[i64]) {
    for id in others {
        let lost = best["considered"].as_array().expect("a list").iter().find(|lost| lost["id"] == *id);
        let reason = lost.and_then(|lost| lost["reason"].as_str());
        assert!(reason.is_some_and(|reason| !reason.is_empty()), "why not {id}? {best:#}");
    }
}

async fn enabled(play: &Play, id: i64, enabled: bool) {
    let body = json!({ "enabled": enabled }).to_string();
    play.server.ok("PATCH", &format!("/api/proxy/{id}"), &body).await.expect("taken");
}

async fn config(play: &Play, config: Value) {
    play.server.ok("PUT", "/api/proxy/config", &config.to_string()).await.expect("taken");
}

async fn the_best_is_chosen_and_explained(database: Database) {
    let scene = SceneOptions { kinds: vec![Kind::Http; 2], ..SceneOptions::default() };
    let server = ServerOptions { database, ..ServerOptions::default() };
    let mut play = Play::open(scene, server).await;
    let [fast, slow] = play.ids[..] else { panic!("two proxies") };

    // Its address is banned by the target, and it comes first by priority.
    let banned = CheckTarget::start(403, true).await.expect("a target");
    let settings = Options::default().map("id.twitch.tv:443", banned.addr());
    let other = ProxyProcess::start(Kind::Http, settings).await.expect("a proxy");
    let degraded = play.server.add(&other.url(), 0).await.expect("added");
    play.is(degraded, "degraded").await;
    for id in [fast, slow] {
        let body = json!({ "priority": 1 }).to_string();
        play.server.ok("PATCH", &format!("/api/proxy/{id}"), &body).await.expect("taken");
    }
    // The second answers later than any busy machine, and is checked often enough to be known for it.
    play.scene.proxies[1].set_fault(Fault::DelayMs(4000)).await.expect("slow");
    for _ in 0..2 {
        play.server.post(&format!("/api/proxy/{slow}/test"), &json!(null)).await.expect("tested");
    }

    assert_eq!(
        chosen(&play, &[slow, degraded]).await,
        fast,
        "the faster of two equals, before the degraded one"
    );
    enabled(&play, fast, false).await;
    assert_eq!(chosen(&play, &[fast, degraded]).await, slow, "the next");
    enabled(&play, slow, false).await;
    assert_eq!(chosen(&play, &[fast, slow]).await, degraded, "degraded is better than nothing");
    enabled(&play, degraded, false).await;

    let all = [fast, slow, degraded];
    let direct = best(&play).await;
    assert_eq!((&direct["route"], &direct["proxy"]), (&json!("direct"), &Value::Null), "{direct:#}");
    explained(&direct, &all);
    nothing_goes_direct(&mut play, &all).await;

    config(&play, json!({ "enable_proxy": false, "fallback_to_direct_connection": true })).await;
    let off = best(&play).await;
    assert_eq!(off["route"], "direct", "{off:#}");
    let list = play.server.get("/api/proxy/list").await.expect("the list");
    assert_eq!(list["system_status"]["state"], "disabled", "{list:#}");
    records_direct(&play).await;

    config(&play, json!({ "enable_proxy": true })).await;
    enabled(&play, fast, true).await;
    play.is(fast, "healthy").await;
    assert_eq!(chosen(&play, &[slow, degraded]).await, fast, "back");
}

/// The stream by its address: only the program's will keeps it from going there directly.
fn within_reach(play: &Play) -> String {
    format!("hls://{}", play.scene.origin.channel_url("127.0.0.1", "live"))
}

async fn nothing_goes_direct(play: &mut Play, all: &[i64]) {
    config(play, json!({ "fallback_to_direct_connection": false })).await;
    let none = best(play).await;
    assert_eq!((&none["route"], &none["proxy"]), (&json!("none"), &Value::Null), "{none:#}");
    explained(&none, all);
    let before = play.scene.origin.accepts().len();
    let body = json!({ "url": within_reach(play) }).to_string();
    let refused = play.server.call("POST", "/api/recordings", &body).await.expect("an answer");
    assert_eq!(refused.status, 409, "{:#}", refused.json);
    let detail = refused.json["detail"].as_str().unwrap_or_default().to_lowercase();
    assert!(detail.contains("no route"), "{:#}", refused.json);
    let recordings = play.server.get("/api/recordings").await.expect("the list");
    assert_eq!(recordings["items"], json!([]), "something was created");
    assert_eq!(play.scene.origin.accepts().len(), before, "the origin was reached");
    let direct = play.scene.direct_connections();
    assert!(direct.is_empty(), "reached directly: {direct:?}");
}

/// The control: the same, allowed to, does go there and is seen.
async fn records_direct(play: &Play) {
    let id = play.server.record(&within_reach(play)).await.expect("it starts");
    play.flows(&id).await;
    let whole = play.whole(&id).await;
    assert_eq!(whole["via"], "direct", "{whole:#}");
    assert!(!play.scene.direct_connections().is_empty(), "it was not seen");
}
