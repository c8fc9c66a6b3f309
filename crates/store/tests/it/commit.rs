//! Batches: whole or not at all, and once.

use holdfast_model::ProxyId;
use holdfast_store::{Batch, EventFilter, ProxyRow};

use crate::home::Home;
use crate::samples::{add, check, event, failed_state};

fn batch(id: i64, proxy: &ProxyRow) -> Batch {
    let gone = ProxyId(999);
    Batch {
        id,
        states: vec![failed_state(proxy.id), failed_state(gone)],
        checks: vec![check(proxy.id, id), check(gone, id)],
        events: vec![event(id)],
        traffic: vec![(proxy.id, 10, 1000), (gone, 1, 1), (proxy.id, 5, 500)],
    }
}

async fn a_batch_is_applied_once(home: Home) {
    let proxy = add(&home.store, "http://h:1", 0).await;
    for id in [1, 2, 1, 1, 2] {
        home.store.commit(&batch(id, &proxy)).await.expect("committed");
    }
    let row = home.store.proxy(proxy.id).await.expect("read").expect("there");
    assert_eq!((row.totals.bytes_up, row.totals.bytes_down), (30, 3000));
    assert_eq!(row.health, failed_state(proxy.id).health);
    assert_eq!(home.number("SELECT COUNT(*) AS n FROM proxy_checks").await, 2);
    let events = home.store.events(&EventFilter { limit: 9, ..EventFilter::default() }).await.expect("read");
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
}

async fn ten_that_commit_the_same_batch_at_once_apply_it_once(home: Home) {
    let proxy = add(&home.store, "http://h:1", 0).await;
    let tries = (0..10).map(|_| {
        let (store, batch) = (home.store.clone(), batch(7, &proxy));
        tokio::spawn(async move { store.commit(&batch).await })
    });
    for one in tries.collect::<Vec<_>>() {
        one.await.expect("no panic").expect("committed");
    }
    let row = home.store.proxy(proxy.id).await.expect("read").expect("there");
    assert_eq!((row.totals.bytes_up, row.totals.bytes_down), (15, 1500));
}

async fn a_batch_that_fails_leaves_nothing(home: Home) {
    let proxy = add(&home.store, "http://h:1", 0).await;
    home.sql("ALTER TABLE events RENAME TO away").await.expect("renamed");
    home.store.commit(&batch(1, &proxy)).await.expect_err("no table of events");
    let row = home.store.proxy(proxy.id).await.expect("read").expect("there");
    assert_eq!((row.totals.bytes_up, row.health.consecutive_failures), (0, 0));
    home.sql("ALTER TABLE away RENAME TO events").await.expect("renamed");
    home.store.commit(&batch(1, &proxy)).await.expect("the same batch again");
    let row = home.store.proxy(proxy.id).await.expect("read").expect("there");
    assert_eq!((row.totals.bytes_up, row.health.consecutive_failures), (15, 3));
}

on_both!(
    a_batch_is_applied_once,
    ten_that_commit_the_same_batch_at_once_apply_it_once,
    a_batch_that_fails_leaves_nothing,
);
