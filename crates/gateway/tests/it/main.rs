//! All integration tests of the gateway in one binary: linking is what takes time on a small machine.
#![expect(clippy::expect_used, reason = "a test says by it what it relies on")]

mod answers;
mod death;
mod forward;
mod last_resort;
mod outage;
mod probe;
mod rig;
mod starved;
mod tokens;
mod tunnel;
