//! Table `proxy_settings`: the pool. People edit it by hand.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "proxy_settings")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Without the password.
    pub proxy_url: String,
    pub password_encrypted: Option<String>,
    pub label: Option<String>,
    /// A JSON list, or words with commas between them.
    pub tags: String,
    pub priority: i64,
    pub enabled: bool,
    pub auto_disabled: bool,
    pub health_status: String,
    pub last_health_check: Option<DateTimeUtc>,
    pub response_time_ms: Option<i64>,
    pub average_response_time_ms: Option<i64>,
    pub consecutive_failures: i64,
    pub last_error: Option<String>,
    pub total_recordings: i64,
    pub failed_recordings: i64,
    pub bytes_up: i64,
    pub bytes_down: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
