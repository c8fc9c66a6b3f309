//! The ids in a path. One that cannot exist is not found, like one that does not: a person who mistypes an address
//! is told the same either way.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use holdfast_model::{ChannelId, ProxyId, RecordingId};
use uuid::Uuid;

use crate::problem::Problem;

/// `{id}` of a proxy.
pub(crate) struct ProxyPath(pub(crate) ProxyId);

/// `{id}` of a channel.
pub(crate) struct ChannelPath(pub(crate) ChannelId);

/// `{id}` of a recording, hyphenated or not.
pub(crate) struct RecordingPath(pub(crate) RecordingId);

impl<S: Send + Sync> FromRequestParts<S> for ProxyPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = segment(parts, state).await.and_then(|text| text.parse().ok());
        id.map(|id| Self(ProxyId(id))).ok_or_else(|| {
            Problem::missing(
                "there is no such proxy: the id of a proxy is a whole number, see /api/proxy/list",
            )
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ChannelPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = segment(parts, state).await.and_then(|text| text.parse().ok());
        id.map(|id| Self(ChannelId(id))).ok_or_else(|| {
            Problem::missing(
                "there is no such channel: the id of a channel is a whole number, see /api/streamers",
            )
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RecordingPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = segment(parts, state).await.and_then(|text| recording_id(&text));
        id.map(Self).ok_or_else(|| {
            Problem::missing("there is no such recording: its id is a UUID, see /api/recordings")
        })
    }
}

/// A recording's id as people write it: with hyphens or as 32 hexadecimal digits.
pub(crate) fn recording_id(text: &str) -> Option<RecordingId> {
    let plain = text.len() == 32 || text.len() == 36;
    plain.then(|| Uuid::try_parse(text).ok()).flatten().map(RecordingId)
}

async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S) -> Option<String> {
    Path::<String>::from_request_parts(parts, state).await.ok().map(|Path(text)| text)
}
