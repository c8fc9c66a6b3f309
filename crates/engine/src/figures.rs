//! Figures for Prometheus: what is counted as it happens, and what is read when somebody asks. Names follow its
//! customs (`_total` for counters, seconds and bytes as units).

use std::sync::OnceLock;

use holdfast_model::{Event, Health, Trigger};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::Engine;
use crate::view::RecordingStatusView;

/// Upper bounds of the buckets of check durations, in seconds; a check may take 10 s.
const BOUNDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0];

/// One recorder a process, however many engines its tests start.
static FIGURES: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Starts to count. What others count by the macros of `metrics` (the gateway its dials) is counted too.
pub(crate) fn start() {
    FIGURES.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let named = Matcher::Full("holdfast_check_duration_seconds".to_owned());
        let handle = builder.set_buckets_for_metric(named, &BOUNDS).ok()?.install_recorder().ok()?;
        describe();
        Some(handle)
    });
}

/// Sums up what was measured. Without it every single measurement is kept until somebody asks for the figures, and on
/// most machines nobody ever does.
pub(crate) fn sum_up() {
    if let Some(handle) = FIGURES.get().and_then(Option::as_ref) {
        handle.run_upkeep();
    }
}

fn describe() {
    describe_gauge!("holdfast_proxies", "Proxies by status");
    describe_gauge!("holdfast_tunnels_open", "Connections open through the gateway");
    describe_gauge!("holdfast_recordings_active", "Recordings under way, by status");
    describe_counter!("holdfast_checks_total", "Finished checks by status and trigger");
    describe_histogram!("holdfast_check_duration_seconds", "Time of a check to its answer");
    describe_counter!("holdfast_dials_total", "Tries to connect by result");
    describe_counter!("holdfast_failovers_total", "Routes that failed while another one carried on");
    describe_counter!("holdfast_proxies_disabled_total", "Proxies disabled after too many failures");
    describe_counter!("holdfast_bytes_total", "Bytes carried by proxy and direction since the start");
    describe_counter!("holdfast_recordings_total", "Finished recordings by status");
    describe_counter!("holdfast_segments_lost_total", "Segments missing from recordings, by cause");
}

/// Counts what an event tells of.
pub(crate) fn count(event: &Event) {
    match event {
        Event::ProxyChecked { trigger, finding, .. } => {
            let (status, trigger) = (finding.status.to_string(), trigger_word(*trigger));
            counter!("holdfast_checks_total", "status" => status, "trigger" => trigger).increment(1);
            if let Some(took) = finding.response_time {
                histogram!("holdfast_check_duration_seconds").record(took.as_secs_f64());
            }
        }
        Event::Failover { .. } => counter!("holdfast_failovers_total").increment(1),
        Event::ProxyDisabled { .. } => counter!("holdfast_proxies_disabled_total").increment(1),
        Event::Gap { gap, .. } if gap.cause.is_loss() => {
            counter!("holdfast_segments_lost_total", "cause" => gap.cause.to_string())
                .increment(gap.segments);
        }
        Event::ProxyHealth { .. }
        | Event::ProxyConvicted { .. }
        | Event::ProxyAcquitted { .. }
        | Event::ProxyRecovered { .. }
        | Event::Gap { .. }
        | Event::QualityDropped { .. }
        | Event::Notice { .. } => {}
    }
}

/// Counts a recording that is over.
pub(crate) fn count_finished(status: RecordingStatusView) {
    counter!("holdfast_recordings_total", "status" => word(&status)).increment(1);
}

impl Engine {
    /// All figures in the text format of Prometheus.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        let list = self.proxies().proxies;
        for health in [Health::Healthy, Health::Degraded, Health::Failed, Health::Unknown] {
            let count = list.iter().filter(|p| p.enabled && p.health_status == health.into()).count();
            set("holdfast_proxies", &health.to_string(), count);
        }
        set("holdfast_proxies", "disabled", list.iter().filter(|p| !p.enabled).count());
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        gauge!("holdfast_tunnels_open").set(self.inner.gateway.open_tunnels() as f64);
        for proxy in list.iter().filter(|p| p.bytes_up + p.bytes_down > 0) {
            let id = proxy.id.to_string();
            counter!("holdfast_bytes_total", "proxy" => id.clone(), "direction" => "up")
                .absolute(proxy.bytes_up);
            counter!("holdfast_bytes_total", "proxy" => id, "direction" => "down").absolute(proxy.bytes_down);
        }
        let active = self.active_recordings();
        use RecordingStatusView::{Finalizing, Recording, Recovering, Starting};
        for status in [Starting, Recording, Recovering, Finalizing] {
            set(
                "holdfast_recordings_active",
                &word(&status),
                active.iter().filter(|r| r.status == status).count(),
            );
        }
        FIGURES.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
    }
}

fn set(name: &'static str, status: &str, count: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    gauge!(name, "status" => status.to_owned()).set(count as f64);
}

/// The word of the API for a status.
fn word(status: &RecordingStatusView) -> String {
    serde_json::to_value(status).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn trigger_word(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "schedule",
        Trigger::Manual => "manual",
        Trigger::Suspicion => "suspicion",
        Trigger::Recovery => "recovery",
    }
}
