//! The check target fails, not the proxies.

use holdfast_testkit::{Fault, ServerFault};
use serde_json::json;

use crate::server::Server;
use crate::world::{World, proxy};

on_both!(
    a_target_that_answers_errors_to_all_is_told_once,
    a_target_that_vanishes_is_told_once,
    one_that_alone_cannot_reach_it_is_failed,
);

async fn a_target_that_answers_errors_to_all_is_told_once(world: World) {
    nobody_is_blamed(world, ServerFault::Status(500)).await;
}

async fn a_target_that_vanishes_is_told_once(world: World) {
    nobody_is_blamed(world, ServerFault::Refuse).await;
}

async fn nobody_is_blamed(world: World, fault: ServerFault) {
    let proxies = [proxy().await, proxy().await, proxy().await];
    let mut server = Server::start(&world).await;
    let mut ids = Vec::new();
    for one in &proxies {
        ids.push(server.add_good(one, 0).await);
    }
    world.target.set_fault(fault).await;
    server.check_all();
    let notice = server.ears.find("notice", |_| true).await;
    let text = notice["message"].as_str().expect("a sentence");
    assert!(text.contains("check target") && text.contains("not counted"), "{text}");
    for _ in 0..3 {
        for id in &ids {
            let tested = server.test_proxy(*id).await.expect("tested");
            assert!(tested.enabled, "nobody is disabled");
            assert_eq!(json!(tested.status), "healthy", "as the list says");
            assert!(tested.error.is_some(), "and why that says little");
        }
    }
    for id in &ids {
        let view = server.view(*id);
        let state = (json!(view.health_status), view.consecutive_failures, view.enabled);
        assert_eq!(state, (json!("healthy"), 0, true), "{view:?}");
        assert!(view.last_error.is_some(), "the reason is shown");
    }
    assert!(ids.iter().any(|id| server.choice() == id.0));
    world.target.heal().await;
    for id in &ids {
        server.test_proxy(*id).await.expect("tested");
        assert_eq!(server.view(*id).last_error, None);
    }
    let ears = server.stop().await;
    assert_eq!((ears.count("notice"), ears.count("proxy_disabled")), (1, 0));
}

async fn one_that_alone_cannot_reach_it_is_failed(world: World) {
    let proxies = [proxy().await, proxy().await];
    let mut server = Server::start(&world).await;
    let id = server.add_good(&proxies[0], 0).await;
    let other = server.add_good(&proxies[1], 1).await;
    proxies[0].set_fault(Fault::status(502)).await;
    assert_eq!(json!(server.test_proxy(id).await.expect("tested").status), "failed");
    server.ears.health(id.0, "failed").await;
    assert_eq!((server.choice(), server.view(id).consecutive_failures), (json!(other), 1));
    assert_eq!(server.stop().await.count("notice"), 0);
}
