//! Table `recording_settings`: one row, number 1. People edit it by hand.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "recording_settings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub enable_proxy: bool,
    pub proxy_health_check_enabled: bool,
    pub proxy_health_check_interval_seconds: i64,
    pub proxy_max_consecutive_failures: i64,
    pub fallback_to_direct_connection: bool,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
