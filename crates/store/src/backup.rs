//! Copies of the database that are whole, made while everything goes on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::database_url::Kind;
use crate::key_file::sync_folder;
use crate::{Store, StoreError, pg_dump};

impl Store {
    /// Writes a copy of the database as it is at this moment, mode 0600: for SQLite a database file, for PostgreSQL
    /// what `pg_dump --format=custom` makes. Never overwrites a file. Recordings and changes go on meanwhile. The
    /// secret key is not in it: without the key the passwords in the copy are lost.
    ///
    /// # Errors
    /// [`StoreError::Backup`], and no file is left.
    pub async fn backup(&self, file: &Path) -> Result<(), StoreError> {
        if file.symlink_metadata().is_ok() {
            return Err(StoreError::Backup(format!(
                "{} exists already: choose another name",
                file.display()
            )));
        }
        let draft = Draft::new(file).map_err(|error| failed(file, &error))?;
        match &self.url.0 {
            Kind::Sqlite(_) => self.vacuum_into(&draft.path).await?,
            Kind::Postgres(url) => pg_dump::run(url, &draft.path).await?,
        }
        draft.keep_as(file).map_err(|error| failed(file, &error))
    }

    async fn vacuum_into(&self, draft: &Path) -> Result<(), StoreError> {
        let name =
            draft.to_str().ok_or_else(|| StoreError::Backup(format!("{} is not UTF-8", draft.display())))?;
        let copy = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [name.into()]);
        let done = self.reader.execute_raw(copy).await;
        done.map(|_| ()).map_err(|error| StoreError::Backup(error.to_string()))
    }
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
