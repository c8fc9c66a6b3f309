//! What a person asks for is stored, in the pool, and told, in the order in which it was asked for.

use std::time::{Duration, Instant};

use holdfast_engine::ProxyChange;
use holdfast_model::{ProxyId, ProxyUrl};
use serde_json::{Value, json};

use crate::server::{Server, sentence};
use crate::world::{World, proxy, wish};

on_both!(
    a_proxy_from_its_addition_to_its_removal,
    the_order_is_changed_as_a_whole,
    a_list_is_imported,
    a_switch_during_checks_is_not_undone,
    a_finding_that_waits_for_a_switch_does_not_undo_it,
    a_password_is_revealed_once_that_is_written_down,
    what_is_not_there_cannot_be_changed,
);

async fn a_proxy_from_its_addition_to_its_removal(world: World) {
    let (first, second) = (proxy().await, proxy().await);
    let mut server = Server::start(&world).await;
    let mut new = wish(&first.url(), 3);
    (new.label, new.tags) = (Some("Paris".to_owned()), vec!["eu".to_owned()]);
    let id = server.add_proxy(new).await.expect("added");
    let masked = format!("http://user:***@{}", first.addr());
    let view = server.view(id);
    assert_eq!((view.proxy_url.as_str(), view.priority, view.enabled), (masked.as_str(), 3, true));
    assert_eq!((view.label.as_deref(), view.tags.as_slice()), (Some("Paris"), ["eu".to_owned()].as_slice()));
    let told = server.ears.about("proxy_added", id.0).await;
    assert_eq!((&told["proxy"]["proxy_url"], &told["proxy"]["label"]), (&json!(masked), &json!("Paris")));
    server.ears.health(id.0, "healthy").await;

    let change =
        ProxyChange { priority: Some(1), label: Some(None), tags: Some(vec![]), ..Default::default() };
    let view = server.edit_proxy(id, change).await.expect("edited");
    assert_eq!((view.priority, view.label, view.tags.len()), (1, None, 0));
    assert_eq!(json!(view.health_status), "healthy", "what is known of it stays");
    let told = server.ears.about("proxy_updated", id.0).await;
    assert_eq!((&told["proxy"]["priority"], &told["proxy"]["label"]), (&json!(1), &Value::Null));

    // Another address: what is known of the old one is forgotten, and it is checked at once.
    let url = ProxyUrl::parse(&second.url()).expect("a URL");
    let view =
        server.edit_proxy(id, ProxyChange { url: Some(url), ..Default::default() }).await.expect("edited");
    assert_eq!(view.proxy_url, format!("http://user:***@{}", second.addr()));
    server.ears.about("proxy_updated", id.0).await;
    server.ears.health(id.0, "healthy").await;
    assert_eq!(second.requests().len(), 1, "checked once through the new address");

    assert!(!server.toggle_proxy(id).await.expect("switched off"));
    let told = server.ears.about("proxy_updated", id.0).await;
    assert_eq!(told["proxy"]["enabled"], false);
    assert_eq!((server.view(id).enabled, server.choice()), (false, json!("direct")));
    assert!(server.toggle_proxy(id).await.expect("switched on"));
    assert_eq!(server.ears.about("proxy_updated", id.0).await["proxy"]["enabled"], true);
    server.ears.health(id.0, "healthy").await;
    assert_eq!(server.choice(), id.0);

    server.remove_proxy(id).await.expect("removed");
    let told = server.ears.about("proxy_removed", id.0).await;
    assert_eq!(told["proxy_url"], format!("http://user:***@{}", second.addr()));
    let left = format!("SELECT count(*) AS n FROM proxy_settings WHERE id = {id}");
    assert_eq!((world.number(&left).await, server.proxies().proxies.len()), (0, 0));
    assert!(sentence(server.proxy(id)).contains("NotFound"));
    server.stop().await;
}

async fn the_order_is_changed_as_a_whole(world: World) {
    let proxies = [proxy().await, proxy().await, proxy().await];
    let mut server = Server::start(&world).await;
    let mut ids = Vec::new();
    for one in &proxies {
        ids.push(server.add_good(one, 7).await);
    }
    ids.reverse();
    server.reorder_proxies(ids.clone()).await.expect("reordered");
    let now: Vec<_> = server.proxies().proxies.iter().map(|p| (ProxyId(p.id), p.priority)).collect();
    assert_eq!(now, [(ids[0], 0), (ids[1], 1), (ids[2], 2)]);
    assert_eq!(server.choice(), ids[0].0);
    for (priority, id) in ids.iter().enumerate() {
        assert_eq!(server.ears.about("proxy_updated", id.0).await["proxy"]["priority"], priority);
    }
    for wrong in [vec![ids[0]], vec![ids[0], ids[1], ids[1]], vec![ids[0], ids[1], ids[2], ProxyId(999)]] {
        let text = sentence(server.reorder_proxies(wrong).await);
        assert!(text.contains("Invalid") && text.contains("3 proxies"), "{text}");
    }
    assert_eq!(server.choice(), ids[0].0);
    server.stop().await;
}

async fn a_list_is_imported(world: World) {
    let (one, two) = (proxy().await, proxy().await);
    let mut server = Server::start(&world).await;
    let known = server.add_good(&one, 0).await;
    let list = format!(
        "# ours\n{}\n{} priority=4 tag=eu\n\n{}\nftp://user:hun%2Fter%252%40secret@h:1\n127.0.0.1:1:user:pass\n",
        one.url(),
        two.url(),
        two.url(),
    );
    let done = server.import_proxies(&list).await.expect("imported");
    assert_eq!((done.added, done.duplicates), (2, 2));
    let rejected: Vec<_> = done.rejected.iter().map(|line| line.line).collect();
    assert_eq!(rejected, [6]);
    crate::server::assert_clean(&format!("{done:?}"));
    let list = server.proxies().proxies;
    let new = list.iter().find(|p| p.priority == 4).expect("the second");
    assert_eq!((new.tags.as_slice(), new.id > known.0), (["eu".to_owned()].as_slice(), true));
    server.ears.health(new.id, "healthy").await;
    assert_eq!(server.ears.count("proxy_added"), 3);
    server.stop().await;
}

/// Checks write what they find whole, the switch included: one that was begun before a person used the switch must not
/// turn it back.
async fn a_switch_during_checks_is_not_undone(world: World) {
    let proxies = [proxy().await, proxy().await, proxy().await, proxy().await];
    let mut server = Server::start(&world).await;
    let mut ids = Vec::new();
    for one in &proxies {
        ids.push(server.add_good(one, 0).await);
    }
    for round in 0..15 {
        server.check_all();
        let switched = ids.iter().map(|id| server.toggle_proxy(*id));
        let mut all = Vec::new();
        for one in switched {
            all.push(one.await.expect("switched"));
        }
        let shown: Vec<_> = ids.iter().map(|id| server.view(*id).enabled).collect();
        assert_eq!(all, shown, "round {round}");
    }
    // What is stored is compared with what is known here.
    server.stop().await;
}

async fn a_finding_that_waits_for_a_switch_does_not_undo_it(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    let lock = world.lock().await;
    let engine = server.engine.clone();
    let switch = tokio::spawn(async move { engine.toggle_proxy(id).await });
    // Once the switch has its turn, and cannot write, a check that rereads its row gives up some time later; the journal
    // then stands in the queue with its finding.
    let mut took = Duration::ZERO;
    while took < Duration::from_millis(950) {
        let began = Instant::now();
        assert!(server.test_proxy(id).await.expect("tested").enabled);
        took = began.elapsed();
    }
    lock.rollback().await.expect("unlocked");
    match switch.await.expect("it ends") {
        Ok(enabled) => {
            assert!(!enabled);
            server.ears.about("proxy_updated", id.0).await;
            assert!(!server.view(id).enabled);
        }
        // The machine was so busy that the switch gave up before the check did.
        refused => {
            assert!(sentence(refused).starts_with("Unavailable"));
            assert!(server.view(id).enabled);
        }
    }
    // What is stored is compared with what is known here.
    server.stop().await;
}

async fn a_password_is_revealed_once_that_is_written_down(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    assert_eq!(server.reveal_proxy(id).await.expect("its URL").expose(), one.url());
    let written = "SELECT count(*) AS n FROM events WHERE type = 'proxy_revealed'";
    assert_eq!(world.number(written).await, 1);
    let told = server.ears.about("proxy_revealed", id.0).await;
    assert_eq!(told["proxy_url"], format!("http://user:***@{}", one.addr()));
    server.stop().await;
}

async fn what_is_not_there_cannot_be_changed(world: World) {
    let server = Server::start(&world).await;
    let nobody = ProxyId(4711);
    let answers = [
        sentence(server.edit_proxy(nobody, ProxyChange::default()).await),
        sentence(server.toggle_proxy(nobody).await),
        sentence(server.remove_proxy(nobody).await),
        sentence(server.test_proxy(nobody).await),
        sentence(server.drill(nobody).await),
        sentence(server.checks(nobody, holdfast_engine::Span::default()).await),
        sentence(server.reveal_proxy(nobody).await.map(drop)),
    ];
    for text in answers {
        assert!(text.starts_with("NotFound") && text.contains("4711"), "{text}");
    }
    assert!(server.stop().await.heard.is_empty());
}
