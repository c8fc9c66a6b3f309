//! What is there before a server starts and stays when it stops: a database that nobody else uses, a check target, and
//! a second way into the database, that of a person with `sqlite3` or `psql`.

use std::time::Duration;

use holdfast_engine::ProxyWish;
use holdfast_model::{ProxyUrl, Secret};
use holdfast_store::{DatabaseUrl, Store, Vault};
use holdfast_testkit::{CheckTarget, Kind, Options, Postgres, UpstreamProxy};
use sea_orm::{
    ConnectionTrait as _, Database, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};
use tempfile::TempDir;

/// Longer than anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The password of every proxy that has one. Its characters have to be escaped in a URL.
pub(crate) const PASSWORD: &str = "hun/ter%2@secret";
/// How it looks in a URL, and a part that survives any escaping.
pub(crate) const TRACES: [&str; 3] = [PASSWORD, "hun%2Fter%252%40secret", "ter%2"];
/// A key for the tests.
pub(crate) const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Makes a test on SQLite and one on PostgreSQL of each function that takes a [`World`].
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                Box::pin(super::$case(crate::world::World::sqlite().await)).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                Box::pin(super::$case(crate::world::World::postgres().await)).await;
            })*
        }
    };
}

/// Everything around the server.
pub(crate) struct World {
    /// What health checks ask for.
    pub(crate) target: CheckTarget,
    pub(crate) folder: TempDir,
    /// The database, for other programs.
    plain_url: String,
}

impl World {
    /// With a database in a file.
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let plain_url = format!("sqlite://{}", folder.path().join("holdfast.db").display());
        Self::new(folder, plain_url).await
    }

    /// With a database on the server that all tests share.
    pub(crate) async fn postgres() -> Self {
        Self::on(Postgres::shared().await.expect("PostgreSQL")).await
    }

    /// With a database on that server.
    pub(crate) async fn on(server: &Postgres) -> Self {
        Self::new(tempfile::tempdir().expect("a folder"), server.database().await.expect("a database")).await
    }

    async fn new(folder: TempDir, plain_url: String) -> Self {
        Self { target: CheckTarget::start(200, false).await.expect("a check target"), folder, plain_url }
    }

    /// The store of this database.
    pub(crate) async fn store(&self) -> Store {
        self.store_with(KEY).await
    }

    /// The store of this database, opened with another key.
    pub(crate) async fn store_with(&self, key: &str) -> Store {
        let url = DatabaseUrl::parse(&self.plain_url).expect("a URL");
        let vault = Vault::from_env_or_file(Some(Secret::new(key)), self.folder.path()).expect("a key");
        Store::open(&url, vault).await.expect("a database")
    }

    /// Runs SQL as a person would; how many rows it changed.
    pub(crate) async fn sql(&self, sql: &str) -> u64 {
        let db = self.connect().await;
        let done = db.execute_unprepared(sql).await.expect("it is done").rows_affected();
        db.close().await.expect("closed");
        done
    }

    /// One number, asked for as `n`.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let db = self.connect().await;
        let number = number(&db, sql).await;
        db.close().await.expect("closed");
        number
    }

    /// Keeps others from writing proxies until it is rolled back; they can be read.
    pub(crate) async fn lock(&self) -> DatabaseTransaction {
        let mode = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
        let db = self.connect().await;
        let lock = db.begin_with_options(options).await.expect("locked");
        if lock.get_database_backend() == DatabaseBackend::Postgres {
            let table = "LOCK TABLE proxy_settings IN SHARE ROW EXCLUSIVE MODE";
            lock.execute_unprepared(table).await.expect("locked");
        }
        lock
    }

    /// A connection of one's own.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        Database::connect(&self.plain_url).await.expect("a connection")
    }
}

/// One number, asked for as `n`.
pub(crate) async fn number(db: &DatabaseConnection, sql: &str) -> i64 {
    let query = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(query).await.expect("a query").expect("a row");
    row.try_get("", "n").expect("a number")
}

/// A proxy that works and wants the password.
pub(crate) async fn proxy() -> UpstreamProxy {
    let options = Options::default().credentials("user", PASSWORD);
    UpstreamProxy::start(Kind::Http, options).await.expect("a proxy")
}

/// The wish to add a proxy.
pub(crate) fn wish(url: &str, priority: u32) -> ProxyWish {
    let url = ProxyUrl::parse(url).expect("a proxy URL");
    ProxyWish { url, label: None, tags: Vec::new(), priority, enabled: true }
}

/// Waits until this holds.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it comes to hold");
}
