//! Columns in the few kinds that the tables have, the same on both databases.

use sea_orm::DbBackend;
use sea_orm::sea_query::{ColumnDef, Expr, Index, IndexCreateStatement, Table, TableCreateStatement};
use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::SchemaManager;

/// A table of that name.
pub(super) fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).to_owned()
}

/// A number that counts up and is never used again.
pub(super) fn id() -> ColumnDef {
    ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key().to_owned()
}

/// A whole number.
pub(super) fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().to_owned()
}

/// A number with a fraction.
pub(super) fn fraction(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).double().not_null().default(0.0).to_owned()
}

/// Text of any length.
pub(super) fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().to_owned()
}

/// A list of tags in JSON.
pub(super) fn tags() -> ColumnDef {
    text("tags").not_null().default("[]").to_owned()
}

/// Yes or no.
pub(super) fn flag(name: &'static str, default: bool) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().default(default).to_owned()
}

/// A time, in UTC and to the microsecond.
pub(super) fn time(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).timestamp_with_time_zone().to_owned()
}

/// When a row was made, or last changed.
pub(super) fn now(name: &'static str) -> ColumnDef {
    time(name).not_null().default(Expr::current_timestamp()).to_owned()
}

/// SQLite takes any value for any column. Where people write by hand it is asked to refuse what could not be read
/// again; PostgreSQL does so anyway. `kind` is a name of SQLite's `typeof`, or `time`.
pub(super) fn guard(table: &mut TableCreateStatement, backend: DbBackend, kind: &str, columns: &[&str]) {
    if backend != DbBackend::Sqlite {
        return;
    }
    for column in columns {
        let rule = match kind {
            "time" => {
                format!("{column} IS NULL OR (typeof({column}) = 'text' AND julianday({column}) IS NOT NULL)")
            }
            _ => format!("typeof({column}) IN ('{kind}', 'null')"),
        };
        table.check(Expr::cust(rule));
    }
}

/// An index on some columns, named after them.
pub(super) fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let name = format!("{table}_by_{}", columns.join("_"));
    columns.iter().fold(Index::create().name(name).table(table).to_owned(), |mut index, column| {
        index.col(*column).to_owned()
    })
}

/// Makes the tables, then the indexes.
pub(super) async fn create(
    manager: &SchemaManager<'_>,
    tables: Vec<TableCreateStatement>,
    indexes: Vec<IndexCreateStatement>,
) -> Result<(), DbErr> {
    for table in tables {
        manager.get_connection().execute(&table).await?;
    }
    for index in indexes {
        manager.get_connection().execute(&index).await?;
    }
    Ok(())
}

/// Adds a column to a table. One a statement: SQLite takes no more.
pub(super) async fn add(
    manager: &SchemaManager<'_>,
    table: &'static str,
    mut column: ColumnDef,
) -> Result<(), DbErr> {
    let change = Table::alter().table(table).add_column(&mut column).to_owned();
    manager.get_connection().execute(&change).await.map(|_| ())
}
