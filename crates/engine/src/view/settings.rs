//! The settings of the proxy system as the outside sees and changes them.

use holdfast_store::rows::SettingsRow;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The settings in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Config {
    /// False: everything goes direct and nothing is checked.
    pub enable_proxy: bool,
    /// False: no regular checks.
    pub proxy_health_check_enabled: bool,
    /// From one regular check of a proxy to its next, in seconds.
    #[schema(minimum = 10, maximum = 86400)]
    pub proxy_health_check_interval_seconds: u32,
    /// After how many failed checks in a row a proxy is disabled.
    #[schema(minimum = 1, maximum = 10)]
    pub proxy_max_consecutive_failures: u32,
    /// Whether connections may go direct when no proxy can take them.
    pub fallback_to_direct_connection: bool,
}

impl From<&SettingsRow> for Config {
    fn from(row: &SettingsRow) -> Self {
        Self {
            enable_proxy: row.enable_proxy,
            proxy_health_check_enabled: row.proxy_health_check_enabled,
            proxy_health_check_interval_seconds: row.proxy_health_check_interval_seconds,
            proxy_max_consecutive_failures: row.proxy_max_consecutive_failures,
            fallback_to_direct_connection: row.fallback_to_direct_connection,
        }
    }
}

/// What is to change; a key that is missing stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigPatch {
    /// False: everything goes direct and nothing is checked.
    #[serde(default)]
    pub enable_proxy: Option<bool>,
    /// False: no regular checks.
    #[serde(default)]
    pub proxy_health_check_enabled: Option<bool>,
    /// From one regular check of a proxy to its next, in seconds.
    #[serde(default)]
    #[schema(minimum = 10, maximum = 86400)]
    pub proxy_health_check_interval_seconds: Option<u32>,
    /// After how many failed checks in a row a proxy is disabled.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10)]
    pub proxy_max_consecutive_failures: Option<u32>,
    /// Whether connections may go direct when no proxy can take them.
    #[serde(default)]
    pub fallback_to_direct_connection: Option<bool>,
}
