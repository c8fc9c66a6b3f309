//! The connection to Twitch: its API with the credentials of the settings, through the gateway like everything else.

use std::sync::{Arc, Mutex};

use holdfast_gateway::{AccountHandle, LeaseHandle};
use holdfast_model::Event;
use holdfast_recorder::web_client;
use holdfast_store::ServerSettingsRow;
use holdfast_twitch::{Credentials, Twitch, TwitchError};

use super::lock;
use super::refused::{Refused, Told, Witness};
use crate::Engine;
use crate::view::{LinkState, LinkView};

/// What is connected.
#[derive(Default)]
pub(crate) struct Links {
    twitch: Mutex<Option<Arc<Link>>>,
    /// How the last request went.
    last: Mutex<Option<Result<(), String>>>,
    refused: Mutex<Refused>,
}

/// One client with its way out; a change of the credentials makes a new one.
pub(crate) struct Link {
    pub(crate) twitch: Twitch,
    /// The client's credentials at the gateway end with these.
    _lease: LeaseHandle,
    _account: AccountHandle,
}

impl Links {
    /// Whether Twitch refuses the credentials: its channels are looked at as if there were none.
    pub(super) fn is_refused(&self) -> bool {
        lock(&self.refused).is_refused()
    }

    /// Shows how a request went.
    pub(crate) fn show<T>(&self, result: &Result<T, TwitchError>) {
        *lock(&self.last) = Some(result.as_ref().map(|_| ()).map_err(ToString::to_string));
    }

    /// Notes how a request went.
    fn note<T>(&self, witness: Witness, result: &Result<T, TwitchError>) -> Option<Told> {
        let told = lock(&self.refused).heed(witness, result);
        // A token is no news to a person, unless it changes something.
        if witness == Witness::Api || told.is_some() {
            self.show(result);
        }
        told
    }

    /// How the connection is.
    pub(crate) fn view(&self, settings: &ServerSettingsRow) -> LinkView {
        let last = lock(&self.last).clone();
        let (state, message) = match (credentials(settings), last) {
            (None, _) if settings.twitch_client_id.is_some() => (
                LinkState::Error,
                "The client secret is missing: enter it (it was never stored, or with another secret key)"
                    .to_owned(),
            ),
            (None, _) => (
                LinkState::Off,
                "No credentials: whether a channel is live is asked through Streamlink".to_owned(),
            ),
            (Some(_), None) => (LinkState::Ok, "Not asked yet".to_owned()),
            (Some(_), Some(Ok(()))) => (LinkState::Ok, "Twitch answers".to_owned()),
            (Some(_), Some(Err(why))) if self.is_refused() => {
                let message =
                    format!("{why}. Until then channels of Twitch are looked at through Streamlink");
                (LinkState::Error, message)
            }
            (Some(_), Some(Err(why))) => (LinkState::Error, why),
        };
        LinkView { state, message }
    }
}

/// The credentials, if both halves are there.
pub(super) fn credentials(settings: &ServerSettingsRow) -> Option<Credentials> {
    let client_id = settings.twitch_client_id.clone()?;
    let client_secret = settings.twitch_client_secret.clone()?;
    Some(Credentials { client_id, client_secret })
}

impl Engine {
    /// The connection to Twitch; `None` without credentials.
    pub(crate) fn twitch(&self) -> Option<Arc<Link>> {
        lock(&self.inner.channels.links.twitch).clone()
    }

    /// Notes how a request to Twitch went, and tells if it refuses who is asking, or no longer.
    pub(crate) fn note_twitch<T>(&self, witness: Witness, result: &Result<T, TwitchError>) {
        let Some(told) = self.inner.channels.links.note(witness, result) else { return };
        let (level, message) = told.words(&self.inner.targets.usual_words());
        self.inner.memory.pool().announce_one(Event::Notice { level, message });
    }

    /// Connects anew with the credentials of the settings, or no more. `tried`: a connection that has a token already.
    pub(crate) fn relink(&self, tried: Option<Link>) {
        let credentials = credentials(&self.inner.channels.settings());
        let named = credentials.as_ref().map(|credentials| credentials.client_id.clone());
        let link = tried.or_else(|| {
            let link = self.link(credentials?);
            link.map_err(|error| tracing::error!("Twitch cannot be asked: {error}")).ok()
        });
        self.inner.targets.link(link.as_ref().map(|link| link.twitch.clone()).zip(named));
        let links = &self.inner.channels.links;
        match link {
            Some(_) => lock(&links.refused).renewed(),
            None => lock(&links.refused).forget(),
        }
        *lock(&links.twitch) = link.map(Arc::new);
        *lock(&links.last) = None;
        self.inner.channels.look_soon_on_twitch();
    }

    /// A connection with these credentials.
    pub(super) fn link(&self, credentials: Credentials) -> Result<Link, String> {
        let account = self.inner.gateway.recordings.visitor(&[]);
        let lease = account.lease();
        let client = web_client(&lease.proxy_url(), false)?;
        Ok(Link { twitch: Twitch::new(client, credentials), _lease: lease, _account: account })
    }
}
