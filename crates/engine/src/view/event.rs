//! The event log as the outside sees it.

use chrono::{DateTime, Utc};
use holdfast_model::{Level, RecordingId};
use holdfast_store::rows::EventRow;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One line of the event log.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    /// Its number; later ones are greater. The same numbers as on the WebSocket.
    pub seq: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(examples("proxy_disabled"))]
    pub kind: String,
    /// `info`, `warning` or `error`.
    pub level: String,
    /// A sentence.
    pub message: String,
    /// About which proxy.
    pub proxy_id: Option<i64>,
    /// About which recording.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub recording_id: Option<RecordingId>,
    /// About which channel.
    pub streamer_id: Option<i64>,
    /// The particulars: what the WebSocket carried.
    #[schema(value_type = Object)]
    pub data: Value,
}

impl From<EventRow> for EventView {
    fn from(row: EventRow) -> Self {
        let level = match row.level {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        Self {
            seq: row.seq,
            at: row.at,
            kind: row.kind,
            level: level.to_owned(),
            message: row.message,
            proxy_id: row.proxy_id.map(|id| id.0),
            recording_id: row.recording_id,
            streamer_id: row.streamer_id.map(|id| id.0),
            data: row.data,
        }
    }
}

/// A page of the event log.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EventPage {
    /// The events.
    pub items: Vec<EventView>,
    /// The `after` of the next page, or its `before` if the newest come first; null on the last.
    pub next_cursor: Option<String>,
}
