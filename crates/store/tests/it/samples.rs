//! Rows with something in every field.

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_model::{
    ChannelId, Chapter, Gap, GapCause, Health, Level, MaskedUrl, Phases, ProxyId, ProxyUrl, RecordingId,
    RouteUse, Secret, Trigger, Via,
};
use holdfast_store::{
    CheckRow, EventRow, Limits, NewChannelRow, NewProxyRow, PartRow, ProxyHealthRow, ProxyRow, ProxyState,
    RecordingRow, RecordingStatus, Store,
};
use serde_json::json;

/// A time in whole microseconds, some seconds after a fixed one.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_700_000_000_123_456).expect("a time") + TimeDelta::seconds(seconds)
}

pub(crate) fn url(text: &str) -> ProxyUrl {
    ProxyUrl::parse(text).expect(text)
}

pub(crate) fn new_proxy(text: &str, priority: u32) -> NewProxyRow {
    NewProxyRow { url: url(text), label: None, tags: Vec::new(), priority, enabled: true }
}

/// Adds one proxy.
pub(crate) async fn add(store: &Store, text: &str, priority: u32) -> ProxyRow {
    store.add_proxies(&[new_proxy(text, priority)]).await.expect("added").pop().expect("one")
}

pub(crate) fn failed_state(id: ProxyId) -> ProxyState {
    ProxyState {
        id,
        enabled: false,
        auto_disabled: true,
        health: ProxyHealthRow {
            status: Health::Failed,
            last_health_check: Some(at(1)),
            response_time_ms: Some(123),
            average_response_time_ms: Some(u32::MAX),
            consecutive_failures: 3,
            last_error: Some("proxy refused the connection".to_owned()),
        },
    }
}

pub(crate) fn check(proxy_id: ProxyId, seconds: i64) -> CheckRow {
    CheckRow {
        proxy_id,
        at: at(seconds),
        status: Health::Degraded,
        response_time_ms: Some(250),
        error: Some("403 from the target".to_owned()),
        phases: Phases {
            connect_ms: Some(1),
            proxy_ms: Some(2),
            tls_ms: None,
            first_byte_ms: Some(u32::MAX),
        },
        trigger: Trigger::Suspicion,
    }
}

pub(crate) fn event(seq: i64) -> EventRow {
    EventRow {
        seq,
        at: at(seq),
        kind: "proxy_disabled".to_owned(),
        level: Level::Warning,
        message: format!("Proxy auto-disabled: number {seq}"),
        proxy_id: Some(ProxyId(7)),
        recording_id: Some(RecordingId::new()),
        streamer_id: Some(ChannelId(9)),
        data: json!({"reason": "3 consecutive failures", "list": [1, null, "ü"]}),
    }
}

pub(crate) fn recording(status: RecordingStatus) -> RecordingRow {
    RecordingRow {
        id: RecordingId::new(),
        streamer_id: None,
        url: Secret::new("https://u:url-secret@stream.test/live?token=token-secret"),
        url_masked: "https://u:***@stream.test/live".to_owned(),
        title: Some("A title".to_owned()),
        quality: "best".to_owned(),
        tags: vec!["us".to_owned(), "a, b".to_owned()],
        status,
        started_at: at(0),
        ended_at: None,
        path: "/recordings/ä file.ts".into(),
        bytes: 1 << 40,
        duration_s: 12.5,
        via: Some("http://u:***@h:1".to_owned()),
        failovers: 2,
        segments_lost: 3,
        seconds_lost: 6.25,
        error: Some("disk full".to_owned()),
        resume: Some(json!({"url": "https://u:resume-secret@stream.test/live", "sequence": 17})),
        keep: false,
        category: Some("Chess".to_owned()),
        channel: Some("Somebody".to_owned()),
        thumbnail: Some("/recordings/ä file.jpg".into()),
    }
}

/// A channel with something in every field. Its secrets end in `-secret`.
pub(crate) fn new_channel(name: &str) -> NewChannelRow {
    NewChannelRow {
        username: Some(name.to_owned()),
        url: Secret::new(format!("https://www.twitch.tv/{name}?token=url-secret")),
        url_masked: format!("https://www.twitch.tv/{name}?token=***"),
        display_name: name.to_owned(),
        record: true,
        quality: "best".to_owned(),
        tags: vec!["us".to_owned()],
        filename_template: Some("{channel}/{date}".to_owned()),
        container: Some("mkv".to_owned()),
        limits: Limits { max_age_days: Some(7), max_count: Some(0), max_bytes: Some(1 << 40) },
        streamlink_options: vec!["--hls-audio-select=*".to_owned()],
        user_token: Some(Secret::new("token-secret")),
    }
}

pub(crate) fn via(proxy: &ProxyRow) -> Via {
    Via::Proxy(proxy.id, proxy.url.masked())
}

pub(crate) fn route(via: Via, seconds: i64) -> RouteUse {
    RouteUse {
        via,
        started_at: at(seconds),
        ended_at: Some(at(seconds + 10)),
        bytes: 1000,
        reason: Some("refused the connection".to_owned()),
    }
}

pub(crate) fn gap(seconds: i64) -> Gap {
    Gap {
        at: at(seconds),
        segments: 2,
        seconds: 4.5,
        cause: GapCause::Route,
        via: Some(Via::Proxy(ProxyId(5), MaskedUrl::from_kept("http://gone:***@h:1"))),
        estimated: true,
    }
}

pub(crate) fn chapter(number: i64) -> Chapter {
    Chapter {
        at: at(number),
        offset_s: 12.5,
        title: Some(format!("Part {number}")),
        category: (number % 2 == 0).then(|| "Chess".to_owned()),
    }
}

pub(crate) fn part(number: i64) -> PartRow {
    PartRow {
        path: format!("/recordings/part-{number}.ts").into(),
        started_at: at(number),
        ended_at: Some(at(number + 1)),
        bytes: 500,
    }
}
