//! The schema and its history. A migration that was released is never changed again; the next one gets the next number.

mod columns;
mod m0001_recorder;
mod m0002_accounts;
mod m0003_channels;
mod m0004_declined;

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager};

use crate::StoreError;

/// All migrations, the oldest first.
struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_recorder::Migration),
            Box::new(m0002_accounts::Migration),
            Box::new(m0003_channels::Migration),
            Box::new(m0004_declined::Migration),
        ]
    }
}

/// Any number that no other program is likely to lock.
const POSTGRES_LOCK: i64 = 0x686f_6c64_6661_7374;

/// Brings the schema up to date within the transaction, or refuses one that is newer.
pub(crate) async fn migrate(transaction: &DatabaseTransaction) -> Result<(), StoreError> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        // Two programs that start at once: one migrates, the other waits and finds it done.
        let lock = format!("SELECT pg_advisory_xact_lock({POSTGRES_LOCK})");
        transaction.execute_unprepared(&lock).await?;
    }
    let known: BTreeSet<String> = Migrator::migrations().iter().map(|m| m.name().to_owned()).collect();
    let applied = applied(transaction).await?;
    if let Some(found) = applied.difference(&known).last() {
        let known = known.last().cloned().unwrap_or_default();
        return Err(StoreError::Newer { found: found.clone(), known });
    }
    if applied != known {
        Migrator::up(transaction, None).await?;
    }
    Ok(())
}

async fn applied(transaction: &DatabaseTransaction) -> Result<BTreeSet<String>, DbErr> {
    if !SchemaManager::new(transaction).has_table("seaql_migrations").await? {
        return Ok(BTreeSet::new());
    }
    let backend = transaction.get_database_backend();
    let query = Statement::from_string(backend, "SELECT version FROM seaql_migrations");
    let rows = transaction.query_all_raw(query).await?;
    rows.iter().map(|row| row.try_get::<String>("", "version")).collect()
}
