//! A typed client of the API: one method an endpoint, and every failure a sentence.

use std::error::Error as _;
use std::time::Duration;

use holdfast_model::{Secret, mask_passwords};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, Response, Url, redirect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::text::clean;
use crate::{
    Channel, ChannelList, ChannelWish, ClientError, Imported, Limits, NewProxy, Preview, Proxy, ProxyChange,
    ProxyList, Tested,
};

/// To reach a server, which is near.
const CONNECT: Duration = Duration::from_secs(5);
/// For one answer: an import of many thousand proxies, or a check of one that hangs.
const ANSWER: Duration = Duration::from_secs(60);

/// A server that is spoken to.
pub struct Api {
    client: Client,
    base: Url,
    /// For messages, without a password.
    shown: String,
}

impl Api {
    /// For the server at this address; `host:port` is taken as http. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Usage`] if that is no http or https URL.
    pub fn new(server: &str) -> Result<Self, ClientError> {
        let server = server.trim();
        let with_scheme = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
        let shown = clean(with_scheme.trim_end_matches('/'));
        let base = Url::parse(&with_scheme)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                ClientError::Usage(format!(
                    "--server {shown} is no address: write it like http://127.0.0.1:8000"
                ))
            })?;
        // reqwest panics without one. If there is one already, that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            // The server is one's own: a proxy from the environment is for the world outside.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| ClientError::failed(format!("the HTTP client cannot start: {}", describe(&e))))?;
        Ok(Self { client, base, shown })
    }

    /// All proxies and the state of the pool.
    ///
    /// # Errors
    /// As every method here: [`ClientError::Unreachable`] if nobody answers, [`ClientError::Refused`] with the
    /// server's own words, [`ClientError::Failed`] if the answer makes no sense.
    pub async fn list(&self) -> Result<ProxyList, ClientError> {
        self.ask(Method::GET, "proxy/list", Nothing).await
    }

    /// Adds one and answers with its id.
    ///
    /// # Errors
    /// See [`Self::list`]; a duplicate is refused.
    pub async fn add(&self, proxy: &NewProxy<'_>) -> Result<i64, ClientError> {
        #[derive(Deserialize)]
        struct Added {
            proxy_id: i64,
        }
        let added: Added = self.ask(Method::POST, "proxy/add", Json(proxy)).await?;
        Ok(added.proxy_id)
    }

    /// Adds a list: one proxy a line.
    ///
    /// # Errors
    /// See [`Self::list`]; bad lines are no error but part of the answer.
    pub async fn import(&self, list: String) -> Result<Imported, ClientError> {
        self.ask(Method::POST, "proxy/import", Text(list)).await
    }

    /// Changes one.
    ///
    /// # Errors
    /// See [`Self::list`].
    pub async fn change(&self, id: i64, change: &ProxyChange<'_>) -> Result<Proxy, ClientError> {
        self.ask(Method::PATCH, &format!("proxy/{id}"), Json(change)).await
    }

    /// Removes one.
    ///
    /// # Errors
    /// See [`Self::list`].
    pub async fn remove(&self, id: i64) -> Result<(), ClientError> {
        self.send(Method::DELETE, &format!("proxy/{id}"), Nothing).await.map(drop)
    }

    /// Checks one now; that counts like a scheduled check.
    ///
    /// # Errors
    /// See [`Self::list`]; a proxy that fails is no error but an answer.
    pub async fn test(&self, id: i64) -> Result<Tested, ClientError> {
        self.ask(Method::POST, &format!("proxy/{id}/test"), Nothing).await
    }

    /// The address of one in full. The server writes into its event log that somebody asked.
    ///
    /// # Errors
    /// See [`Self::list`].
    pub async fn reveal(&self, id: i64) -> Result<Secret, ClientError> {
        #[derive(Deserialize)]
        struct Revealed {
            proxy_url: String,
        }
        let revealed: Revealed = self.ask(Method::POST, &format!("proxy/{id}/reveal"), Nothing).await?;
        Ok(Secret::new(revealed.proxy_url))
    }

    /// Gives the priorities 0, 1, 2 … in this order, which names every proxy once.
    ///
    /// # Errors
    /// See [`Self::list`].
    pub async fn reorder(&self, ids: &[i64]) -> Result<(), ClientError> {
        #[derive(Serialize)]
        struct Order<'a> {
            ids: &'a [i64],
        }
        self.send(Method::POST, "proxy/reorder", Json(&Order { ids })).await.map(drop)
    }

    /// All channels.
    ///
    /// # Errors
    /// See [`Self::list`].
    pub async fn channels(&self) -> Result<ChannelList, ClientError> {
        self.ask(Method::GET, "streamers", Nothing).await
    }

    /// One channel.
    ///
    /// # Errors
    /// See [`Self::list`].
    pub async fn channel(&self, id: i64) -> Result<Channel, ClientError> {
        self.ask(Method::GET, &format!("streamers/{id}"), Nothing).await
    }

    /// What these limits would delete now, in place of those that the channel has.
    ///
    /// # Errors
    /// See [`Self::list`].
    pub async fn would_delete(&self, channel: i64, limits: Limits) -> Result<Preview, ClientError> {
        let Limits { max_age_days, max_count, max_bytes } = limits;
        let mut path = format!("retention/preview?streamer_id={channel}");
        for (name, limit) in [
            ("max_age_days", max_age_days.map(u64::from)),
            ("max_count", max_count.map(u64::from)),
            ("max_bytes", max_bytes),
        ] {
            path.extend(limit.map(|limit| format!("&{name}={limit}")));
        }
        self.ask(Method::GET, &path, Nothing).await
    }

    /// Adds a channel.
    ///
    /// # Errors
    /// See [`Self::list`]; one that is there already is refused.
    pub async fn add_channel(&self, wish: &ChannelWish<'_>) -> Result<Channel, ClientError> {
        self.ask(Method::POST, "streamers", Json(wish)).await
    }

    /// Changes a channel.
    ///
    /// # Errors
    /// See [`Self::list`].
    pub async fn change_channel(&self, id: i64, wish: &ChannelWish<'_>) -> Result<Channel, ClientError> {
        self.ask(Method::PATCH, &format!("streamers/{id}"), Json(wish)).await
    }

    /// Removes a channel.
    ///
    /// # Errors
    /// See [`Self::list`].
    pub async fn remove_channel(&self, id: i64) -> Result<(), ClientError> {
        self.send(Method::DELETE, &format!("streamers/{id}"), Nothing).await.map(drop)
    }

    /// Looks now whether a channel is live.
    ///
    /// # Errors
    /// See [`Self::list`]; that it could not be found out is no error but an answer.
    pub async fn check_channel(&self, id: i64) -> Result<Channel, ClientError> {
        self.ask(Method::POST, &format!("streamers/{id}/check"), Nothing).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: impl Body,
    ) -> Result<T, ClientError> {
        let answer = self.send(method, path, body).await?;
        let bytes = answer.bytes().await.map_err(|e| self.unreachable(&e))?;
        // serde's message may repeat what it read, which may be an address in full.
        serde_json::from_slice(&bytes).map_err(|_| {
            ClientError::Failed(format!(
                "{} gave an answer that this program does not understand: is it a holdfast server of version {}?",
                self.shown,
                env!("CARGO_PKG_VERSION")
            ))
        })
    }

    async fn send(&self, method: Method, path: &str, body: impl Body) -> Result<Response, ClientError> {
        let mut url = self.base.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        url.set_path(&format!("{}/api/{path}", url.path().trim_end_matches('/')));
        url.set_query(query);
        let request = self.client.request(method, url);
        let request = match body.into_bytes()? {
            Some((content_type, bytes)) => request.header(CONTENT_TYPE, content_type).body(bytes),
            None => request,
        };
        let answer = request.send().await.map_err(|e| self.unreachable(&e))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refused(answer).await) }
    }

    async fn refused(&self, answer: Response) -> ClientError {
        #[derive(Deserialize)]
        struct Problem {
            detail: String,
        }
        let status = answer.status();
        let problem = answer.bytes().await.ok().and_then(|b| serde_json::from_slice::<Problem>(&b).ok());
        match problem {
            Some(Problem { detail }) => ClientError::Refused { status, detail: clean(&detail) },
            None => ClientError::Failed(format!(
                "{} answered {status} without saying why: is that a holdfast server? Name another by --server",
                self.shown
            )),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let server = self.shown.clone();
        if error.is_connect() {
            let reason = describe(error);
            // Refused is the usual case, and the sentence says what to do about it.
            let refused = reason.contains("refused");
            let reason = if refused { String::new() } else { format!(" ({})", clean(&reason)) };
            return ClientError::Unreachable { server, reason };
        }
        if error.is_timeout() {
            return ClientError::Failed(format!(
                "{server} did not answer within {} s: see its log, or try again",
                ANSWER.as_secs()
            ));
        }
        ClientError::failed(format!("the connection with {server} broke: {}", describe(error)))
    }
}

/// The innermost cause: the outer ones say "error sending request" and the URL.
fn describe(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    let text = cause.map_or_else(|| error.to_string(), ToString::to_string);
    mask_passwords(&text).into_owned()
}

/// What goes with a request.
trait Body {
    fn into_bytes(self) -> Result<Option<(&'static str, Vec<u8>)>, ClientError>;
}

struct Nothing;
struct Text(String);
struct Json<'a, T>(&'a T);

impl Body for Nothing {
    fn into_bytes(self) -> Result<Option<(&'static str, Vec<u8>)>, ClientError> {
        Ok(None)
    }
}

impl Body for Text {
    fn into_bytes(self) -> Result<Option<(&'static str, Vec<u8>)>, ClientError> {
        Ok(Some(("text/plain; charset=utf-8", self.0.into_bytes())))
    }
}

impl<T: Serialize> Body for Json<'_, T> {
    fn into_bytes(self) -> Result<Option<(&'static str, Vec<u8>)>, ClientError> {
        let bytes = serde_json::to_vec(self.0)
            .map_err(|e| ClientError::failed(format!("the request cannot be put into JSON: {e}")))?;
        Ok(Some(("application/json", bytes)))
    }
}
