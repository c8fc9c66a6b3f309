//! Everything that happens and that somebody outside may want to know: one closed list, carried by the log, the
//! summary of `record`, and later by the event table and the WebSocket. Proxies appear masked only.

use std::time::Duration;

use crate::{CheckFinding, Gap, Health, MaskedUrl, ProxyId, RecordingId, Trigger, Via};

/// How loud an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As expected.
    Info,
    /// Something failed and was dealt with.
    Warning,
    /// Something failed and a person should look.
    Error,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A check finished, or traffic changed what is known of a proxy.
    ProxyHealth {
        /// The proxy.
        id: ProxyId,
        /// Its masked URL.
        url: MaskedUrl,
        /// The state before.
        from: Health,
        /// The state now.
        to: Health,
        /// The last response time, if there was an answer.
        response_time: Option<Duration>,
        /// Why it failed or degraded, in words.
        error: Option<String>,
    },
    /// A check finished, whatever came of it: one line of its history.
    ProxyChecked {
        /// The proxy.
        id: ProxyId,
        /// Why it was checked.
        trigger: Trigger,
        /// What the check says by itself. What it means for the proxy is told by the other events.
        finding: CheckFinding,
    },
    /// A check convicted a proxy. If by its own fault (`proxy_side`), its tunnels are to be cut; else only new
    /// connections go elsewhere.
    ProxyConvicted {
        /// The proxy.
        id: ProxyId,
        /// Its masked URL.
        url: MaskedUrl,
        /// True if the proxy itself is at fault; false if only its way to the target is.
        proxy_side: bool,
        /// In words.
        reason: String,
    },
    /// A conviction is taken back, for it was not the proxy that failed: it counts for nothing.
    ProxyAcquitted {
        /// The proxy.
        id: ProxyId,
        /// Its masked URL.
        url: MaskedUrl,
        /// What failed instead, in words.
        reason: String,
    },
    /// The failure threshold was reached.
    ProxyDisabled {
        /// The proxy.
        id: ProxyId,
        /// Its masked URL.
        url: MaskedUrl,
        /// How many failures in a row.
        failures: u32,
    },
    /// An auto-disabled proxy was enabled again after two good checks.
    ProxyRecovered {
        /// The proxy.
        id: ProxyId,
        /// Its masked URL.
        url: MaskedUrl,
    },
    /// A recording or client changed its route because the old one failed.
    Failover {
        /// Whose lease; `None` for clients of the open gateway.
        recording: Option<RecordingId>,
        /// The route that failed.
        from: Via,
        /// The route that carries on.
        to: Via,
        /// In words.
        reason: String,
        /// From the first sign of failure to the new route standing.
        took: Duration,
    },
    /// Segments are missing from a recording.
    Gap {
        /// The recording.
        recording: RecordingId,
        /// The ledger's entry.
        gap: Gap,
    },
    /// Streamlink opened less than the site offers, for a route failed while it asked what there is; it is replaced.
    QualityDropped {
        /// The recording.
        recording: RecordingId,
        /// What it opened ("720p60").
        opened: String,
        /// What is offered ("1080p60").
        offered: String,
    },
    /// A sentence worth telling that belongs to no proxy alone ("the check target is down").
    Notice {
        /// How loud.
        level: Level,
        /// The sentence.
        message: String,
    },
}
