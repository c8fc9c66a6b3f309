//! Table `recordings`. Ids are 32 hex digits that sort by time.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "recordings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub streamer_id: Option<i64>,
    /// Masked.
    pub url: String,
    pub url_encrypted: String,
    pub title: Option<String>,
    pub quality: String,
    /// A JSON list.
    pub tags: String,
    pub status: String,
    pub started_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub path: String,
    pub bytes: i64,
    #[sea_orm(column_type = "Double")]
    pub duration_s: f64,
    pub via: Option<String>,
    pub failovers: i64,
    pub segments_lost: i64,
    #[sea_orm(column_type = "Double")]
    pub seconds_lost: f64,
    pub error: Option<String>,
    /// JSON.
    pub resume_encrypted: Option<String>,
    pub keep: bool,
    pub category: Option<String>,
    /// The name of the channel at the time.
    pub channel: Option<String>,
    pub thumbnail: Option<String>,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
