//! How a template would name a file, asked while it is typed.

use axum::Json;
use axum::extract::State;
use holdfast_engine::view::{ContainerView, FilenamePreview};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::TooLarge;
use crate::channel_input::{NAME, TEMPLATE, known_container};
use crate::fields::{Fields, required};
use crate::input::{Asked, Read};
use crate::problem::Problem;
use crate::server::Server;

pub(crate) fn router() -> OpenApiRouter<Server> {
    OpenApiRouter::new().routes(routes!(preview_filename))
}

/// A template to be tried.
#[derive(ToSchema)]
#[schema(as = FilenameTry)]
struct Tried {
    /// The template.
    #[schema(max_length = 300, examples("{channel}/{date} {title} [{id}]"))]
    template: String,
    /// The name of a channel to try it with.
    #[schema(max_length = 200)]
    channel: Option<String>,
    /// The container of the file; as in the settings if not given.
    container: Option<ContainerView>,
}

impl Read for Tried {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let container = fields.text("container", 8)?;
        Ok(Self {
            template: required("template", fields.text("template", TEMPLATE)?)?,
            channel: fields.text("channel", NAME)?,
            container: container.map(|word| known_container(&word)).transpose()?,
        })
    }
}

/// The name that an example of a recording would get; 400 says why a text is no template. Nothing is stored.
#[utoipa::path(
    post, path = "/api/settings/filename-preview", tag = "settings", request_body = Tried,
    responses((status = 200, body = FilenamePreview), TooLarge)
)]
async fn preview_filename(
    State(server): State<Server>,
    Asked(Tried { template, channel, container }): Asked<Tried>,
) -> Result<Json<FilenamePreview>, Problem> {
    Ok(Json(server.engine.filename_preview(&template, channel, container)?))
}
