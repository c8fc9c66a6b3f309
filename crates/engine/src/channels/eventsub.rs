//! Twitch's own word that a channel goes live: subscriptions are kept in step with the channels, and what Twitch sends is
//! read only after its signature. Polling goes on beside it, as a safety net.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use holdfast_model::{ChannelId, Scene, Secret};
use holdfast_store::ServerSettingsRow;
use holdfast_twitch::eventsub::{Inbox, Notice};
use holdfast_twitch::{Kind, State, Subscription, TwitchError};
use http::{HeaderMap, StatusCode};
use rand::distr::{Alphanumeric, SampleString as _};
use tokio::time::{sleep, timeout};

use super::link::{Link, credentials};
use super::lock;
use super::standing::Sight;
use crate::Engine;
use crate::view::{EventSubView, LinkState};

/// Where Twitch sends to, behind the public address.
pub const PATH: &str = "/eventsub";
/// How often subscriptions are compared with what is wanted. A change of the channels does it at once.
const COMPARE_EVERY: Duration = Duration::from_secs(600);
/// The same after a failure, and while some are not confirmed yet.
const AGAIN: Duration = Duration::from_secs(30);
/// Twitch allows 10 to 100 characters.
const SECRET_LENGTH: usize = 48;
/// How long the title of a broadcast is waited for before it is recorded without.
const TITLE_LIMIT: Duration = Duration::from_secs(3);

/// What is known of EventSub.
#[derive(Default)]
pub(crate) struct EventSub {
    /// For messages signed with this secret.
    inbox: Mutex<Option<(Secret, Arc<Inbox>)>>,
    /// How the last comparison went: confirmed subscriptions, or why not.
    last: Mutex<Option<Result<usize, String>>>,
}

impl EventSub {
    /// How it is.
    pub(crate) fn view(&self, settings: &ServerSettingsRow) -> EventSubView {
        let last = lock(&self.last).clone();
        let (state, message, subscriptions) = match (callback(settings), last) {
            (None, _) => (LinkState::Off, "No public address: Twitch is only asked".to_owned(), 0),
            (Some(_), None) => (LinkState::Ok, "Not subscribed yet".to_owned(), 0),
            (Some(_), Some(Ok(count))) => (LinkState::Ok, "Twitch tells who goes live".to_owned(), count),
            (Some(_), Some(Err(why))) => (LinkState::Error, why, 0),
        };
        EventSubView { state, message, subscriptions }
    }

    /// The inbox for this secret: the same as long as the secret is, for it remembers what was there.
    fn inbox(&self, secret: &Secret) -> Arc<Inbox> {
        let mut known = lock(&self.inbox);
        match &*known {
            Some((of, inbox)) if of == secret => Arc::clone(inbox),
            _ => {
                let inbox = Arc::new(Inbox::new(secret.clone()));
                *known = Some((secret.clone(), Arc::clone(&inbox)));
                inbox
            }
        }
    }
}

/// How a comparison of the subscriptions went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// Twitch has confirmed all of them.
    Confirmed,
    /// Not yet.
    Unconfirmed,
    /// There are none to be: nobody gave an address, or credentials.
    NotWanted,
}

/// Logs that subscriptions cannot be compared once, however often that is tried, and once that they can be again. Answers
/// how loud.
fn tell(failing: &mut bool, compared: &Result<Compared, String>) -> Option<tracing::Level> {
    let before = std::mem::replace(failing, compared.is_err());
    match compared {
        Err(error) if !before => {
            tracing::warn!("subscriptions with Twitch could not be compared: {error}");
            Some(tracing::Level::WARN)
        }
        Err(error) => {
            tracing::debug!("subscriptions with Twitch could still not be compared: {error}");
            Some(tracing::Level::DEBUG)
        }
        Ok(Compared::Confirmed | Compared::Unconfirmed) if before => {
            tracing::info!("subscriptions with Twitch can be compared again");
            Some(tracing::Level::INFO)
        }
        Ok(_) => None,
    }
}

/// Where Twitch is to send to, if it is to send at all.
fn callback(settings: &ServerSettingsRow) -> Option<String> {
    credentials(settings)?;
    Some(format!("{}{PATH}", settings.public_url.as_ref()?))
}

impl Engine {
    /// Takes in what came at the webhook, and says what to answer: a status and a text. What is not signed by Twitch changes
    /// nothing. Answers at once; what follows from a message happens in the background.
    #[must_use]
    pub fn receive_eventsub(&self, headers: &HeaderMap, body: &[u8]) -> (StatusCode, String) {
        let channels = &self.inner.channels;
        let secret = channels.settings().eventsub_secret.clone().unwrap_or_else(|| Secret::new(""));
        match channels.eventsub.inbox(&secret).receive(headers, body, Utc::now()) {
            Ok(Notice::Challenge(challenge)) => (StatusCode::OK, challenge),
            Ok(notice) => {
                let engine = self.clone();
                self.inner.tracker.spawn(async move { engine.heed_notice(notice).await });
                (StatusCode::NO_CONTENT, String::new())
            }
            Err(rejected) => {
                tracing::warn!("a message to {PATH} was not taken: {rejected}");
                (rejected.status(), rejected.to_string())
            }
        }
    }

    async fn heed_notice(&self, notice: Notice) {
        match notice {
            Notice::Online { broadcaster_id, login, stream_id, started_at, .. } => {
                if let Some(id) = self.channel_told(&broadcaster_id, &login, Some(true)) {
                    // Perhaps it only comes back.
                    self.inner.recordings.wake(id);
                    self.goes_live(id, &login, stream_id, started_at).await;
                }
            }
            Notice::Offline { broadcaster_id, login, .. } => {
                if let Some(id) = self.channel_told(&broadcaster_id, &login, Some(false)) {
                    self.heard(id, Sight::Offline).await;
                }
            }
            Notice::Update { broadcaster_id, login, title, category, .. } => {
                if let Some(id) = self.channel_told(&broadcaster_id, &login, None) {
                    self.is_renamed(id, Scene { title, category }).await;
                }
            }
            Notice::Revoked { kind, broadcaster_id, reason, .. } => {
                let what = kind.name();
                tracing::warn!(
                    "Twitch ended the subscription to {what} of channel {broadcaster_id}: {reason}; it is made anew"
                );
                self.inner.channels.resubscribe.notify_one();
            }
            Notice::Challenge(_) | Notice::Other => {}
        }
    }

    /// The channel that a message is about; what Twitch told of it is kept.
    fn channel_told(&self, twitch_id: &str, login: &str, live: Option<bool>) -> Option<ChannelId> {
        let mut all = self.inner.channels.lock();
        let is_it = |row: &holdfast_store::ChannelRow| {
            row.state.twitch_id.as_deref() == Some(twitch_id) || row.username.as_deref() == Some(login)
        };
        let channel = all.values_mut().find(|channel| is_it(&channel.row))?;
        if let Some(live) = live {
            channel.told = Some((live, Instant::now()));
        }
        Some(channel.row.id)
    }

    /// It is recorded with its title, if Twitch says that soon enough.
    async fn goes_live(&self, id: ChannelId, login: &str, stream_id: String, started_at: DateTime<Utc>) {
        let asked = async {
            let found = self.twitch()?.twitch.streams(&[login.to_owned()]).await.ok()?;
            let stream = found.into_values().next().filter(|stream| stream.id == stream_id)?;
            Some(Scene { title: stream.title, category: stream.category })
        };
        let scene = timeout(TITLE_LIMIT, asked).await.ok().flatten();
        self.heard(id, Sight::Live { id: Some(stream_id), since: Some(started_at), scene }).await;
    }

    /// Counts only while it is live: what a channel is called in between is not what a broadcast was called.
    async fn is_renamed(&self, id: ChannelId, scene: Scene) {
        let is_live = self.inner.channels.with(id, |channel| channel.standing.live.is_some());
        if is_live == Some(true) {
            self.heard(id, Sight::Live { id: None, since: None, scene: Some(scene) }).await;
        }
    }

    /// Keeps the subscriptions in step with the channels until the server stops.
    pub(crate) async fn keep_subscribed(self) {
        let mut failing = false;
        loop {
            let compared = self.subscribe_all().await;
            tell(&mut failing, &compared);
            let pause = match compared {
                Ok(Compared::Confirmed | Compared::NotWanted) => COMPARE_EVERY,
                Ok(Compared::Unconfirmed) => AGAIN,
                Err(error) => {
                    *lock(&self.inner.channels.eventsub.last) = Some(Err(error));
                    AGAIN
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.inner.channels.resubscribe.notified() => {}
                () = self.inner.stop.cancelled() => return,
            }
        }
    }

    /// Makes what is missing and ends what nobody wants.
    async fn subscribe_all(&self) -> Result<Compared, String> {
        let settings = self.inner.channels.settings();
        let (Some(callback), Some(link)) = (callback(&settings), self.twitch()) else {
            return Ok(Compared::NotWanted);
        };
        let secret = self.eventsub_secret().await?;
        self.learn_numbers(&link).await.map_err(|error| error.to_string())?;
        let known = link.twitch.subscriptions().await.map_err(|error| error.to_string())?;
        let mine: Vec<_> = known.into_iter().filter(|known| known.callback == callback).collect();
        let wanted = self.wanted_subscriptions();
        let mut there: HashMap<(Kind, String), bool> = HashMap::new();
        for subscription in mine {
            let Subscription { id, state, kind, broadcaster_id, .. } = subscription;
            let over = matches!(state, State::Over(_));
            if over || !wanted.iter().any(|(number, _)| *number == broadcaster_id) {
                link.twitch.unsubscribe(&id).await.map_err(|error| error.to_string())?;
            } else {
                there.insert((kind, broadcaster_id), matches!(state, State::Enabled));
            }
        }
        for (number, name) in &wanted {
            for kind in Kind::ALL {
                if there.contains_key(&(kind, number.clone())) {
                    continue;
                }
                let made = link.twitch.subscribe(kind, number, &callback, &secret).await;
                if let Err(error) = made.map(drop).or_else(unless_there) {
                    return Err(format!("{name} could not be subscribed to: {error}"));
                }
                there.insert((kind, number.clone()), false);
            }
        }
        let confirmed = there.values().filter(|confirmed| **confirmed).count();
        *lock(&self.inner.channels.eventsub.last) = Some(Ok(confirmed));
        Ok(if confirmed == there.len() { Compared::Confirmed } else { Compared::Unconfirmed })
    }

    /// The numbers that Twitch knows channels by, and their names.
    fn wanted_subscriptions(&self) -> Vec<(String, String)> {
        let all = self.inner.channels.lock();
        let on_twitch = all.values().filter(|channel| channel.row.username.is_some());
        let state = on_twitch.map(|channel| &channel.row.state);
        state.filter_map(|state| Some((state.twitch_id.clone()?, state.display_name.clone()))).collect()
    }

    /// Asks for the numbers of channels whose are not known.
    async fn learn_numbers(&self, link: &Link) -> Result<(), TwitchError> {
        let unknown: Vec<(ChannelId, String)> = {
            let all = self.inner.channels.lock();
            let rows = all.values().map(|channel| &channel.row).filter(|row| row.state.twitch_id.is_none());
            rows.filter_map(|row| Some((row.id, row.username.clone()?))).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let logins: Vec<_> = unknown.iter().map(|(_, login)| login.clone()).collect();
        let users = link.twitch.users(&logins).await?;
        let mut learned = Vec::new();
        for (id, login) in unknown {
            let Some(user) = users.iter().find(|user| user.login == login) else { continue };
            self.inner.channels.with(id, |channel| {
                let state = &mut channel.row.state;
                state.twitch_id = Some(user.id.clone());
                // A name that a person gave it stays.
                if state.display_name.eq_ignore_ascii_case(&user.login) {
                    state.display_name.clone_from(&user.display_name);
                }
            });
            learned.push(id);
        }
        self.store_standing(&learned).await;
        Ok(())
    }

    /// The secret that Twitch signs with, made when it is first needed.
    async fn eventsub_secret(&self) -> Result<Secret, String> {
        if let Some(secret) = self.inner.channels.settings().eventsub_secret.clone() {
            return Ok(secret);
        }
        let secret = Secret::new(Alphanumeric.sample_string(&mut rand::rng(), SECRET_LENGTH));
        self.keep_eventsub_secret(secret.clone()).await.map_err(|error| error.to_string())?;
        Ok(secret)
    }
}

/// That a subscription is there already is as good.
fn unless_there(error: TwitchError) -> Result<(), TwitchError> {
    if error.is_conflict() { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_of_the_subscriptions_is_told_once_and_so_is_its_end() {
        let mut failing = false;
        let down = |why: &str| Err(why.to_owned());
        for (compared, level) in [
            (Ok(Compared::Unconfirmed), None),
            (down("503"), Some(tracing::Level::WARN)),
            (down("no answer"), Some(tracing::Level::DEBUG)),
            (Ok(Compared::Confirmed), Some(tracing::Level::INFO)),
            (Ok(Compared::Confirmed), None),
            (down("503"), Some(tracing::Level::WARN)),
            // A person took the credentials away: it did not come to work again.
            (Ok(Compared::NotWanted), None),
            (Ok(Compared::Confirmed), None),
        ] {
            assert_eq!(tell(&mut failing, &compared), level, "{compared:?}");
        }
    }
}
