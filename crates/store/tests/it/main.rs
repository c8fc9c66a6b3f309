//! The store against the real databases: every case runs on a fresh SQLite file and on a fresh database of a real
//! PostgreSQL.

#![expect(clippy::expect_used, reason = "a test that cannot go on says where")]

#[macro_use]
mod home;

mod backup;
mod bulk;
mod busy;
mod channel_secrets;
mod channels;
mod commit;
mod earlier;
mod history;
mod opening;
mod outage;
mod proxies;
mod recordings;
mod samples;
mod secrets;
mod settings;
mod statistics;
