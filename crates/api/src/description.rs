//! The API's description: what the handlers say of themselves, and the answers that any of them can give because of the
//! guard. `openapi.json` beside this crate's `Cargo.toml` is a copy, so that a change of the outside shows in a diff.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{OpenApi, ServerBuilder};

use crate::answers::problem;
use crate::problem::Problem;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Holdfast",
        description = "Records live streams through proxies that may fail. Lists that can grow are pages: pass \
                       `next_cursor` on until it is null. Bodies are JSON whatever their Content-Type says. Passwords \
                       in URLs are masked everywhere but in the answer to `reveal`.",
    ),
    components(schemas(Problem)),
    tags(
        (name = "proxies", description = "The pool"),
        (name = "settings", description = "How the pool is used"),
        (name = "recordings", description = "What is and was recorded"),
        (name = "events", description = "What happens and happened"),
        (name = "server", description = "The server itself"),
    )
)]
struct Head;

/// What stands above the endpoints.
pub(crate) fn head() -> OpenApi {
    let mut head = Head::openapi();
    head.servers = Some(vec![ServerBuilder::new().url("/").build()]);
    head
}

/// Adds the answers of the guard to every endpoint.
pub(crate) fn complete(api: &mut OpenApi) {
    for item in api.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, patch, .. } = item;
        for operation in get.iter_mut() {
            common(operation);
        }
        for operation in [put, post, delete, patch].into_iter().flatten() {
            common(operation);
            add(operation, "403", "A page of another origin asked");
        }
    }
}

fn common(operation: &mut Operation) {
    add(operation, "400", "The request cannot be understood; the detail says what is wrong with it");
    add(operation, "421", "The Host header does not name this server");
}

fn add(operation: &mut Operation, status: &str, description: &str) {
    let responses = &mut operation.responses.responses;
    responses.entry(status.to_owned()).or_insert_with(|| problem(description).into());
}

/// Serves it.
pub(crate) fn serve<S: Clone + Send + Sync + 'static>(api: &OpenApi) -> MethodRouter<S> {
    // Turning it into text cannot fail: it has no maps but those with text keys.
    let text = api.to_json().unwrap_or_default();
    get(move || async move {
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json)], text).into_response()
    })
}
