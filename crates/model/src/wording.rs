//! What events say: level and sentence, the same in the log, the event table and on the page. People grep for these
//! words, so they do not change.

use std::time::Duration;

use crate::{Event, Health, Level, milliseconds};

impl Event {
    /// How loud it is, and what it says. A finished check by itself says nothing new: its sentence is for debugging.
    #[must_use]
    pub fn told(&self) -> (Level, String) {
        match self {
            Self::ProxyHealth { url, to, response_time, error, .. } => {
                let level = if *to == Health::Healthy { Level::Info } else { Level::Warning };
                let detail = match (error, response_time) {
                    (Some(error), _) => format!(" ({error})"),
                    (None, Some(time)) => format!(" ({}ms)", milliseconds(*time)),
                    (None, None) => String::new(),
                };
                (level, format!("Proxy health: {url} - {to}{detail}"))
            }
            Self::ProxyChecked { id, finding, .. } => {
                (Level::Info, format!("Proxy {id} was checked: {}", finding.status))
            }
            Self::ProxyConvicted { url, proxy_side, reason, .. } => {
                let what = if *proxy_side { "Proxy failed" } else { "Proxy cannot reach the target" };
                (Level::Warning, format!("{what}: {url} ({reason})"))
            }
            Self::ProxyAcquitted { url, reason, .. } => {
                (Level::Info, format!("Proxy acquitted: {url} ({reason})"))
            }
            Self::ProxyDisabled { url, failures, .. } => {
                (Level::Error, format!("Proxy auto-disabled after {failures} consecutive failures: {url}"))
            }
            Self::ProxyRecovered { url, .. } => (Level::Info, format!("Proxy recovered: {url}")),
            Self::Failover { from, to, reason, took, .. } => {
                let took = milliseconds(*took);
                (Level::Warning, format!("Failover: {from} -> {to} ({reason}, {took} ms)"))
            }
            Self::Gap { gap, .. } if !gap.cause.is_loss() => {
                let (segments, seconds, cause) = (gap.segments, gap.seconds, gap.cause);
                (Level::Info, format!("Gap: {segments} segments cut out ({seconds:.1} s), cause: {cause}"))
            }
            Self::Gap { gap, .. } => {
                let about = if gap.estimated { "about " } else { "" };
                let via = gap.via.as_ref().map_or_else(String::new, |via| format!(", via {via}"));
                let seconds = Duration::from_secs_f64(gap.seconds.clamp(0.0, 1e9)).as_secs_f64();
                let (segments, cause) = (gap.segments, gap.cause);
                let what =
                    format!("Gap: {about}{segments} segments lost ({seconds:.1} s), cause: {cause}{via}");
                (Level::Warning, what)
            }
            Self::QualityDropped { recording, opened, offered } => {
                let what = format!(
                    "Recording {recording} opened {opened} though {offered} is offered: resolved again"
                );
                (Level::Warning, what)
            }
            Self::Notice { level, message } => (*level, message.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gap, GapCause, ProxyId, ProxyUrl, RecordingId, Via};

    #[test]
    fn events_read_as_people_grep_for_them() {
        let url = ProxyUrl::parse("http://u:secret@a:1").expect("valid").masked();
        let other = Via::Proxy(ProxyId(2), ProxyUrl::parse("socks5h://b").expect("valid").masked());
        let health = |to, time: Option<u64>, error: Option<&str>| Event::ProxyHealth {
            id: ProxyId(1),
            url: url.clone(),
            from: Health::Unknown,
            to,
            response_time: time.map(Duration::from_millis),
            error: error.map(str::to_owned),
        };
        let recording = RecordingId(uuid::Uuid::nil());
        for (event, expected) in [
            (
                Event::QualityDropped { recording, opened: "720p60".into(), offered: "1080p60".into() },
                "Recording 00000000000000000000000000000000 opened 720p60 though 1080p60 is offered: resolved again",
            ),
            (health(Health::Healthy, Some(123), None), "Proxy health: http://u:***@a:1 - healthy (123ms)"),
            (
                health(Health::Failed, None, Some("proxy refused the connection")),
                "Proxy health: http://u:***@a:1 - failed (proxy refused the connection)",
            ),
            (
                Event::ProxyDisabled { id: ProxyId(1), url: url.clone(), failures: 3 },
                "Proxy auto-disabled after 3 consecutive failures: http://u:***@a:1",
            ),
            (Event::ProxyRecovered { id: ProxyId(1), url: url.clone() }, "Proxy recovered: http://u:***@a:1"),
            (
                Event::ProxyAcquitted { id: ProxyId(1), url: url.clone(), reason: "our own line".to_owned() },
                "Proxy acquitted: http://u:***@a:1 (our own line)",
            ),
            (
                Event::Failover {
                    recording: None,
                    from: Via::Proxy(ProxyId(1), url.clone()),
                    to: other.clone(),
                    reason: "refused".to_owned(),
                    took: Duration::from_millis(240),
                },
                "Failover: http://u:***@a:1 -> socks5h://b:1080 (refused, 240 ms)",
            ),
            (
                Event::Gap {
                    recording: RecordingId::new(),
                    gap: Gap {
                        at: chrono::DateTime::UNIX_EPOCH,
                        segments: 4,
                        seconds: 8.0,
                        cause: GapCause::Route,
                        via: Some(other),
                        estimated: false,
                    },
                },
                "Gap: 4 segments lost (8.0 s), cause: route, via socks5h://b:1080",
            ),
            (
                Event::Gap {
                    recording: RecordingId::new(),
                    gap: Gap {
                        at: chrono::DateTime::UNIX_EPOCH,
                        segments: 15,
                        seconds: 30.0,
                        cause: GapCause::Ads,
                        via: None,
                        estimated: false,
                    },
                },
                "Gap: 15 segments cut out (30.0 s), cause: ads",
            ),
        ] {
            assert_eq!(event.told().1, expected);
        }
    }
}
