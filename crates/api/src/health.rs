//! For those who watch the server: is it alive, can it work, what are its figures, which one is it.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::Busy;
use crate::problem::Problem;
use crate::server::Server;

pub(crate) fn router() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(version))
}

/// Answers as long as the process lives.
#[utoipa::path(
    get, path = "/healthz", tag = "server", responses((status = 200, body = String, content_type = "text/plain"))
)]
async fn healthz() -> &'static str {
    "ok"
}

/// Answers `ok` when changes can be made and recordings started; else the problem says why not.
#[utoipa::path(
    get, path = "/readyz", tag = "server",
    responses((status = 200, body = String, content_type = "text/plain"), Busy)
)]
async fn readyz(State(server): State<Server>) -> Result<&'static str, Problem> {
    match server.engine.ready().await {
        Ok(()) => Ok("ok"),
        Err(reason) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, reason)),
    }
}

/// All figures, in the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "server", responses((status = 200, body = String, content_type = "text/plain"))
)]
async fn metrics(State(server): State<Server>) -> Response {
    let format = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (format, server.engine.metrics_text()).into_response()
}

/// Which program this is.
#[derive(Serialize, ToSchema)]
struct Version {
    /// Always `holdfast`.
    #[schema(examples("holdfast"))]
    name: &'static str,
    /// Its version.
    #[schema(examples("1.2.3"))]
    version: &'static str,
}

/// The program's name and version.
#[utoipa::path(get, path = "/api/version", tag = "server", responses((status = 200, body = Version)))]
async fn version(State(server): State<Server>) -> Json<Version> {
    Json(Version { name: "holdfast", version: server.version })
}
