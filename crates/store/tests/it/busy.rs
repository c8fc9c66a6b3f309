//! Many at once: no error, nothing lost, nothing doubled.

use holdfast_model::Via;
use holdfast_store::{Batch, ProxyEdit, RecordingStatus};

use crate::home::Home;
use crate::samples::{add, check, event, failed_state, new_proxy, recording, route};

async fn four_hundred_mixed_writes_all_succeed(home: Home) {
    let proxy = add(&home.store, "http://u:p@h:1", 0).await;
    let work = (0..400).map(|n: i64| {
        let (store, id) = (home.store.clone(), proxy.id);
        tokio::spawn(async move {
            match n % 8 {
                0 => store.add_proxies(&[new_proxy("http://u:p@h:2", 1)]).await.map(|_| ()),
                1 => store.save_states(&[failed_state(id)]).await,
                2 => store.add_checks(&[check(id, n)]).await,
                3 => store.add_events(&[event(n)]).await,
                4 => {
                    store
                        .commit(&Batch {
                            id: n,
                            traffic: vec![(id, 1, 2)],
                            checks: vec![check(id, n)],
                            ..Batch::default()
                        })
                        .await
                }
                5 => store
                    .edit_proxy(id, &ProxyEdit { label: Some(Some(n.to_string())), ..ProxyEdit::default() })
                    .await
                    .map(|_| ()),
                6 => {
                    let row = recording(RecordingStatus::Recording);
                    store.insert_recording(&row).await?;
                    store.save_progress(&row, &[route(Via::Direct, 0)], &[], &[], &[]).await
                }
                _ => store.proxies().await.map(|_| ()),
            }
        })
    });
    let mut failures = Vec::new();
    for one in work.collect::<Vec<_>>() {
        failures.extend(one.await.expect("no panic").err());
    }
    assert_eq!(failures, []);
    let row = home.store.proxy(proxy.id).await.expect("read").expect("there");
    assert_eq!((row.totals.bytes_up, row.totals.bytes_down), (50, 100));
    for (table, rows) in
        [("proxy_settings", 51), ("proxy_checks", 100), ("events", 50), ("recording_routes", 50)]
    {
        assert_eq!(home.number(&format!("SELECT COUNT(*) AS n FROM {table}")).await, rows, "{table}");
    }
}

async fn a_call_that_is_given_up_leaves_nothing_behind(home: Home) {
    let new: Vec<_> = (0..200).map(|_| new_proxy("http://u:p@h:2", 1)).collect();
    for _ in 0..20 {
        // Dropped at whatever point it has reached by then.
        let given_up =
            tokio::time::timeout(std::time::Duration::from_millis(5), home.store.add_proxies(&new)).await;
        let rows = home.store.proxies().await.expect("listed").len();
        assert_eq!(rows % 200, 0, "{given_up:?}");
    }
    home.store.add_proxies(&new).await.expect("the writer is free");
}

on_both!(four_hundred_mixed_writes_all_succeed, a_call_that_is_given_up_leaves_nothing_behind);
