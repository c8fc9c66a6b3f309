//! The door for Twitch: its messages (EventSub) come from outside, under a public name, so the guard lets them pass. What
//! counts is their signature, which the engine checks; a stranger learns nothing and changes nothing. Not in the API's
//! description: it is Twitch's, not people's.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use holdfast_engine::{EVENTSUB_MAX_BODY, EVENTSUB_PATH};

use crate::problem::Problem;
use crate::server::Server;

pub(crate) fn router() -> Router<Server> {
    Router::new().route(EVENTSUB_PATH, post(receive))
}

async fn receive(State(server): State<Server>, headers: HeaderMap, body: Body) -> Response {
    let Ok(body) = to_bytes(body, EVENTSUB_MAX_BODY).await else {
        tracing::warn!(
            "a message to {EVENTSUB_PATH} was not taken: it is larger than {EVENTSUB_MAX_BODY} bytes, or broke off"
        );
        let detail = "the message is too large, or broke off";
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).into_response();
    };
    let (status, text) = server.engine.receive_eventsub(&headers, &body);
    if status.is_success() {
        return (status, [(header::CONTENT_TYPE, "text/plain")], text).into_response();
    }
    Problem::new(status, text).into_response()
}
