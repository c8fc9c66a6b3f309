//! `/helix/eventsub/subscriptions`: made, listed, taken away. A new one is verified by a challenge to its callback.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::sync::watch;
use url::Url;

use super::Topic;
use crate::twitch::answer::{first, json_reply, pairs, problem};
use crate::twitch::helix::Page;
use crate::twitch::stage::Stage;
use crate::twitch::world::World;
use crate::{Asked, Reply};

/// All subscriptions; a channel of its own, so that a test can wait for what becomes of them.
pub(crate) type Subscriptions = watch::Sender<Vec<Subscription>>;

pub(super) const PENDING: &str = "webhook_callback_verification_pending";
pub(super) const ENABLED: &str = "enabled";
pub(super) const FAILED: &str = "webhook_callback_verification_failed";
/// In a page, unless the request says otherwise.
const USUAL_PAGE: usize = 100;

/// A subscription as Twitch keeps it.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub topic: Topic,
    /// Twitch's id of whom it is about.
    pub broadcaster_id: String,
    /// Where messages go.
    pub callback: String,
    /// What they are signed with.
    pub secret: String,
    /// `webhook_callback_verification_pending`, `enabled` …
    pub status: String,
    /// When it was made (RFC 3339).
    pub created_at: String,
}

impl Subscription {
    /// Whether messages are sent to it.
    pub fn is_enabled(&self) -> bool {
        self.status == ENABLED
    }

    /// As the API and the messages show it. The secret is never shown.
    pub(super) fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "status": self.status,
            "type": self.topic.name(),
            "version": self.topic.version(),
            "condition": { "broadcaster_user_id": self.broadcaster_id },
            "transport": { "method": "webhook", "callback": self.callback },
            "created_at": self.created_at,
            "cost": 1,
        })
    }
}

/// Answers for the resource.
pub(crate) fn answer(stage: &Arc<Stage>, world: &mut World, asked: &Asked) -> Reply {
    let query = pairs(asked.query.as_bytes());
    match asked.method.as_str() {
        "GET" => list(&stage.subscriptions, &query),
        "POST" => match create(stage, world, &asked.body) {
            Ok(reply) => reply,
            Err(error) => problem(400, &format!("{error:#}")),
        },
        "DELETE" => delete(&stage.subscriptions, &query),
        _ => problem(405, ""),
    }
}

fn list(subscriptions: &Subscriptions, query: &[(String, String)]) -> Reply {
    let page = match Page::asked(query, USUAL_PAGE) {
        Ok(page) => page,
        Err(refusal) => return refusal,
    };
    let all = subscriptions.borrow();
    let matches = |subscription: &&Subscription| {
        first(query, "status").is_none_or(|status| status == subscription.status)
            && first(query, "type").is_none_or(|kind| kind == subscription.topic.name())
            && first(query, "user_id").is_none_or(|id| id == subscription.broadcaster_id)
    };
    let mut body = page.cut(all.iter().filter(matches).map(Subscription::shown).collect());
    count(&mut body, &all);
    json_reply(200, &body)
}

fn count(body: &mut Value, all: &[Subscription]) {
    body["total"] = json!(all.len());
    body["total_cost"] = json!(all.iter().filter(|subscription| subscription.is_enabled()).count());
    body["max_total_cost"] = json!(10_000);
}

fn delete(subscriptions: &Subscriptions, query: &[(String, String)]) -> Reply {
    let Some(id) = first(query, "id") else { return problem(400, "The parameter \"id\" is required") };
    let removed = subscriptions.send_if_modified(|all| {
        let before = all.len();
        all.retain(|subscription| subscription.id != id);
        all.len() < before
    });
    if removed {
        Reply { status: 204, ..Reply::ok("application/json", "") }
    } else {
        problem(404, "subscription not found")
    }
}

fn create(stage: &Arc<Stage>, world: &mut World, body: &[u8]) -> Result<Reply> {
    let mut wish = read(body)?;
    ensure!(
        world.channels().iter().any(|channel| channel.id == wish.broadcaster_id),
        "the user specified in \"broadcaster_user_id\" does not exist"
    );
    let to = destination(&wish.callback, world.front)?;
    wish.id = format!("{:08x}-0000-4000-8000-000000000000", world.next_serial());
    let twin = |other: &Subscription| {
        (other.topic, &other.broadcaster_id, &other.callback)
            == (wish.topic, &wish.broadcaster_id, &wish.callback)
            && [PENDING, ENABLED].contains(&other.status.as_str())
    };
    if stage.subscriptions.borrow().iter().any(twin) {
        return Ok(problem(409, "subscription already exists"));
    }
    let mut answer = json!({ "data": [wish.shown()] });
    stage.subscriptions.send_modify(|all| all.push(wish.clone()));
    count(&mut answer, &stage.subscriptions.borrow());
    stage.verify(wish, to);
    Ok(json_reply(202, &answer))
}

/// A subscription without an id.
fn read(body: &[u8]) -> Result<Subscription> {
    let wish: Value = serde_json::from_slice(body).context("the body is not JSON")?;
    let text = |value: &Value, name: &str| {
        value.as_str().map(str::to_owned).with_context(|| format!("missing {name}"))
    };
    let kind = text(&wish["type"], "type")?;
    let topic = Topic::find(&kind, &text(&wish["version"], "version")?)
        .context("invalid subscription type and version")?;
    let transport = &wish["transport"];
    ensure!(
        transport["method"] == json!("webhook"),
        "an app access token takes the transport method \"webhook\" only"
    );
    let secret = text(&transport["secret"], "secret")?;
    ensure!(
        (10..=100).contains(&secret.len()) && secret.is_ascii(),
        "the secret must be 10 to 100 ASCII characters"
    );
    Ok(Subscription {
        id: String::new(),
        topic,
        broadcaster_id: text(&wish["condition"]["broadcaster_user_id"], "broadcaster_user_id")?,
        callback: text(&transport["callback"], "callback")?,
        secret,
        status: PENDING.to_owned(),
        created_at: Utc::now().to_rfc3339_opts(SecondsFormat::Nanos, true),
    })
}

/// Where a callback's messages are really posted: through the front, which stands for a reverse proxy that ends TLS; or
/// directly, to plain HTTP on loopback, which the real Twitch would refuse.
pub(super) fn destination(callback: &str, front: Option<SocketAddr>) -> Result<SocketAddr> {
    let url = Url::parse(callback).context("the callback is not an address")?;
    match (url.scheme(), front) {
        ("https", Some(front)) if url.port().is_none() => Ok(front),
        ("https", Some(_)) => bail!("the callback must use port 443"),
        ("https", None) => {
            bail!("this pretended Twitch was given no front (a reverse proxy) to reach callbacks over")
        }
        ("http", _) => {
            let direct = url
                .socket_addrs(|| None)
                .unwrap_or_default()
                .into_iter()
                .find(|addr| addr.ip().is_loopback());
            direct.context("a callback over plain HTTP must be on loopback")
        }
        _ => bail!("the callback must use HTTPS"),
    }
}
