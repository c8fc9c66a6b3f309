//! What those who watch the server see, also when its database is gone.

use reqwest::Method;
use serde_json::json;

use crate::rig::Rig;

#[tokio::test]
async fn the_program_says_who_it_is_and_that_it_lives() {
    let rig = Rig::start().await;
    assert_eq!(rig.get("/api/version").await.json(), json!({"name": "holdfast", "version": "1.2.3"}));
    for path in ["/healthz", "/readyz"] {
        let answer = rig.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "ok"), "{path}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    }
    let head = rig.send(Method::HEAD, "/api/version", "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[tokio::test]
async fn the_figures_are_in_the_text_format_of_prometheus() {
    let rig = Rig::start().await;
    rig.add("http://u:hunter2@127.0.0.1:9", 0).await;
    let answer = rig.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text();
    assert!(text.contains("# TYPE holdfast_proxies gauge"), "{text}");
    assert!(!text.contains("hunter2"));
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let value = line.rsplit_once(' ').expect("a name and a value").1;
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn without_a_database_changes_are_refused_and_what_is_known_is_told() {
    let rig = Rig::start().await;
    let id = rig.add("http://u:hunter2@127.0.0.1:9", 0).await;
    rig.store.close().await;
    for (method, path, body) in [
        (Method::POST, "/api/proxy/add".to_owned(), "{\"proxy_url\": \"http://h:1\"}"),
        (Method::POST, "/api/proxy/import".to_owned(), "http://h:1"),
        (Method::PATCH, format!("/api/proxy/{id}"), "{\"priority\": 3}"),
        (Method::POST, format!("/api/proxy/{id}/toggle"), ""),
        (Method::POST, format!("/api/proxy/{id}/reveal"), ""),
        (Method::POST, "/api/proxy/reorder".to_owned(), &format!("{{\"ids\": [{id}]}}")),
        (Method::PUT, "/api/proxy/config".to_owned(), "{\"enable_proxy\": false}"),
        (Method::GET, "/api/events".to_owned(), ""),
        (Method::GET, "/api/recordings".to_owned(), ""),
        (Method::GET, "/readyz".to_owned(), ""),
        (Method::DELETE, format!("/api/proxy/{id}"), ""),
    ] {
        let answer = rig.send(method.clone(), &path, body).await;
        assert_eq!(answer.header("retry-after"), "5", "{method} {path}: {}", answer.text());
        answer.problem(503);
    }
    assert_eq!(rig.get("/healthz").await.status.as_u16(), 200);
    let list = rig.get("/api/proxy/list").await.json();
    assert_eq!((&list["proxies"][0]["priority"], &list["proxies"][0]["enabled"]), (&json!(0), &json!(true)));
}
