//! The limit of open files. Each connection is one, and the usual soft limit of 1,024 is meant for programs that
//! still use `select`; what the system allows beyond it is there to be taken.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are not connections: standard streams, the runtime, the log, name look-ups.
const RESERVED: u64 = 64;

/// Raises the limit as far as the system allows, and answers with how many things fit that need `each` files.
pub(crate) fn room_for(each: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    // Whether it was raised is seen by what is in force now.
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let room = files.saturating_sub(RESERVED) / u64::try_from(each.max(1)).unwrap_or(u64::MAX);
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}
