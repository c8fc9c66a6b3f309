//! What proxies are counted for: exactly once, whatever is repeated or comes in the wrong order.

use holdfast_model::{ProxyId, Via};
use holdfast_store::{ProxyRow, RecordingRow, RecordingStatus, StoreError};

use crate::home::{Home, KEY};
use crate::samples::{add, recording, route, via};

/// `total_recordings` and `failed_recordings`.
async fn counted(home: &Home, proxy: &ProxyRow) -> (u64, u64) {
    let row = home.store.proxy(proxy.id).await.expect("read").expect("there");
    (row.totals.total_recordings, row.totals.failed_recordings)
}

async fn begun(home: &Home) -> RecordingRow {
    let row = recording(RecordingStatus::Recording);
    home.store.insert_recording(&row).await.expect("inserted");
    row
}

async fn a_recording_counts_once_for_each_proxy(home: Home) {
    let (a, b) = (add(&home.store, "http://a:1", 0).await, add(&home.store, "http://b:1", 1).await);
    let row = begun(&home).await;
    let routes = [route(via(&a), 0), route(via(&b), 10), route(Via::Direct, 15), route(via(&a), 20)];
    for upto in [1, 1, 2, 3, 4, 4, 1, 4] {
        home.store.save_progress(&row, &routes[..upto], &[], &[], &[]).await.expect("saved");
    }
    assert_eq!((counted(&home, &a).await, counted(&home, &b).await), ((1, 0), (1, 0)));
    let again = home.open_with(KEY).await.expect("a restart");
    again.save_progress(&row, &routes, &[], &[], &[]).await.expect("saved");
    assert_eq!((counted(&home, &a).await, counted(&home, &b).await), ((1, 0), (1, 0)));

    let other = begun(&home).await;
    home.store.save_progress(&other, &routes[1..2], &[], &[], &[]).await.expect("saved");
    assert_eq!((counted(&home, &a).await, counted(&home, &b).await), ((1, 0), (2, 0)));
    assert_eq!(home.store.delete_recording(row.id).await, Ok(true));
    assert_eq!((counted(&home, &a).await, counted(&home, &b).await), ((1, 0), (2, 0)), "statistics stay");
}

async fn a_conviction_counts_once_for_each_recording(home: Home) {
    let (a, b) = (add(&home.store, "http://a:1", 0).await, add(&home.store, "http://b:1", 1).await);
    let (first, second) = (begun(&home).await, begun(&home).await);
    home.store
        .save_progress(&first, &[route(via(&a), 0), route(via(&b), 5)], &[], &[], &[])
        .await
        .expect("saved");
    for _ in 0..3 {
        home.store.set_convicted(first.id, a.id, true).await.expect("marked");
    }
    assert_eq!((counted(&home, &a).await, counted(&home, &b).await), ((1, 1), (1, 0)));

    // The conviction comes before the route is saved.
    home.store.set_convicted(second.id, a.id, true).await.expect("marked");
    home.store.save_progress(&second, &[route(via(&a), 0)], &[], &[], &[]).await.expect("saved");
    home.store.set_convicted(second.id, a.id, true).await.expect("marked");
    assert_eq!(counted(&home, &a).await, (2, 2));

    home.store.set_convicted(first.id, ProxyId(99), true).await.expect("a proxy that is gone");
    assert_eq!(home.store.delete_recording(first.id).await, Ok(true));
    assert_eq!(home.store.set_convicted(first.id, a.id, true).await, Err(StoreError::NotFound));
    assert_eq!((counted(&home, &a).await, counted(&home, &b).await), ((2, 2), (1, 0)));
}

async fn a_conviction_that_is_taken_back_counts_no_more(home: Home) {
    let proxy = add(&home.store, "http://a:1", 0).await;
    let (first, second) = (begun(&home).await, begun(&home).await);
    for row in [&first, &second] {
        assert_eq!(home.store.set_convicted(row.id, proxy.id, false).await, Ok(false), "it never was");
        assert_eq!(home.store.set_convicted(row.id, proxy.id, true).await, Ok(true));
    }
    assert_eq!(counted(&home, &proxy).await, (2, 2));
    for news in [true, false, false] {
        assert_eq!(home.store.set_convicted(first.id, proxy.id, false).await, Ok(news));
        assert_eq!(counted(&home, &proxy).await, (2, 1), "it used both, and failed one");
    }
    assert_eq!(home.store.set_convicted(first.id, proxy.id, true).await, Ok(true), "another conviction");
    assert_eq!(counted(&home, &proxy).await, (2, 2));
}

async fn many_at_once_count_once(home: Home) {
    let proxy = add(&home.store, "http://a:1", 0).await;
    let rows = [begun(&home).await, begun(&home).await, begun(&home).await];
    let work = (0..60).map(|n| {
        let (store, row, proxy) = (home.store.clone(), rows[n % 3].clone(), proxy.clone());
        tokio::spawn(async move {
            match n % 2 {
                0 => store.save_progress(&row, &[route(via(&proxy), 0)], &[], &[], &[]).await,
                _ => store.set_convicted(row.id, proxy.id, true).await.map(drop),
            }
        })
    });
    for one in work.collect::<Vec<_>>() {
        one.await.expect("no panic").expect("done");
    }
    assert_eq!(counted(&home, &proxy).await, (3, 3));
}

on_both!(
    a_recording_counts_once_for_each_proxy,
    a_conviction_counts_once_for_each_recording,
    a_conviction_that_is_taken_back_counts_no_more,
    many_at_once_count_once,
);
