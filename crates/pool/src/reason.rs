//! Why a proxy was not chosen, in words for the log and for `GET /api/proxy/best`.

use std::fmt;
use std::time::Duration;

use holdfast_model::{Health, milliseconds};

/// Why a proxy lost a selection: the first rule that parted it from the winner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The proxy system is switched off.
    SystemOff,
    /// A person disabled it.
    Disabled,
    /// The pool disabled it after this many failures in a row.
    AutoDisabled(u32),
    /// It does not carry all tags that were asked for.
    Tags,
    /// A check convicted it; the words of the check.
    Failed(String),
    /// A drill treats it as failed for now.
    Drilled,
    /// It failed for this very connection.
    Tried,
    /// Traffic raised a suspicion.
    Suspect,
    /// This recording avoids it for a while.
    Avoided,
    /// Its health is worse than the winner's.
    Health(Health),
    /// Its priority, which comes later than the winner's.
    Priority(u32),
    /// The winner is the one the lease already uses.
    Kept,
    /// Its average response time, longer than the winner's.
    Slower(Duration),
    /// It was never measured, the winner was.
    Unmeasured,
    /// Equal in everything, but its id comes later.
    Later,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SystemOff => f.write_str("the proxy system is switched off"),
            Self::Disabled => f.write_str("disabled by a person"),
            Self::AutoDisabled(1) => f.write_str("disabled after 1 failure"),
            Self::AutoDisabled(failures) => write!(f, "disabled after {failures} failures"),
            Self::Tags => f.write_str("tags do not match"),
            Self::Failed(error) if error.is_empty() => f.write_str("failed"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Drilled => f.write_str("under a drill"),
            Self::Tried => f.write_str("already tried"),
            Self::Suspect => f.write_str("suspect"),
            Self::Avoided => f.write_str("avoided by this recording"),
            Self::Health(health) => health.fmt(f),
            Self::Priority(priority) => write!(f, "lower priority ({priority})"),
            Self::Kept => f.write_str("the present proxy is as good"),
            Self::Slower(average) => write!(f, "slower ({} ms)", milliseconds(*average)),
            Self::Unmeasured => f.write_str("not measured yet"),
            Self::Later => f.write_str("equal, but added later"),
        }
    }
}
