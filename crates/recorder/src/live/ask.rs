//! Asking the site: the media playlist through our own client, the page through Streamlink. Every question takes a
//! lease of its own, so its connections die with it.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use holdfast_model::Secret;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy, StatusCode};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::timeout;
use tracing::debug;
use url::Url;

use super::Answer;
use super::page::{Page, Target, headers, names, printed, read_page};
use super::playlist::{self, Playlist};
use crate::mask::{Masker, mask_url};
use crate::options::StreamlinkOptions;
use crate::ports::{Account, Liveness, Platform};
use crate::request::RecordRequest;
use crate::streamlink::{Job, Purpose};
use crate::tools::Tools;

/// For one request of ours; a dial at the gateway takes up to 5.5 s.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// A playlist or a JSON answer larger than this is none.
pub(super) const LARGEST_ANSWER: usize = 8 << 20;
/// For the platform to answer.
const PLATFORM_LIMIT: Duration = Duration::from_secs(15);

/// Asks whether a stream goes on.
pub(crate) struct Asker {
    pub(super) url: String,
    pub(super) quality: String,
    pub(super) tools: Tools,
    pub(super) options: StreamlinkOptions,
    pub(super) token: Option<Secret>,
    pub(super) account: Arc<dyn Account>,
}

/// What the platform says.
pub(crate) enum Word {
    /// Whether the channel is live.
    Said(Answer),
    /// Nothing, though it should know; why, in words.
    Failing(String),
    /// Nothing: it cannot be asked; why, in words.
    Unknown(String),
    /// There is none.
    Nothing,
}

/// Asks the platform, if there is one.
pub(crate) async fn platforms_word(platform: Option<&dyn Platform>) -> Word {
    let Some(platform) = platform else { return Word::Nothing };
    let liveness = match timeout(PLATFORM_LIMIT, platform.is_live()).await {
        Ok(liveness) => liveness,
        Err(_) => Liveness::Failing("no answer in 15 s".to_owned()),
    };
    match liveness {
        Liveness::Live => Word::Said(Answer::SaidLive),
        Liveness::Offline => Word::Said(Answer::SaidOffline),
        Liveness::Unknown(why) => Word::Unknown(why),
        Liveness::Failing(why) => Word::Failing(why),
    }
}

impl Asker {
    /// For a recording.
    pub(crate) fn new(request: &RecordRequest, account: Arc<dyn Account>) -> Self {
        let RecordRequest { url, quality, tools, options, token, .. } = request.clone();
        Self { url, quality, tools, options, token, account }
    }

    /// One question, from the page to the media playlist.
    pub(crate) async fn ask(self) -> Answer {
        let lease = self.account.lease();
        let proxy = lease.proxy_url();
        // Of a playlist with several qualities we would take the best: others are left to Streamlink.
        let best = self.quality.split(',').next().is_some_and(|first| matches!(first, "best" | "live"));
        let target = match direct_playlist(&self.url).filter(|_| best) {
            Some(url) => Target { url, headers: headers(self.options.headers()) },
            None => match self.resolve(&proxy).await {
                Ok(Page { target: Some(target), .. }) => target,
                Ok(_) => return Answer::Streams,
                Err(answer) => return answer,
            },
        };
        let answer = playlist_of(target, &proxy).await;
        debug!(?answer, "asked whether the stream goes on");
        answer
    }

    /// The names of the streams that the page offers now; `None` if it does not say.
    pub(crate) async fn offered(self) -> Option<Vec<String>> {
        let lease = self.account.lease();
        let json = self.resolved(&lease.proxy_url()).await.ok()?;
        names(&json)
    }

    /// What the page offers.
    pub(super) async fn resolve(&self, proxy: &Secret) -> Result<Page, Answer> {
        let json = self.resolved(proxy).await?;
        read_page(&json, &self.quality, &Masker::new(proxy, self.token.as_ref()))
    }

    /// Streamlink's answer, as JSON.
    async fn resolved(&self, proxy: &Secret) -> Result<Vec<u8>, Answer> {
        let Self { tools, url, quality, options, token, .. } = self;
        let (token, purpose) = (token.as_ref(), Purpose::Resolve);
        let job = Job { tools, url, quality, proxy, options, token, purpose };
        let (mut command, _files) = job.prepare().map_err(|e| Answer::Unclear(e.to_string()))?;
        command.stderr(Stdio::null()).kill_on_drop(true).process_group(0);
        let child =
            command.spawn().map_err(|e| Answer::Unclear(format!("Streamlink could not be started: {e}")))?;
        printed(child).await
    }
}

/// What the media playlist says.
pub(super) async fn playlist_of(target: Target, proxy: &Secret) -> Answer {
    match web_client(proxy, true) {
        Ok(client) => media_playlist(&client, target).await,
        Err(reason) => Answer::Unreachable(reason),
    }
}

/// The playlist itself, if the URL is one: there is then nothing to resolve.
fn direct_playlist(url: &str) -> Option<Url> {
    let bare = url.split(' ').next().unwrap_or(url);
    let (hls, bare) = match bare.strip_prefix("hls://").or_else(|| bare.strip_prefix("hlsvariant://")) {
        Some(rest) => (true, rest),
        None => (false, bare),
    };
    let with_scheme = if bare.contains("://") { bare.to_owned() } else { format!("https://{bare}") };
    let parsed = Url::parse(&with_scheme).ok()?;
    let web = matches!(parsed.scheme(), "http" | "https") && parsed.has_host();
    (web && (hls || parsed.path().to_ascii_lowercase().ends_with(".m3u8"))).then_some(parsed)
}

/// A client whose every request goes through this proxy (a lease at the gateway), for whoever asks a platform. It follows
/// redirects only if told so.
///
/// # Errors
/// A sentence, if the system's certificates or the address cannot be read.
pub fn web_client(proxy: &Secret, redirects: bool) -> Result<Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier())
        .map_err(|e| format!("the system's certificates could not be read: {e}"))?
        .with_no_client_auth();
    let proxy =
        Proxy::all(proxy.expose()).map_err(|_| "the gateway's address could not be read".to_owned())?;
    Client::builder()
        .proxy(proxy)
        .tls_backend_preconfigured(tls)
        .timeout(REQUEST_LIMIT)
        .redirect(if redirects { Policy::default() } else { Policy::none() })
        .user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .build()
        .map_err(|e| describe(&e))
}

async fn media_playlist(client: &Client, target: Target) -> Answer {
    let mut url = target.url;
    // A master playlist names the media playlist; one level, as the format says.
    for _ in 0..2 {
        let body = match get(client, &url, &target.headers).await {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        match playlist::read(&body) {
            Some(Playlist::Media { ended, first, next }) => return Answer::Playlist { ended, first, next },
            Some(Playlist::Master { best }) => {
                let Some(variant) = best.and_then(|address| url.join(&address).ok()) else {
                    return Answer::Gone("the playlist offers no stream".to_owned());
                };
                url = variant;
            }
            None => {
                return Answer::Unclear("the site answered with something that is no playlist".to_owned());
            }
        }
    }
    Answer::Unclear("the playlist leads to no media playlist".to_owned())
}

async fn get(client: &Client, url: &Url, headers: &HeaderMap) -> Result<Vec<u8>, Answer> {
    let unreachable = |error: reqwest::Error| Answer::Unreachable(describe(&error));
    let mut response = client.get(url.clone()).headers(headers.clone()).send().await.map_err(unreachable)?;
    match response.status() {
        status if status.is_success() => {}
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            let code = response.status().as_u16();
            return Err(Answer::Gone(format!("the site says that the stream is gone ({code})")));
        }
        status => return Err(Answer::Unreachable(format!("the site answered {status}"))),
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_ANSWER {
            return Err(Answer::Unclear("the site answered with something that is no playlist".to_owned()));
        }
    }
    Ok(body)
}

/// The innermost reason, without URLs (they may hold tokens).
fn describe(error: &reqwest::Error) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(inner) = source.source() {
        source = inner;
    }
    if error.is_timeout() { "no answer in 10 s".to_owned() } else { mask_url(&source.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_are_known_by_their_url() {
        for (url, direct) in [
            ("https://h/live.m3u8", Some("https://h/live.m3u8")),
            ("https://h/live.M3U8?token=1", Some("https://h/live.M3U8?token=1")),
            ("hls://h/x", Some("https://h/x")),
            ("hls://http://h/x verify=False", Some("http://h/x")),
            ("h/live.m3u8", Some("https://h/live.m3u8")),
            ("https://twitch.tv/someone", None),
            ("twitch.tv/someone", None),
            ("file:///etc/x.m3u8", None),
        ] {
            assert_eq!(direct_playlist(url).map(String::from).as_deref(), direct, "{url}");
        }
    }
}
