//! As much of Twitch as is asked here, behind its real names: a TLS server, and a proxy that takes those names to it.

use std::sync::{Arc, Mutex, MutexGuard};

use holdfast_model::Secret;
use holdfast_testkit::{Asked, Ca, Fault, HttpServer, Kind, Options, Reply, ServerFault, UpstreamProxy};
use holdfast_twitch::{Credentials, Twitch};
use serde_json::{Value, json};
use url::form_urlencoded;

pub(crate) const ID: &str = "the-client-id";
pub(crate) const SECRET: &str = "the+client secret&";

/// What it knows and does; tests write into it.
pub(crate) struct World {
    /// How many tokens it gave. The last one is the good one.
    pub(crate) tokens: usize,
    /// What a token is good for, in seconds.
    pub(crate) life: u64,
    /// Logins that are live, in any order.
    pub(crate) live: Vec<String>,
    /// Subscriptions.
    pub(crate) subscriptions: Vec<Value>,
    /// How many of them a page shows.
    pub(crate) page: usize,
    /// Instead of all of it, for paths that begin so.
    pub(crate) instead: Option<(&'static str, Reply)>,
}

pub(crate) struct StandIn {
    server: HttpServer,
    proxy: UpstreamProxy,
    world: Arc<Mutex<World>>,
    pub(crate) twitch: Twitch,
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let ca = Ca::shared().expect("a CA");
        let world = World {
            tokens: 0,
            life: 5_000_000,
            live: Vec::new(),
            subscriptions: Vec::new(),
            page: 100,
            instead: None,
        };
        let world = Arc::new(Mutex::new(world));
        let shared = Arc::clone(&world);
        let tls = Some(ca.server_config(&[]).expect("a certificate"));
        let server = HttpServer::start(([127, 0, 0, 1], 0).into(), tls, move |asked| {
            answer(&mut lock(&shared), asked)
        });
        let server = server.await.expect("a server");
        let names = Options::default().map("*.twitch.tv:443", server.addr());
        let proxy = UpstreamProxy::start(Kind::Http, names).await.expect("a proxy");
        let twitch = Twitch::new(client(&proxy.url()), credentials(ID, SECRET));
        Self { server, proxy, world, twitch }
    }

    /// The same Twitch for somebody with other credentials.
    pub(crate) fn with(&self, id: &str, secret: &str) -> Twitch {
        Twitch::new(client(&self.proxy.url()), credentials(id, secret))
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// Answers so to whatever path begins so.
    pub(crate) fn instead(&self, path: &'static str, reply: Reply) {
        self.world().instead = Some((path, reply));
    }

    /// What the proxy does to whoever comes.
    pub(crate) async fn set_fault(&self, fault: Fault) {
        self.proxy.set_fault(fault).await;
    }

    /// Reads what is asked, and answers nothing any more.
    pub(crate) async fn fall_silent(&self) {
        self.server.set_fault(ServerFault::HangRequests).await;
    }

    /// What was asked of this path. Also that nothing ever came but through the proxy.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        assert_eq!(self.server.accepts_not_from(&[&self.proxy]), []);
        self.server.requests().into_iter().filter(|asked| asked.path == path).collect()
    }

    /// How many times a token was asked for.
    pub(crate) fn fetches(&self) -> usize {
        self.asked("/oauth2/token").len()
    }
}

pub(crate) fn credentials(id: &str, secret: &str) -> Credentials {
    Credentials { client_id: id.to_owned(), client_secret: Secret::new(secret) }
}

fn client(proxy: &str) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = Ca::shared().expect("a CA");
    let root = reqwest::Certificate::from_pem(ca.pem().as_bytes()).expect("a certificate");
    let proxy = reqwest::Proxy::all(proxy).expect("an address");
    reqwest::Client::builder().tls_certs_only([root]).proxy(proxy).build().expect("a client")
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().expect("no holder panics")
}

pub(crate) fn json_reply(status: u16, body: &Value) -> Reply {
    Reply { status, ..Reply::ok("application/json", body.to_string()) }
}

pub(crate) fn problem(status: u16, message: &str) -> Reply {
    json_reply(status, &json!({ "error": "so", "status": status, "message": message }))
}

pub(crate) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// All values of a name in a query.
pub(crate) fn values(asked: &Asked, name: &str) -> Vec<String> {
    pairs(asked.query.as_bytes()).into_iter().filter(|(n, _)| n == name).map(|(_, value)| value).collect()
}

fn answer(world: &mut World, asked: &Asked) -> Reply {
    if let Some((path, reply)) = &world.instead
        && asked.path.starts_with(path)
    {
        return reply.clone();
    }
    match (asked.host.as_str(), asked.method.as_str(), asked.path.as_str()) {
        ("id.twitch.tv", "POST", "/oauth2/token") => token(world, asked),
        ("api.twitch.tv", _, _) if !allowed(world, asked) => problem(401, "Invalid OAuth token"),
        ("api.twitch.tv", "GET", "/helix/users") => named(asked, "login", |login| {
            Some(
                json!({ "id": id_of(login), "login": login, "display_name": login.to_uppercase(), "type": "" }),
            )
        }),
        ("api.twitch.tv", "GET", "/helix/streams") => {
            named(asked, "user_login", |login| world.live.iter().any(|l| l == login).then(|| stream(login)))
        }
        ("api.twitch.tv", _, "/helix/eventsub/subscriptions") => subscriptions(world, asked),
        _ => problem(404, "no such thing"),
    }
}

fn token(world: &mut World, asked: &Asked) -> Reply {
    let form = pairs(&asked.body);
    let value = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    match (value("client_id"), value("client_secret"), value("grant_type")) {
        (Some(ID), Some(SECRET), Some("client_credentials")) => {
            world.tokens += 1;
            let token = format!("token-{}", world.tokens);
            let body = json!({ "access_token": token, "expires_in": world.life, "token_type": "bearer" });
            json_reply(200, &body)
        }
        (Some(ID), Some(_), _) => {
            json_reply(403, &json!({ "status": 403, "message": "invalid client secret" }))
        }
        _ => json_reply(400, &json!({ "status": 400, "message": "invalid client" })),
    }
}

fn allowed(world: &World, asked: &Asked) -> bool {
    let header = |name: &str| asked.headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = format!("Bearer token-{}", world.tokens);
    header("client-id") == Some(ID) && header("authorization") == Some(&bearer)
}

/// The first 20 of those named that there are, unless more are wanted, as Twitch does it.
fn named(asked: &Asked, key: &str, shown: impl Fn(&str) -> Option<Value>) -> Reply {
    let names = values(asked, key);
    let odd =
        |name: &String| !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if names.is_empty() || names.len() > 100 || names.iter().any(odd) {
        return problem(400, "Malformed query params.");
    }
    let first = values(asked, "first").first().and_then(|n| n.parse().ok());
    let first = first.unwrap_or(if key == "login" { 100 } else { 20 });
    let data: Vec<Value> = names.iter().filter_map(|name| shown(name)).take(first).collect();
    json_reply(200, &json!({ "data": data, "pagination": {} }))
}

fn id_of(login: &str) -> String {
    format!("1{}", login.len())
}

fn stream(login: &str) -> Value {
    let (title, game) = if login == "bare" { ("", "") } else { ("A title", "A game") };
    json!({
        "id": format!("9{}", login.len()), "user_id": id_of(login), "user_login": login,
        "user_name": login.to_uppercase(), "game_id": "1", "game_name": game, "type": "live", "title": title,
        "viewer_count": 3, "started_at": "2021-03-10T03:18:11Z", "language": "en", "tags": null
    })
}

fn subscriptions(world: &mut World, asked: &Asked) -> Reply {
    match asked.method.as_str() {
        "GET" => {
            let start = values(asked, "after").first().map_or(0, |n| n.parse().expect("our cursor"));
            let data: Vec<Value> = world.subscriptions.iter().skip(start).take(world.page).cloned().collect();
            let next = start + data.len();
            let more = next < world.subscriptions.len();
            let pagination = if more { json!({ "cursor": next.to_string() }) } else { json!({}) };
            json_reply(200, &json!({ "total": 1, "data": data, "pagination": pagination }))
        }
        "POST" => {
            let wanted: Value = serde_json::from_slice(&asked.body).expect("JSON");
            let same =
                |made: &&Value| made["type"] == wanted["type"] && made["condition"] == wanted["condition"];
            if world.subscriptions.iter().find(same).is_some() {
                return problem(409, "subscription already exists");
            }
            let made = json!({
                "id": format!("sub-{}", world.subscriptions.len()),
                "status": "webhook_callback_verification_pending",
                "type": wanted["type"], "version": wanted["version"], "condition": wanted["condition"],
                "created_at": "2021-03-10T03:18:11Z", "cost": 1,
                "transport": { "method": "webhook", "callback": wanted["transport"]["callback"] },
            });
            world.subscriptions.push(made.clone());
            json_reply(202, &json!({ "data": [made], "total": 1 }))
        }
        "DELETE" => {
            let id = values(asked, "id").pop().unwrap_or_default();
            let before = world.subscriptions.len();
            world.subscriptions.retain(|made| made["id"] != id.as_str());
            if world.subscriptions.len() < before { Reply::status(204) } else { problem(404, "not found") }
        }
        _ => Reply::status(405),
    }
}
