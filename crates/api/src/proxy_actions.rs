//! What can be done with proxies beyond keeping them: switch, test, order, drill, and ask which one is next and why.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use holdfast_engine::ProxyChange;
use holdfast_engine::view::{Best, CheckList, Drilled, Tested};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::{Busy, NoProxy, Success, TooLarge};
use crate::input::{Asked, Query};
use crate::path::ProxyPath;
use crate::problem::Problem;
use crate::proxy_input::{BestFor, Order, Priority, Stretch};
use crate::server::Server;

pub(crate) fn router() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(toggle_proxy))
        .routes(routes!(test_proxy))
        .routes(routes!(set_proxy_priority))
        .routes(routes!(reorder_proxies))
        .routes(routes!(check_all_proxies))
        .routes(routes!(list_checks))
        .routes(routes!(drill_proxy))
        .routes(routes!(best_proxy))
}

/// A proxy was switched.
#[derive(Serialize, ToSchema)]
struct Toggled {
    /// Always true.
    success: bool,
    /// Whether it may be used now.
    enabled: bool,
}

/// Disables an enabled proxy and enables a disabled one. Enabling forgets its failures and starts a check.
#[utoipa::path(
    post, path = "/api/proxy/{id}/toggle", tag = "proxies", params(("id" = i64, Path)),
    responses((status = 200, body = Toggled), NoProxy, Busy)
)]
async fn toggle_proxy(
    State(server): State<Server>,
    ProxyPath(id): ProxyPath,
) -> Result<Json<Toggled>, Problem> {
    Ok(Json(Toggled { success: true, enabled: server.engine.toggle_proxy(id).await? }))
}

/// Checks a proxy now and answers when the check is over, 10 s at the latest. It counts like a scheduled check.
#[utoipa::path(
    post, path = "/api/proxy/{id}/test", tag = "proxies", params(("id" = i64, Path)),
    responses((status = 200, body = Tested), NoProxy)
)]
async fn test_proxy(State(server): State<Server>, ProxyPath(id): ProxyPath) -> Result<Json<Tested>, Problem> {
    Ok(Json(server.engine.test_proxy(id).await?))
}

/// Gives a proxy another priority. It may stand in the query string instead of the body.
#[utoipa::path(
    post, path = "/api/proxy/{id}/update-priority", tag = "proxies",
    params(
        ("id" = i64, Path),
        (
            "priority" = Option<u32>, Query, description = "0 is asked first", minimum = 0, maximum = 2147483647,
            nullable = false
        )
    ),
    request_body = Priority, responses((status = 200, body = Success), NoProxy, TooLarge, Busy)
)]
async fn set_proxy_priority(
    State(server): State<Server>,
    ProxyPath(id): ProxyPath,
    Asked(Priority { priority }): Asked<Priority>,
) -> Result<Json<Success>, Problem> {
    server.engine.edit_proxy(id, ProxyChange { priority: Some(priority), ..ProxyChange::default() }).await?;
    Ok(Json(Success::YES))
}

/// Puts all proxies in this order: their priorities become 0, 1, 2 … Every proxy must be named once.
#[utoipa::path(
    post, path = "/api/proxy/reorder", tag = "proxies", request_body = Order,
    responses((status = 200, body = Success), TooLarge, Busy)
)]
async fn reorder_proxies(
    State(server): State<Server>,
    Asked(Order { ids }): Asked<Order>,
) -> Result<Json<Success>, Problem> {
    server.engine.reorder_proxies(ids).await?;
    Ok(Json(Success::YES))
}

/// Starts a check of every proxy. The results arrive as `proxy_health_update` on the WebSocket.
#[utoipa::path(
    post, path = "/api/proxy/check-all", tag = "proxies",
    responses((status = 202, body = Success, description = "The checks have begun"))
)]
async fn check_all_proxies(State(server): State<Server>) -> (StatusCode, Json<Success>) {
    server.engine.check_all();
    (StatusCode::ACCEPTED, Json(Success::YES))
}

/// The past checks of a proxy, the newest first.
#[utoipa::path(
    get, path = "/api/proxy/{id}/checks", tag = "proxies", params(("id" = i64, Path), Stretch),
    responses((status = 200, body = CheckList), NoProxy, Busy)
)]
async fn list_checks(
    State(server): State<Server>,
    ProxyPath(id): ProxyPath,
    Query(stretch): Query<Stretch>,
) -> Result<Json<CheckList>, Problem> {
    Ok(Json(server.engine.checks(id, stretch.into()).await?))
}

/// Cuts a proxy's connections and treats it as failed for 60 s, in memory only, to show how recordings move.
#[utoipa::path(
    post, path = "/api/proxy/{id}/drill", tag = "proxies", params(("id" = i64, Path)),
    responses((status = 200, body = Drilled), NoProxy)
)]
async fn drill_proxy(
    State(server): State<Server>,
    ProxyPath(id): ProxyPath,
) -> Result<Json<Drilled>, Problem> {
    Ok(Json(server.engine.drill(id).await?))
}

/// The route that a new connection would take, and why each other proxy lost.
#[utoipa::path(
    get, path = "/api/proxy/best", tag = "proxies", params(BestFor),
    responses((status = 200, body = Best))
)]
async fn best_proxy(State(server): State<Server>, Query(BestFor { tags }): Query<BestFor>) -> Json<Best> {
    Json(server.engine.best(&tags))
}
