//! What is asked of Twitch, over TLS and through a proxy as always, and what comes from Twitch.
#![expect(clippy::expect_used, reason = "a test that cannot go on says where")]

mod api;
mod inbox;
mod letter;
mod stand_in;
mod strangers;
mod subscriptions;
mod tokens;
mod trouble;
