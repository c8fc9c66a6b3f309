//! The settings: in force at once, whoever changes them and wherever.

use serde_json::{Value, json};

use crate::by_hand::recording;
use crate::server::{Server, sentence};
use crate::world::{World, proxy};

on_both!(
    a_change_is_in_force_at_once,
    nonsense_is_refused_whole,
    a_row_edited_by_hand_is_noticed,
    a_wish_for_one_setting_does_not_undo_another_made_by_hand,
);

async fn set(server: &Server, patch: Value) -> Value {
    json!(server.set_config(serde_json::from_value(patch).expect("a patch")).await.expect("set"))
}

async fn a_change_is_in_force_at_once(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    assert_eq!(server.choice(), "direct");
    let config = set(&server, json!({ "fallback_to_direct_connection": false })).await;
    assert_eq!(
        (&config["fallback_to_direct_connection"], &config["enable_proxy"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(server.ears.find("config_changed", |_| true).await["config"], config);
    assert_eq!(server.choice(), "none");
    let id = server.add_good(&one, 0).await;
    assert_eq!(server.choice(), id.0);
    set(&server, json!({ "enable_proxy": false })).await;
    assert_eq!(
        (server.choice(), server.proxies().system_status.state.as_str()),
        (json!("direct"), "disabled")
    );
    server.ears.find("system_status", |f| f["system_status"]["state"] == "disabled").await;
    let config = set(&server, json!({ "enable_proxy": true, "proxy_max_consecutive_failures": 1 })).await;
    assert_eq!(server.choice(), id.0);
    server.stop().await;

    let server = Server::start(&world).await;
    assert_eq!(json!(server.config()), config);
    server.stop().await;
}

async fn nonsense_is_refused_whole(world: World) {
    let server = Server::start(&world).await;
    let before = server.config();
    for (key, value) in [
        ("proxy_health_check_interval_seconds", 9),
        ("proxy_health_check_interval_seconds", 86_401),
        ("proxy_max_consecutive_failures", 0),
        ("proxy_max_consecutive_failures", 11),
    ] {
        let patch = json!({ "enable_proxy": false, key: value });
        let text = sentence(server.set_config(serde_json::from_value(patch).expect("a patch")).await);
        assert!(text.starts_with("Invalid") && text.contains(key), "{text}");
    }
    assert_eq!(server.config(), before);
    assert!(server.stop().await.heard.is_empty());
}

async fn a_row_edited_by_hand_is_noticed(world: World) {
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    // By a check.
    let change =
        "UPDATE recording_settings SET enable_proxy = false, proxy_health_check_interval_seconds = 3";
    assert_eq!(world.sql(change).await, 1);
    server.test_proxy(id).await.expect("tested");
    let config = json!(server.config());
    assert_eq!(
        (&config["enable_proxy"], &config["proxy_health_check_interval_seconds"]),
        (&json!(false), &json!(10)),
        "too short an interval is read as the shortest"
    );
    assert_eq!(server.ears.find("config_changed", |_| true).await["config"], config);
    assert_eq!(server.choice(), "direct");
    // By the start of a recording.
    world
        .sql("UPDATE recording_settings SET enable_proxy = true, fallback_to_direct_connection = false")
        .await;
    let text = sentence(server.start_recording(recording(&["nobody"])).await);
    assert!(text.starts_with("NoRoute"), "{text}");
    server.ears.find("config_changed", |_| true).await;
    assert_eq!(
        (server.choice(), json!(server.best(&["nobody".to_owned()]).route)),
        (json!(id), json!("none"))
    );
    assert_eq!(server.stop().await.count("config_changed"), 2);
}

async fn a_wish_for_one_setting_does_not_undo_another_made_by_hand(world: World) {
    let mut server = Server::start(&world).await;
    world.sql("UPDATE recording_settings SET fallback_to_direct_connection = false").await;
    let config = set(&server, json!({ "proxy_health_check_interval_seconds": 60 })).await;
    assert_eq!(config["fallback_to_direct_connection"], false);
    let told = server.ears.find("config_changed", |_| true).await;
    assert_eq!(told["config"]["fallback_to_direct_connection"], false);
    assert_eq!(server.ears.find("config_changed", |_| true).await["config"], config);
    assert_eq!(server.choice(), "none");
    let kept = "SELECT count(*) AS n FROM recording_settings WHERE NOT fallback_to_direct_connection";
    assert_eq!(world.number(kept).await, 1);
    server.stop().await;
}
