//! The settings of the proxy system, as they are and as they are to be. They take effect at once.

use axum::Json;
use axum::extract::State;
use holdfast_engine::view::{Config, ConfigPatch};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::{Busy, TooLarge};
use crate::fields::Fields;
use crate::input::{Asked, Read};
use crate::problem::Problem;
use crate::server::Server;

pub(crate) fn router() -> OpenApiRouter<Server> {
    OpenApiRouter::new().routes(routes!(get_config, set_config))
}

/// The settings in force.
#[utoipa::path(get, path = "/api/proxy/config", tag = "settings", responses((status = 200, body = Config)))]
async fn get_config(State(server): State<Server>) -> Json<Config> {
    Json(server.engine.config())
}

/// Changes the settings that are given and leaves the others.
#[utoipa::path(
    put, path = "/api/proxy/config", tag = "settings", request_body = ConfigPatch,
    responses((status = 200, body = Config), TooLarge, Busy)
)]
async fn set_config(
    State(server): State<Server>,
    Asked(patch): Asked<ConfigPatch>,
) -> Result<Json<Config>, Problem> {
    Ok(Json(server.engine.set_config(patch).await?))
}

impl Read for ConfigPatch {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            enable_proxy: fields.flag("enable_proxy")?,
            proxy_health_check_enabled: fields.flag("proxy_health_check_enabled")?,
            proxy_health_check_interval_seconds: fields
                .number("proxy_health_check_interval_seconds", 10..=86_400)?,
            proxy_max_consecutive_failures: fields.number("proxy_max_consecutive_failures", 1..=10)?,
            fallback_to_direct_connection: fields.flag("fallback_to_direct_connection")?,
        })
    }
}
