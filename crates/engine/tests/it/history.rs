//! The event log and the checks: what a client that was away gets, and what is forgotten when.

use std::time::Duration;

use holdfast_engine::{CatchUp, Span};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::server::Server;
use crate::world::{PATIENCE, World, proxy};

on_both!(
    who_comes_back_gets_what_it_missed,
    what_is_old_is_forgotten_and_numbers_are_not_used_again,
    checks_are_listed_the_newest_first,
);

async fn who_comes_back_gets_what_it_missed(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    let seen = server.ears.heard.last().and_then(|frame| frame["seq"].as_i64()).expect("a number");
    let boot = server.ears.boot.clone();
    for _ in 0..3 {
        server.toggle_proxy(id).await.expect("switched");
        server.ears.about("proxy_updated", id.0).await;
    }
    let told =
        server.ears.heard.iter().filter(|f| f["seq"].as_i64() > Some(seen)).cloned().collect::<Vec<_>>();
    assert!(told.len() >= 3);
    let back = server.subscribe(Some((seen, boot.clone())));
    let CatchUp::Missed(missed) = back.missed else { panic!("nothing was kept: {:?}", back.missed) };
    let missed: Vec<Value> =
        missed.iter().map(|frame| serde_json::from_str(&frame.text).expect("JSON")).collect();
    assert_eq!(missed[..told.len()], told, "the same frames, word for word");
    let hello: Value = serde_json::from_str(&back.hello.text).expect("JSON");
    assert_eq!((&hello["version"], &hello["boot"]), (&json!("1.2.3"), &json!(boot)));
    assert_eq!(server.subscribe(Some((0, "another start".to_owned()))).missed, CatchUp::Resync);
    assert_eq!(server.subscribe(Some((i64::MAX, boot.clone()))).missed, CatchUp::Resync);
    server.stop().await;

    let server = Server::start(&world).await;
    assert_ne!(server.ears.boot, boot);
    assert_eq!(server.subscribe(Some((seen, boot))).missed, CatchUp::Resync);
    server.stop().await;
}

async fn what_is_old_is_forgotten_and_numbers_are_not_used_again(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    server.toggle_proxy(id).await.expect("off");
    server.ears.about("proxy_updated", id.0).await;
    let last = server.log(0).await.last().and_then(|event| event["seq"].as_i64()).expect("a number");
    server.stop().await;
    assert!(world.number("SELECT count(*) AS n FROM proxy_checks").await > 0);

    // Nothing is kept; the proxy is off, so that nothing comes after it.
    let server = Server::over(&world, world.store().await, Duration::ZERO).await;
    let forgotten = async {
        loop {
            let checks = world.number("SELECT count(*) AS n FROM proxy_checks").await;
            // The newest event may stay: it knows the number.
            if checks == 0 && world.number("SELECT count(*) AS n FROM events").await <= 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, forgotten).await.expect("forgotten");
    server.stop().await;

    let server = Server::start(&world).await;
    server.toggle_proxy(id).await.expect("on");
    let ears = server.stop().await;
    let next = ears.heard.first().and_then(|frame| frame["seq"].as_i64()).expect("a number");
    assert!(
        next > last,
        "number {next} was given out before: whoever asks for what comes after {last} misses it"
    );
}

async fn checks_are_listed_the_newest_first(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    for _ in 0..4 {
        server.test_proxy(id).await.expect("tested");
    }
    server.ears.find("proxy_health_update", |_| true).await;
    let all = || server.checks(id, Span::default());
    let written = async {
        while all().await.expect("checks").checks.len() < 5 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, written).await.expect("stored");
    let checks = all().await.expect("checks").checks;
    let triggers: Vec<_> = checks.iter().map(|check| json!(check.trigger)).collect();
    assert_eq!(triggers, ["manual", "manual", "manual", "manual", "schedule"]);
    assert!(checks.windows(2).all(|two| two[0].at > two[1].at));
    assert!(checks.iter().all(|check| check.response_time_ms.is_some() && check.phases.connect_ms.is_some()));
    let span = Span { from: Some(checks[3].at), to: Some(checks[1].at) };
    assert_eq!(server.checks(id, span).await.expect("checks").checks, checks[1..4]);
    server.stop().await;
}
