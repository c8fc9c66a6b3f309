//! A fresh database for one test, and a second way into it: that of a person with `sqlite3` or `psql`.

use holdfast_model::Secret;
use holdfast_store::{DatabaseUrl, Store, StoreError, Vault};
use holdfast_testkit::Postgres;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, Statement};
use tempfile::TempDir;

/// A key for the tests.
pub(crate) const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Another one, which opens nothing that was sealed with the first.
pub(crate) const OTHER_KEY: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

/// Makes a test on SQLite and one on PostgreSQL of each function that takes a [`Home`].
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::home::Home::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::home::Home::postgres().await).await;
            })*
        }
    };
}

/// A database that nobody else uses, and its store.
pub(crate) struct Home {
    pub(crate) store: Store,
    pub(crate) url: DatabaseUrl,
    /// The same, for other programs.
    pub(crate) plain_url: String,
    pub(crate) folder: TempDir,
}

/// The vault of a key.
pub(crate) fn vault(key: &str) -> Vault {
    Vault::from_env_or_file(Some(Secret::new(key)), std::path::Path::new("/nonexistent")).expect("a key")
}

impl Home {
    /// In a file.
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let plain_url = format!("sqlite://{}", folder.path().join("holdfast.db").display());
        Self::new(folder, plain_url).await
    }

    /// On the server that all tests share.
    pub(crate) async fn postgres() -> Self {
        Self::on(Postgres::shared().await.expect("PostgreSQL")).await
    }

    /// On that server.
    pub(crate) async fn on(server: &Postgres) -> Self {
        Self::new(tempfile::tempdir().expect("a folder"), server.database().await.expect("a database")).await
    }

    async fn new(folder: TempDir, plain_url: String) -> Self {
        let url = DatabaseUrl::parse(&plain_url).expect("a URL");
        let store = Store::open(&url, vault(KEY)).await.expect("opened");
        Self { store, url, plain_url, folder }
    }

    /// Another store of the same database, with a key of its own.
    pub(crate) async fn open_with(&self, key: &str) -> Result<Store, StoreError> {
        Store::open(&self.url, vault(key)).await
    }

    /// Runs SQL as a person would.
    pub(crate) async fn sql(&self, sql: &str) -> Result<u64, sea_orm::DbErr> {
        let db = self.connect().await;
        let done = db.execute_unprepared(sql).await.map(|done| done.rows_affected());
        db.close().await.expect("closed");
        done
    }

    /// One number, asked for as `n`.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let db = self.connect().await;
        let query = Statement::from_string(db.get_database_backend(), sql);
        let row = db.query_one_raw(query).await.expect("a query").expect("a row");
        let number = row.try_get("", "n").expect("a number");
        db.close().await.expect("closed");
        number
    }

    async fn connect(&self) -> DatabaseConnection {
        Database::connect(&self.plain_url).await.expect("a connection")
    }
}
