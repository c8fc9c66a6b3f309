//! The door as people find it: a real listener over a real engine, asked by real clients.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says where")]

mod channels;
mod document;
mod guard;
mod health;
mod page;
mod proxies;
mod recordings;
mod requests;
mod rig;
mod socket;
