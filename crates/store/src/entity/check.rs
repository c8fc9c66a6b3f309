//! Table `proxy_checks`: the history of the checks. A check is known by its proxy and its time.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "proxy_checks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub proxy_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub at: DateTimeUtc,
    pub status: String,
    pub response_time_ms: Option<i64>,
    pub error: Option<String>,
    pub connect_ms: Option<i64>,
    pub proxy_ms: Option<i64>,
    pub tls_ms: Option<i64>,
    pub first_byte_ms: Option<i64>,
    pub trigger: String,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
