//! What Twitch says by itself: challenges, notifications, revocations, and what a forger says in its name.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use super::message::{Kind, Message, body};
use super::post::{Delivery, post};
use super::subscriptions::{ENABLED, FAILED, PENDING, destination};
use super::{Forgery, Subscription, Topic};
use crate::twitch::Twitch;
use crate::twitch::sign::hex_hmac;
use crate::twitch::stage::Stage;
use crate::twitch::world::{Channel, World};

impl Stage {
    /// Sends the challenge of a new subscription, and enables it when it comes back.
    pub(super) fn verify(self: &Arc<Self>, subscription: Subscription, to: SocketAddr) {
        let stage = Arc::clone(self);
        tokio::spawn(async move {
            let challenge = hex_hmac(&subscription.id, &[b"challenge"])[..32].to_owned();
            let body = body(&subscription, "challenge", json!(challenge));
            let message = stage.message(Kind::Challenge, &subscription, body);
            let answered = stage.send_to(&subscription, to, message).await;
            let passed = answered.is_ok_and(|answer| answer.status == 200 && answer.body == challenge);
            stage.set_status(&subscription.id, PENDING, if passed { ENABLED } else { FAILED });
        });
    }

    fn set_status(&self, id: &str, from: &str, to: &str) {
        self.subscriptions.send_modify(|all| {
            for subscription in all.iter_mut().filter(|other| other.id == id && other.status == from) {
                to.clone_into(&mut subscription.status);
            }
        });
    }

    fn message(&self, kind: Kind, to: &Subscription, body: String) -> Message {
        let number = self.world().next_serial();
        Message::new(&format!("{number:08x}-0000-4000-9000-000000000000"), Utc::now(), kind, to, body)
    }

    /// The enabled subscriptions to a topic of somebody.
    pub(in crate::twitch) fn listeners(&self, login: &str, topic: Topic) -> Result<Vec<Subscription>> {
        let id = self.world().channel(login).map(|channel| channel.id.clone());
        let id = id.with_context(|| format!("there is no channel {login}"))?;
        let concerned = |other: &&Subscription| {
            other.is_enabled() && (other.topic, &other.broadcaster_id) == (topic, &id)
        };
        let listeners: Vec<_> = self.subscriptions.borrow().iter().filter(concerned).cloned().collect();
        if listeners.is_empty() {
            bail!("nobody has an enabled subscription to {} of {login}", topic.name());
        }
        Ok(listeners)
    }

    async fn send(&self, to: &Subscription, message: Message) -> Result<Delivery> {
        let front = self.world().front;
        self.send_to(to, destination(&to.callback, front)?, message).await
    }

    /// Posts a message and keeps what became of it.
    async fn send_to(&self, to: &Subscription, addr: SocketAddr, message: Message) -> Result<Delivery> {
        let posted = post(&to.callback, addr, &message, &to.id).await;
        let kept = match &posted {
            Ok(delivery) => delivery.clone(),
            Err(error) => Delivery::failed(&message, &to.id, error),
        };
        self.world().deliveries.push(kept);
        posted
    }
}

impl Twitch {
    /// Tells everybody who subscribed that a channel is live; their answers, in the order of the subscriptions.
    ///
    /// # Errors
    /// If nobody has an enabled subscription, or one does not answer within ten seconds.
    pub async fn notify_online(&self, login: &str) -> Result<Vec<Delivery>> {
        self.notify(login, Topic::Online).await
    }

    /// Tells everybody who subscribed that a channel has gone offline.
    ///
    /// # Errors
    /// As [`Self::notify_online`].
    pub async fn notify_offline(&self, login: &str) -> Result<Vec<Delivery>> {
        self.notify(login, Topic::Offline).await
    }

    /// Tells everybody who subscribed what title and category a channel has.
    ///
    /// # Errors
    /// As [`Self::notify_online`].
    pub async fn notify_update(&self, login: &str) -> Result<Vec<Delivery>> {
        self.notify(login, Topic::Update).await
    }

    pub(in crate::twitch) async fn notify(&self, login: &str, topic: Topic) -> Result<Vec<Delivery>> {
        let mut answers = Vec::new();
        for to in self.stage.listeners(login, topic)? {
            let event = event(&self.stage.world(), login, topic);
            let message = self.stage.message(Kind::Notification, &to, body(&to, "event", event));
            self.stage.world().sent.insert(to.id.clone(), message.clone());
            answers.push(self.stage.send(&to, message).await?);
        }
        Ok(answers)
    }

    /// Sends a message that must have no effect to the first subscription to `stream.online` of a channel.
    ///
    /// # Errors
    /// As [`Self::notify_online`]; or if there is nothing to replay.
    pub async fn forge(&self, login: &str, forgery: Forgery) -> Result<Delivery> {
        let to = self.stage.listeners(login, Topic::Online)?.swap_remove(0);
        let good = body(&to, "event", event(&self.stage.world(), login, Topic::Online));
        let id = self.stage.message(Kind::Notification, &to, String::new()).id;
        let last = self.stage.world().sent.get(&to.id).cloned();
        let message =
            forgery.forge(&id, &to, good, last).context("nothing was sent yet that could be replayed")?;
        self.stage.send(&to, message).await
    }

    /// Takes the subscriptions to a topic of a channel away and says why: `user_removed`, `authorization_revoked`,
    /// `notification_failures_exceeded`, `version_removed`.
    ///
    /// # Errors
    /// As [`Self::notify_online`].
    pub async fn revoke(&self, login: &str, topic: Topic, reason: &str) -> Result<Vec<Delivery>> {
        let mut answers = Vec::new();
        for mut to in self.stage.listeners(login, topic)? {
            self.stage.set_status(&to.id, ENABLED, reason);
            reason.clone_into(&mut to.status);
            let mut body = json!({ "subscription": to.shown() });
            body["subscription"]["status"] = json!(reason);
            let message = self.stage.message(Kind::Revocation, &to, body.to_string());
            answers.push(self.stage.send(&to, message).await?);
        }
        Ok(answers)
    }

    /// The subscriptions there are.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.stage.subscriptions.borrow().clone()
    }

    /// Waits until what is said of the subscriptions is true: that one is enabled, that there are six.
    pub async fn subscriptions_are(&self, wanted: impl FnMut(&Vec<Subscription>) -> bool) {
        let mut all = self.stage.subscriptions.subscribe();
        let _ = all.wait_for(wanted).await.expect("the sender lives as long as this");
    }

    /// Waits until there is an enabled subscription to a topic of a channel.
    pub async fn subscribed(&self, login: &str, topic: Topic) {
        let id = self.user_id(login);
        let wanted =
            |other: &Subscription| other.is_enabled() && other.topic == topic && other.broadcaster_id == id;
        self.subscriptions_are(|all| all.iter().any(wanted)).await;
    }

    /// What became of every message, challenges and forgeries included, in order.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.stage.world().deliveries.clone()
    }

    /// Posts messages for `https://` callbacks to this address over plain HTTP, whatever host they name: it stands for
    /// the reverse proxy that ends TLS in front of a server.
    pub fn set_front(&self, addr: SocketAddr) {
        self.stage.world().front = Some(addr);
    }
}

/// What a notification says of a channel.
fn event(world: &World, login: &str, topic: Topic) -> Value {
    let Some(channel) = world.channel(login) else { return Value::Null };
    let mut event = json!({
        "broadcaster_user_id": channel.id,
        "broadcaster_user_login": channel.login,
        "broadcaster_user_name": channel.name,
    });
    match topic {
        Topic::Offline => {}
        Topic::Online => describe_stream(&mut event, channel),
        Topic::Update => {
            event["title"] = json!(channel.title);
            event["language"] = json!("en");
            event["category_id"] = json!(channel.game_id());
            event["category_name"] = json!(channel.category);
            event["content_classification_labels"] = json!([]);
        }
    }
    event
}

fn describe_stream(event: &mut Value, channel: &Channel) {
    if let Some(broadcast) = channel.broadcasts.last() {
        event["id"] = json!(broadcast.id);
        event["type"] = json!("live");
        event["started_at"] = json!(broadcast.started_at().to_rfc3339_opts(SecondsFormat::Secs, true));
    }
}
