//! The three things that Holdfast lets Twitch tell it.

/// What a subscription is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A broadcast begins.
    Online,
    /// A broadcast ends.
    Offline,
    /// Title or category change.
    Update,
}

impl Kind {
    /// All of them: what a channel is subscribed to.
    pub const ALL: [Self; 3] = [Self::Online, Self::Offline, Self::Update];

    /// Twitch's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "stream.online",
            Self::Offline => "stream.offline",
            Self::Update => "channel.update",
        }
    }

    /// The version that is subscribed to.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Online | Self::Offline => "1",
            Self::Update => "2",
        }
    }

    /// The one with this name, if it is one of ours.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
