//! Rows that somebody edits by hand: each check and each start of a recording takes them as it finds them.

use holdfast_engine::{ProxyWish, RecordingWish, Stream};
use holdfast_model::ProxyId;
use holdfast_testkit::Fault;
use serde_json::{Value, json};

use crate::server::{Server, sentence};
use crate::world::{World, proxy, until, wish};

on_both!(
    a_counter_at_two_and_one_more_failure_disable,
    a_proxy_marked_failed_is_not_used_by_the_next_recording,
    every_column_is_adopted_at_the_next_check,
    a_response_time_decides_between_equals,
    a_stream_is_begun_by_one_at_a_time,
    a_switch_set_while_a_check_is_under_way_stays,
    a_deleted_row_is_noticed_at_the_next_check,
    an_inserted_row_is_noticed_at_the_next_recording,
);

/// A recording that no route will take, so that it stays a question.
pub(crate) fn recording(tags: &[&str]) -> RecordingWish {
    let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    RecordingWish { stream: Stream::Address("https://live.test/live.m3u8".to_owned()), quality: None, tags }
}

async fn no_direct(server: &Server) {
    let patch = json!({ "fallback_to_direct_connection": false });
    server.set_config(serde_json::from_value(patch).expect("a patch")).await.expect("set");
}

async fn a_counter_at_two_and_one_more_failure_disable(world: World) {
    let one = proxy().await;
    one.set_fault(Fault::WrongAuth).await;
    let mut server = Server::start(&world).await;
    let id = server.add(&one.url(), 0, "failed").await;
    let good = proxy().await;
    let other = server.add_good(&good, 1).await;
    assert_eq!(server.view(id).consecutive_failures, 1);
    assert_eq!(
        world.sql(&format!("UPDATE proxy_settings SET consecutive_failures = 2 WHERE id = {id}")).await,
        1
    );
    let tested = server.test_proxy(id).await.expect("tested");
    assert_eq!((tested.consecutive_failures, tested.enabled), (3, false));
    assert!(tested.error.is_some_and(|error| error.contains("407")));
    let told = server.ears.about("proxy_disabled", id.0).await;
    assert_eq!(told["reason"], "3 consecutive failures");
    assert_eq!(told["proxy_url"], format!("http://user:***@{}", one.addr()));
    let told = server.ears.about("proxy_health_update", id.0).await;
    let told = &told["proxy"];
    assert_eq!(
        (&told["enabled"], &told["consecutive_failures"], &told["health_status"]),
        (&json!(false), &json!(3), &json!("failed"))
    );
    let view = server.view(id);
    assert_eq!((view.enabled, view.auto_disabled, server.choice()), (false, true, json!(other)));
    server.stop().await;
}

async fn a_proxy_marked_failed_is_not_used_by_the_next_recording(world: World) {
    let (one, two) = (proxy().await, proxy().await);
    let mut server = Server::start(&world).await;
    no_direct(&server).await;
    let tagged = ProxyWish { tags: vec!["eu".to_owned()], ..wish(&one.url(), 0) };
    let id = server.add_proxy(tagged).await.expect("added");
    server.ears.health(id.0, "healthy").await;
    let other = server.add_good(&two, 1).await;
    assert_eq!(server.choice(), id.0);
    // It works, and will be found to, but not in the next seconds.
    one.set_fault(Fault::DelayMs(5000)).await;
    world.sql(&format!("UPDATE proxy_settings SET health_status = 'failed' WHERE id = {id}")).await;
    let text = sentence(server.start_recording(recording(&["eu"])).await);
    assert!(text.starts_with("NoRoute") && text.contains("no route"), "{text}");
    let best = server.best(&[]);
    assert_eq!(best.proxy.map(|proxy| proxy.id), Some(other.0));
    let why = best.considered.iter().find(|loser| loser.id == id).expect("the loser");
    assert!(why.reason.starts_with("failed"), "{}", why.reason);
    assert_eq!(json!(server.best(&["eu".to_owned()]).route), "none");
    assert_eq!(world.number("SELECT count(*) AS n FROM recordings").await, 0, "nothing was created");
    one.heal().await;
    server.ears.health(id.0, "failed").await;
    server.ears.health(id.0, "healthy").await;
    assert_eq!(server.choice(), id.0);
    server.stop().await;
}

async fn every_column_is_adopted_at_the_next_check(world: World) {
    let (one, two) = (proxy().await, proxy().await);
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    let row = |change: &str| format!("UPDATE proxy_settings SET {change} WHERE id = {id}");
    world.sql(&row("priority = 9, label = 'Rome', tags = 'it, south'")).await;
    server.test_proxy(id).await.expect("tested");
    let view = server.view(id);
    assert_eq!((view.priority, view.label.as_deref()), (9, Some("Rome")));
    assert_eq!(view.tags, ["it", "south"]);
    let told = server.ears.about("proxy_updated", id.0).await;
    assert_eq!((&told["proxy"]["priority"], &told["proxy"]["label"]), (&json!(9), &json!("Rome")));

    // An address with its password in it: the password does not stay where it was written.
    world.sql(&row(&format!("proxy_url = '{}'", two.url()))).await;
    let before = two.requests().len();
    server.test_proxy(id).await.expect("tested");
    server.ears.about("proxy_updated", id.0).await;
    server.ears.health(id.0, "healthy").await;
    assert_eq!(server.view(id).proxy_url, format!("http://user:***@{}", two.addr()));
    assert!(two.requests().len() > before, "the new address is checked");
    let written = "SELECT count(*) AS n FROM proxy_settings WHERE proxy_url LIKE '%ter%'";
    assert_eq!(world.number(written).await, 0);

    world.sql(&row("enabled = false")).await;
    assert!(!server.test_proxy(id).await.expect("tested").enabled);
    assert_eq!(server.ears.about("proxy_updated", id.0).await["proxy"]["enabled"], false);
    assert_eq!(server.choice(), "direct");
    world.sql(&row("enabled = true")).await;
    assert!(server.test_proxy(id).await.expect("tested").enabled);
    assert_eq!(server.choice(), id.0);
    assert_eq!(server.stop().await.count("proxy_disabled"), 0);
}

async fn a_response_time_decides_between_equals(world: World) {
    let (one, two) = (proxy().await, proxy().await);
    let mut server = Server::start(&world).await;
    no_direct(&server).await;
    let (first, second) = (server.add_good(&one, 0).await, server.add_good(&two, 0).await);
    for (wanted, other) in [(second, first), (first, second)] {
        for (id, average) in [(wanted, 1), (other, 9000)] {
            let change = format!("average_response_time_ms = {average} WHERE id = {id}");
            world.sql(&format!("UPDATE proxy_settings SET {change}")).await;
        }
        // Read again by the start of a recording, which nobody carries: no proxy has this tag.
        sentence(server.start_recording(recording(&["nobody"])).await);
        assert_eq!(server.choice(), wanted.0);
    }
    server.stop().await;
}

async fn a_stream_is_begun_by_one_at_a_time(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    no_direct(&server).await;
    server.add_good(&one, 0).await;
    // The route is looked for until somebody is in the way.
    one.set_fault(Fault::SilentConnect).await;
    let asked = one.requests().len();
    let engine = server.engine.clone();
    let first = tokio::spawn(async move { engine.start_recording(recording(&[])).await });
    until(|| one.requests().len() > asked).await;
    let text = sentence(server.start_recording(recording(&[])).await);
    assert!(text.contains("just being started"), "{text}");
    let text = sentence(first.await.expect("it ends"));
    assert!(text.contains("no route"), "{text}");
    let text = sentence(server.start_recording(recording(&[])).await);
    assert!(text.contains("no route"), "the stream is free again: {text}");
    server.stop().await;
}

/// The check has read its row when the person edits it, and writes what it found after that.
async fn a_switch_set_while_a_check_is_under_way_stays(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    one.set_fault(Fault::DelayMs(2000)).await;
    let before = one.requests().len();
    let engine = server.engine.clone();
    let check = tokio::spawn(async move { engine.test_proxy(id).await });
    while one.requests().len() == before {
        tokio::task::yield_now().await;
    }
    world.sql(&format!("UPDATE proxy_settings SET enabled = false WHERE id = {id}")).await;
    check.await.expect("it ends").expect("tested");
    one.heal().await;
    assert!(!server.test_proxy(id).await.expect("tested").enabled, "the next check honours it");
    let sql = format!("SELECT count(*) AS n FROM proxy_settings WHERE id = {id} AND NOT enabled");
    assert_eq!(world.number(&sql).await, 1, "it is still there");
    server.stop().await;
}

async fn a_deleted_row_is_noticed_at_the_next_check(world: World) {
    let (one, two) = (proxy().await, proxy().await);
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    let other = server.add_good(&two, 1).await;
    assert_eq!(world.sql(&format!("DELETE FROM proxy_settings WHERE id = {id}")).await, 1);
    let text = sentence(server.test_proxy(id).await);
    assert!(text.starts_with("NotFound"), "{text}");
    let told = server.ears.about("proxy_removed", id.0).await;
    assert_eq!(told["proxy_url"], format!("http://user:***@{}", one.addr()));
    assert_eq!(server.choice(), other.0);
    assert!(sentence(server.proxy(id)).starts_with("NotFound"));
    server.stop().await;
}

async fn an_inserted_row_is_noticed_at_the_next_recording(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    no_direct(&server).await;
    assert_eq!(server.choice(), "none");
    world.sql(&format!("INSERT INTO proxy_settings (proxy_url, tags) VALUES ('{}', '[]')", one.url())).await;
    // The wish itself has to fail: nothing carries such a tag.
    let text = sentence(server.start_recording(recording(&["nobody"])).await);
    assert!(text.starts_with("NoRoute"), "{text}");
    let told = server.ears.find("proxy_added", |_| true).await;
    let id = told["proxy_id"].as_i64().map(ProxyId).expect("an id");
    server.ears.health(id.0, "healthy").await;
    assert_eq!(server.choice(), id.0);
    assert_ne!(told["proxy"], Value::Null);
    server.stop().await;
}
