//! The settings of channels and files, and what the limits among them would delete.

use axum::Json;
use axum::extract::State;
use holdfast_engine::view::{ContainerView, RetentionPreview, ServerSettings};
use holdfast_engine::{Limits, SettingsChange};
use holdfast_model::{ChannelId, Secret};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::{Busy, Conflict, NoChannel, TooLarge};
use crate::channel_input::{MANY, TEMPLATE, known_container};
use crate::fields::Fields;
use crate::input::{Asked, Query, Read};
use crate::problem::Problem;
use crate::server::Server;

pub(crate) fn router() -> OpenApiRouter<Server> {
    OpenApiRouter::new().routes(routes!(get_settings, set_settings)).routes(routes!(preview_retention))
}

/// What is to change; what is not given stays as it is.
#[derive(ToSchema)]
#[schema(as = SettingsPatch)]
struct Patch {
    /// The client id of an application registered with Twitch; empty or null: Twitch is asked through Streamlink. Another one
    /// takes the stored secret away.
    #[schema(max_length = 100, value_type = Option<String>)]
    twitch_client_id: Option<Option<String>>,
    /// Its client secret; empty or null takes it away. It is never shown again.
    #[schema(max_length = 200, value_type = Option<String>)]
    twitch_client_secret: Option<Option<Secret>>,
    /// The address by which Twitch reaches this server, `https://…` on port 443, for EventSub; empty or null: it is only asked.
    #[schema(max_length = 500, value_type = Option<String>)]
    public_url: Option<Option<String>>,
    /// True: new credentials are stored without being tried with Twitch.
    untested: Option<bool>,
    /// How often channels are looked at, in seconds.
    #[schema(minimum = 10, maximum = 3600)]
    channel_check_seconds: Option<u32>,
    /// For how long a channel that went offline may come back into the same recording, in seconds; 0: it ends at once.
    #[schema(minimum = 0, maximum = 3600)]
    channel_linger_seconds: Option<u32>,
    /// How the files of channels are named.
    #[schema(max_length = 300, examples("{channel}/{date} {title} [{id}]"))]
    filename_template: Option<String>,
    /// The container of the files of channels.
    container: Option<ContainerView>,
    /// Recordings are deleted when they are so many days old; null: not for their age.
    #[schema(minimum = 1, maximum = 1000000, value_type = Option<u32>)]
    max_age_days: Option<Option<u32>>,
    /// The oldest recordings are deleted when there are more than so many; null: not for their number.
    #[schema(minimum = 1, maximum = 1000000, value_type = Option<u32>)]
    max_count: Option<Option<u32>>,
    /// The oldest recordings are deleted when they are larger than so many bytes together; null: not for their size.
    #[schema(minimum = 1, value_type = Option<u64>)]
    max_bytes: Option<Option<u64>>,
    /// Free room on the disk below which nothing new starts, in bytes.
    #[schema(minimum = 67108864)]
    disk_floor_bytes: Option<u64>,
}

impl Read for Patch {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let container = fields.text("container", 8)?;
        Ok(Self {
            twitch_client_id: fields.optional_text("twitch_client_id", 100)?,
            twitch_client_secret: fields
                .optional_text("twitch_client_secret", 200)?
                .map(|secret| secret.map(Secret::new)),
            public_url: fields.optional_text("public_url", 500)?,
            untested: fields.flag("untested")?,
            channel_check_seconds: fields.number("channel_check_seconds", 10..=3600)?,
            channel_linger_seconds: fields.number("channel_linger_seconds", 0..=3600)?,
            filename_template: fields.text("filename_template", TEMPLATE)?,
            container: container.map(|word| known_container(&word)).transpose()?,
            max_age_days: fields.optional_number("max_age_days", 1..=MANY)?,
            max_count: fields.optional_number("max_count", 1..=MANY)?,
            max_bytes: fields.optional_bytes("max_bytes")?,
            disk_floor_bytes: fields.bytes("disk_floor_bytes")?,
        })
    }
}

impl From<Patch> for SettingsChange {
    fn from(patch: Patch) -> Self {
        Self {
            twitch_client_id: patch.twitch_client_id,
            twitch_client_secret: patch.twitch_client_secret,
            public_url: patch.public_url,
            untested: patch.untested.unwrap_or(false),
            channel_check_seconds: patch.channel_check_seconds,
            channel_linger_seconds: patch.channel_linger_seconds,
            filename_template: patch.filename_template,
            container: patch.container,
            max_age_days: patch.max_age_days,
            max_count: patch.max_count,
            max_bytes: patch.max_bytes,
            disk_floor_bytes: patch.disk_floor_bytes,
        }
    }
}

/// The settings in force.
#[utoipa::path(get, path = "/api/settings", tag = "settings", responses((status = 200, body = ServerSettings)))]
async fn get_settings(State(server): State<Server>) -> Json<ServerSettings> {
    Json(server.engine.server_settings())
}

/// Changes the settings that are given and leaves the others. New credentials are tried with Twitch first. Limits delete at once what they condemn: ask the preview first.
#[utoipa::path(
    put, path = "/api/settings", tag = "settings", request_body = Patch,
    responses((status = 200, body = ServerSettings), Conflict, TooLarge, Busy)
)]
async fn set_settings(
    State(server): State<Server>,
    Asked(patch): Asked<Patch>,
) -> Result<Json<ServerSettings>, Problem> {
    Ok(Json(server.engine.set_server_settings(patch.into()).await?))
}

/// Limits to be tried.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Tried {
    /// The limits of this channel; without it, those of all recordings.
    #[param(nullable = false)]
    streamer_id: Option<i64>,
    /// In days.
    #[param(minimum = 1, maximum = 1000000, nullable = false)]
    max_age_days: Option<u32>,
    /// In recordings.
    #[param(minimum = 1, maximum = 1000000, nullable = false)]
    max_count: Option<u32>,
    /// In bytes together.
    #[param(minimum = 1, nullable = false)]
    max_bytes: Option<u64>,
}

impl Read for Tried {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            streamer_id: fields.integer("streamer_id")?,
            max_age_days: fields.number("max_age_days", 1..=MANY)?,
            max_count: fields.number("max_count", 1..=MANY)?,
            max_bytes: fields.bytes("max_bytes")?,
        })
    }
}

/// What limits would delete now: those in force, or, if some are given, what these would delete besides, in place of the
/// limits of a channel, or of all. Nothing is deleted by asking.
#[utoipa::path(
    get, path = "/api/retention/preview", tag = "settings", params(Tried),
    responses((status = 200, body = RetentionPreview), NoChannel, Busy)
)]
async fn preview_retention(
    State(server): State<Server>,
    Query(tried): Query<Tried>,
) -> Result<Json<RetentionPreview>, Problem> {
    let Tried { streamer_id, max_age_days, max_count, max_bytes } = tried;
    let limits = Limits { max_age_days, max_count, max_bytes };
    let given = streamer_id.is_some() || limits != Limits::default();
    let instead = given.then_some((streamer_id.map(ChannelId), limits));
    Ok(Json(server.engine.retention_preview(instead).await?))
}
