//! Why a command did not do its work, in a sentence for the person who typed it, and the exit status that says so.

use reqwest::StatusCode;

use crate::text::clean;

/// What went wrong. No message holds a password.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// Nobody answers where the server should be.
    #[error(
        "no holdfast server answers at {server}{reason}: start one with 'holdfast serve', or name it by --server"
    )]
    Unreachable {
        /// Its address, masked.
        server: String,
        /// More than "connection refused", in brackets; or empty.
        reason: String,
    },
    /// The server refused, in its own words.
    #[error("{detail}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The `detail` of its problem document.
        detail: String,
    },
    /// Everything else: files, the database that is taken over, answers that cannot be read.
    #[error("{0}")]
    Failed(String),
}

impl ClientError {
    /// The exit status: 2 for a wrong command line, else 1.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            _ => 1,
        }
    }

    /// Whether the server said that this is there already.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == StatusCode::CONFLICT)
    }

    pub(crate) fn failed(what: impl AsRef<str>) -> Self {
        Self::Failed(clean(what.as_ref()))
    }
}
