//! Answers that many endpoints share, as the API's description names them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::problem::MEDIA_TYPE;

/// It was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Success {
    /// Always true.
    success: bool,
}

impl Success {
    /// The one there is.
    pub(crate) const YES: Self = Self { success: true };
}

/// A problem with a status, for the description.
fn problem(description: &str) -> Response {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(MEDIA_TYPE, body).build()
}

macro_rules! problems {
    ($($name:ident = $status:literal: $text:literal),* $(,)?) => {$(
        #[doc = $text]
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([($status.to_owned(), problem($text).into())])
            }
        }
    )*};
}

problems! {
    Misread = "400": "The request cannot be understood; the detail says what is wrong with it",
    Foreign = "403": "A page of another origin asked",
    NoProxy = "404": "There is no such proxy",
    NoChannel = "404": "There is no such channel",
    NoRecording = "404": "There is no such recording",
    Duplicate = "409": "Another proxy has the same scheme, host, port, user and password",
    Conflict = "409": "It cannot be done as things are now; the detail says why",
    TooLarge = "413": "The body is too large",
    OutOfRange = "416": "The file ends before the range",
    Misdirected = "421": "The Host header does not name this server",
    NotWebSocket = "426": "This address speaks WebSocket only",
    Busy = "503": "It cannot be done for now, such as while the database is away: try again later",
    Full = "503": "Too many WebSockets are open",
}
