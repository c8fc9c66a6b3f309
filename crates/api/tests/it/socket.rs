//! The WebSocket over a real connection. Pings and patience are tried beside the code, with a clock that jumps.

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::rig::{PATIENCE, Rig};

#[tokio::test]
async fn hello_comes_first_and_then_what_happens() {
    let rig = Rig::start().await;
    let mut socket = rig.socket("").await;
    let hello = socket.next().await;
    assert_eq!((hello["type"].as_str(), hello["version"].as_str()), (Some("hello"), Some("1.2.3")));
    assert!(hello["seq"].is_i64() && hello["boot"].is_string() && hello["at"].is_string(), "{hello}");
    // What clients say is ignored.
    socket.0.send(Message::Text("{\"type\": \"shutdown\"}".into())).await.expect("sent");
    let id = rig.add("http://u:hunter2@127.0.0.1:9", 3).await;
    let added = socket.find("proxy_added", |frame| frame["proxy_id"] == id).await;
    assert_eq!(added["proxy"]["proxy_url"], "http://u:***@127.0.0.1:9");
    assert!(added["seq"].as_i64() > hello["seq"].as_i64());
}

#[tokio::test]
async fn who_comes_back_gets_what_it_missed_or_is_told_to_reload() {
    let rig = Rig::start().await;
    let hello = rig.socket("").await.next().await;
    let boot = hello["boot"].as_str().expect("a boot").to_owned();
    // Somebody else tells when it has happened.
    let mut witness = rig.socket("").await;
    let id = rig.add("http://127.0.0.1:9", 0).await;
    let added = witness.find("proxy_added", |frame| frame["proxy_id"] == id).await;
    let mut back = rig.socket(&format!("?since={}&boot={boot}", hello["seq"])).await;
    assert_eq!(back.next().await["type"], "hello");
    assert_eq!(back.find("proxy_added", |_| true).await, added);
    for query in [format!("?since={}&boot=another", hello["seq"]), format!("?since=999999&boot={boot}")] {
        let mut lost = rig.socket(&query).await;
        assert_eq!(lost.next().await["type"], "hello");
        let resync = lost.next().await;
        assert_eq!(resync["type"], "resync", "{query}");
        assert!(resync["seq"].is_i64() && resync["at"].is_string(), "{resync}");
    }
}

#[tokio::test]
async fn what_is_no_websocket_is_a_problem() {
    let rig = Rig::start().await;
    let answer = rig.get("/ws").await;
    assert_eq!(answer.header("upgrade"), "websocket");
    answer.problem(426);
    for query in ["?since=1", "?boot=x", "?since=x&boot=x", "?until=1"] {
        rig.get(&format!("/ws{query}")).await.problem(400);
    }
    let url = format!("ws://{}/ws?since=1", rig.address);
    match tokio_tungstenite::connect_async(url).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 400),
        other => panic!("it must not open: {other:?}"),
    }
}

#[tokio::test]
async fn messages_that_are_too_large_end_the_connection() {
    let rig = Rig::start().await;
    let mut socket = rig.socket("").await;
    socket.next().await;
    socket.0.send(Message::Text("x".repeat(5000).into())).await.expect("sent");
    let ended = async { while let Some(Ok(_)) = socket.0.next().await {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
}

#[tokio::test]
async fn the_seats_are_counted_and_given_free() {
    let rig = Rig::start().await;
    let mut sockets = Vec::new();
    for _ in 0..64 {
        let mut socket = rig.socket("").await;
        socket.next().await;
        sockets.push(socket);
    }
    let url = format!("ws://{}/ws", rig.address);
    match tokio_tungstenite::connect_async(&url).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("there is no seat left: {other:?}"),
    }
    sockets.pop().expect("one").0.close(None).await.expect("closed");
    let again = async {
        // The seat is free when the server has seen the end, which nobody tells us.
        while tokio_tungstenite::connect_async(&url).await.is_err() {}
    };
    tokio::time::timeout(PATIENCE, again).await.expect("a seat is free again");
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye() {
    let rig = Rig::start().await;
    let mut socket = rig.socket("").await;
    socket.next().await;
    rig.soft.cancel();
    assert_eq!(socket.end().await, 1001);
    tokio::time::timeout(PATIENCE, rig.serving).await.expect("in time").expect("no panic").expect("no error");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_is_told_everything_however_much_it_is() {
    const MANY: usize = 2000;
    let rig = Rig::start().await;
    // Nothing is checked, so that nothing else is told.
    rig.send(reqwest::Method::PUT, "/api/proxy/config", "{\"enable_proxy\": false}").await.json();
    let mut witness = rig.socket("").await;
    let list: String = (0..MANY).map(|n| format!("http://p{n}.test:1\n")).collect();
    let import = async { rig.post("/api/proxy/import", &list).await.json()["added"].clone() };
    let look = async {
        let mut last = 0;
        for _ in 0..MANY {
            let seq = witness.find("proxy_added", |_| true).await["seq"].as_i64().expect("a number");
            assert!(seq > last, "{seq} after {last}");
            last = seq;
        }
    };
    let (added, ()) = tokio::join!(import, look);
    assert_eq!(added, MANY);
}
