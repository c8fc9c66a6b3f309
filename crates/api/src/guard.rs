//! Who may knock, until there are accounts. A page on another site can make a person's browser send requests here: by
//! giving its own name our address (DNS rebinding), or by simply posting to us. So the Host header must name us, and
//! a change or a WebSocket that carries an Origin must carry ours.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use holdfast_engine::EVENTSUB_PATH;

use crate::problem::Problem;

/// The names under which this server answers.
#[derive(Clone, Debug)]
pub(crate) struct Names(Arc<[String]>);

impl Names {
    /// Loopback names, the listener's own address, and what was configured: `name` for any port, `name:port` for one.
    pub(crate) fn new(configured: &[String], listener: Option<SocketAddr>) -> Self {
        let own = listener.map(|address| match address {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        });
        let always = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let configured = configured.iter().map(|name| name.trim().to_ascii_lowercase());
        Self(always.into_iter().chain(own).chain(configured).collect())
    }

    fn has(&self, asked: &Authority) -> bool {
        let (host, whole) = (asked.host().to_ascii_lowercase(), asked.as_str().to_ascii_lowercase());
        self.0.iter().any(|name| *name == host || *name == whole)
    }
}

/// Lets a request pass, or answers it.
pub(crate) async fn guard(State(names): State<Names>, request: Request, next: Next) -> Response {
    match check(&names, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(names: &Names, request: &Request) -> Result<(), Problem> {
    // Twitch comes from outside, by whatever name it reaches us; its signature is what counts.
    if request.uri().path() == EVENTSUB_PATH {
        return Ok(());
    }
    let host = host(request)?;
    if !names.has(&host) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this server does not go by the name in the Host header: use localhost, or start it with that name among \
             its allowed hosts",
        ));
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if (changes || request.uri().path() == "/ws") && !same_origin(request.headers(), &host) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "a page of another origin may not change anything here: open this server's own page",
        ));
    }
    Ok(())
}

/// Whom the request is for: the one Host header, and what stands in the request line if anything does (it wins, RFC
/// 9112, 3.2.2).
fn host(request: &Request) -> Result<Authority, Problem> {
    if let Some(authority) = request.uri().authority() {
        return Ok(authority.clone());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().and_then(|text| text.parse::<Authority>().ok()),
        _ => None,
    };
    host.filter(|host| !host.as_str().contains('@'))
        .ok_or_else(|| Problem::bad("the request must have one Host header that names this server"))
}

/// Whether it comes from no page at all (curl has no Origin) or from a page of ours.
fn same_origin(headers: &HeaderMap, host: &Authority) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (origin, second) = (origins.next(), origins.next());
    let Some(origin) = origin else { return true };
    let split = origin.to_str().ok().and_then(|text| text.split_once("://"));
    match (split, second) {
        // Behind a proxy that speaks TLS the scheme differs; what counts is the name and the port.
        (Some(("http", name)), None) => without(name, ":80") == without(host.as_str(), ":80"),
        (Some(("https", name)), None) => without(name, ":443") == without(host.as_str(), ":443"),
        _ => false,
    }
}

fn without(authority: &str, default_port: &str) -> String {
    let lower = authority.to_ascii_lowercase();
    lower.strip_suffix(default_port).unwrap_or(&lower).to_owned()
}
