//! The connection to Twitch: its API with the credentials of the settings, through the gateway like everything else.

use std::sync::{Arc, Mutex, PoisonError};

use holdfast_gateway::{AccountHandle, LeaseHandle};
use holdfast_recorder::web_client;
use holdfast_store::ServerSettingsRow;
use holdfast_twitch::{Credentials, Twitch, TwitchError};

use crate::Engine;
use crate::view::{LinkState, LinkView};

/// What is connected.
#[derive(Default)]
pub(crate) struct Links {
    twitch: Mutex<Option<Arc<Link>>>,
    /// How the last request went.
    last: Mutex<Option<Result<(), String>>>,
}

/// One client with its way out; a change of the credentials makes a new one.
pub(crate) struct Link {
    pub(crate) twitch: Twitch,
    /// The client's credentials at the gateway end with these.
    _lease: LeaseHandle,
    _account: AccountHandle,
}

impl Links {
    /// Notes how a request went.
    pub(crate) fn note<T>(&self, result: &Result<T, TwitchError>) {
        let result = result.as_ref().map(|_| ()).map_err(ToString::to_string);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }

    /// How the connection is.
    pub(crate) fn view(&self, settings: &ServerSettingsRow) -> LinkView {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
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
        self.inner.channels.links.twitch.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        *links.twitch.lock().unwrap_or_else(PoisonError::into_inner) = link.map(Arc::new);
        *links.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A connection with these credentials.
    pub(super) fn link(&self, credentials: Credentials) -> Result<Link, String> {
        let account = self.inner.gateway.recordings.visitor(&[]);
        let lease = account.lease();
        let client = web_client(&lease.proxy_url(), false)?;
        Ok(Link { twitch: Twitch::new(client, credentials), _lease: lease, _account: account })
    }
}
