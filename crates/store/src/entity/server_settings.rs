//! Table `server_settings`: one row, number 1.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "server_settings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub twitch_client_id: Option<String>,
    pub twitch_client_secret_encrypted: Option<String>,
    pub public_url: Option<String>,
    pub eventsub_secret_encrypted: Option<String>,
    pub channel_check_seconds: i64,
    pub channel_linger_seconds: i64,
    pub filename_template: String,
    pub container: String,
    pub max_age_days: Option<i64>,
    pub max_count: Option<i64>,
    pub max_bytes: Option<i64>,
    pub disk_floor_bytes: i64,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
