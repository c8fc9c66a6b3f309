//! What Holdfast remembers, and the only place that speaks SQL.
//!
//! SQLite and PostgreSQL run the same entities, queries and migrations. The rules that make this simple:
//!
//! - **One writer.** All changes go through a pool of one connection, in the order they were asked for; reads have
//!   connections of their own. So transactions of this process never block or deadlock each other, on either database.
//! - **Everything may be said twice.** An answer can get lost with the connection, so what the engine writes by itself
//!   is idempotent, and [`Store::commit`] knows by a number what it has already done.
//! - **Secrets are sealed** by the [`Vault`] before they get here, bound to the row they belong to.
//! - **People edit `proxy_settings` and `recording_settings` by hand.** Odd values are read as the nearest sensible ones.

mod backup;
mod bulk;
mod channel_rows;
mod channels;
mod checks;
mod commit;
mod convert;
mod database_url;
mod entity;
mod error;
mod events;
mod key_file;
mod migration;
mod open;
mod pg_dump;
mod proxies;
mod proxy_model;
mod prune;
mod queue;
mod recordings;
mod retention;
pub mod rows;
mod server_settings;
mod settings;
mod sqlite_file;
mod statistics;
mod vault;

pub use channel_rows::*;
pub use commit::Batch;
pub use database_url::DatabaseUrl;
pub use error::StoreError;
pub use open::Store;
pub use rows::*;
pub use vault::Vault;
