//! Channels that are recorded unattended: what they add to `streamers` and `recordings`, the chapters of a recording, and the
//! settings of channels, files and credentials.

use sea_orm::sea_query::{ColumnDef, ForeignKey, ForeignKeyAction, Index, Query, TableCreateStatement};
use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::columns::{add, create, flag, fraction, number, table, text, time};

/// What files are called at first.
const TEMPLATE: &str = "{channel}/{date} {title} [{id}]";
/// The container of files at first.
const CONTAINER: &str = "ts";
/// Room that stays free on the disk at first: 1 GiB.
const DISK_FLOOR: i64 = 1 << 30;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_channels"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, vec![server_settings(), recording_chapters()], Vec::new()).await?;
        for column in of_streamers() {
            add(manager, "streamers", column).await?;
        }
        for column in of_recordings() {
            add(manager, "recordings", column).await?;
        }
        let first =
            Query::insert().into_table("server_settings").columns(["id"]).values_panic([1.into()]).to_owned();
        manager.get_connection().execute(&first).await.map(|_| ())
    }
}

fn of_streamers() -> Vec<ColumnDef> {
    vec![
        text("twitch_id"),
        text("filename_template"),
        text("container"),
        number("max_age_days"),
        number("max_count"),
        number("max_bytes"),
        text("streamlink_options").not_null().default("[]").to_owned(),
        text("user_token_encrypted"),
    ]
}

fn of_recordings() -> Vec<ColumnDef> {
    vec![flag("keep", false), text("category"), text("channel"), text("thumbnail")]
}

fn server_settings() -> TableCreateStatement {
    table("server_settings")
        .col(number("id").not_null().primary_key())
        .col(text("twitch_client_id"))
        .col(text("twitch_client_secret_encrypted"))
        .col(text("public_url"))
        .col(text("eventsub_secret_encrypted"))
        .col(number("channel_check_seconds").not_null().default(60))
        .col(number("channel_linger_seconds").not_null().default(300))
        .col(text("filename_template").not_null().default(TEMPLATE))
        .col(text("container").not_null().default(CONTAINER))
        .col(number("max_age_days"))
        .col(number("max_count"))
        .col(number("max_bytes"))
        .col(number("disk_floor_bytes").not_null().default(DISK_FLOOR))
        .to_owned()
}

fn recording_chapters() -> TableCreateStatement {
    table("recording_chapters")
        .col(text("recording_id").not_null())
        .col(number("position").not_null())
        .col(time("at").not_null())
        .col(fraction("offset_s"))
        .col(text("title"))
        .col(text("category"))
        .primary_key(Index::create().col("recording_id").col("position"))
        .foreign_key(
            ForeignKey::create()
                .from("recording_chapters", "recording_id")
                .to("recordings", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
