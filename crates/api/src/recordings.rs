//! Recordings: start, stop, list, look at, delete. Their media are in `media.rs`.

use axum::Json;
use axum::extract::State;
use holdfast_engine::view::{RecordingPage, RecordingStatusView, RecordingView};
use holdfast_engine::{RecordingWish, RecordingsWanted, Stream};
use holdfast_model::{ChannelId, RecordingId};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::{Busy, Conflict, NoChannel, NoRecording, Success, TooLarge};
use crate::fields::{Fields, required};
use crate::input::{Asked, Query, Read};
use crate::path::{RecordingPath, recording_id};
use crate::problem::Problem;
use crate::proxy_input::Tag;
use crate::server::Server;
use crate::tags::tags;

pub(crate) fn router() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(list_recordings, start_recording))
        .routes(routes!(list_active_recordings))
        .routes(routes!(get_recording, keep_recording, delete_recording))
        .routes(routes!(stop_recording))
}

/// Which recordings.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Only with this status.
    #[param(nullable = false, inline)]
    status: Option<RecordingStatusView>,
    /// Only of this channel.
    #[param(nullable = false)]
    streamer_id: Option<i64>,
    /// At most so many; 50 if not given.
    #[param(minimum = 1, maximum = 1000, nullable = false)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>, format = "uuid", nullable = false)]
    cursor: Option<RecordingId>,
}

impl Read for Wanted {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            status: fields.text("status", 32)?.map(|text| status(&text)).transpose()?,
            streamer_id: fields.integer("streamer_id")?,
            limit: fields.number("limit", 1..=1000)?,
            cursor: fields.text("cursor", 64)?.map(|text| cursor(&text)).transpose()?,
        })
    }
}

fn status(text: &str) -> Result<RecordingStatusView, Problem> {
    serde_json::from_value(text.into()).map_err(|_| {
        Problem::bad(
            "status must be starting, recording, recovering, finalizing, completed, stopped, failed or interrupted",
        )
    })
}

fn cursor(text: &str) -> Result<RecordingId, Problem> {
    recording_id(text).ok_or_else(|| Problem::bad("cursor must be the next_cursor of the page before"))
}

/// A recording to be made.
#[derive(ToSchema)]
#[schema(as = NewRecording)]
struct Start {
    /// A page, a playlist, or the name of a Twitch channel.
    #[schema(max_length = 2048, pattern = "^[^-\\s][^\\s]*$", examples("https://www.twitch.tv/channel"))]
    url: Option<String>,
    /// A channel, by its own rules; instead of `url`.
    streamer_id: Option<i64>,
    /// What Streamlink is asked for; as the channel says, or `best`, if not given.
    #[schema(max_length = 100, pattern = "^[^-\\s][^\\s]*$", examples("best"))]
    quality: Option<String>,
    /// Only proxies that carry all of these are used.
    #[schema(max_items = 32, value_type = Option<Vec<Tag>>)]
    tags: Option<Vec<String>>,
}

impl Read for Start {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            url: argument(fields, "url", 2048)?,
            streamer_id: fields.integer("streamer_id")?,
            quality: argument(fields, "quality", 100)?,
            tags: tags(fields)?,
        })
    }
}

/// What goes to Streamlink as one argument: it must not look like an option, nor be two.
pub(crate) fn argument(
    fields: &mut Fields,
    name: &'static str,
    longest: usize,
) -> Result<Option<String>, Problem> {
    let text = fields.text(name, longest)?;
    match text.as_deref() {
        Some("") => Err(Problem::bad(format!("{name} is empty"))),
        Some(text) if text.starts_with('-') || text.contains(char::is_whitespace) => {
            Err(Problem::bad(format!("{name} must not begin with '-' or have spaces in it")))
        }
        _ => Ok(text),
    }
}

/// Recordings, the newest first.
#[utoipa::path(
    get, path = "/api/recordings", tag = "recordings", params(Wanted),
    responses((status = 200, body = RecordingPage), Busy)
)]
async fn list_recordings(
    State(server): State<Server>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<RecordingPage>, Problem> {
    let Wanted { status, streamer_id, limit, cursor } = wanted;
    let wanted = RecordingsWanted {
        status,
        streamer_id: streamer_id.map(ChannelId),
        before: cursor,
        limit: limit.map(u64::from),
    };
    Ok(Json(server.engine.recordings(wanted).await?))
}

/// Starts a recording. Without a route nothing is created.
#[utoipa::path(
    post, path = "/api/recordings", tag = "recordings", request_body = Start,
    responses((status = 200, body = RecordingView), NoChannel, Conflict, TooLarge, Busy)
)]
async fn start_recording(
    State(server): State<Server>,
    Asked(asked): Asked<Start>,
) -> Result<Json<RecordingView>, Problem> {
    let Start { url, streamer_id, quality, tags } = asked;
    let stream = match (url, streamer_id) {
        (Some(url), None) => Stream::Address(url),
        (None, Some(id)) => Stream::Channel(ChannelId(id)),
        _ => return Err(Problem::bad("give either url (any stream) or streamer_id (a channel)")),
    };
    let wish = RecordingWish { stream, quality, tags: tags.unwrap_or_default() };
    Ok(Json(server.engine.start_recording(wish).await?))
}

/// The recordings that are under way.
#[utoipa::path(
    get, path = "/api/recordings/active", tag = "recordings", responses((status = 200, body = RecordingPage))
)]
async fn list_active_recordings(State(server): State<Server>) -> Json<RecordingPage> {
    Json(RecordingPage { items: server.engine.active_recordings(), next_cursor: None })
}

/// One recording, with its routes, gaps and files.
#[utoipa::path(
    get, path = "/api/recordings/{id}", tag = "recordings", params(("id" = String, Path, format = "uuid")),
    responses((status = 200, body = RecordingView), NoRecording, Busy)
)]
async fn get_recording(
    State(server): State<Server>,
    RecordingPath(id): RecordingPath,
) -> Result<Json<RecordingView>, Problem> {
    Ok(Json(server.engine.recording(id).await?))
}

/// Stops a recording and finishes its file.
#[utoipa::path(
    post, path = "/api/recordings/{id}/stop", tag = "recordings", params(("id" = String, Path, format = "uuid")),
    responses((status = 200, body = RecordingView), NoRecording, Conflict, Busy)
)]
async fn stop_recording(
    State(server): State<Server>,
    RecordingPath(id): RecordingPath,
) -> Result<Json<RecordingView>, Problem> {
    Ok(Json(server.engine.stop_recording(id).await?))
}

/// A mark.
#[derive(ToSchema)]
#[schema(as = Keep)]
struct Keep {
    /// True: no limit deletes it.
    keep: bool,
}

impl Read for Keep {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self { keep: required("keep", fields.flag("keep")?)? })
    }
}

/// Keeps a recording from being deleted by a limit, or no longer.
#[utoipa::path(
    patch, path = "/api/recordings/{id}", tag = "recordings", params(("id" = String, Path, format = "uuid")),
    request_body = Keep, responses((status = 200, body = RecordingView), NoRecording, TooLarge, Busy)
)]
async fn keep_recording(
    State(server): State<Server>,
    RecordingPath(id): RecordingPath,
    Asked(Keep { keep }): Asked<Keep>,
) -> Result<Json<RecordingView>, Problem> {
    Ok(Json(server.engine.keep_recording(id, keep).await?))
}

/// Deletes a recording that is over, and its files.
#[utoipa::path(
    delete, path = "/api/recordings/{id}", tag = "recordings", params(("id" = String, Path, format = "uuid")),
    responses((status = 200, body = Success), NoRecording, Conflict, Busy)
)]
async fn delete_recording(
    State(server): State<Server>,
    RecordingPath(id): RecordingPath,
) -> Result<Json<Success>, Problem> {
    server.engine.delete_recording(id).await?;
    Ok(Json(Success::YES))
}
