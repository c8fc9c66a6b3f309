//! The pool through the door, with real proxies behind it.

use holdfast_testkit::{Fault, Kind, Options, UpstreamProxy};
use reqwest::Method;
use serde_json::{Value, json};

use crate::rig::Rig;

async fn proxy() -> UpstreamProxy {
    let options = Options::default().credentials("user", "hunter2:%");
    UpstreamProxy::start(Kind::Http, options).await.expect("a proxy")
}

/// The ids of the list, in its order.
async fn order(rig: &Rig) -> Vec<i64> {
    let list = rig.get("/api/proxy/list").await.json();
    list["proxies"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|proxy| proxy["id"].as_i64().expect("an id"))
        .collect()
}

#[tokio::test]
async fn three_proxies_added_as_with_curl_are_listed_in_order_and_judged() {
    let rig = Rig::start().await;
    let mut socket = rig.socket("").await;
    let (good, refused, broken) = (proxy().await, proxy().await, proxy().await);
    refused.set_fault(Fault::Refuse).await;
    broken.set_fault(Fault::status(500)).await;
    let first = rig.add(&good.url(), 0).await;
    let third = rig.add(&refused.url(), 2).await;
    let second = rig.add(&broken.url(), 1).await;
    for id in [first, second, third] {
        let judged =
            |frame: &Value| frame["proxy"]["id"] == id && frame["proxy"]["health_status"] != "unknown";
        socket.find("proxy_health_update", judged).await;
    }
    let answer = rig.get("/api/proxy/list").await;
    assert!(!answer.text().contains("hunter2"));
    let list = answer.json();
    let proxies = list["proxies"].as_array().expect("a list");
    assert_eq!(order(&rig).await, [first, second, third]);
    assert_eq!(proxies[0]["health_status"], "healthy");
    assert!(proxies[0]["response_time_ms"].is_u64() && proxies[0]["last_error"].is_null());
    assert!(proxies[0]["proxy_url"].as_str().expect("a URL").starts_with("http://user:***@127.0.0.1:"));
    for failed in &proxies[1..] {
        assert_eq!(failed["health_status"], "failed", "{failed}");
        assert!(failed["last_error"].is_string());
    }
    assert_eq!(list["system_status"]["state"], "healthy");
    // What the description promises of a proxy is what comes.
    let api = serde_json::to_value(holdfast_api::openapi()).expect("JSON");
    let promised = api["components"]["schemas"]["Proxy"]["required"].as_array().expect("keys");
    let (mut promised, mut sent): (Vec<_>, Vec<_>) = (
        promised.iter().map(|key| key.as_str().expect("text")).collect(),
        proxies[0].as_object().expect("an object").keys().map(String::as_str).collect(),
    );
    promised.sort_unstable();
    sent.sort_unstable();
    assert_eq!(promised, sent);
}

#[tokio::test]
async fn parameters_may_stand_in_the_query() {
    let rig = Rig::start().await;
    let path = "/api/proxy/add?proxy_url=http%3A%2F%2Fu%3Ahunter2%40127.0.0.1%3A9&priority=4&label=Home\
                &tags=eu,fast&tags=de&enabled=false";
    let id = rig.post(path, "").await.json()["proxy_id"].as_i64().expect("an id");
    let shown = rig.get(&format!("/api/proxy/{id}")).await.json();
    assert_eq!(shown["proxy_url"], "http://u:***@127.0.0.1:9");
    assert_eq!(
        (&shown["priority"], &shown["label"], &shown["tags"], &shown["enabled"]),
        (&json!(4), &json!("Home"), &json!(["eu", "fast", "de"]), &json!(false))
    );
    // The body wins, key by key.
    let edited =
        rig.send(Method::PATCH, &format!("/api/proxy/{id}?priority=5&label=x"), "{\"label\": null}").await;
    assert_eq!((&edited.json()["priority"], &edited.json()["label"]), (&json!(5), &json!(null)));
    rig.post(&format!("/api/proxy/{id}/update-priority?priority=6"), "").await.json();
    rig.post(&format!("/api/proxy/{id}/update-priority?priority=1"), "{\"priority\": 7}").await.json();
    assert_eq!(rig.get(&format!("/api/proxy/{id}")).await.json()["priority"], 7);
    let config = rig.send(Method::PUT, "/api/proxy/config?proxy_max_consecutive_failures=5", "").await.json();
    assert_eq!(config["proxy_max_consecutive_failures"], 5);
}

#[tokio::test]
async fn what_is_there_already_is_a_conflict_and_what_is_not_is_not_found() {
    let rig = Rig::start().await;
    let one = rig.add("http://u:hunter2@127.0.0.1:9", 0).await;
    let two = rig.add("http://v:hunter2@127.0.0.1:9", 0).await;
    for (method, path, body) in [
        (Method::POST, "/api/proxy/add".to_owned(), "{\"proxy_url\": \"http://u:hunter2@127.0.0.1:9/\"}"),
        (Method::PATCH, format!("/api/proxy/{two}"), "{\"proxy_url\": \"http://u:hunter2@127.0.0.1:9\"}"),
    ] {
        let answer = rig.send(method, &path, body).await;
        assert!(!answer.text().contains("hunter2"), "{}", answer.text());
        answer.problem(409);
    }
    let gone = one.max(two) + 1;
    for (method, path) in [
        (Method::GET, ""),
        (Method::PATCH, ""),
        (Method::DELETE, ""),
        (Method::POST, "/reveal"),
        (Method::POST, "/toggle"),
        (Method::POST, "/test"),
        (Method::GET, "/checks"),
        (Method::POST, "/drill"),
    ] {
        let detail = rig.send(method.clone(), &format!("/api/proxy/{gone}{path}"), "{}").await.problem(404);
        assert!(detail.contains(&gone.to_string()), "{method} {path}: {detail}");
    }
    rig.post(&format!("/api/proxy/{gone}/update-priority"), "{\"priority\": 1}").await.problem(404);
    for ids in [vec![], vec![one], vec![one, one], vec![one, two, two], vec![one, two, gone]] {
        let answer = rig.post("/api/proxy/reorder", &json!({ "ids": ids }).to_string()).await;
        assert!(answer.status.is_client_error(), "{ids:?}: {}", answer.text());
        answer.problem(answer.status.as_u16());
    }
    let answer = rig.post("/api/proxy/reorder", &json!({ "ids": [two, one] }).to_string()).await;
    assert_eq!(answer.json(), json!({ "success": true }));
    assert_eq!(order(&rig).await, [two, one]);
    assert_eq!(
        rig.send(Method::DELETE, &format!("/api/proxy/{two}"), "").await.json(),
        json!({ "success": true })
    );
    assert_eq!(order(&rig).await, [one]);
}

#[tokio::test]
async fn a_proxy_is_tested_toggled_and_revealed() {
    let rig = Rig::start().await;
    let mut socket = rig.socket("").await;
    let upstream = proxy().await;
    let id = rig.add(&upstream.url(), 0).await;
    let tested = rig.post(&format!("/api/proxy/{id}/test"), "").await.json();
    assert_eq!(
        (&tested["status"], &tested["error"], &tested["enabled"]),
        (&json!("healthy"), &json!(null), &json!(true))
    );
    assert!(tested["phases"]["connect_ms"].is_u64(), "{tested}");
    upstream.set_fault(Fault::status(407)).await;
    let tested = rig.post(&format!("/api/proxy/{id}/test"), "").await.json();
    assert_eq!((&tested["status"], &tested["consecutive_failures"]), (&json!("failed"), &json!(1)));
    // What was told was stored before.
    socket.find("proxy_health_update", |frame| frame["proxy"]["consecutive_failures"] == 1).await;
    let checks = rig.get(&format!("/api/proxy/{id}/checks")).await.json();
    let manual = |check: &&Value| check["trigger"] == "manual" && check["status"] == "failed";
    assert_eq!(checks["checks"].as_array().expect("checks").iter().filter(manual).count(), 1, "{checks}");
    let later = "/checks?from=2999-01-01T00:00:00+01:00";
    assert_eq!(rig.get(&format!("/api/proxy/{id}{later}")).await.json(), json!({ "checks": [] }));
    let toggle = format!("/api/proxy/{id}/toggle");
    assert_eq!(rig.post(&toggle, "").await.json(), json!({ "success": true, "enabled": false }));
    assert_eq!(rig.post(&toggle, "").await.json(), json!({ "success": true, "enabled": true }));
    let revealed = rig.post(&format!("/api/proxy/{id}/reveal"), "").await;
    assert_eq!(revealed.json(), json!({ "proxy_url": upstream.url() }));
    assert_eq!(revealed.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_list_is_imported_line_by_line() {
    let rig = Rig::start().await;
    let list = "# mine\n127.0.0.1:9:user:hunter2\nhttp://u:hunter2@127.0.0.1:9 priority=3 tag=eu\n\
                http://u:hunter2@127.0.0.1:9\nftp://u:hunter2@h\n";
    let answer = rig.post("/api/proxy/import", list).await;
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    let imported = answer.json();
    assert_eq!((&imported["added"], &imported["duplicates"]), (&json!(2), &json!(1)));
    assert_eq!(imported["rejected"][0]["line"], 5);
    assert_eq!(order(&rig).await.len(), 2);
}

#[tokio::test]
async fn the_choice_is_explained_and_follows_the_settings() {
    let rig = Rig::start().await;
    let (one, two) = (proxy().await, proxy().await);
    let first = rig.add(&one.url(), 0).await;
    let second = rig.add(&two.url(), 1).await;
    for id in [first, second] {
        rig.post(&format!("/api/proxy/{id}/test"), "").await.json();
    }
    let best = rig.get("/api/proxy/best").await.json();
    assert_eq!((&best["route"], &best["proxy"]["id"]), (&json!("proxy"), &json!(first)));
    assert_eq!(best["considered"][0]["id"], second);
    rig.send(Method::PATCH, &format!("/api/proxy/{second}"), "{\"tags\": [\"eu\"]}").await.json();
    assert_eq!(rig.get("/api/proxy/best?tags=eu").await.json()["proxy"]["id"], second);
    assert_eq!(rig.get("/api/proxy/best?tags=eu,us").await.json()["proxy"], json!(null));
    let drilled = rig.post(&format!("/api/proxy/{first}/drill"), "").await.json();
    assert_eq!(drilled["moved"], json!([]));
    assert_eq!(rig.get("/api/proxy/best").await.json()["proxy"]["id"], second);
    let config = rig.send(Method::PUT, "/api/proxy/config", "{\"enable_proxy\": false}").await.json();
    assert_eq!(config, rig.get("/api/proxy/config").await.json());
    assert_eq!(config["enable_proxy"], false);
    assert_eq!(rig.get("/api/proxy/best").await.json()["route"], "direct");
    for body in [
        "{\"proxy_health_check_interval_seconds\": 9}",
        "{\"proxy_max_consecutive_failures\": 11}",
        "{\"x\": 1}",
    ] {
        rig.send(Method::PUT, "/api/proxy/config", body).await.problem(400);
    }
    let answer = rig.post("/api/proxy/check-all", "").await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, json!({ "success": true })));
}

#[tokio::test]
async fn the_log_is_read_page_by_page() {
    let rig = Rig::start().await;
    let mut socket = rig.socket("").await;
    for port in 1..=5 {
        rig.add(&format!("http://u:hunter2@127.0.0.1:{port}"), 0).await;
        socket.find("proxy_added", |_| true).await;
    }
    let (mut after, mut seen) = (String::from("0"), Vec::new());
    loop {
        let page = rig.get(&format!("/api/events?type=proxy_added&limit=2&after={after}")).await;
        assert!(!page.text().contains("hunter2"));
        let page = page.json();
        seen.extend(
            page["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|event| event["seq"].as_i64().expect("a number")),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => after = cursor.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted());
}

#[tokio::test]
async fn a_proxy_sent_back_as_it_was_shown_keeps_its_password() {
    let rig = Rig::start().await;
    let one = proxy().await;
    let id = rig.add(&one.url(), 0).await;
    let path = format!("/api/proxy/{id}");
    let shown = rig.get(&path).await.json()["proxy_url"].clone();
    let edited =
        rig.send(Method::PATCH, &path, &json!({ "proxy_url": shown, "label": "Home" }).to_string()).await;
    assert_eq!((&edited.json()["proxy_url"], &edited.json()["label"]), (&shown, &json!("Home")));
    assert_eq!(rig.post(&format!("{path}/reveal"), "").await.json()["proxy_url"], one.url());
    // The hidden password of another address is no password.
    let elsewhere = json!({ "proxy_url": "http://user:***@elsewhere.test:1" }).to_string();
    let detail = rig.send(Method::PATCH, &path, &elsewhere).await.problem(400);
    assert!(detail.contains("***") && detail.contains("real password"), "{detail}");
    rig.post("/api/proxy/add", &elsewhere).await.problem(400);
    let imported = rig.post("/api/proxy/import", "http://user:***@elsewhere.test:1").await.json();
    assert_eq!((&imported["added"], imported["rejected"].as_array().map(Vec::len)), (&json!(0), Some(1)));
    assert_eq!(order(&rig).await, [id]);
}

#[tokio::test]
async fn the_log_is_read_from_its_end_too() {
    let rig = Rig::start().await;
    let mut socket = rig.socket("").await;
    for number in 1..=5 {
        let id = rig.add(&format!("http://127.0.0.1:{number}"), 0).await;
        socket.find("proxy_added", |frame| frame["proxy_id"] == id).await;
    }
    let seqs = |page: &Value| -> Vec<i64> {
        let items = page["items"].as_array().expect("a page");
        items.iter().map(|event| event["seq"].as_i64().expect("a number")).collect()
    };
    let get = async |query: &str| rig.get(&format!("/api/events?type=proxy_added{query}")).await.json();
    let all = seqs(&get("").await);
    assert_eq!(all.len(), 5);
    let page = get("&order=desc&limit=2").await;
    assert_eq!(seqs(&page), [all[4], all[3]]);
    let next = page["next_cursor"].as_str().expect("more").to_owned();
    assert_eq!(seqs(&get(&format!("&order=desc&limit=9&before={next}")).await), [all[2], all[1], all[0]]);
    assert_eq!(seqs(&get(&format!("&after={}&before={}", all[0], all[3])).await), [all[1], all[2]]);
    rig.get("/api/events?order=down").await.problem(400);
    rig.get("/api/events?before=-1").await.problem(400);
}
