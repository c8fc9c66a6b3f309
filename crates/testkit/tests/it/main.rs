//! The test kit tested: every fault must be seen on a real socket, and the judge must convict a recording that lacks
//! or repeats a segment. A kit that breaks nothing would make every test above it pass.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails as a test does")]

mod client;
mod judge;
mod origin;
mod postgres;
mod process;
mod replies;
mod socks;
mod tunnels;
mod twitch;
