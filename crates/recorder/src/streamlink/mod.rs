//! How Streamlink is run: its arguments, its configuration file and its environment; and how its log is read.
//!
//! Whatever is secret (the proxy URL with the lease's password, a channel URL with a token) stands in a file that
//! only this user can read, never in the arguments, which anyone on the machine can list.

mod command;
mod environment;
mod log;

pub(crate) use command::{ChildFiles, Job, Purpose};
pub(crate) use environment::is_secret;
pub(crate) use log::{LogLine, Track, parse, segment_duration};
