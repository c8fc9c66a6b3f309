//! The database is the pool's memory: a server that is started again goes on where the last one stopped.

use holdfast_engine::ProxyWish;
use holdfast_testkit::Fault;
use serde_json::{Value, json};

use crate::server::{Server, of_view};
use crate::world::{World, proxy, until, wish};

on_both!(
    everything_is_as_it_was,
    what_the_program_disabled_comes_back_by_itself,
    a_failed_one_is_not_used_before_a_check,
    what_is_found_after_the_end_is_known_nowhere,
);

fn set(patch: Value) -> holdfast_engine::view::ConfigPatch {
    serde_json::from_value(patch).expect("a patch")
}

async fn everything_is_as_it_was(world: World) {
    let proxies = [proxy().await, proxy().await, proxy().await, proxy().await];
    let mut server = Server::start(&world).await;
    server.add_good(&proxies[0], 3).await;
    let mut new = wish(&proxies[1].url(), 1);
    (new.label, new.tags) = (Some("Oslo".to_owned()), vec!["eu".to_owned(), "fast".to_owned()]);
    let tagged = server.add_proxy(new).await.expect("added");
    server.ears.health(tagged.0, "healthy").await;
    let off = ProxyWish { enabled: false, ..wish(&proxies[3].url(), 2) };
    let off = server.add_proxy(off).await.expect("added");
    proxies[2].set_fault(Fault::Reset).await;
    let failed = server.add(&proxies[2].url(), 0, "failed").await;
    // At once: a second later it would be checked again.
    server.set_config(set(json!({ "enable_proxy": false }))).await.expect("set");
    // Nothing is checked any more, so nothing moves while it is compared.
    let shown = |server: &Server| server.proxies().proxies.iter().map(of_view).collect::<Vec<_>>();
    let (before, history) =
        (shown(&server), server.checks(failed, Default::default()).await.expect("checks"));
    assert_eq!(before.len(), 4);
    let log = server.log(0).await;
    server.stop().await;

    let server = Server::start(&world).await;
    assert_eq!(shown(&server), before);
    let order: Vec<_> = server.proxies().proxies.iter().map(|p| p.priority).collect();
    assert_eq!(order, [0, 1, 2, 3]);
    assert!(!server.view(off).enabled && !server.view(off).auto_disabled);
    let now = server.checks(failed, Default::default()).await.expect("checks");
    assert!(now.checks.ends_with(&history.checks) && !history.checks.is_empty());
    assert_eq!(server.log(0).await[..log.len()], log);
    assert_eq!(server.reveal_proxy(tagged).await.expect("its URL").expose(), proxies[1].url());
    server.stop().await;
}

async fn what_the_program_disabled_comes_back_by_itself(world: World) {
    let (one, two) = (proxy().await, proxy().await);
    let mut server = Server::start(&world).await;
    let good = server.add_good(&two, 1).await;
    server.set_config(set(json!({ "proxy_max_consecutive_failures": 1 }))).await.expect("set");
    one.set_fault(Fault::WrongAuth).await;
    let id = server.add_proxy(wish(&one.url(), 0)).await.expect("added");
    server.ears.about("proxy_disabled", id.0).await;
    server.stop().await;

    one.heal().await;
    let mut server = Server::start(&world).await;
    let view = server.view(id);
    assert_eq!((view.enabled, view.auto_disabled, server.choice()), (false, true, json!(good)));
    // Two good checks, ten seconds apart.
    let told = server.ears.about("proxy_recovered", id.0).await;
    assert_eq!((&told["proxy"]["enabled"], &told["proxy"]["auto_disabled"]), (&json!(true), &json!(false)));
    assert_eq!((server.choice(), server.view(id).consecutive_failures), (json!(id), 0));
    let checks = server.checks(id, Default::default()).await.expect("checks").checks;
    let good = checks.iter().filter(|check| json!(check.status) == "healthy").collect::<Vec<_>>();
    assert!(good.len() >= 2 && (good[0].at - good[1].at).num_seconds() >= 9, "{good:?}");
    server.stop().await;
}

async fn a_failed_one_is_not_used_before_a_check(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    server.set_config(set(json!({ "fallback_to_direct_connection": false }))).await.expect("set");
    one.set_fault(Fault::Refuse).await;
    let id = server.add(&one.url(), 0, "failed").await;
    assert_eq!(server.choice(), "none");
    server.stop().await;

    // It works again, but answers only when it may.
    one.set_fault(Fault::SilentConnect).await;
    let mut server = Server::start(&world).await;
    assert_eq!((server.choice(), json!(server.view(id).health_status)), (json!("none"), json!("failed")));
    one.heal().await;
    server.ears.health(id.0, "healthy").await;
    assert_eq!(server.choice(), id.0);
    server.stop().await;
}

/// A check may be under way when the last word is written down: what it finds then is not in the database, so it must not
/// be in the pool either, where the last answers of the server come from.
async fn what_is_found_after_the_end_is_known_nowhere(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    let before = of_view(&server.view(id));
    one.set_fault(Fault::SilentConnect).await;
    let asked = one.requests().len();
    let engine = server.engine.clone();
    let check = tokio::spawn(async move { engine.test_proxy(id).await });
    until(|| one.requests().len() > asked).await;
    server.shut_down().await;
    one.heal().await;
    assert!(check.await.expect("it ends").expect("tested").error.is_some(), "the proxy hung up");
    assert_eq!(of_view(&server.view(id)), before);
    // What is stored is compared with what is known here.
    server.stop().await;
}
