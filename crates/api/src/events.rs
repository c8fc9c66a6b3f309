//! The event log, page by page.

use axum::Json;
use axum::extract::State;
use holdfast_engine::EventsWanted;
use holdfast_engine::view::EventPage;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::Busy;
use crate::fields::Fields;
use crate::input::{Query, Read};
use crate::problem::Problem;
use crate::server::Server;

pub(crate) fn router() -> OpenApiRouter<Server> {
    OpenApiRouter::new().routes(routes!(list_events))
}

/// Which events.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Only those with a greater number: the `next_cursor` of the page before. 0 if not given.
    #[param(minimum = 0, nullable = false)]
    after: Option<i64>,
    /// Only those with a smaller number: with `order=desc` the `next_cursor` of the page before.
    #[param(minimum = 0, nullable = false)]
    before: Option<i64>,
    /// The oldest first (`asc`, if not given) or the newest first (`desc`).
    #[param(nullable = false, inline)]
    order: Option<Order>,
    /// Only of this type, such as `proxy_disabled`.
    #[param(rename = "type", max_length = 64, pattern = "^[a-z_]{1,64}$", nullable = false)]
    kind: Option<String>,
    /// At most so many; 100 if not given.
    #[param(minimum = 1, maximum = 1000, nullable = false)]
    limit: Option<u32>,
}

/// Which come first.
#[derive(Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
enum Order {
    /// The oldest.
    Asc,
    /// The newest.
    Desc,
}

/// The number of an event.
fn number(fields: &mut Fields, name: &'static str) -> Result<Option<i64>, Problem> {
    match fields.integer(name)? {
        Some(number) if number < 0 => {
            Err(Problem::bad(format!("{name} must be the number of an event, or 0")))
        }
        other => Ok(other),
    }
}

fn order(text: &str) -> Result<Order, Problem> {
    match text {
        "asc" => Ok(Order::Asc),
        "desc" => Ok(Order::Desc),
        _ => Err(Problem::bad("order must be asc (the oldest first) or desc (the newest first)")),
    }
}

impl Read for Wanted {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let (after, before) = (number(fields, "after")?, number(fields, "before")?);
        let order = fields.text("order", 4)?.map(|text| order(&text)).transpose()?;
        let kind = fields.text("type", 64)?;
        let word =
            |kind: &String| !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !kind.as_ref().is_none_or(word) {
            return Err(Problem::bad("type must be the type of an event, such as proxy_disabled"));
        }
        Ok(Self { after, before, order, kind, limit: fields.number("limit", 1..=1000)? })
    }
}

/// What happened.
#[utoipa::path(
    get, path = "/api/events", tag = "events", params(Wanted), responses((status = 200, body = EventPage), Busy)
)]
async fn list_events(
    State(server): State<Server>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<EventPage>, Problem> {
    let Wanted { after, before, order, kind, limit } = wanted;
    let wanted = EventsWanted {
        after: after.unwrap_or(0),
        before,
        kind,
        newest_first: order == Some(Order::Desc),
        limit: limit.map(u64::from),
    };
    Ok(Json(server.engine.events(wanted).await?))
}
