//! Table `recording_settings`: the five settings of the proxy system, in one row.

use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::OnConflict;

use crate::convert::small;
use crate::entity::settings::{ActiveModel, Column, Entity};
use crate::{SettingsRow, Store, StoreError};

/// The number of the one row.
const ROW: i64 = 1;

/// The columns that are settings.
const SETTINGS: [Column; 5] = [
    Column::EnableProxy,
    Column::ProxyHealthCheckEnabled,
    Column::ProxyHealthCheckIntervalSeconds,
    Column::ProxyMaxConsecutiveFailures,
    Column::FallbackToDirectConnection,
];

impl Default for SettingsRow {
    /// What a fresh installation has.
    fn default() -> Self {
        Self {
            enable_proxy: true,
            proxy_health_check_enabled: true,
            proxy_health_check_interval_seconds: 300,
            proxy_max_consecutive_failures: 3,
            fallback_to_direct_connection: true,
        }
    }
}

impl Store {
    /// The settings as they are now; the defaults if somebody deleted the row.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn settings(&self) -> Result<SettingsRow, StoreError> {
        self.reading(async {
            let Some(found) = Entity::find_by_id(ROW).one(&self.reader).await? else {
                return Ok(SettingsRow::default());
            };
            Ok(SettingsRow {
                enable_proxy: found.enable_proxy,
                proxy_health_check_enabled: found.proxy_health_check_enabled,
                proxy_health_check_interval_seconds: small(found.proxy_health_check_interval_seconds)
                    .clamp(10, 86_400),
                proxy_max_consecutive_failures: small(found.proxy_max_consecutive_failures).clamp(1, 10),
                fallback_to_direct_connection: found.fallback_to_direct_connection,
            })
        })
        .await
    }

    /// Writes the settings whole.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn save_settings(&self, settings: &SettingsRow) -> Result<(), StoreError> {
        let model = ActiveModel {
            id: Set(ROW),
            enable_proxy: Set(settings.enable_proxy),
            proxy_health_check_enabled: Set(settings.proxy_health_check_enabled),
            proxy_health_check_interval_seconds: Set(settings.proxy_health_check_interval_seconds.into()),
            proxy_max_consecutive_failures: Set(settings.proxy_max_consecutive_failures.into()),
            fallback_to_direct_connection: Set(settings.fallback_to_direct_connection),
        };
        let again = OnConflict::column(Column::Id).update_columns(SETTINGS).to_owned();
        self.writing(async {
            Entity::insert(model).on_conflict(again).exec_without_returning(&self.writer).await?;
            Ok(())
        })
        .await
    }
}
