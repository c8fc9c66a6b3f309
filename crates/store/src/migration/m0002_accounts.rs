//! People, their sessions and their tokens. Passwords are kept as hashes (Argon2id), tokens and session keys as
//! SHA-256 of what only their owner has.

use sea_orm::DbErr;
use sea_orm::sea_query::{ForeignKey, ForeignKeyAction, TableCreateStatement};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::columns::{create, flag, id, index, now, number, table, text, time};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indexes = vec![index("sessions", &["user_id"]), index("api_tokens", &["user_id"])];
        create(manager, vec![users(), sessions(), api_tokens()], indexes).await
    }
}

fn users() -> TableCreateStatement {
    table("users")
        .col(id())
        .col(text("name").not_null().unique_key())
        .col(text("password_hash").not_null())
        .col(text("role").not_null())
        .col(flag("enabled", true))
        .col(time("last_login_at"))
        .col(now("created_at"))
        .col(now("updated_at"))
        .to_owned()
}

/// A table of things that belong to a user and go with it.
fn of_user(mut table: TableCreateStatement, name: &'static str) -> TableCreateStatement {
    table
        .col(number("user_id").not_null())
        .col(now("created_at"))
        .foreign_key(
            ForeignKey::create().from(name, "user_id").to("users", "id").on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn sessions() -> TableCreateStatement {
    let mut sessions = table("sessions");
    sessions
        .col(text("key_hash").not_null().primary_key())
        .col(time("expires_at").not_null())
        .col(time("last_seen_at"))
        .col(text("user_agent"));
    of_user(sessions, "sessions")
}

fn api_tokens() -> TableCreateStatement {
    let mut tokens = table("api_tokens");
    tokens
        .col(id())
        .col(text("name").not_null())
        .col(text("token_hash").not_null().unique_key())
        .col(text("scopes").not_null().default("[]"))
        .col(time("expires_at"))
        .col(time("last_used_at"));
    of_user(tokens, "api_tokens")
}
