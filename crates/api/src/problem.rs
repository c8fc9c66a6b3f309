//! Every answer that is not what was asked for, as RFC 9457 tells: `application/problem+json` with a status, a title
//! and a sentence a person can act on. There is no other shape of an error in this crate.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_engine::Refusal;
use holdfast_model::mask_passwords;
use serde::Serialize;
use utoipa::ToSchema;

/// Its media type.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not fulfilled. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, examples(404))]
    status: u16,
    /// The status in words.
    #[schema(examples("Not Found"))]
    title: String,
    /// What is wrong and what to do about it.
    #[schema(examples("there is no proxy 7"))]
    detail: String,
}

impl Problem {
    /// With a sentence. Whatever looks like the password of a URL is masked, since people send passwords in odd places.
    pub(crate) fn new(status: StatusCode, detail: impl AsRef<str>) -> Self {
        Self {
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            detail: mask_passwords(detail.as_ref()).into_owned(),
        }
    }

    /// 400: the request cannot be understood.
    pub(crate) fn bad(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404: there is no such thing.
    pub(crate) fn missing(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    fn code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
            Refusal::NotFound(_) => StatusCode::NOT_FOUND,
            Refusal::Conflict(_) | Refusal::NoRoute(_) => StatusCode::CONFLICT,
            Refusal::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, refusal.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code();
        let mut response = (status, axum::Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
