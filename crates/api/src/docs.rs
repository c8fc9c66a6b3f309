//! `/api/docs`: the API's description as a page to read and try. All of it is in the binary; it asks no other host, and
//! its Content-Security-Policy would not let it.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui::Config;

use crate::problem::Problem;

/// Its own files and its own server only; the styles that it writes into its elements need `unsafe-inline`.
const POLICY: (HeaderName, HeaderValue) = (
    header::CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
);

/// The page, over the description at `/api/openapi.json`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    // Else the page would have a validator on another host look at the description.
    let config =
        Arc::new(Config::from("/api/openapi.json").validator_url("none").display_request_duration(true));
    let index = config.clone();
    Router::new()
        .route("/api/docs", get(|| async { Redirect::temporary("/api/docs/") }))
        .route("/api/docs/", get(move || async move { page("index.html", index) }))
        .route("/api/docs/{*file}", get(move |Path(file): Path<String>| async move { page(&file, config) }))
}

fn page(file: &str, config: Arc<Config<'static>>) -> Response {
    // The source map is three times the page, and nobody debugs it here.
    match utoipa_swagger_ui::serve(file, config) {
        Ok(Some(found)) if !file.ends_with(".map") => {
            let kind =
                HeaderValue::try_from(found.content_type).unwrap_or(HeaderValue::from_static("text/html"));
            ([POLICY, (header::CONTENT_TYPE, kind)], found.bytes.into_owned()).into_response()
        }
        _ => Problem::missing("the documentation has no such file: it begins at /api/docs/").into_response(),
    }
}
