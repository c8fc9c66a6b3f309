//! Why the store could not do what it was asked, sorted by what the caller does about it.

use holdfast_model::mask_passwords;
use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// Something went wrong with what is remembered. Every text is a sentence a person can act on, passwords masked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is locked, is full or went away: worth a retry later. Nothing was changed, or
    /// it is not known whether it was, and what can be repeated should be.
    #[error("the database cannot be used now: {0}")]
    Unavailable(String),
    /// What was to be changed is not there.
    #[error("there is no such row in the database")]
    NotFound,
    /// What was to be added is there already; the text says as what.
    #[error("{0}")]
    Duplicate(String),
    /// The schema was made by a newer Holdfast.
    #[error(
        "the database was made by a newer version of Holdfast (its schema is {found}, this version knows {known}): \
         install that version, or restore a backup made before the update"
    )]
    Newer {
        /// The newest migration in the database.
        found: String,
        /// The newest migration in this program.
        known: String,
    },
    /// The secret key cannot be used.
    #[error("the secret key cannot be used: {0}")]
    Key(String),
    /// A row, an address or a value that cannot be understood; trying again does not help.
    #[error("{0}")]
    Data(String),
    /// A backup could not be made.
    #[error("the backup was not made: {0}")]
    Backup(String),
}

impl StoreError {
    /// Keeps a sentence of this crate's own, masked.
    pub(crate) fn unavailable(text: impl AsRef<str>) -> Self {
        Self::Unavailable(mask_passwords(text.as_ref()).into_owned())
    }

    /// Keeps a sentence of this crate's own, masked.
    pub(crate) fn data(text: impl AsRef<str>) -> Self {
        Self::Data(mask_passwords(text.as_ref()).into_owned())
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let lasting = match &error {
            DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause) => is_lasting(cause),
            DbErr::ConnectionAcquire(_) => {
                return Self::unavailable("there is no connection to it, or all are busy; is it running?");
            }
            DbErr::RecordNotUpdated | DbErr::RecordNotFound(_) => return Self::NotFound,
            _ => true,
        };
        if lasting {
            Self::data(format!("the database refused a statement: {error}"))
        } else {
            Self::unavailable(error.to_string())
        }
    }
}

/// Whether the same statement would fail again: broken rules and values, in contrast to trouble with the connection,
/// the disk or a lock.
fn is_lasting(cause: &RuntimeErr) -> bool {
    let RuntimeErr::SqlxError(cause) = cause else { return true };
    match cause.as_ref() {
        // Class 22: values, 23: constraints, 42: names and rights (PostgreSQL). SQLite: primary codes 1, 18, 19, 20, 25.
        SqlxError::Database(error) => error.code().is_some_and(|code| {
            let sqlite = code.parse::<u32>().ok().filter(|_| code.len() != 5).map(|code| code & 0xff);
            sqlite.map_or_else(
                || ["22", "23", "42"].iter().any(|class| code.starts_with(class)),
                |primary| matches!(primary, 1 | 18 | 19 | 20 | 25),
            )
        }),
        SqlxError::ColumnDecode { .. }
        | SqlxError::ColumnNotFound(_)
        | SqlxError::Decode(_)
        | SqlxError::Encode(_) => true,
        _ => false,
    }
}
