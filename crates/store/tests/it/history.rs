//! Checks and events: added once, listed in order, forgotten in time.

use chrono::TimeDelta;
use holdfast_model::ProxyId;
use holdfast_store::{EventFilter, EventRow};

use crate::home::Home;
use crate::samples::{add, at, check, event};

async fn checks_are_kept(home: Home) {
    let (one, other) = (add(&home.store, "http://h:1", 0).await, add(&home.store, "http://h:2", 0).await);
    let mut checks: Vec<_> = (0..10).map(|second| check(one.id, second)).collect();
    checks.push(check(other.id, 3));
    checks.push(check(ProxyId(99), 3));
    home.store.add_checks(&checks).await.expect("added, though one proxy is gone");
    home.store.add_checks(&checks).await.expect("and not doubled");

    let newest_first: Vec<_> = (0..10).rev().map(|second| check(one.id, second)).collect();
    assert_eq!(home.store.checks(one.id, None, None, 100).await.as_ref(), Ok(&newest_first));
    let some = home.store.checks(one.id, Some(at(2)), Some(at(5)), 3).await;
    assert_eq!(some, Ok(newest_first[4..7].to_vec()));
    assert_eq!(home.store.checks(other.id, None, None, 100).await, Ok(vec![check(other.id, 3)]));
    assert_eq!(home.store.checks(one.id, None, None, 0).await.map(|rows| rows.len()), Ok(1));

    assert_eq!(home.store.remove_proxy(one.id).await, Ok(true));
    assert_eq!(home.store.checks(one.id, None, None, 100).await, Ok(Vec::new()), "they go with their proxy");
    assert_eq!(home.number("SELECT COUNT(*) AS n FROM proxy_checks").await, 1);
}

async fn events_are_kept(home: Home) {
    assert_eq!(home.store.last_seq().await, Ok(0));
    let mut events: Vec<EventRow> = (1..=1200).map(event).collect();
    events[4].kind = "notice".to_owned();
    (events[4].proxy_id, events[4].recording_id, events[4].streamer_id) = (None, None, None);
    home.store.add_events(&events[..700]).await.expect("added");
    home.store.add_events(&events).await.expect("the first 700 a second time");
    assert_eq!(home.store.last_seq().await, Ok(1200));

    let page = |after, kind: Option<&str>, limit| EventFilter {
        after,
        kind: kind.map(str::to_owned),
        limit,
        ..EventFilter::default()
    };
    assert_eq!(home.store.events(&page(0, None, 3)).await, Ok(events[..3].to_vec()));
    assert_eq!(home.store.events(&page(1198, None, 100)).await, Ok(events[1198..].to_vec()));
    assert_eq!(home.store.events(&page(0, Some("notice"), 100)).await, Ok(vec![events[4].clone()]));
    assert_eq!(home.store.events(&page(0, Some("no' such"), 100)).await, Ok(Vec::new()));
    let mut after = 0;
    let mut seen = Vec::new();
    loop {
        let some = home.store.events(&page(after, None, 500)).await.expect("a page");
        let Some(last) = some.last() else { break };
        after = last.seq;
        seen.extend(some);
    }
    assert_eq!(seen, events);
    assert_eq!(home.store.events(&page(0, None, u64::MAX)).await.map(|rows| rows.len()), Ok(1000));
}

async fn texts_from_strangers_are_kept(home: Home) {
    let proxy = add(&home.store, "http://h:1", 0).await;
    let mut odd = check(proxy.id, 0);
    odd.error = Some("nul \0 byte, quote ', http://u:hush@h".to_owned());
    home.store.add_checks(&[odd]).await.expect("added");
    let read = home.store.checks(proxy.id, None, None, 1).await.expect("read");
    assert_eq!(read[0].error.as_deref(), Some("nul \u{fffd} byte, quote ', http://u:***@h"));

    let mut odd = event(1);
    odd.data = serde_json::json!({"text": "nul \0", "url": "http://u:hush@h"});
    home.store.add_events(&[odd]).await.expect("added");
    let read = home.store.events(&EventFilter::default()).await.expect("read");
    assert_eq!(read[0].data, serde_json::json!({"text": "nul \0", "url": "http://u:***@h"}));
}

async fn old_rows_are_forgotten(home: Home) {
    let proxy = add(&home.store, "http://h:1", 0).await;
    // More than are deleted at one go.
    let checks: Vec<_> = (0..5003).map(|second| check(proxy.id, second)).collect();
    home.store.add_checks(&checks).await.expect("added");
    home.store.add_events(&(1..=10).map(event).collect::<Vec<_>>()).await.expect("added");
    home.sql("INSERT INTO applied_batches (id, at) VALUES (1, '2020-01-01 00:00:00+00:00')")
        .await
        .expect("an old one");

    let pruned = home.store.prune(at(5001), at(4) + TimeDelta::milliseconds(1)).await;
    assert_eq!(pruned, Ok((5001, 4)));
    let kept = home.store.checks(proxy.id, None, None, 10).await.expect("read");
    assert_eq!(kept.iter().map(|check| check.at).collect::<Vec<_>>(), [at(5002), at(5001)]);
    let oldest = home.store.events(&EventFilter { limit: 1, ..EventFilter::default() }).await.expect("read");
    assert_eq!(oldest[0].seq, 5);
    assert_eq!(home.number("SELECT COUNT(*) AS n FROM applied_batches").await, 0);
    assert_eq!(home.store.prune(at(5001), at(4)).await, Ok((0, 0)));
    assert_eq!(home.store.last_seq().await, Ok(10));
}

on_both!(checks_are_kept, events_are_kept, texts_from_strangers_are_kept, old_rows_are_forgotten);
