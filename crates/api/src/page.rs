//! The web page: files that are in the program, in the forms a browser may accept, with tags by which it finds that it has them
//! already. Addresses inside the page are answered with the page itself, which knows what to show there.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// One file, as `build.rs` found it.
struct File {
    path: &'static str,
    kind: &'static str,
    tag: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

/// Its own files and its own server only, and nothing written into the page itself.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);
/// Where the page's addresses end and the program's begin.
const NOT_THE_PAGE: [&str; 6] = ["/api", "/ws", "/metrics", "/healthz", "/readyz", "/eventsub"];

/// Answers what no endpoint answers: with a file, with the page, or with the advice where to look.
pub(crate) async fn page(request: Request) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match find(request.uri().path(), request.headers()) {
        Some(file) if reads => answer(file, request.headers()),
        _ => Problem::missing("there is nothing at this address: /api/docs lists what there is")
            .into_response(),
    }
}

fn find(path: &str, headers: &HeaderMap) -> Option<&'static File> {
    let named = |path: &str| FILES.iter().find(|file| file.path == path);
    let below =
        |start: &str| path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if path == "/" {
        return named("/index.html");
    }
    if NOT_THE_PAGE.into_iter().any(below) {
        return None;
    }
    // A person who opens an address, and not a program that asks for a file that is not there.
    let opened = || {
        let wanted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
        wanted.contains("text/html") && !is_file
    };
    named(path).or_else(|| if opened() { named("/index.html") } else { None })
}

fn answer(file: &'static File, headers: &HeaderMap) -> Response {
    let (encoding, bytes) = form(file, headers);
    let tag = format!("\"{}{}\"", file.tag, encoding.map(|name| format!("-{name}")).unwrap_or_default());
    let known = has(headers, &tag);
    // Names of files in this folder change with their content.
    let cache =
        if file.path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = if known { Body::empty() } else { Body::from(bytes) }.into_response();
    let mut put = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
    put(header::CONTENT_SECURITY_POLICY, POLICY);
    put(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    put(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        put(header::ETAG, tag);
    }
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    put(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
    if let Some(encoding) = encoding {
        put(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// The smallest form that the browser takes.
fn form(file: &'static File, headers: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
    let forms = [("br", file.brotli), ("gzip", file.gzip)];
    let found =
        forms.into_iter().find_map(|(name, bytes)| Some((name, bytes.filter(|_| accepts(headers, name))?)));
    found.map_or((None, file.plain), |(name, bytes)| (Some(name), bytes))
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    listed(headers, header::ACCEPT_ENCODING).any(|entry| {
        let (name, weight) = entry.split_once(';').unwrap_or((entry, ""));
        let refused =
            weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0);
        name.trim().eq_ignore_ascii_case(encoding) && !refused
    })
}

fn has(headers: &HeaderMap, tag: &str) -> bool {
    listed(headers, header::IF_NONE_MATCH)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn listed(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).collect::<Vec<_>>().into_iter()
}
