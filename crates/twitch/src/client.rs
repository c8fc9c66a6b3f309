//! Who asks Twitch: one client ID, one app token for all, and how a request is put and answered.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use holdfast_model::Secret;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use reqwest::{Client, Request};
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};

use crate::TwitchError;
use crate::token::{Found, Granted, Purse};
use crate::wire::{self, Answer};

const TOKEN_URL: &str = "https://id.twitch.tv/oauth2/token";
const HELIX: &str = "https://api.twitch.tv/helix";
const CLIENT_ID: HeaderName = HeaderName::from_static("client-id");
/// Where a person finds both.
const CONSOLE: &str = "dev.twitch.tv/console/apps";

/// What a person registered with Twitch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Names the application; not secret.
    pub client_id: String,
    /// Its password.
    pub client_secret: Secret,
}

/// Twitch, as one application sees it. Clones share the token, which is fetched when it is first needed, renewed before
/// its end, and fetched anew when Twitch refuses it; by one caller at a time, while the others wait for that.
#[derive(Clone)]
pub struct Twitch(Arc<Inner>);

struct Inner {
    client: Client,
    credentials: Credentials,
    purse: Mutex<Purse>,
}

/// A request to the API.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// Behind `/helix/`.
    pub(crate) path: &'static str,
    pub(crate) query: Vec<(&'static str, &'a str)>,
    /// JSON.
    pub(crate) body: Option<String>,
    /// What is asked, for messages.
    pub(crate) what: &'static str,
    /// In the body.
    pub(crate) secret: Option<&'a Secret>,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: &'static str, query: Vec<(&'static str, &'a str)>, what: &'static str) -> Self {
        Self { method: Method::GET, path, query, body: None, what, secret: None }
    }
}

impl fmt::Debug for Twitch {
    /// Without the client, which would show the address of its proxy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twitch").field("credentials", &self.0.credentials).finish_non_exhaustive()
    }
}

impl Twitch {
    /// With the client through which everything goes. It should follow no redirects, and it needs no timeout: every
    /// request here has 15 s. Nothing is sent yet.
    #[must_use]
    pub fn new(client: Client, credentials: Credentials) -> Self {
        Self(Arc::new(Inner { client, credentials, purse: Mutex::default() }))
    }

    /// The app token. Good to learn whether the credentials are.
    ///
    /// # Errors
    /// [`TwitchError::Credentials`] if the client ID or secret is wrong, [`TwitchError::Token`] if the API has just refused
    /// a fresh token. An error is given to everybody for a while (2 s if Twitch cannot be reached; if it refuses, a minute,
    /// which doubles up to ten) before Twitch is asked again.
    pub async fn token(&self) -> Result<Secret, TwitchError> {
        self.some_token(None).await
    }

    /// Another token, for somebody to whom Twitch answered 401 for this one; the one that took its place if somebody
    /// else has been here already.
    ///
    /// # Errors
    /// As [`Self::token`].
    pub async fn token_instead_of(&self, refused: &Secret) -> Result<Secret, TwitchError> {
        self.some_token(Some(refused)).await
    }

    async fn some_token(&self, refused: Option<&Secret>) -> Result<Secret, TwitchError> {
        // Held while it is fetched, so that there is one fetch however many ask. Whoever is dropped meanwhile leaves
        // the turn to the next.
        let mut purse = self.0.purse.lock().await;
        match purse.look(refused, Instant::now(), Utc::now()) {
            Found::Token(token) => return Ok(token),
            Found::Failed(error) => return Err(error),
            Found::Nothing => {}
        }
        match self.fetch().await {
            Ok(granted) => Ok(purse.put(granted, Instant::now())),
            Err(error) => purse.fail(error, Instant::now()),
        }
    }

    async fn fetch(&self) -> Result<Granted, TwitchError> {
        const WHAT: &str = "a token";
        let Credentials { client_id, client_secret } = &self.0.credentials;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", client_id)
            .append_pair("client_secret", client_secret.expose())
            .append_pair("grant_type", "client_credentials")
            .finish();
        let mut request = Request::new(Method::POST, address(TOKEN_URL)?);
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        *request.body_mut() = Some(form.into());
        let answer = wire::ask(&self.0.client, request).await?;
        match answer.status {
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(wrong_credentials(&answer, client_secret))
            }
            _ => answer.judged(WHAT, &[client_secret])?.read(WHAT),
        }
    }

    /// Asks the API; with a new token, once, if Twitch refuses the old one.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Answer, TwitchError> {
        let mut token = self.token().await?;
        let mut answer = wire::ask(&self.0.client, self.request(call, &token)?).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            token = self.token_instead_of(&token).await?;
            answer = wire::ask(&self.0.client, self.request(call, &token)?).await?;
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            let error = token_untaken(&answer, &[&token, &self.0.credentials.client_secret]);
            self.0.purse.lock().await.refuse(&token, error.clone(), Instant::now());
            return Err(error);
        }
        let says_nothing = answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS;
        // Whoever is fetching another just now is not waited for: the next answer says the same.
        if !says_nothing && let Ok(mut purse) = self.0.purse.try_lock() {
            purse.taken();
        }
        let secrets: Vec<&Secret> =
            [&token, &self.0.credentials.client_secret].into_iter().chain(call.secret).collect();
        answer.judged(call.what, &secrets)
    }

    fn request(&self, call: &Call<'_>, token: &Secret) -> Result<Request, TwitchError> {
        let mut url = address(&format!("{HELIX}/{}", call.path))?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let client_id = HeaderValue::from_str(&self.0.credentials.client_id)
            .map_err(|_| TwitchError::Credentials(unknown_id()))?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| TwitchError::Unavailable("Twitch gave a token that cannot be sent".to_owned()))?;
        bearer.set_sensitive(true);
        let mut request = Request::new(call.method.clone(), url);
        request.headers_mut().insert(CLIENT_ID, client_id);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        if let Some(body) = &call.body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.clone().into());
        }
        Ok(request)
    }
}

fn address(text: &str) -> Result<Url, TwitchError> {
    Url::parse(text).map_err(|e| TwitchError::Unavailable(format!("{text} is no address: {e}")))
}

fn unknown_id() -> String {
    format!("Twitch does not know this client ID: copy it again from {CONSOLE}")
}

/// The API refuses a token that Twitch has just given.
fn token_untaken(answer: &Answer, secrets: &[&Secret]) -> TwitchError {
    let said = answer.words(secrets);
    TwitchError::Token(format!(
        "Twitch refuses the token that it has just given for this client ID ({said}): see at {CONSOLE} whether the \
         application is still in order"
    ))
}

/// Twitch tells a wrong ID from a wrong secret, in words.
fn wrong_credentials(answer: &Answer, secret: &Secret) -> TwitchError {
    let said = answer.words(&[secret]);
    TwitchError::Credentials(match said.to_lowercase().as_str() {
        "invalid client" => unknown_id(),
        "invalid client secret" => {
            format!(
                "Twitch does not accept this client secret: copy it again, or make a new one, at {CONSOLE}"
            )
        }
        _ => format!(
            "Twitch gives no token for this client ID and secret ({said}): compare both with {CONSOLE}"
        ),
    })
}
