//! What a recording must survive, each tried for real: see `faults.rs` for the list.
#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

mod faults;
mod origin;
mod outage;
mod serve;
mod tools;
