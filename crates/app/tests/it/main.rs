//! The real binary, as people and scripts use it. Recordings under faults are tried in the crate `trials`.
#![expect(clippy::expect_used, reason = "a test that cannot go on says where")]

mod check;
mod gateway;
mod help;
mod record;
mod run;
mod serve;
mod settings;
mod usage;
