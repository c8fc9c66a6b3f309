//! The API's description: what the handlers say of themselves, and the answers that any of them can give because of the
//! guard. `openapi.json` beside this crate's `Cargo.toml` is a copy, so that a change of the outside shows in a diff.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::{OpenApi, RefOr, Schema, ServerBuilder};
use utoipa::{IntoResponses, OpenApi as _};

use crate::answers::{Foreign, Misdirected, Misread};
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
        (name = "settings", description = "How the pool is used, and how channels are recorded"),
        (name = "streamers", description = "Channels that are recorded when they are live"),
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

/// What people send; everything else in the description is what they get.
const SENT: [&str; 11] = [
    "NewProxy",
    "EditProxy",
    "Priority",
    "Order",
    "ConfigPatch",
    "NewRecording",
    "Keep",
    "NewStreamer",
    "EditStreamer",
    "SettingsPatch",
    "FilenameTry",
];

/// Adds what is true of all endpoints and all objects.
pub(crate) fn complete(api: &mut OpenApi) {
    for item in api.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, patch, .. } = item;
        for operation in get.iter_mut() {
            guarded(operation);
        }
        for operation in [put, post, delete, patch].into_iter().flatten() {
            guarded(operation);
            operation.responses.responses.extend(Foreign::responses());
        }
    }
    add_rules(api);
    for (name, schema) in api.components.iter_mut().flat_map(|components| &mut components.schemas) {
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        if SENT.contains(&name.as_str()) {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        } else {
            // A key without a value is null, not left out.
            object.required = object.properties.keys().cloned().collect();
        }
    }
}

/// A new channel may come with all that can be changed about one.
fn add_rules(api: &mut OpenApi) {
    let Some(schemas) = api.components.as_mut().map(|components| &mut components.schemas) else { return };
    let rules = match schemas.get("EditStreamer") {
        Some(RefOr::T(Schema::Object(edit))) => edit.properties.clone(),
        _ => return,
    };
    if let Some(RefOr::T(Schema::Object(new))) = schemas.get_mut("NewStreamer") {
        new.properties.extend(rules);
    }
}

fn guarded(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    responses.extend(Misread::responses());
    responses.extend(Misdirected::responses());
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
