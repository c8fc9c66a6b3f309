//! The proxies of the pool: list, add, import, look at, change, remove, and show the password of one.

use axum::Json;
use axum::extract::State;
use holdfast_engine::view::{Imported, ProxyList, ProxyView};
use holdfast_model::Secret;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::{Busy, Conflict, Duplicate, NoProxy, Success, TooLarge};
use crate::input::{Asked, Text};
use crate::path::ProxyPath;
use crate::problem::Problem;
use crate::proxy_input::{AddProxy, EditProxy};
use crate::server::Server;

pub(crate) fn router() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(list_proxies))
        .routes(routes!(add_proxy))
        .routes(routes!(import_proxies))
        .routes(routes!(get_proxy, edit_proxy, delete_proxy))
        .routes(routes!(reveal_proxy))
}

/// All proxies, by priority, and how the pool is as a whole.
#[utoipa::path(get, path = "/api/proxy/list", tag = "proxies", responses((status = 200, body = ProxyList)))]
async fn list_proxies(State(server): State<Server>) -> Json<ProxyList> {
    Json(server.engine.proxies())
}

/// A proxy was added.
#[derive(Serialize, ToSchema)]
struct Added {
    /// Always true.
    success: bool,
    /// Its id from now on.
    proxy_id: i64,
}

/// Adds a proxy. It starts as `unknown`, and a check starts at once in the background. The parameters may stand in
/// the query string instead of the body.
#[utoipa::path(
    post, path = "/api/proxy/add", tag = "proxies", params(EditProxy), request_body = AddProxy,
    responses((status = 200, body = Added), Duplicate, TooLarge, Busy)
)]
async fn add_proxy(
    State(server): State<Server>,
    Asked(asked): Asked<AddProxy>,
) -> Result<Json<Added>, Problem> {
    let id = server.engine.add_proxy(asked.try_into()?).await?;
    Ok(Json(Added { success: true, proxy_id: id.0 }))
}

/// Adds a list of proxies: one a line, `#` begins a comment, `priority=N tag=T` may follow; `host:port` and
/// `host:port:user:password` are taken as http. At most 4 MiB.
#[utoipa::path(
    post, path = "/api/proxy/import", tag = "proxies",
    request_body(
        content = String, content_type = "text/plain", example = "http://user:password@proxy.example:3128 tag=eu"
    ),
    responses((status = 200, body = Imported), TooLarge, Busy)
)]
async fn import_proxies(State(server): State<Server>, Text(list): Text) -> Result<Json<Imported>, Problem> {
    Ok(Json(server.engine.import_proxies(&list).await?))
}

/// One proxy.
#[utoipa::path(
    get, path = "/api/proxy/{id}", tag = "proxies", params(("id" = i64, Path)),
    responses((status = 200, body = ProxyView), NoProxy)
)]
async fn get_proxy(
    State(server): State<Server>,
    ProxyPath(id): ProxyPath,
) -> Result<Json<ProxyView>, Problem> {
    Ok(Json(server.engine.proxy(id)?))
}

/// Changes what is given about a proxy.
#[utoipa::path(
    patch, path = "/api/proxy/{id}", tag = "proxies", params(("id" = i64, Path), EditProxy), request_body = EditProxy,
    responses((status = 200, body = ProxyView), NoProxy, Duplicate, TooLarge, Busy)
)]
async fn edit_proxy(
    State(server): State<Server>,
    ProxyPath(id): ProxyPath,
    Asked(mut asked): Asked<EditProxy>,
) -> Result<Json<ProxyView>, Problem> {
    let shown = server.engine.proxy(id)?.proxy_url;
    asked.forget_shown_url(&shown);
    Ok(Json(server.engine.edit_proxy(id, asked.try_into()?).await?))
}

/// Removes a proxy and cuts its connections. History keeps its masked name.
#[utoipa::path(
    delete, path = "/api/proxy/{id}", tag = "proxies", params(("id" = i64, Path)),
    responses((status = 200, body = Success), NoProxy, Busy)
)]
async fn delete_proxy(
    State(server): State<Server>,
    ProxyPath(id): ProxyPath,
) -> Result<Json<Success>, Problem> {
    server.engine.remove_proxy(id).await?;
    Ok(Json(Success::YES))
}

/// A proxy's address with its password.
#[derive(Serialize, ToSchema)]
struct Revealed {
    /// The whole URL.
    #[serde(serialize_with = "in_full")]
    #[schema(value_type = String, examples("http://user:password@proxy.example:3128"))]
    proxy_url: Secret,
}

/// The only place where a password goes out: a person asked for it, and the event log says so.
fn in_full<S: Serializer>(url: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(url.expose())
}

/// The proxy's URL in full, for a dialog that edits it. The event log records that it was asked for.
#[utoipa::path(
    post, path = "/api/proxy/{id}/reveal", tag = "proxies", params(("id" = i64, Path)),
    responses((status = 200, body = Revealed), NoProxy, Conflict, Busy)
)]
async fn reveal_proxy(
    State(server): State<Server>,
    ProxyPath(id): ProxyPath,
) -> Result<Json<Revealed>, Problem> {
    Ok(Json(Revealed { proxy_url: server.engine.reveal_proxy(id).await? }))
}
