//! What a person stopped: which broadcast a channel is in, and since when that is not to be recorded, so that a restart does
//! not begin it anew.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::columns::{add, text, time};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_declined"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [text("broadcast_id"), time("declined_at")] {
            add(manager, "streamers", column).await?;
        }
        Ok(())
    }
}
