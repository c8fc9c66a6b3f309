//! One hop of a check: open a way through the proxy, ask once, read the head of the answer. Every wait ends at the
//! deadline of the whole check, and each failure is put in words that name its phase.

use std::time::Duration;

use bytes::Bytes;
use holdfast_model::{Blame, Destination, Phases, ProxyUrl, Scheme, milliseconds};
use http::header::{ACCEPT, CONNECTION, HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::io::{FirstByte, Replay};
use super::target::path_of;
use super::{CheckTarget, Progress, exchange};
use crate::dial::{DialError, Dialer, Fault, Names, Opened, Phase, Seconds, basic};

/// How checks introduce themselves.
pub(super) const AGENT: &str = concat!("holdfast/", env!("CARGO_PKG_VERSION"));

/// What all hops of a check share.
pub(super) struct Probe<'a> {
    pub(super) dialer: &'a Dialer,
    pub(super) proxy: &'a ProxyUrl,
    pub(super) limit: Duration,
    pub(super) deadline: Instant,
    pub(super) names: Names,
    pub(super) progress: &'a Progress,
}

/// Where a hop leads.
pub(super) struct Hop {
    pub(super) url: Url,
    pub(super) destination: Destination,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) redirects: usize,
}

impl Hop {
    pub(super) fn first(target: &CheckTarget) -> Self {
        Self {
            url: target.url.clone(),
            destination: target.destination(),
            headers: target.headers.clone(),
            redirects: 0,
        }
    }
}

/// The head of an answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// From the first packet to the first byte.
    pub(super) took: Duration,
    /// True if the proxy itself was asked (absolute form), so that the answer may be its own.
    pub(super) by_proxy: bool,
}

/// A hop without an answer.
pub(super) struct Failure {
    pub(super) blame: Blame,
    pub(super) words: String,
}

impl Probe<'_> {
    pub(super) async fn run(&self, hop: &Hop, phases: &mut Phases) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let absolute = self.asks_the_proxy(hop);
        let request = self.request(hop, absolute)?;
        let opened = self.open(hop, absolute).await?;
        phases.connect_ms = Some(milliseconds(opened.connect_took));
        let plain = absolute && self.proxy.scheme() == Scheme::Http;
        phases.proxy_ms = (!plain).then(|| milliseconds(opened.proxy_took));
        if !absolute {
            self.progress.past_the_proxy();
        }
        let stream = Replay::new(opened);
        let (response, first) = if hop.url.scheme() == "https" {
            let started = Instant::now();
            let stream = self.tls(hop, stream).await?;
            phases.tls_ms = Some(milliseconds(started.elapsed()));
            self.ask(hop, absolute, stream, request, phases).await?
        } else {
            self.ask(hop, absolute, stream, request, phases).await?
        };
        self.progress.past_the_proxy();
        let (head, _) = response.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, took: first - begun, by_proxy: absolute })
    }

    /// Plain requests go to HTTP proxies in absolute form: many of them refuse CONNECT to port 80.
    fn asks_the_proxy(&self, hop: &Hop) -> bool {
        hop.url.scheme() == "http" && matches!(self.proxy.scheme(), Scheme::Http | Scheme::Https)
    }

    async fn open(&self, hop: &Hop, absolute: bool) -> Result<Opened, Failure> {
        let dial = async {
            if absolute {
                self.dialer.to_proxy(self.proxy, self.deadline).await
            } else {
                self.dialer.tunnel(self.proxy, &hop.destination, self.deadline, self.names).await
            }
        };
        // The dialer keeps the deadline by itself and has better words for it; this is for the sum of its steps.
        let patience = self.deadline + Duration::from_millis(50);
        match timeout_at(patience, Box::pin(dial)).await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => Err(self.dial_failure(hop, error)),
            Err(_) => Err(Failure { blame: Blame::Proxy, words: self.silence("the proxy") }),
        }
    }

    fn dial_failure(&self, hop: &Hop, mut error: DialError) -> Failure {
        if let Fault::Timeout(limit) = &mut error.fault {
            // The step had only what was left; what people know is the limit of the whole check.
            *limit = self.limit;
            // A proxy that has already answered in this check is alive: it waits for the new host.
            if hop.redirects > 0 && error.phase == Phase::Handshake {
                error.blame = Blame::Target;
            }
        }
        Failure { blame: error.blame, words: error.to_string() }
    }

    async fn tls(
        &self,
        hop: &Hop,
        stream: Replay,
    ) -> Result<tokio_rustls::client::TlsStream<Replay>, Failure> {
        let host = hop.destination.host();
        let words =
            match timeout_at(self.deadline, exchange::tls(self.dialer, &hop.destination, stream)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => format!("TLS with {host} failed: {error}"),
                Err(_) => format!("no TLS answer from {host} in {}", Seconds(self.limit)),
            };
        Err(Failure { blame: Blame::Target, words })
    }

    async fn ask<S>(
        &self,
        hop: &Hop,
        absolute: bool,
        stream: S,
        request: Request<Empty<Bytes>>,
        phases: &mut Phases,
    ) -> Result<(Response<Incoming>, Instant), Failure>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        // In absolute form nothing tells a silent proxy from a silent target; the proxy owes the answer.
        let (who, blame) =
            if absolute { ("the proxy", Blame::Proxy) } else { (hop.destination.host(), Blame::Target) };
        let sent = Instant::now();
        let asking = timeout_at(self.deadline, Box::pin(exchange::ask(stream, request)));
        let words = match asking.await {
            Ok((Ok(response), first)) => {
                let first: FirstByte = first;
                let first = *first.get_or_init(Instant::now);
                phases.first_byte_ms = Some(milliseconds(first - sent));
                return Ok((response, first));
            }
            Ok((Err(error), _)) => format!("{who} {}", exchange::words(&error)),
            Err(_) => self.silence(who),
        };
        Err(Failure { blame, words })
    }

    fn silence(&self, who: &str) -> String {
        format!("no answer from {who} in {}", Seconds(self.limit))
    }

    fn request(&self, hop: &Hop, absolute: bool) -> Result<Request<Empty<Bytes>>, Failure> {
        let path = path_of(&hop.url);
        let host = host_header(&hop.url, &hop.destination);
        let uri = if absolute { format!("http://{host}{path}") } else { path };
        let mut request = Request::builder()
            .uri(uri)
            .header(HOST, host)
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "*/*")
            .header(CONNECTION, "close");
        for (name, value) in &hop.headers {
            request = request.header(name, value);
        }
        if let Some(credentials) = self.proxy.credentials().filter(|_| absolute) {
            request = request.header(PROXY_AUTHORIZATION, basic(credentials).expose());
        }
        // Cannot happen with a parsed target; a redirect that leads here is as good as none.
        request.body(Empty::new()).map_err(|e| Failure { blame: Blame::Target, words: e.to_string() })
    }
}

/// The host, with the port where it is not the scheme's own.
fn host_header(url: &Url, destination: &Destination) -> String {
    match url.port() {
        Some(_) => destination.to_string(),
        None => url.host_str().unwrap_or_default().to_owned(),
    }
}
