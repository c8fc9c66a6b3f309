//! What may pass a proxy and what may not: RFC 9110 section 7.6, as plain data.

use holdfast_model::{Destination, ProxyUrl};
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::uri::Scheme;
use http::{Method, Request, Version, request, response};

use super::Body;
use crate::answer::Answer;
use crate::dial::basic;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Headers that belong to one connection, whether `Connection` names them or not.
const HOP_BY_HOP: [HeaderName; 6] = [CONNECTION, KEEP_ALIVE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// A plain request, cleaned of what concerned this hop only.
pub(super) struct Plain {
    pub(super) destination: Destination,
    /// The host as the client wrote it, without user and password.
    host: String,
    path: String,
    parts: request::Parts,
}

/// Reads and cleans the head of a request.
pub(super) fn prepare(mut parts: request::Parts) -> Result<Plain, Answer> {
    let (destination, host) = destination(&parts)?;
    if wants_websocket(&parts.headers) {
        return Err(Answer::unsupported("a WebSocket needs a tunnel: ask for it with CONNECT"));
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let via = via(parts.version);
    strip(&mut parts.headers);
    // The gateway itself says 100 when it starts to read the body.
    parts.headers.remove(EXPECT);
    parts.headers.append(VIA, via);
    Ok(Plain { destination, host, path, parts })
}

fn destination(parts: &request::Parts) -> Result<(Destination, String), Answer> {
    if parts.method == Method::CONNECT {
        return Err(Answer::unsupported("CONNECT is not a plain request"));
    }
    let authority = match (parts.uri.scheme(), parts.uri.authority()) {
        (Some(scheme), Some(authority)) if *scheme == Scheme::HTTP => authority.as_str(),
        (Some(scheme), Some(_)) => {
            return Err(Answer::unsupported(format!("{scheme}:// needs a tunnel: ask for it with CONNECT")));
        }
        _ => {
            return Err(Answer::malformed(
                "this is a proxy: the request must name the whole URL, http://host/path",
            ));
        }
    };
    // User and password of the URL, if any, are not for the wire (RFC 9110 section 4.2.4).
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let full = match has_port {
        true => host.strip_suffix(':').map_or_else(|| host.to_owned(), |bare| format!("{bare}:80")),
        false => format!("{host}:80"),
    };
    let destination = full.parse::<Destination>().map_err(|e| Answer::malformed(e.to_string()))?;
    Ok((destination, host.strip_suffix(':').unwrap_or(host).to_owned()))
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    headers.get_all(UPGRADE).iter().any(|v| v.as_bytes().to_ascii_lowercase().starts_with(b"websocket"))
}

impl Plain {
    pub(super) fn method(&self) -> &Method {
        &self.parts.method
    }

    /// The request for one route: `proxy` if it goes to an HTTP proxy in absolute form.
    pub(super) fn request(&self, proxy: Option<&ProxyUrl>, body: Body) -> Result<Request<Body>, Answer> {
        let uri = match proxy {
            Some(_) => format!("http://{}{}", self.host, self.path),
            None => self.path.clone(),
        };
        let bad = |e: &dyn std::fmt::Display| Answer::malformed(format!("the URL cannot be passed on: {e}"));
        let mut parts = self.parts.clone();
        parts.uri = uri.parse().map_err(|e| bad(&e))?;
        parts.version = Version::HTTP_11;
        parts.headers.insert(HOST, HeaderValue::from_str(&self.host).map_err(|e| bad(&e))?);
        parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if let Some(credentials) = proxy.and_then(ProxyUrl::credentials) {
            let mut value = HeaderValue::from_str(basic(credentials).expose()).map_err(|e| bad(&e))?;
            value.set_sensitive(true);
            parts.headers.insert(PROXY_AUTHORIZATION, value);
        }
        Ok(Request::from_parts(parts, body))
    }
}

/// Cleans the head of an answer.
pub(super) fn clean_response(parts: &mut response::Parts) {
    let via = via(parts.version);
    strip(&mut parts.headers);
    parts.headers.append(VIA, via);
    parts.version = Version::HTTP_11;
}

/// Takes away what concerns one hop only. The framing of the body is left to hyper: a length beside chunks is the
/// stuff of request smuggling, and the chunks win (RFC 9112 section 6.3).
fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&b| b == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    let proxys: Vec<HeaderName> =
        headers.keys().filter(|n| n.as_str().starts_with("proxy-")).cloned().collect();
    for name in named.iter().chain(&proxys).chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn via(version: Version) -> HeaderValue {
    HeaderValue::from_static(if version == Version::HTTP_10 { "1.0 holdfast" } else { "1.1 holdfast" })
}
