//! A drill: a proxy is treated as failed for a minute, and nothing of it is counted or stored.

use std::time::Duration;

use chrono::Utc;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::server::{Server, of_view};
use crate::world::{PATIENCE, World, proxy};

on_both!(it_is_avoided_for_a_minute_and_nothing_is_counted);

const DRILL: Duration = Duration::from_secs(60);

async fn it_is_avoided_for_a_minute_and_nothing_is_counted(world: World) {
    let (one, two) = (proxy().await, proxy().await);
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    let other = server.add_good(&two, 1).await;
    let before = of_view(&server.view(id));
    let row = format!(
        "SELECT count(*) AS n FROM proxy_settings WHERE id = {id} AND enabled AND NOT auto_disabled \
         AND health_status = 'healthy' AND consecutive_failures = 0 AND last_error IS NULL AND failed_recordings = 0"
    );
    let began = Instant::now();
    let drilled = server.drill(id).await.expect("drilled");
    assert!(began.elapsed() < Duration::from_secs(2), "nothing had to move");
    assert!(drilled.moved.is_empty());
    let left = (drilled.until - Utc::now()).as_seconds_f64();
    assert!((50.0..=60.0).contains(&left), "{left}");
    let told = server.ears.about("proxy_drill", id.0).await;
    assert_eq!((&told["until"], told["seq"].is_i64()), (&json!(drilled.until), true));
    let best = server.best(&[]);
    assert_eq!(best.proxy.map(|proxy| proxy.id), Some(other.0));
    let why = best.considered.iter().find(|loser| loser.id == id).expect("the loser");
    assert_eq!(why.reason, "under a drill");
    assert_eq!((of_view(&server.view(id)), world.number(&row).await), (before, 1));
    assert_eq!(server.view(id).drill_until, Some(drilled.until));
    let shown = |frame: &serde_json::Value| frame["proxy"]["drill_until"] == json!(drilled.until);
    server.ears.find("proxy_health_update", shown).await;
    // A check that passes does not end it.
    assert_eq!(json!(server.test_proxy(id).await.expect("tested").status), "healthy");
    assert_eq!(server.choice(), other.0);

    let over = async {
        while server.choice() != id.0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(DRILL + PATIENCE, over).await.expect("it ends");
    assert!(began.elapsed() >= DRILL, "{:?}", began.elapsed());
    let checks = server.checks(id, Default::default()).await.expect("checks").checks;
    assert!(checks.iter().all(|check| json!(check.status) == "healthy"), "{checks:?}");
    assert_eq!((world.number(&row).await, server.view(id).drill_until), (1, None));
    server.ears.find("proxy_health_update", |frame| frame["proxy"]["drill_until"].is_null()).await;
    let ears = server.stop().await;
    assert_eq!(ears.count("proxy_disabled") + ears.count("proxy_convicted"), 0);
}
