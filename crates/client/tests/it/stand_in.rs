//! A server that keeps proxies as the contract says, and listens to what is wished of channels: the least that the
//! commands need. It knows addresses in full and shows them masked, so that a password in the output can only come from
//! where it should.

use std::sync::{Arc, Mutex};

use holdfast_model::{ProxyUrl, parse_list};
use holdfast_testkit::{Asked, HttpServer, Reply};
use serde_json::{Value, json};

/// What every wish about channels is answered with.
const CHANNEL: &str = r#"{"id": 3, "display_name": "Alice", "record": true, "quality": "best", "status": "offline",
    "title": null, "waiting_reason": null, "last_error": null, "max_age_days": 30, "max_count": null, "max_bytes": null}"#;

/// What it says that limits would delete, of channel 4.
const CONDEMNED: &str = r#"{"items": [{"recording_id": "0", "channel": "Alice", "path": "/r/Alice/one.ts", "bytes": 1610612736,
    "started_at": "2026-11-20T10:00:00Z", "reason": "there are more than 20 of this channel"}], "bytes": 1610612736}"#;

/// A running server and what it keeps.
pub(crate) struct StandIn {
    http: HttpServer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    proxies: Vec<(ProxyUrl, Value)>,
    next_id: i64,
}

impl StandIn {
    /// An empty pool.
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let http = HttpServer::start(([127, 0, 0, 1], 0).into(), None, move |asked| {
            answer(&mut shared.lock().expect("not poisoned"), asked)
        })
        .await
        .expect("a free port");
        Self { http, state }
    }

    /// A pool with these proxies, numbered from 1.
    pub(crate) async fn with(urls: &[&str]) -> Self {
        let server = Self::start().await;
        for url in urls {
            server.lock().add(url, 0, &json!({})).expect("a good URL");
        }
        server
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        self.http.base_url("127.0.0.1")
    }

    /// Sets fields of a proxy.
    pub(crate) fn set(&self, id: i64, fields: &Value) {
        let mut state = self.lock();
        merge(&mut state.find(id).expect("is there").1, fields);
    }

    /// What it keeps of a proxy, its address in full.
    pub(crate) fn get(&self, id: i64) -> Option<(String, Value)> {
        self.lock().find(id).map(|(url, fields)| (url.expose().expose().to_owned(), fields.clone()))
    }

    /// Addresses in full, with priority and tags, in order of priority.
    pub(crate) fn all(&self) -> Vec<String> {
        let mut state = self.lock();
        state.sort();
        let line = |(url, f): &(ProxyUrl, Value)| {
            format!("{} {} {}", url.expose().expose(), f["priority"], f["tags"])
        };
        state.proxies.iter().map(line).collect()
    }

    /// Method, path and body of every request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        let line = |a: Asked| {
            let query = if a.query.is_empty() { String::new() } else { format!("?{}", a.query) };
            format!("{} {}{query} {}", a.method, a.path, String::from_utf8_lossy(&a.body))
                .trim_end()
                .to_owned()
        };
        self.http.requests().into_iter().map(line).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }
}

impl State {
    fn find(&mut self, id: i64) -> Option<&mut (ProxyUrl, Value)> {
        self.proxies.iter_mut().find(|(_, fields)| fields["id"] == id)
    }

    fn sort(&mut self) {
        self.proxies.sort_by_key(|(_, fields)| (fields["priority"].as_u64(), fields["id"].as_i64()));
    }

    fn add(&mut self, url: &str, priority: u32, fields: &Value) -> Result<i64, Reply> {
        let url = ProxyUrl::parse(url).map_err(|e| problem(400, &e.to_string()))?;
        if self.proxies.iter().any(|(other, _)| *other == url) {
            return Err(problem(409, &format!("The proxy {url} is in the pool already.")));
        }
        self.next_id += 1;
        let mut proxy = json!({
            "id": self.next_id, "proxy_url": url.to_string(), "label": null, "tags": [], "priority": priority,
            "enabled": true, "auto_disabled": false, "health_status": "unknown", "last_health_check": null,
            "response_time_ms": null, "average_response_time_ms": null, "consecutive_failures": 0,
            "last_error": null, "total_recordings": 0, "failed_recordings": 0, "success_rate": null, "bytes_up": 0,
            "bytes_down": 0, "active_connections": 0, "created_at": "2026-11-20T10:00:00Z",
            "updated_at": "2026-11-20T10:00:00Z",
        });
        merge(&mut proxy, fields);
        self.proxies.push((url, proxy));
        Ok(self.next_id)
    }
}

fn answer(state: &mut State, asked: &Asked) -> Reply {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    if asked.path == "/api/retention/preview" {
        let some = asked.query.starts_with("streamer_id=4&");
        let nothing = r#"{"items": [], "bytes": 0}"#;
        return ok(&if some { CONDEMNED } else { nothing }.parse().expect("JSON"));
    }
    if asked.path.starts_with("/api/streamers") {
        return ok(&CHANNEL.parse().expect("JSON"));
    }
    let path = asked.path.trim_start_matches("/api/proxy/");
    let (id, action) = path.split_once('/').unwrap_or((path, ""));
    match (asked.method.as_str(), path) {
        ("GET", "list") => list(state),
        ("POST", "add") => add(state, &body),
        ("POST", "import") => import(state, &asked.body),
        ("POST", "reorder") => reorder(state, &body),
        (method, _) => match id.parse() {
            Ok(id) => one(state, id, method, action, &body),
            Err(_) => problem(404, "There is no such page."),
        },
    }
}

fn list(state: &mut State) -> Reply {
    state.sort();
    let proxies: Vec<_> = state.proxies.iter().map(|(_, fields)| fields).collect();
    let healthy = proxies.iter().filter(|p| p["health_status"] == "healthy").count();
    let total = proxies.len();
    let status = json!({"state": "healthy", "message": format!("{healthy} of {total} proxies healthy"),
        "healthy": healthy, "enabled": total, "total": total});
    ok(&json!({"proxies": proxies, "system_status": status}))
}

fn add(state: &mut State, body: &Value) -> Reply {
    let priority = body["priority"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let mut fields = body.clone();
    fields.as_object_mut().expect("an object").remove("proxy_url");
    match state.add(body["proxy_url"].as_str().unwrap_or_default(), priority, &fields) {
        Ok(id) => ok(&json!({"success": true, "proxy_id": id})),
        Err(reply) => reply,
    }
}

fn import(state: &mut State, body: &[u8]) -> Reply {
    let (entries, rejected) = parse_list(&String::from_utf8_lossy(body));
    let (mut added, mut duplicates) = (0, 0);
    for entry in entries {
        let priority = entry.priority.unwrap_or(0);
        match state.add(entry.url.expose().expose(), priority, &json!({"tags": entry.tags})) {
            Ok(_) => added += 1,
            Err(_) => duplicates += 1,
        }
    }
    let rejected: Vec<_> = rejected.iter().map(|r| json!({"line": r.line, "detail": r.detail})).collect();
    ok(&json!({"added": added, "duplicates": duplicates, "rejected": rejected}))
}

fn reorder(state: &mut State, body: &Value) -> Reply {
    let ids: Vec<_> = body["ids"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    state.proxies.sort_by_key(|(_, fields)| fields["id"].as_i64());
    if sorted != state.proxies.iter().filter_map(|(_, f)| f["id"].as_i64()).collect::<Vec<_>>() {
        return problem(400, "Name every proxy once.");
    }
    for (priority, id) in ids.iter().enumerate() {
        state.find(*id).expect("is there").1["priority"] = json!(priority);
    }
    ok(&json!({"success": true}))
}

fn one(state: &mut State, id: i64, method: &str, action: &str, body: &Value) -> Reply {
    let Some((url, fields)) = state.find(id) else {
        return problem(404, &format!("There is no proxy with the id {id}."));
    };
    match (method, action) {
        ("PATCH", "") => {
            let mut change = body.clone();
            if let Some(new) = body["proxy_url"].as_str() {
                *url = ProxyUrl::parse(new).expect("a good URL");
                change["proxy_url"] = json!(url.to_string());
            }
            merge(fields, &change);
            ok(fields)
        }
        ("DELETE", "") => {
            state.proxies.retain(|(_, fields)| fields["id"] != id);
            ok(&json!({"success": true}))
        }
        ("POST", "reveal") if fields["last_error"] == "key" => {
            problem(500, "The password cannot be read: the key is not the one it was written with.")
        }
        ("POST", "reveal") => ok(&json!({"proxy_url": url.expose().expose()})),
        ("POST", "test") => ok(&json!({
            "status": fields["health_status"], "response_time_ms": fields["response_time_ms"],
            "error": fields["last_error"], "consecutive_failures": fields["consecutive_failures"],
            "enabled": fields["enabled"],
            "phases": {"connect_ms": 1, "proxy_ms": 20, "tls_ms": 30, "first_byte_ms": null},
        })),
        _ => problem(405, "That cannot be done with a proxy."),
    }
}

fn merge(object: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
}

fn ok(value: &Value) -> Reply {
    Reply::ok("application/json", value.to_string())
}

/// RFC 9457.
pub(crate) fn problem(status: u16, detail: &str) -> Reply {
    let body = json!({"status": status, "title": "No", "detail": detail}).to_string();
    Reply { status, ..Reply::ok("application/problem+json", body) }
}
