//! Table `recording_routes`: the routes of a recording, in order. The masked name outlives the proxy.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "recording_routes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub recording_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    /// None: direct.
    pub proxy_id: Option<i64>,
    pub via: String,
    pub started_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub bytes: i64,
    pub reason: Option<String>,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
