//! Table `recording_proxies`: which proxies a recording has been counted for, so that none is counted twice.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "recording_proxies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub recording_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub proxy_id: i64,
    /// The proxy was convicted while this recording used it.
    pub convicted: bool,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
