//! Table `streamers`: the channels.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "streamers")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub username: Option<String>,
    /// Masked.
    pub url: String,
    pub url_encrypted: Option<String>,
    pub display_name: String,
    pub record: bool,
    pub quality: String,
    /// A JSON list.
    pub tags: String,
    pub title: Option<String>,
    pub category: Option<String>,
    pub live_since: Option<DateTimeUtc>,
    pub last_checked_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub twitch_id: Option<String>,
    pub filename_template: Option<String>,
    pub container: Option<String>,
    pub max_age_days: Option<i64>,
    pub max_count: Option<i64>,
    pub max_bytes: Option<i64>,
    /// A JSON list.
    pub streamlink_options: String,
    pub user_token_encrypted: Option<String>,
    pub broadcast_id: Option<String>,
    pub declined_at: Option<DateTimeUtc>,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
