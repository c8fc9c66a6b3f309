//! The engine against real databases, proxies and check targets: every case runs on a fresh SQLite file and on a fresh
//! database of a real PostgreSQL, and ends with the same questions (`server.rs`): was everything told once and in
//! order, is what was told stored, does the database remember what the pool knows, and did any password get out?

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says where")]

#[macro_use]
mod world;

mod by_hand;
mod drill;
mod duplicates;
mod ears;
mod files;
mod history;
mod keys;
mod many;
mod outage;
mod restart;
mod server;
mod settings;
mod spellings;
mod targets;
mod traffic;
mod unfinished;
mod wishes;
