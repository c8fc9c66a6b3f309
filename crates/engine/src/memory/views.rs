//! The proxies as the outside sees them: what the pool knows, what the rows say, and what is being carried now.

use holdfast_model::{ProxyId, milliseconds};
use holdfast_pool::Proxy;

use super::{Known, Memory};
use crate::gateways::Load;
use crate::view::{HealthView, ProxyView};

impl Memory {
    /// A proxy as the outside sees it.
    pub(crate) fn view(&self, id: ProxyId, load: &Load) -> Option<ProxyView> {
        let known = self.lock();
        self.pool.read(|pool| Some(view(pool.get(id)?, &known, load)))
    }

    /// All of them, by priority.
    pub(crate) fn views(&self, load: &Load) -> Vec<ProxyView> {
        let known = self.lock();
        self.pool.read(|pool| pool.proxies().map(|p| view(p, &known, load)).collect())
    }
}

fn view(proxy: &Proxy, known: &Known, load: &Load) -> ProxyView {
    let now = load.totals(proxy.id);
    let row = known.proxies.get(&proxy.id);
    let before = known.carried.get(&proxy.id).copied().unwrap_or_default();
    let totals = row.map(|row| row.totals).unwrap_or_default();
    let (all, failed) = (totals.total_recordings, totals.failed_recordings);
    #[expect(clippy::cast_precision_loss, reason = "a rate of recordings")]
    let rate = (all > 0).then(|| all.saturating_sub(failed) as f64 / all as f64);
    ProxyView {
        id: proxy.id.0,
        proxy_url: proxy.url.masked().to_string(),
        label: proxy.label.clone(),
        tags: proxy.tags.clone(),
        priority: proxy.priority,
        enabled: proxy.enabled,
        auto_disabled: proxy.auto_disabled,
        health_status: HealthView::from(proxy.health),
        last_health_check: proxy.last_health_check,
        response_time_ms: proxy.response_time.map(milliseconds),
        average_response_time_ms: proxy.average_response_time.map(milliseconds),
        consecutive_failures: proxy.consecutive_failures,
        last_error: proxy.last_error.clone(),
        drill_until: proxy.drill_until,
        total_recordings: all,
        failed_recordings: failed,
        success_rate: rate,
        bytes_up: before.bytes_up + now.bytes_up,
        bytes_down: before.bytes_down + now.bytes_down,
        active_connections: load.open(proxy.id),
        created_at: row.map(|row| row.created_at).unwrap_or_default(),
        updated_at: row.map(|row| row.updated_at).unwrap_or_default(),
    }
}
