//! Proxies and their checks, settings, recordings and events.

use sea_orm::sea_query::{ForeignKey, ForeignKeyAction, Index, Query, TableCreateStatement};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::columns::{create, flag, fraction, guard, id, index, now, number, table, tags, text, time};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_recorder"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let tables = vec![
            proxy_settings(backend),
            recording_settings(backend),
            proxy_checks(),
            streamers(),
            recordings(),
            recording_parts(),
            recording_routes(),
            recording_gaps(),
            recording_proxies(),
            events(),
            applied_batches(),
        ];
        let indexes = vec![
            index("proxy_settings", &["enabled"]),
            index("proxy_settings", &["health_status"]),
            index("proxy_settings", &["priority"]),
            index("proxy_checks", &["at"]),
            index("streamers", &["username"]).unique().to_owned(),
            index("recordings", &["status"]),
            index("recordings", &["streamer_id"]),
            index("events", &["at"]),
            index("events", &["type", "seq"]),
            index("applied_batches", &["at"]),
        ];
        create(manager, tables, indexes).await?;
        let first = Query::insert()
            .into_table("recording_settings")
            .columns(["id"])
            .values_panic([1.into()])
            .to_owned();
        manager.get_connection().execute(&first).await.map(|_| ())
    }
}

fn proxy_settings(backend: DbBackend) -> TableCreateStatement {
    let mut table = table("proxy_settings");
    table
        .col(id())
        .col(text("proxy_url").not_null())
        .col(text("password_encrypted"))
        .col(text("label"))
        .col(tags())
        .col(number("priority").not_null().default(0))
        .col(flag("enabled", true))
        .col(flag("auto_disabled", false))
        .col(text("health_status").not_null().default("unknown"))
        .col(time("last_health_check"))
        .col(number("response_time_ms"))
        .col(number("average_response_time_ms"))
        .col(number("consecutive_failures").not_null().default(0))
        .col(text("last_error"))
        .col(number("total_recordings").not_null().default(0))
        .col(number("failed_recordings").not_null().default(0))
        .col(number("bytes_up").not_null().default(0))
        .col(number("bytes_down").not_null().default(0))
        .col(now("created_at"))
        .col(now("updated_at"));
    let numbers = [
        "priority",
        "enabled",
        "auto_disabled",
        "response_time_ms",
        "average_response_time_ms",
        "consecutive_failures",
        "total_recordings",
        "failed_recordings",
        "bytes_up",
        "bytes_down",
    ];
    guard(&mut table, backend, "integer", &numbers);
    guard(
        &mut table,
        backend,
        "text",
        &["proxy_url", "password_encrypted", "label", "tags", "health_status", "last_error"],
    );
    guard(&mut table, backend, "time", &["last_health_check", "created_at", "updated_at"]);
    table
}

fn recording_settings(backend: DbBackend) -> TableCreateStatement {
    let mut table = table("recording_settings");
    table
        .col(number("id").not_null().primary_key())
        .col(flag("enable_proxy", true))
        .col(flag("proxy_health_check_enabled", true))
        .col(number("proxy_health_check_interval_seconds").not_null().default(300))
        .col(number("proxy_max_consecutive_failures").not_null().default(3))
        .col(flag("fallback_to_direct_connection", true));
    let numbers = [
        "enable_proxy",
        "proxy_health_check_enabled",
        "proxy_health_check_interval_seconds",
        "proxy_max_consecutive_failures",
        "fallback_to_direct_connection",
    ];
    guard(&mut table, backend, "integer", &numbers);
    table
}

fn proxy_checks() -> TableCreateStatement {
    table("proxy_checks")
        .col(number("proxy_id").not_null())
        .col(time("at").not_null())
        .col(text("status").not_null())
        .col(number("response_time_ms"))
        .col(text("error"))
        .col(number("connect_ms"))
        .col(number("proxy_ms"))
        .col(number("tls_ms"))
        .col(number("first_byte_ms"))
        .col(text("trigger").not_null())
        .primary_key(Index::create().col("proxy_id").col("at"))
        .foreign_key(
            ForeignKey::create()
                .from("proxy_checks", "proxy_id")
                .to("proxy_settings", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn streamers() -> TableCreateStatement {
    table("streamers")
        .col(id())
        .col(text("username"))
        .col(text("url").not_null())
        .col(text("url_encrypted"))
        .col(text("display_name").not_null())
        .col(flag("record", true))
        .col(text("quality").not_null().default("best"))
        .col(tags())
        .col(text("title"))
        .col(text("category"))
        .col(time("live_since"))
        .col(time("last_checked_at"))
        .col(now("created_at"))
        .col(now("updated_at"))
        .to_owned()
}

fn recordings() -> TableCreateStatement {
    table("recordings")
        .col(text("id").not_null().primary_key())
        .col(number("streamer_id"))
        .col(text("url").not_null())
        .col(text("url_encrypted").not_null())
        .col(text("title"))
        .col(text("quality").not_null())
        .col(tags())
        .col(text("status").not_null())
        .col(time("started_at").not_null())
        .col(time("ended_at"))
        .col(text("path").not_null())
        .col(number("bytes").not_null().default(0))
        .col(fraction("duration_s"))
        .col(text("via"))
        .col(number("failovers").not_null().default(0))
        .col(number("segments_lost").not_null().default(0))
        .col(fraction("seconds_lost"))
        .col(text("error"))
        .col(text("resume_encrypted"))
        .foreign_key(
            ForeignKey::create()
                .from("recordings", "streamer_id")
                .to("streamers", "id")
                .on_delete(ForeignKeyAction::SetNull),
        )
        .to_owned()
}

/// A table of things that belong to a recording and go with it, known by their place in its list.
fn list_of(name: &'static str, key: &'static str) -> TableCreateStatement {
    table(name)
        .col(text("recording_id").not_null())
        .col(number(key).not_null())
        .primary_key(Index::create().col("recording_id").col(key))
        .foreign_key(
            ForeignKey::create()
                .from(name, "recording_id")
                .to("recordings", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn recording_parts() -> TableCreateStatement {
    list_of("recording_parts", "position")
        .col(text("path").not_null())
        .col(time("started_at").not_null())
        .col(time("ended_at"))
        .col(number("bytes").not_null())
        .to_owned()
}

fn recording_routes() -> TableCreateStatement {
    list_of("recording_routes", "position")
        .col(number("proxy_id"))
        .col(text("via").not_null())
        .col(time("started_at").not_null())
        .col(time("ended_at"))
        .col(number("bytes").not_null())
        .col(text("reason"))
        .to_owned()
}

fn recording_gaps() -> TableCreateStatement {
    list_of("recording_gaps", "position")
        .col(time("at").not_null())
        .col(number("segments").not_null())
        .col(fraction("seconds"))
        .col(text("cause").not_null())
        .col(number("proxy_id"))
        .col(text("via"))
        .col(flag("estimated", false))
        .to_owned()
}

fn recording_proxies() -> TableCreateStatement {
    list_of("recording_proxies", "proxy_id").col(flag("convicted", false)).to_owned()
}

fn events() -> TableCreateStatement {
    table("events")
        .col(number("seq").not_null().primary_key())
        .col(time("at").not_null())
        .col(text("type").not_null())
        .col(text("level").not_null())
        .col(text("message").not_null())
        .col(number("proxy_id"))
        .col(text("recording_id"))
        .col(number("streamer_id"))
        .col(text("data").not_null())
        .to_owned()
}

fn applied_batches() -> TableCreateStatement {
    table("applied_batches").col(number("id").not_null().primary_key()).col(time("at").not_null()).to_owned()
}
