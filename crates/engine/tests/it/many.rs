//! A thousand proxies, and a listener who does not keep up.

use std::time::Instant;

use holdfast_engine::CatchUp;
use holdfast_model::ProxyId;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::server::Server;
use crate::world::{PATIENCE, World};

on_both!(a_thousand_are_imported_in_one_go, who_lags_behind_is_told_and_holds_up_nobody);

fn list(count: usize) -> String {
    (0..count).map(|n| format!("http://user:hun%2Fter%252%40secret@127.0.0.1:{}\n", n + 1)).collect()
}

async fn no_checks(server: &Server) {
    let patch = json!({ "enable_proxy": false });
    server.set_config(serde_json::from_value(patch).expect("a patch")).await.expect("set");
}

async fn a_thousand_are_imported_in_one_go(world: World) {
    let mut server = Server::start(&world).await;
    no_checks(&server).await;
    let began = Instant::now();
    let done = server.import_proxies(&list(1000)).await.expect("imported");
    eprintln!("1,000 proxies imported in {:?}", began.elapsed());
    assert_eq!((done.added, done.duplicates, done.rejected.len()), (1000, 0, 0));
    assert_eq!(server.proxies().proxies.len(), 1000);
    for n in 0..1000 {
        let told = server.ears.find("proxy_added", |_| true).await;
        assert_eq!(told["proxy"]["proxy_url"], format!("http://user:***@127.0.0.1:{}", n + 1));
    }
    let again = server.import_proxies(&list(1001)).await.expect("imported");
    assert_eq!((again.added, again.duplicates), (1, 1000));
    server.stop().await;
    let server = Server::start(&world).await;
    assert_eq!(server.proxies().proxies.len(), 1001);
    server.stop().await;
}

async fn who_lags_behind_is_told_and_holds_up_nobody(world: World) {
    let mut server = Server::start(&world).await;
    no_checks(&server).await;
    server.import_proxies(&list(500)).await.expect("imported");
    server.ears.find("proxy_added", |told| told["proxy_id"] == 500).await;
    let (mut lazy, mut diligent) = (server.subscribe(None), server.subscribe(None));
    let (boot, last) = (server.ears.boot.clone(), server.ears.since);
    let listener = tokio::spawn(async move {
        let mut moved = Vec::new();
        while moved.len() < 4999 {
            let frame = diligent.live.recv().await.expect("it keeps up");
            moved.extend(frame.text.contains("proxy_updated").then_some(frame.seq));
        }
        moved
    });
    let mut ids: Vec<_> = server.proxies().proxies.iter().map(|p| ProxyId(p.id)).collect();
    // Ten times five hundred are moved, but for the one that is first and stays there at first.
    for _ in 0..10 {
        ids.rotate_left(1);
        server.reorder_proxies(ids.clone()).await.expect("moved");
    }
    let moved = timeout(PATIENCE, listener).await.expect("in time").expect("all frames");
    assert!(moved.windows(2).all(|two| two[0] < two[1]));
    let mut got = 0;
    let missed = loop {
        match lazy.live.recv().await {
            Ok(_) => got += 1,
            Err(RecvError::Lagged(missed)) => break missed,
            Err(RecvError::Closed) => panic!("closed after {got}"),
        }
    };
    assert!(missed > 0 && got == 0, "{missed} missed after {got}");
    // And whoever comes back after so much must load everything again.
    assert_eq!(server.subscribe(Some((last, boot))).missed, CatchUp::Resync);
    // The rig's own listener was as lazy.
    server.listen_anew(&world).await;
    server.stop().await;
}
