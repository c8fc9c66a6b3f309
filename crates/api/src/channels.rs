//! Channels (the API's word: streamers): list, add, look at, change, remove, and look whether one is live.

use axum::Json;
use axum::extract::State;
use holdfast_engine::view::{ChannelPage, ChannelView};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::{Busy, Conflict, NoChannel, Success, TooLarge};
use crate::channel_input::{AddChannel, EditChannel};
use crate::input::Asked;
use crate::path::ChannelPath;
use crate::problem::Problem;
use crate::server::Server;

pub(crate) fn router() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(list_streamers, add_streamer))
        .routes(routes!(get_streamer, edit_streamer, delete_streamer))
        .routes(routes!(check_streamer))
}

/// All channels, by name.
#[utoipa::path(get, path = "/api/streamers", tag = "streamers", responses((status = 200, body = ChannelPage)))]
async fn list_streamers(State(server): State<Server>) -> Json<ChannelPage> {
    Json(ChannelPage { items: server.engine.channels(), next_cursor: None })
}

/// Adds a channel. It is looked at at once, and recorded when it is live.
#[utoipa::path(
    post, path = "/api/streamers", tag = "streamers", request_body = AddChannel,
    responses((status = 200, body = ChannelView), Conflict, TooLarge, Busy)
)]
async fn add_streamer(
    State(server): State<Server>,
    Asked(asked): Asked<AddChannel>,
) -> Result<Json<ChannelView>, Problem> {
    Ok(Json(server.engine.add_channel(asked.try_into()?).await?))
}

/// One channel.
#[utoipa::path(
    get, path = "/api/streamers/{id}", tag = "streamers", params(("id" = i64, Path)),
    responses((status = 200, body = ChannelView), NoChannel)
)]
async fn get_streamer(
    State(server): State<Server>,
    ChannelPath(id): ChannelPath,
) -> Result<Json<ChannelView>, Problem> {
    Ok(Json(server.engine.channel(id)?))
}

/// Changes what is given about a channel. A recording under way keeps what it was begun with.
#[utoipa::path(
    patch, path = "/api/streamers/{id}", tag = "streamers", params(("id" = i64, Path)), request_body = EditChannel,
    responses((status = 200, body = ChannelView), NoChannel, TooLarge, Busy)
)]
async fn edit_streamer(
    State(server): State<Server>,
    ChannelPath(id): ChannelPath,
    Asked(asked): Asked<EditChannel>,
) -> Result<Json<ChannelView>, Problem> {
    Ok(Json(server.engine.edit_channel(id, asked.into()).await?))
}

/// Removes a channel. Its recordings stay, and one that is under way goes on.
#[utoipa::path(
    delete, path = "/api/streamers/{id}", tag = "streamers", params(("id" = i64, Path)),
    responses((status = 200, body = Success), NoChannel, Busy)
)]
async fn delete_streamer(
    State(server): State<Server>,
    ChannelPath(id): ChannelPath,
) -> Result<Json<Success>, Problem> {
    server.engine.remove_channel(id).await?;
    Ok(Json(Success::YES))
}

/// Looks now whether it is live. Takes up to a minute where a site does not answer.
#[utoipa::path(
    post, path = "/api/streamers/{id}/check", tag = "streamers", params(("id" = i64, Path)),
    responses((status = 200, body = ChannelView), NoChannel, Busy)
)]
async fn check_streamer(
    State(server): State<Server>,
    ChannelPath(id): ChannelPath,
) -> Result<Json<ChannelView>, Problem> {
    Ok(Json(server.engine.check_channel(id).await?))
}
