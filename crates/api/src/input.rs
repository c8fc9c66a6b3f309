//! How a request becomes a typed wish: its query string and its body, whatever its Content-Type says, so that
//! `curl -d '{…}'` works as it stands.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};

use crate::fields::Fields;
use crate::problem::Problem;

/// The largest JSON body, in bytes.
pub(crate) const LARGEST_BODY: usize = 1 << 20;
/// The largest list to import, in bytes.
pub(crate) const LARGEST_LIST: usize = 4 << 20;

/// Something that can be read from the parameters of a request.
pub(crate) trait Read: Sized {
    /// Takes its parameters and leaves the others, which are then refused.
    fn read(fields: &mut Fields) -> Result<Self, Problem>;
}

/// Parameters from the body and the query string.
pub(crate) struct Asked<T>(pub(crate) T);

/// Parameters from the query string of a request that has no body.
pub(crate) struct Query<T>(pub(crate) T);

/// A body that is text.
pub(crate) struct Text(pub(crate) String);

impl<T: Read, S: Send + Sync> FromRequest<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let query = request.uri().query().map(str::to_owned);
        let body = body(request, LARGEST_BODY).await?;
        read(query.as_deref(), &body).map(Self)
    }
}

impl<T: Read, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(parts.uri.query(), b"").map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let body = body(request, LARGEST_LIST).await?;
        String::from_utf8(body.into())
            .map(Self)
            .map_err(|_| Problem::bad("the body is not UTF-8 text: save the list as UTF-8, one proxy a line"))
    }
}

fn read<T: Read>(query: Option<&str>, body: &[u8]) -> Result<T, Problem> {
    let mut fields = Fields::read(query, body)?;
    let wish = T::read(&mut fields)?;
    fields.finish()?;
    Ok(wish)
}

/// The whole body, or 413 as soon as it is known to be too large.
async fn body(request: Request, largest: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("the body is larger than {} KiB: send less at a time", largest >> 10);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > largest as u64) {
        return Err(too_large());
    }
    to_bytes(request.into_body(), largest).await.map_err(|error| {
        // axum tells the two apart only by the source's words.
        let source = std::error::Error::source(&error).map(ToString::to_string);
        match source.as_deref() {
            Some("length limit exceeded") => too_large(),
            _ => Problem::bad("the body broke off before its end: send it again"),
        }
    })
}
