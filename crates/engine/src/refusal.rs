//! Why the engine does not do what it was asked, in five kinds that every door can tell apart.

use holdfast_model::{ChannelId, ProxyId, RecordingId};

/// A wish that is not fulfilled. Nothing was changed. The text is a sentence a person can act on; passwords are masked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What was asked makes no sense (400).
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing (404).
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done as things are now (409).
    #[error("{0}")]
    Conflict(String),
    /// There is no way to the outside now (409).
    #[error("{0}")]
    NoRoute(String),
    /// The database is away; worth another try later (503).
    #[error("{0}")]
    Unavailable(String),
}

impl Refusal {
    pub(crate) fn no_proxy(id: ProxyId) -> Self {
        Self::NotFound(format!("there is no proxy {id}"))
    }

    pub(crate) fn no_channel(id: ChannelId) -> Self {
        Self::NotFound(format!("there is no channel {id}"))
    }

    pub(crate) fn no_recording(id: RecordingId) -> Self {
        Self::NotFound(format!("there is no recording {}", id.0))
    }
}

impl From<holdfast_store::StoreError> for Refusal {
    fn from(error: holdfast_store::StoreError) -> Self {
        if let holdfast_store::StoreError::Duplicate(why) = error {
            return Self::Conflict(why);
        }
        Self::Unavailable(format!(
            "the database did not answer ({error}); if this was a change, look whether it was made"
        ))
    }
}
