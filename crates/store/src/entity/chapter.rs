//! Table `recording_chapters`: what a recording was called and was about, in order.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "recording_chapters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub recording_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub at: DateTimeUtc,
    #[sea_orm(column_type = "Double")]
    pub offset_s: f64,
    pub title: Option<String>,
    pub category: Option<String>,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
