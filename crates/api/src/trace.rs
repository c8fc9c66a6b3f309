//! One line a request, at the level debug. The route is told, not the address: people put passwords into addresses.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tracing::debug;

/// Tells it.
pub(crate) async fn trace(request: Request, next: Next) -> Response {
    let (method, began) = (request.method().clone(), Instant::now());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    debug!(%method, route, status = response.status().as_u16(), took = ?began.elapsed(), "answered");
    response
}
