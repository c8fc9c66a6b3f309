//! All endpoints under one roof, with the guard at the door.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::{Router, middleware};
use holdfast_engine::Engine;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::guard::{Names, guard};
use crate::headers::secure;
use crate::problem::Problem;
use crate::server::Server;
use crate::trace::trace;
use crate::{
    Options, channels, description, docs, events, eventsub, filename, health, media, page, pool_settings,
    proxies, proxy_actions, recordings, server_settings, socket,
};

/// The whole API. Its WebSockets are open until the engine ends.
pub fn router(engine: Engine, options: Options) -> Router {
    build(engine, options, None, TaskTracker::new(), CancellationToken::new())
}

/// The API's description, OpenAPI 3.1.
#[must_use]
pub fn openapi() -> OpenApi {
    endpoints().1
}

pub(crate) fn build(
    engine: Engine,
    options: Options,
    listener: Option<SocketAddr>,
    sockets: TaskTracker,
    soft: CancellationToken,
) -> Router {
    let Options { allowed_hosts, version } = options;
    let names = Names::new(&allowed_hosts, listener);
    let seats = Arc::new(Semaphore::new(socket::SEATS));
    let (endpoints, api) = endpoints();
    endpoints
        .route("/api/openapi.json", description::serve(&api))
        .merge(docs::router())
        .merge(eventsub::router())
        .fallback(page::page)
        .method_not_allowed_fallback(not_so)
        .layer(middleware::from_fn_with_state(names, guard))
        .layer(middleware::from_fn(secure))
        .layer(middleware::from_fn(trace))
        .with_state(Server { engine, version, seats, sockets, soft })
}

fn endpoints() -> (Router<Server>, OpenApi) {
    let all = OpenApiRouter::with_openapi(description::head())
        .merge(proxies::router())
        .merge(proxy_actions::router())
        .merge(pool_settings::router())
        .merge(server_settings::router())
        .merge(filename::router())
        .merge(channels::router())
        .merge(recordings::router())
        .merge(media::router())
        .merge(events::router())
        .merge(socket::router())
        .merge(health::router());
    let (router, mut api) = all.split_for_parts();
    description::complete(&mut api);
    (router, api)
}

async fn not_so(request: Request) -> Problem {
    let detail = format!("{} is not possible at this address: see the Allow header", request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
