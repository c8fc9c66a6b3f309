//! The controls over plain HTTP, for people and for tests that are not written in Rust: `POST /control/VERB?login=…`.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::answer::{first, json_reply, pairs};
use super::eventsub::{Forgery, Subscription, Topic};
use super::glitch::Glitch;
use super::{HOSTS, Twitch};
use crate::{Asked, Ca, HttpServer, Reply};

/// A control endpoint. It does what [`Twitch`] does, and nothing by itself.
///
/// | `POST /control/…` | parameters |
/// | --- | --- |
/// | `add` | `login`, `name` |
/// | `live` | `login`; `title`, `category` |
/// | `offline` | `login` |
/// | `title` | `login`; `title`, `category`: what is not given stays |
/// | `end-playlists` · `listed` | `login` · `login`, `listed` (0, 1) |
/// | `ads` · `pre-roll` · `end-ads` | `login`, `segments` · the same · `login` |
/// | `glitch` · `mend` | `host`, `status`; `path`, `times` · nothing: all is mended |
/// | `rate-limit` | `seconds`: used up for so long |
/// | `revoke-tokens` | |
/// | `notify` | `login`, `topic`: `stream.online`, `stream.offline`, `channel.update` |
/// | `forge` | `login`, `how`: `wrong-signature`, `stale` … ([`Forgery`]) |
/// | `revoke` | `login`, `topic`; `reason` |
/// | `front` | `addr`: where `https://` callbacks are really posted to |
///
/// `GET /control/state` tells channels, subscriptions and what callbacks answered. What is to be posted to callbacks is
/// answered with 202 before it has arrived, everything else with 200 when it is done, or 400 with the reason.
pub struct Control {
    server: HttpServer,
}

impl Control {
    /// Starts it on `listen`.
    ///
    /// # Errors
    /// If the address is not loopback or cannot be bound.
    pub async fn start(listen: SocketAddr, twitch: Arc<Twitch>) -> Result<Self> {
        if !listen.ip().is_loopback() {
            bail!("the controls listen on loopback only");
        }
        let server = HttpServer::start(listen, None, move |asked| match obey(&twitch, asked) {
            Ok(reply) => reply,
            Err(error) => json_reply(400, &json!({ "error": format!("{error:#}") })),
        });
        Ok(Self { server: server.await? })
    }
}

impl Deref for Control {
    type Target = HttpServer;

    fn deref(&self) -> &HttpServer {
        &self.server
    }
}

/// What whoever uses it needs to know: addresses, credentials, what proxies have to map.
///
/// # Errors
/// If the test CA cannot be read.
pub fn description(twitch: &Twitch, control: &Control) -> Result<Value> {
    let (client_id, client_secret) = twitch.credentials();
    Ok(json!({
        "twitch": twitch.addr(),
        "control": format!("http://{}/control", control.addr()),
        "map": HOSTS.map(|host| format!("{host}={}", twitch.addr())),
        "ca": Ca::shared()?.pem_path(),
        "client_id": client_id,
        "client_secret": client_secret,
    }))
}

fn obey(twitch: &Arc<Twitch>, asked: &Asked) -> Result<Reply> {
    let verb = asked.path.strip_prefix("/control/").context("everything is under /control/")?;
    match (asked.method.as_str(), verb) {
        ("GET", "state") => return Ok(json_reply(200, &state(twitch))),
        ("POST", _) => {}
        _ => bail!("POST /control/VERB or GET /control/state"),
    }
    let given = Given(pairs(asked.query.as_bytes()));
    if message(twitch, verb, &given)? {
        return Ok(json_reply(202, &json!({})));
    }
    match verb {
        "glitch" => twitch.glitch(glitch(&given)?),
        "mend" => twitch.mend_all(),
        "rate-limit" => {
            let seconds: u32 = given.number("seconds")?;
            twitch.exhaust_rate_limit(Duration::from_secs(seconds.into()));
        }
        "revoke-tokens" => twitch.revoke_tokens(),
        "front" => twitch.set_front(given.text("addr")?.parse().context("addr is no ADDRESS:PORT")?),
        _ => channel(twitch, verb, &given)?,
    }
    Ok(json_reply(200, &json!({})))
}

/// The parameters of a request.
struct Given(Vec<(String, String)>);

impl Given {
    fn get(&self, name: &str) -> Option<&str> {
        first(&self.0, name)
    }

    fn text(&self, name: &str) -> Result<&str> {
        self.get(name).with_context(|| format!("the parameter {name} is missing"))
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T> {
        let text = self.text(name)?;
        text.parse().ok().with_context(|| format!("{name}={text} is no number that fits"))
    }
}

fn glitch(given: &Given) -> Result<Glitch> {
    let status: u16 = given.number("status")?;
    if !(100..1000).contains(&status) {
        bail!("{status} is no status");
    }
    let glitch = Glitch::path(given.text("host")?, given.get("path").unwrap_or_default(), status);
    Ok(if given.get("times").is_some() { glitch.times(given.number("times")?) } else { glitch })
}

/// What is done to one channel.
fn channel(twitch: &Twitch, verb: &str, given: &Given) -> Result<()> {
    let login = given.text("login")?;
    if matches!(verb, "offline" | "end-playlists" | "ads" | "pre-roll" | "end-ads") {
        ensure!(twitch.edge(login) > 0, "{login} was never live");
    }
    match verb {
        "add" => twitch.add_channel(login, given.get("name").unwrap_or(login)),
        "live" => {
            let (title, category) = (given.get("title"), given.get("category"));
            twitch.go_live(login, title.unwrap_or("live"), category.unwrap_or_default());
        }
        "offline" => twitch.go_offline(login),
        "title" => {
            given.get("title").into_iter().for_each(|title| twitch.set_title(login, title));
            given.get("category").into_iter().for_each(|category| twitch.set_category(login, category));
        }
        "end-playlists" => twitch.end_playlists(login),
        "listed" => twitch.set_listed(login, given.number::<u8>("listed")? != 0),
        "ads" => twitch.ads(login, given.number::<u16>("segments")?.into()),
        "pre-roll" => twitch.pre_roll(login, given.number::<u16>("segments")?.into()),
        "end-ads" => twitch.end_ads(login),
        _ => bail!("no such verb: {verb}"),
    }
    Ok(())
}

/// Sends what goes to callbacks: on its way when this returns, and its fate is in the state. False if it is no such verb.
fn message(twitch: &Arc<Twitch>, verb: &str, given: &Given) -> Result<bool> {
    if !matches!(verb, "notify" | "forge" | "revoke") {
        return Ok(false);
    }
    let login = given.text("login")?.to_owned();
    let topic: Topic = if verb == "forge" { Topic::Online } else { given.text("topic")?.parse()? };
    twitch.stage.listeners(&login, topic)?;
    let twitch = Arc::clone(twitch);
    match verb {
        "notify" => drop(tokio::spawn(async move { twitch.notify(&login, topic).await })),
        "forge" => {
            let forgery: Forgery = given.text("how")?.parse()?;
            drop(tokio::spawn(async move { twitch.forge(&login, forgery).await }));
        }
        _ => {
            let reason = given.get("reason").unwrap_or("authorization_revoked").to_owned();
            drop(tokio::spawn(async move { twitch.revoke(&login, topic, &reason).await }));
        }
    }
    Ok(true)
}

fn state(twitch: &Twitch) -> Value {
    let shown = |subscription: &Subscription| {
        let Subscription { id, broadcaster_id, callback, status, topic, .. } = subscription;
        json!({ "id": id, "type": topic.name(), "broadcaster_id": broadcaster_id, "callback": callback, "status": status })
    };
    json!({
        "channels": twitch.stage.world().channels().iter().map(|channel| json!({
            "id": channel.id,
            "login": channel.login,
            "name": channel.name,
            "title": channel.title,
            "category": channel.category,
            "live": channel.stream().is_some(),
            "stream_id": channel.stream().map(|stream| &stream.id),
        })).collect::<Vec<_>>(),
        "subscriptions": twitch.subscriptions().iter().map(shown).collect::<Vec<_>>(),
        "deliveries": twitch.deliveries(),
        "requests": twitch.requests().len(),
    })
}
