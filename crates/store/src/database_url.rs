//! Where the database is. Checked when it is read, and masked in every text form.
use std::fmt;
use std::path::{Path, PathBuf};

use holdfast_model::Secret;

use crate::StoreError;

/// The address of a database: a SQLite file or a PostgreSQL server. `Debug` and `Display` mask the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub(crate) Kind);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite(PathBuf),
    Postgres(Secret),
}

impl DatabaseUrl {
    /// Reads `sqlite:///absolute/path`, `sqlite://relative/path`, `postgres://…` or `postgresql://…`.
    ///
    /// # Errors
    /// [`StoreError::Data`] says what to write instead, without repeating a password.
    pub fn parse(_text: &str) -> Result<Self, StoreError> {
        todo!()
    }

    /// The default: the SQLite file `holdfast.db` in the data directory.
    #[must_use]
    pub fn for_data_dir(data_dir: &Path) -> Self {
        Self(Kind::Sqlite(data_dir.join("holdfast.db")))
    }

    /// True for a SQLite file, false for a PostgreSQL server.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        matches!(self.0, Kind::Sqlite(_))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
