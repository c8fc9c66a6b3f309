//! Where the database is. Checked when it is read, and masked in every text form.

use std::fmt;
use std::path::{Path, PathBuf};

use holdfast_model::{Secret, mask_passwords};

use crate::StoreError;

/// The address of a database: a SQLite file or a PostgreSQL server. `Debug` and `Display` mask the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub(crate) Kind);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The file.
    Sqlite(PathBuf),
    /// The whole URL.
    Postgres(Secret),
}

impl DatabaseUrl {
    /// Reads `sqlite:///absolute/path`, `sqlite://relative/path`, `postgres://…` or `postgresql://…`. TLS to PostgreSQL
    /// is asked for by `?sslmode=require` or `?sslmode=verify-full`, with `&sslrootcert=FILE` for a CA of one's own.
    ///
    /// # Errors
    /// [`StoreError::Data`] says what to write instead, without repeating a password.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let text = text.trim();
        match text.split_once("://") {
            Some(("sqlite", path)) => sqlite(path),
            Some(("postgres" | "postgresql", rest)) => postgres(text, rest),
            _ => Err(StoreError::data(
                "the database URL is neither SQLite nor PostgreSQL: write sqlite:///path/to/holdfast.db or \
                 postgres://user:password@host/database",
            )),
        }
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

fn sqlite(path: &str) -> Result<DatabaseUrl, StoreError> {
    let problem = match path {
        "" | "/" => "it names no file",
        // A pool of connections would each get a memory of its own, and nothing would be kept.
        _ if path.starts_with(':') => "a database in memory forgets everything",
        _ if path.contains('?') => "it takes no parameters: remove '?' and what follows",
        _ => return Ok(DatabaseUrl(Kind::Sqlite(PathBuf::from(path)))),
    };
    Err(StoreError::data(format!(
        "the SQLite URL cannot be used, {problem}: write sqlite:///path/to/holdfast.db"
    )))
}

fn postgres(text: &str, rest: &str) -> Result<DatabaseUrl, StoreError> {
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    if query.split('&').any(|pair| pair.starts_with("password=") || pair.starts_with("sslpassword=")) {
        return Err(StoreError::data(
            "the database URL has its password among the parameters: write postgres://user:password@host/database",
        ));
    }
    super::open::postgres_options(text)?;
    Ok(DatabaseUrl(Kind::Postgres(Secret::new(text))))
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sqlite(file) => write!(f, "sqlite://{}", file.display()),
            Kind::Postgres(url) => f.write_str(&mask_passwords(url.expose())),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
