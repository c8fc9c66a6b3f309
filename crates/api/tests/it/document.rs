//! The API's description and the page that shows it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::rig::Rig;

/// Set it to write the copy anew.
const UPDATE: &str = "UPDATE_OPENAPI";

#[test]
fn the_copy_of_the_description_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let now = holdfast_api::openapi().to_pretty_json().expect("JSON") + "\n";
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(path, &now).expect("written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let line = kept.lines().zip(now.lines()).position(|(a, b)| a != b).map(|line| line + 1);
    assert!(
        kept == now,
        "openapi.json differs from the code (first at line {line:?}): look at what changed for users, then run \
         `{UPDATE}=1 cargo test -p holdfast-api copy_of_the_description`"
    );
}

#[test]
fn every_endpoint_is_described_with_every_answer_of_the_guard() {
    let api = serde_json::to_value(holdfast_api::openapi()).expect("JSON");
    assert!(api["openapi"].as_str().expect("a version").starts_with("3.1."));
    let (mut found, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            found.insert(format!("{} {path}", method.to_uppercase()));
            let mut guarded = vec!["400", "421"];
            if method != "get" {
                guarded.push("403");
            }
            for status in guarded {
                let answer = &operation["responses"][status];
                let problem = &answer["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(problem, "#/components/schemas/Problem", "{method} {path} {status}");
            }
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(
                ids.insert(operation["operationId"].to_string()),
                "{method} {path} has another's operationId"
            );
        }
    }
    let promised = [
        "DELETE /api/proxy/{id}",
        "DELETE /api/recordings/{id}",
        "DELETE /api/streamers/{id}",
        "GET /api/events",
        "GET /api/proxy/best",
        "GET /api/proxy/config",
        "GET /api/proxy/list",
        "GET /api/proxy/{id}",
        "GET /api/proxy/{id}/checks",
        "GET /api/recordings",
        "GET /api/recordings/active",
        "GET /api/recordings/{id}",
        "GET /api/recordings/{id}/file",
        "GET /api/recordings/{id}/thumbnail",
        "GET /api/retention/preview",
        "GET /api/settings",
        "GET /api/streamers",
        "GET /api/streamers/{id}",
        "GET /api/version",
        "GET /healthz",
        "GET /metrics",
        "GET /readyz",
        "GET /ws",
        "PATCH /api/proxy/{id}",
        "PATCH /api/recordings/{id}",
        "PATCH /api/streamers/{id}",
        "POST /api/proxy/add",
        "POST /api/proxy/check-all",
        "POST /api/proxy/import",
        "POST /api/proxy/reorder",
        "POST /api/proxy/{id}/drill",
        "POST /api/proxy/{id}/reveal",
        "POST /api/proxy/{id}/test",
        "POST /api/proxy/{id}/toggle",
        "POST /api/proxy/{id}/update-priority",
        "POST /api/recordings",
        "POST /api/recordings/{id}/stop",
        "POST /api/settings/filename-preview",
        "POST /api/streamers",
        "POST /api/streamers/{id}/check",
        "PUT /api/proxy/config",
        "PUT /api/settings",
    ];
    assert_eq!(found, promised.map(str::to_owned).into());
    for reference in references(&api) {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(api.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str);
            map.values().flat_map(references).chain(own).collect()
        }
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn the_description_is_served_as_it_is() {
    let rig = Rig::start().await;
    let served = rig.get("/api/openapi.json").await.json();
    assert_eq!(served, serde_json::to_value(holdfast_api::openapi()).expect("JSON"));
}

#[tokio::test]
async fn the_page_of_the_documentation_needs_no_other_host() {
    let rig = Rig::start().await;
    let short = rig.get("/api/docs").await;
    assert_eq!((short.status.as_u16(), short.header("location")), (307, "/api/docs/"));
    let page = rig.get("/api/docs/").await;
    assert_eq!(page.header("content-type"), "text/html");
    let policy = page.header("content-security-policy").to_owned();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("http") && !policy.contains('*'),
        "{policy}"
    );
    let files = attributes(&page.text());
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let name = file.strip_prefix("./").unwrap_or(&file);
        assert!(!name.contains("//") && !name.starts_with('/'), "{file} is not beside the page");
        let got = rig.get(&format!("/api/docs/{name}")).await;
        assert_eq!(got.status.as_u16(), 200, "{file}");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        if name.ends_with(".css") {
            let css = got.text();
            let urls: Vec<_> =
                css.split("url(").skip(1).map(|rest| rest.trim_start_matches(['"', '\''])).collect();
            assert!(urls.iter().all(|url| url.starts_with("data:")), "{name} asks for more");
            assert!(!css.contains("@import"), "{name} imports");
        }
    }
    let start = rig.get("/api/docs/swagger-initializer.js").await.text();
    assert!(
        start.contains("\"/api/openapi.json\"") && start.contains("\"validatorUrl\": \"none\""),
        "{start}"
    );
    assert!(!start.contains("http"), "{start}");
    rig.get("/api/docs/nothing.js").await.problem(404);
}

/// What the page loads.
fn attributes(html: &str) -> Vec<String> {
    let values = html.split(['<', '>']).flat_map(|tag| tag.split_whitespace()).filter_map(|word| {
        let (name, value) = word.split_once('=')?;
        matches!(name, "src" | "href").then(|| value.trim_matches(['"', '\'', '/']).to_owned())
    });
    values.collect()
}
