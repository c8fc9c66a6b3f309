//! Opening the database: connections, migration, and the time limits of everything that is asked of it.

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{ConnectOptions as _, Connection as _};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, SqlxError,
    SqlxPostgresConnector, SqlxSqliteConnector, TransactionOptions, TransactionTrait as _,
};

use crate::database_url::Kind;
use crate::queue::{Queue, Work, within};
use crate::sqlite_file::SqliteFile;
use crate::{DatabaseUrl, StoreError, Vault, migration, sqlite_file};

/// For the first connection and the migration's turn.
const OPEN_LIMIT: Duration = Duration::from_secs(5);
/// For a sign of life.
const PING_LIMIT: Duration = Duration::from_secs(2);
/// For a connection, when it is one's turn. A busy machine may need seconds to make one to PostgreSQL.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(6);
/// How long SQLite waits for the lock that another process (somebody's `sqlite3`) holds.
const BUSY_LIMIT: Duration = Duration::from_secs(4);
/// Connections that read. Each one of SQLite's costs a thread and up to 2 MiB.
const READERS: u32 = 4;
/// Connections for those who do not queue: the sign of life, and a backup, which takes long.
const SPARE: u32 = 2;
/// After which an unused connection is closed.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// What Holdfast remembers. A cheap handle: clone it freely. When the database goes away, calls answer
/// [`StoreError::Unavailable`] within 10 seconds (mostly 4 to 6); when it is back, they work again. While it answers, calls
/// wait for their turn, however many they are.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) url: DatabaseUrl,
    pub(crate) reader: DatabaseConnection,
    pub(crate) writer: DatabaseConnection,
    pub(crate) vault: Vault,
    readers: Queue,
    writers: Queue,
    /// The file that was opened, so that another in its place is noticed.
    file: Option<SqliteFile>,
}

impl Store {
    /// Connects (5 s at most) and brings the schema up to date, in one transaction. A SQLite file is made if it does
    /// not exist, readable by its owner only; its folder must be there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if there is no connection, [`StoreError::Newer`] if the schema is newer than this
    /// program, [`StoreError::Data`] if the migration fails; nothing is changed then.
    pub async fn open(url: &DatabaseUrl, vault: Vault) -> Result<Self, StoreError> {
        let mut opened = None;
        let (reader, writer) = match &url.0 {
            Kind::Sqlite(file) => {
                sqlite_file::prepare(file)?;
                let options = sqlite_options(file);
                within(OPEN_LIMIT, try_first(options.connect())).await?;
                opened = SqliteFile::opened(file);
                (sqlite_pool(&options, READERS + SPARE), sqlite_pool(&options, 1))
            }
            Kind::Postgres(url) => {
                let options = postgres_options(url.expose())?;
                within(OPEN_LIMIT, try_first(options.connect())).await?;
                (postgres_pool(&options, READERS + SPARE), postgres_pool(&options, 1))
            }
        };
        let (readers, writers) = (Queue::new(READERS as usize), Queue::new(1));
        let store = Self { url: url.clone(), reader, writer, vault, readers, writers, file: opened };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        // No limit: on a big database a migration may take its time.
        let transaction = self.begin().await?;
        migration::migrate(&transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Asks the database for a sign of life, 2 s at most. A SQLite file that was deleted or replaced under us gives
    /// none: what is written goes nowhere.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        if let Some(file) = &self.file {
            file.is_still_there()?;
        }
        within(PING_LIMIT, async { Ok(self.reader.execute_unprepared("SELECT 1").await.map(|_| ())?) }).await
    }

    /// Closes all connections after what is under way. Later calls answer [`StoreError::Unavailable`].
    pub async fn close(&self) {
        // SQLite merges its log into the file when the last connection goes. Nothing else can fail here.
        let _ = self.reader.close_by_ref().await;
        let _ = self.writer.close_by_ref().await;
    }

    /// Does work that only reads, when it is its turn.
    pub(crate) fn reading<'a, T: Send + 'a>(
        &'a self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> Work<'a, T> {
        self.readers.run(work)
    }

    /// Does work that writes, when it is its turn. Never one within another: it would wait for itself.
    pub(crate) fn writing<'a, T: Send + 'a>(
        &'a self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> Work<'a, T> {
        self.writers.run(work)
    }

    /// A transaction that writes. SQLite takes the lock at once: one that reads first and writes later would lose to
    /// another process in between ("database is locked").
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.writer.begin_with_options(options).await?)
    }
}

/// One connection outside of the pools, which would try until their time is up and then not say why they failed.
async fn try_first<C: sea_orm::sqlx::Connection>(
    connect: impl Future<Output = Result<C, SqlxError>>,
) -> Result<(), StoreError> {
    let refused = |error: SqlxError| StoreError::unavailable(error.to_string());
    connect.await.map_err(refused)?.close().await.map_err(refused)
}

fn sqlite_options(file: &std::path::Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY_LIMIT)
        .disable_statement_logging()
}

fn sqlite_pool(options: &SqliteConnectOptions, connections: u32) -> DatabaseConnection {
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_LIMIT)
        .idle_timeout(IDLE_LIMIT)
        // There is no line that could break.
        .test_before_acquire(false)
        .connect_lazy_with(options.clone());
    SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)
}

pub(crate) fn postgres_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options: PgConnectOptions = url
        .parse()
        .map_err(|error: SqlxError| StoreError::data(format!("the database URL cannot be used: {error}")))?;
    Ok(options.application_name("holdfast").disable_statement_logging())
}

fn postgres_pool(options: &PgConnectOptions, connections: u32) -> DatabaseConnection {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_LIMIT)
        .idle_timeout(IDLE_LIMIT)
        // A server that was restarted has forgotten our connections: found out before a statement is lost on one.
        .test_before_acquire(true)
        // One whose statement was given up is asked whether it still answers, and closed hard if not: it would keep the
        // place of the only writer until TCP gives up, a quarter of an hour later.
        .after_release(|connection, _| {
            Box::pin(async move {
                let alive = tokio::time::timeout(PING_LIMIT, connection.ping()).await;
                alive.map_err(|_| SqlxError::PoolTimedOut)?.map(|()| true)
            })
        })
        .connect_lazy_with(options.clone());
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}
