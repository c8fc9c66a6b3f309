//! The first steps of a person with curl, as written in the documentation.

use std::time::Duration;

use holdfast_trials::{Database, Scene, SceneOptions, ServerOptions, ServerProcess, eventually};
use serde_json::{Value, json};
use tokio::process::Command;

use super::on_both;

on_both!(with_curl);

/// The status and the body.
async fn curl(server: &ServerProcess, path: &str, more: &[&str]) -> (u16, Value) {
    let output = Command::new("curl")
        .args([
            "-sS",
            "-w",
            "\n%{http_code} %{content_type}",
            &format!("localhost:{}{path}", server.addr().port()),
        ])
        .args(more)
        .output()
        .await
        .expect("curl is installed");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let (body, last) = said.rsplit_once('\n').expect("curl adds a line");
    let (status, content_type) = last.split_once(' ').expect("a status and a type");
    let status = status.parse().expect("a status");
    let expected = if status < 400 { "application/json" } else { "application/problem+json" };
    assert!(content_type.starts_with(expected), "{path}: {content_type}");
    (status, serde_json::from_str(body).unwrap_or_else(|e| panic!("{path}: {e}: {body}")))
}

async fn add(server: &ServerProcess, url: &str, priority: usize, more: &[&str]) -> (u16, Value) {
    let wish = json!({ "proxy_url": url, "priority": priority }).to_string();
    curl(server, "/api/proxy/add", &[&["-X", "POST", "-d", &wish], more].concat()).await
}

fn ids(list: &Value) -> Vec<i64> {
    let proxies = list["proxies"].as_array().expect("a list");
    proxies.iter().map(|proxy| proxy["id"].as_i64().expect("an id")).collect()
}

async fn with_curl(database: Database) {
    let mut scene = Scene::start(SceneOptions::default()).await.expect("a scene");
    let options = ServerOptions { database, ..ServerOptions::default() };
    let server = ServerProcess::start(&scene, options).await.expect("a server");

    // One that works, one that is dead, one with a wrong password; the last two without any Content-Type.
    scene.proxies[1].kill().await.expect("killed");
    let wrong = format!("http://user2:wr0ng@{}", scene.proxies[2].addr());
    let no_type = ["-H", "Content-Type:"];
    let (status, first) = add(&server, &scene.proxies[0].url(), 0, &[]).await;
    assert_eq!((status, &first["success"]), (200, &json!(true)));
    assert_eq!(add(&server, &scene.proxies[1].url(), 1, &no_type).await.0, 200);
    assert_eq!(add(&server, &wrong, 2, &no_type).await.0, 200);

    let list = eventually("all three are checked", Duration::from_secs(60), async || {
        let (_, list) = curl(&server, "/api/proxy/list", &[]).await;
        let known = |proxy: &Value| proxy["health_status"] != "unknown";
        Ok(list["proxies"]
            .as_array()
            .is_some_and(|all| all.len() == 3 && all.iter().all(known))
            .then_some(list))
    });
    let list = list.await.unwrap_or_else(|e| panic!("{e}\n{}", server.story()));
    let [good, dead, refused] = &list["proxies"].as_array().expect("a list")[..] else { panic!("{list:#}") };
    for (index, proxy) in [good, dead, refused].into_iter().enumerate() {
        let masked = format!("http://user{index}:***@{}", scene.proxies[index].addr());
        assert_eq!(proxy["proxy_url"], masked, "{list:#}");
        assert_eq!(proxy["priority"], index, "{list:#}");
    }
    assert_eq!(good["health_status"], "healthy", "{list:#}");
    assert!(good["response_time_ms"].is_u64() && good["last_error"].is_null(), "{list:#}");
    for (proxy, reason) in [(dead, "refused"), (refused, "407")] {
        assert_eq!(proxy["health_status"], "failed", "{list:#}");
        assert!(proxy["last_error"].as_str().is_some_and(|error| error.contains(reason)), "{list:#}");
    }
    assert_eq!(list["system_status"]["state"], "healthy", "{list:#}");
    assert_eq!(list["system_status"]["message"], "1 of 3 proxies healthy", "{list:#}");

    let all = ids(&list);
    toggles_and_tests(&server, &all).await;
    reorders_and_deletes(&server, &all).await;
    refuses(&server, &scene).await;
}

async fn toggles_and_tests(server: &ServerProcess, all: &[i64]) {
    let post = ["-X", "POST"];
    let toggle = format!("/api/proxy/{}/toggle", all[0]);
    assert_eq!(curl(server, &toggle, &post).await, (200, json!({ "success": true, "enabled": false })));
    let (_, off) = curl(server, &format!("/api/proxy/{}", all[0]), &[]).await;
    assert!(off["enabled"] == false && off["auto_disabled"] == false, "{off:#}");
    assert_eq!(curl(server, &toggle, &post).await, (200, json!({ "success": true, "enabled": true })));

    let (status, good) = curl(server, &format!("/api/proxy/{}/test", all[0]), &post).await;
    assert_eq!((status, &good["status"], &good["error"]), (200, &json!("healthy"), &Value::Null), "{good:#}");
    assert!(good["response_time_ms"].is_u64() && good["phases"]["tls_ms"].is_u64(), "{good:#}");
    let (_, before) = curl(server, &format!("/api/proxy/{}", all[1]), &[]).await;
    let (status, bad) = curl(server, &format!("/api/proxy/{}/test", all[1]), &post).await;
    assert_eq!((status, &bad["status"]), (200, &json!("failed")), "{bad:#}");
    let count = before["consecutive_failures"].as_u64().expect("a counter") + 1;
    assert_eq!(bad["consecutive_failures"], count, "{before:#}{bad:#}");
    // It is answered first and stored then.
    let stored = eventually("the check is in the history", Duration::from_secs(60), async || {
        let (_, checks) = curl(server, &format!("/api/proxy/{}/checks", all[1]), &[]).await;
        let manual = |check: &Value| check["trigger"] == "manual" && check["status"] == "failed";
        Ok(checks["checks"].as_array().is_some_and(|checks| checks.iter().any(manual)).then_some(()))
    });
    stored.await.unwrap_or_else(|e| panic!("{e}\n{}", server.story()));
}

async fn reorders_and_deletes(server: &ServerProcess, all: &[i64]) {
    let order = json!({ "ids": [all[2], all[0], all[1]] }).to_string();
    let (status, _) = curl(server, "/api/proxy/reorder", &["-X", "POST", "-d", &order]).await;
    assert_eq!(status, 200);
    let (_, list) = curl(server, "/api/proxy/list", &[]).await;
    assert_eq!(ids(&list), [all[2], all[0], all[1]], "{list:#}");
    let last = format!("/api/proxy/{}/update-priority", all[2]);
    assert_eq!(curl(server, &last, &["-X", "POST", "-d", r#"{"priority":9}"#]).await.0, 200);
    let (_, list) = curl(server, "/api/proxy/list", &[]).await;
    assert_eq!(ids(&list), [all[0], all[1], all[2]], "{list:#}");

    let third = format!("/api/proxy/{}", all[2]);
    assert_eq!(curl(server, &third, &["-X", "DELETE"]).await, (200, json!({ "success": true })));
    assert_eq!(curl(server, &third, &[]).await.0, 404);
    let (_, list) = curl(server, "/api/proxy/list", &[]).await;
    assert_eq!(ids(&list), [all[0], all[1]], "{list:#}");
}

/// What is wrong is told in a sentence, and no password is in it.
async fn refuses(server: &ServerProcess, scene: &Scene) {
    let duplicate = scene.proxies[0].url();
    for (url, expected) in [
        ("not a url", 400),
        ("ftp://user:s3cret@127.0.0.1:1", 400),
        ("http://user:s3cret@", 400),
        (duplicate.as_str(), 409),
    ] {
        let (status, problem) = add(server, url, 0, &[]).await;
        assert_eq!(status, expected, "{url}: {problem}");
        assert_eq!(problem["status"], expected, "{url}: {problem}");
        let detail = problem["detail"].as_str().expect("a sentence");
        assert!(!detail.is_empty() && !detail.contains("s3cret"), "{url}: {problem}");
    }
    let (_, problem) = add(server, "ftp://127.0.0.1:1", 0, &[]).await;
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("socks5h")), "{problem}");
    for (method, path) in [
        ("GET", "/api/proxy/99999"),
        ("DELETE", "/api/proxy/99999"),
        ("POST", "/api/proxy/99999/toggle"),
        ("POST", "/api/proxy/99999/test"),
        ("GET", "/api/nothing"),
    ] {
        assert_eq!(curl(server, path, &["-X", method]).await.0, 404, "{method} {path}");
    }
}
