//! Twitch, where there are credentials for it: who is live and under what title ([`Twitch`]), and the messages that
//! Twitch sends by itself when that changes ([`eventsub`]).
//!
//! It opens no connection but through the [`reqwest::Client`] that it is given, so whoever makes that client decides
//! the way out: the engine gives one whose proxy is the gateway. Nothing here sleeps or tries again, but for one new
//! token after a 401: a [`TwitchError`] says what is wrong and the caller knows when to ask again.
//!
//! A few requests of our own instead of the `twitch_api` crate: that builds for 20 s and hides the rate limit that came
//! with an answer, it sends the client secret in an address, which ends up in messages and logs, and its check of a
//! signature panics when a stranger sends a short one.

mod check;
mod client;
mod error;
pub mod eventsub;
mod kind;
mod stream;
mod subscription;
mod token;
mod wire;

pub use check::{CheckRequest, Objection};
pub use client::{Credentials, Twitch};
pub use error::TwitchError;
pub use kind::Kind;
pub use stream::{Stream, User};
pub use subscription::{State, Subscription};
