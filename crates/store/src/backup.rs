//! Copies of the database that are whole, made while everything goes on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use std::time::Duration;

use sea_orm::SqlxError;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _};

use crate::database_url::Kind;
use crate::key_file::sync_folder;
use crate::{DatabaseUrl, Store, StoreError, pg_dump};

/// How long a copy waits for a lock that another process holds.
const BUSY_LIMIT: Duration = Duration::from_secs(10);

impl Store {
    /// Writes a copy of the database as it is at this moment, mode 0600: for SQLite a database file, for PostgreSQL
    /// what `pg_dump --format=custom` makes. Never overwrites a file. Recordings and changes go on meanwhile. The
    /// secret key is not in it: without the key the passwords in the copy are lost.
    ///
    /// # Errors
    /// [`StoreError::Backup`], and no file is left.
    pub async fn backup(&self, file: &Path) -> Result<(), StoreError> {
        Self::back_up(&self.url, file).await
    }

    /// The same for a database that this process has not opened: nothing in it is changed, not even its schema, and no
    /// key is needed.
    ///
    /// # Errors
    /// [`StoreError::Backup`], and no file is left; also if there is no database.
    pub async fn back_up(url: &DatabaseUrl, file: &Path) -> Result<(), StoreError> {
        if file.symlink_metadata().is_ok() {
            return Err(StoreError::Backup(format!(
                "{} exists already: choose another name",
                file.display()
            )));
        }
        let draft = Draft::new(file).map_err(|error| failed(file, &error))?;
        match &url.0 {
            Kind::Sqlite(database) => vacuum_into(database, &draft.path).await?,
            Kind::Postgres(url) => pg_dump::run(url, &draft.path).await?,
        }
        draft.keep_as(file).map_err(|error| failed(file, &error))
    }
}

/// On a connection of its own, which changes nothing and makes no file where there is none.
async fn vacuum_into(database: &Path, draft: &Path) -> Result<(), StoreError> {
    let name =
        draft.to_str().ok_or_else(|| StoreError::Backup(format!("{} is not UTF-8", draft.display())))?;
    if !database.is_file() {
        return Err(StoreError::Backup(format!("there is no database {}", database.display())));
    }
    let refused = |error: SqlxError| StoreError::Backup(error.to_string());
    let options =
        SqliteConnectOptions::new().filename(database).busy_timeout(BUSY_LIMIT).disable_statement_logging();
    let mut connection = options.connect().await.map_err(refused)?;
    let copied = sqlx::query("VACUUM INTO ?").bind(name).execute(&mut connection).await;
    let closed = connection.close().await;
    copied.map_err(refused)?;
    closed.map_err(refused)
}

fn failed(file: &Path, error: &io::Error) -> StoreError {
    StoreError::Backup(format!("{} cannot be written: {error}", file.display()))
}

/// An empty file beside the wanted one, for its owner only; deleted unless it is kept.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn new(file: &Path) -> io::Result<Self> {
        let name =
            file.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "it is no file name"))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let path = file.with_file_name(hidden);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path })
    }

    /// Gives it its name, unless somebody took that meanwhile.
    fn keep_as(self, file: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        match fs::hard_link(&self.path, file) {
            // A file system without links, such as FAT on a stick.
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
                fs::rename(&self.path, file)?;
            }
            other => other?,
        }
        sync_folder(file)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
