//! Rows as the pool takes them, and the pool's proxies as rows.

use std::time::Duration;

use holdfast_model::milliseconds;
use holdfast_pool::{NewProxy, Proxy, Remembered, Settings};
use holdfast_store::{ProxyHealthRow, ProxyRow, ProxyState, SettingsRow};

/// The settings as the pool takes them.
pub(crate) fn pool_settings(row: &SettingsRow) -> Settings {
    Settings {
        enabled: row.enable_proxy,
        health_checks: row.proxy_health_check_enabled,
        interval: Duration::from_secs(u64::from(row.proxy_health_check_interval_seconds)),
        max_consecutive_failures: row.proxy_max_consecutive_failures,
        fallback_to_direct: row.fallback_to_direct_connection,
    }
}

pub(super) fn new_proxy(row: &ProxyRow) -> NewProxy {
    NewProxy {
        id: row.id,
        url: row.url.clone(),
        label: row.label.clone(),
        tags: row.tags.clone(),
        priority: row.priority,
        enabled: row.enabled,
    }
}

pub(super) fn remembered(row: &ProxyRow) -> Remembered {
    Remembered {
        auto_disabled: row.auto_disabled,
        health: Some(row.health.status),
        last_health_check: row.health.last_health_check,
        response_time: row.health.response_time_ms.map(span),
        average_response_time: row.health.average_response_time_ms.map(span),
        consecutive_failures: row.health.consecutive_failures,
        last_error: row.health.last_error.clone(),
    }
}

/// So many milliseconds.
pub(super) fn span(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

pub(super) fn state(proxy: &Proxy) -> ProxyState {
    ProxyState {
        id: proxy.id,
        enabled: proxy.enabled,
        auto_disabled: proxy.auto_disabled,
        health: ProxyHealthRow {
            status: proxy.health,
            last_health_check: proxy.last_health_check,
            response_time_ms: proxy.response_time.map(milliseconds),
            average_response_time_ms: proxy.average_response_time.map(milliseconds),
            consecutive_failures: proxy.consecutive_failures,
            last_error: proxy.last_error.clone(),
        },
    }
}
