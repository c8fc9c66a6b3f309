//! A database whose passwords cannot be read: told for each proxy, and nothing goes out without them.

use holdfast_engine::{ChannelWish, ProxyChange};
use holdfast_model::{ChannelId, ProxyUrl, Secret};
use holdfast_testkit::{Kind, Options, UpstreamProxy};
use serde_json::json;

use crate::by_hand::recording;
use crate::server::{Server, sentence};
use crate::world::{KEY, PATIENCE, World, proxy};

on_both!(
    a_wrong_key_locks_what_it_cannot_read,
    a_proxy_without_a_password_needs_no_key,
    a_token_that_cannot_be_read_is_seen_to_be_there,
);

async fn a_wrong_key_locks_what_it_cannot_read(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    let patch = json!({ "fallback_to_direct_connection": false });
    server.set_config(serde_json::from_value(patch).expect("a patch")).await.expect("set");
    let id = server.add_good(&one, 0).await;
    server.stop().await;
    let asked = one.requests().len();

    let other_key: String = KEY.chars().rev().collect();
    let mut server = Server::over(&world, world.store_with(&other_key).await, PATIENCE).await;
    let view = server.view(id);
    assert_eq!(json!(view.health_status), "failed");
    assert!(view.last_error.is_some_and(|why| why.contains("cannot be decrypted") && why.contains("again")));
    assert_eq!(server.choice(), "none", "never direct");
    let tested = server.test_proxy(id).await.expect("an answer");
    assert_eq!(json!(tested.status), "failed");
    assert!(tested.error.is_some_and(|why| why.contains("cannot be decrypted")));
    let text = sentence(server.start_recording(recording(&[])).await);
    assert!(text.starts_with("NoRoute") && text.contains("no route"), "{text}");
    let text = sentence(server.reveal_proxy(id).await.map(drop));
    assert!(text.starts_with("Conflict") && text.contains("cannot be decrypted"), "{text}");
    server.check_all();
    // Off and on again does not unlock it.
    server.toggle_proxy(id).await.expect("off");
    server.toggle_proxy(id).await.expect("on");
    assert_eq!((server.choice(), json!(server.view(id).health_status)), (json!("none"), json!("failed")));
    assert_eq!(one.requests().len(), asked, "it is not even tried without its password");
    assert_eq!(world.target.accepts().len(), asked, "and nothing goes direct");

    // Its URL with the password, entered again.
    let url = ProxyUrl::parse(&one.url()).expect("a URL");
    let change = ProxyChange { url: Some(url), ..Default::default() };
    server.edit_proxy(id, change).await.expect("edited");
    server.ears.health(id.0, "healthy").await;
    assert_eq!(server.choice(), id.0);
    assert_eq!(server.reveal_proxy(id).await.expect("its URL").expose(), one.url());
    server.stop().await;

    let server = Server::over(&world, world.store_with(&other_key).await, PATIENCE).await;
    assert_eq!(server.choice(), id.0, "and it stays unlocked");
    server.stop().await;
}

async fn a_proxy_without_a_password_needs_no_key(world: World) {
    let one = UpstreamProxy::start(Kind::Socks5, Options::default()).await.expect("a proxy");
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    server.stop().await;
    let other_key: String = KEY.chars().rev().collect();
    let server = Server::over(&world, world.store_with(&other_key).await, PATIENCE).await;
    assert_eq!((server.choice(), json!(server.view(id).health_status)), (json!(id), json!("healthy")));
    server.stop().await;
}

async fn a_token_that_cannot_be_read_is_seen_to_be_there(world: World) {
    let server = Server::start(&world).await;
    let mut ids = Vec::new();
    for (stream, token) in [("with_token", Some(Secret::new("t0ken"))), ("without", None)] {
        let wish = ChannelWish { stream: stream.to_owned(), token, ..ChannelWish::default() };
        ids.push(ChannelId(server.add_channel(wish).await.expect("added").id));
    }
    let tokens = |server: &Server| {
        ids.iter().map(|id| server.channel(*id).expect("there").has_token).collect::<Vec<_>>()
    };
    assert_eq!(tokens(&server), [true, false]);
    server.stop().await;
    let other_key: String = KEY.chars().rev().collect();
    let server = Server::over(&world, world.store_with(&other_key).await, PATIENCE).await;
    assert_eq!(tokens(&server), [true, false]);
    let why = server.channel(ids[0]).expect("there").last_error;
    assert!(why.is_some_and(|why| why.contains("cannot be decrypted")));
    server.stop().await;
}
