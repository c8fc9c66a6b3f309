//! The settings of the proxy system: read, checked, stored, put in force.

use holdfast_store::SettingsRow;

use crate::view::{Config, ConfigPatch};
use crate::wish::in_range;
use crate::{Engine, Refusal};

impl Engine {
    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> Config {
        Config::from(&self.inner.memory.settings())
    }

    /// Changes some of them. They are in force when this returns.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a value out of range, [`Refusal::Unavailable`].
    pub async fn set_config(&self, patch: ConfigPatch) -> Result<Config, Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            let memory = &engine.inner.memory;
            let _turn = memory.turn_for_a_wish().await?;
            // What somebody changed in the row by hand is not undone by a wish for another setting.
            let stored = memory.heed(memory.store().settings().await)?;
            memory.absorb_settings(&stored);
            let settings = apply(&stored, &patch)?;
            memory.heed(memory.store().save_settings(&settings).await)?;
            memory.absorb_settings(&settings);
            Ok(engine.config())
        })
        .await
    }
}

fn apply(old: &SettingsRow, patch: &ConfigPatch) -> Result<SettingsRow, Refusal> {
    let checked =
        |name, value: Option<u32>, low, high| value.map(|value| in_range(name, value, low, high)).transpose();
    let interval = checked(
        "proxy_health_check_interval_seconds",
        patch.proxy_health_check_interval_seconds,
        10,
        86_400,
    )?;
    let failures = checked("proxy_max_consecutive_failures", patch.proxy_max_consecutive_failures, 1, 10)?;
    Ok(SettingsRow {
        enable_proxy: patch.enable_proxy.unwrap_or(old.enable_proxy),
        proxy_health_check_enabled: patch
            .proxy_health_check_enabled
            .unwrap_or(old.proxy_health_check_enabled),
        proxy_health_check_interval_seconds: interval.unwrap_or(old.proxy_health_check_interval_seconds),
        proxy_max_consecutive_failures: failures.unwrap_or(old.proxy_max_consecutive_failures),
        fallback_to_direct_connection: patch
            .fallback_to_direct_connection
            .unwrap_or(old.fallback_to_direct_connection),
    })
}
