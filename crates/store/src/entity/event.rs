//! Table `events`: the event log. Its numbers are the journal's.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub at: DateTimeUtc,
    #[sea_orm(column_name = "type")]
    pub kind: String,
    pub level: String,
    pub message: String,
    pub proxy_id: Option<i64>,
    pub recording_id: Option<String>,
    pub streamer_id: Option<i64>,
    /// JSON.
    pub data: String,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
