//! One entry on its way into the journal, and how the events of the pool become such entries.

use chrono::{DateTime, Utc};
use holdfast_model::{ChannelId, Event, Gap, Level, ProxyId, RecordingId, in_micros, milliseconds};
use holdfast_store::rows::EventRow;
use serde_json::{Map, Value, json};

/// The type of the frame with what checks say of a proxy.
pub(crate) const HEALTH: &str = "proxy_health_update";
/// The type of the frame with what a proxy carried and how its recordings went.
pub(crate) const STATISTICS: &str = "proxy_statistics";

/// Something to be told.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    /// When it happened.
    pub(crate) at: DateTime<Utc>,
    /// Its type, as on the WebSocket.
    pub(crate) kind: &'static str,
    /// How loud.
    pub(crate) level: Level,
    /// A sentence, masked.
    pub(crate) message: String,
    /// About which proxy.
    pub(crate) proxy: Option<ProxyId>,
    /// About which recording.
    pub(crate) recording: Option<RecordingId>,
    /// About which channel.
    pub(crate) channel: Option<ChannelId>,
    /// The particulars.
    pub(crate) data: Map<String, Value>,
    /// Whether the event log keeps it; what is merely a newer figure is not kept.
    pub(crate) logged: bool,
}

impl Note {
    /// A note that the event log keeps.
    pub(crate) fn new(kind: &'static str, level: Level, message: impl Into<String>) -> Self {
        Self {
            at: in_micros(Utc::now()),
            kind,
            level,
            message: message.into(),
            proxy: None,
            recording: None,
            channel: None,
            data: Map::new(),
            logged: true,
        }
    }

    /// About this proxy.
    pub(crate) fn proxy(mut self, id: ProxyId) -> Self {
        self.proxy = Some(id);
        self.with("proxy_id", json!(id))
    }

    /// About this recording.
    pub(crate) fn recording(mut self, id: RecordingId) -> Self {
        self.recording = Some(id);
        self.with("recording_id", json!(id))
    }

    /// About this channel.
    pub(crate) fn channel(mut self, id: ChannelId) -> Self {
        self.channel = Some(id);
        self.with("streamer_id", json!(id))
    }

    /// With one more particular.
    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        self.data.insert(key.to_owned(), value);
        self
    }

    /// Told, but not kept.
    pub(crate) fn fleeting(mut self) -> Self {
        self.logged = false;
        self
    }

    pub(super) fn row(&self, seq: i64) -> EventRow {
        EventRow {
            seq,
            at: self.at,
            kind: self.kind.to_owned(),
            level: self.level,
            message: self.message.clone(),
            proxy_id: self.proxy,
            recording_id: self.recording,
            streamer_id: self.channel,
            data: Value::Object(self.data.clone()),
        }
    }
}

/// The entry that an event of the pool, the gateway or a recording makes by itself; those about a proxy's health get
/// the proxy's present figures from the journal.
pub(super) fn of_event(event: &Event) -> Option<Note> {
    let (level, message) = event.told();
    let note = |kind| Note::new(kind, level, message.clone());
    Some(match event {
        Event::ProxyHealth { id, from, to, .. } => {
            let note = note(HEALTH).proxy(*id);
            if from == to { note.fleeting() } else { note }
        }
        Event::ProxyChecked { .. } => return None,
        Event::ProxyConvicted { id, url, proxy_side, reason } => note("proxy_convicted")
            .proxy(*id)
            .with("proxy_url", json!(url))
            .with("proxy_side", json!(proxy_side))
            .with("reason", json!(reason)),
        Event::ProxyAcquitted { id, url, reason } => {
            note("proxy_acquitted").proxy(*id).with("proxy_url", json!(url)).with("reason", json!(reason))
        }
        Event::ProxyDisabled { id, url, failures } => {
            let reason = format!("{failures} consecutive failure{}", if *failures == 1 { "" } else { "s" });
            note("proxy_disabled").proxy(*id).with("proxy_url", json!(url)).with("reason", json!(reason))
        }
        Event::ProxyRecovered { id, url } => note("proxy_recovered").proxy(*id).with("proxy_url", json!(url)),
        Event::Failover { recording, from, to, reason, took } => {
            let note = match recording {
                Some(id) => note("recording_failover").recording(*id),
                None => note("gateway_failover"),
            };
            note.with("from", json!(from))
                .with("to", json!(to))
                .with("reason", json!(reason))
                .with("took_ms", json!(milliseconds(*took)))
        }
        Event::Gap { recording, gap } => {
            // As the recording shows it: the page knows a gap again by its time.
            let gap = Gap { at: in_micros(gap.at), ..gap.clone() };
            let data = serde_json::to_value(gap).unwrap_or_default();
            note("recording_gap").recording(*recording).with("gap", data)
        }
        Event::QualityDropped { recording, opened, offered } => note("recording_quality")
            .recording(*recording)
            .with("opened", json!(opened))
            .with("offered", json!(offered)),
        Event::Notice { .. } => {
            note("notice").with("message", json!(message)).with("level", json!(word(level)))
        }
    })
}

/// The word for a level.
pub(crate) fn word(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use holdfast_model::GapCause;

    use super::*;

    #[test]
    fn a_gap_is_told_with_the_time_that_is_stored() {
        let at = DateTime::UNIX_EPOCH + TimeDelta::nanoseconds(1_234_567_891);
        let gap = Gap { at, segments: 1, seconds: 2.0, cause: GapCause::Origin, via: None, estimated: false };
        let note = of_event(&Event::Gap { recording: RecordingId::new(), gap }).expect("it is told");
        assert_eq!(note.data["gap"]["at"], json!(in_micros(at)));
        assert_eq!(note.data["gap"]["at"], "1970-01-01T00:00:01.234567Z");
    }
}
