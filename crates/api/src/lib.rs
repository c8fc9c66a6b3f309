//! The door: REST, WebSocket, metrics, the web page and the API's own description, over `holdfast_engine::Engine`.
//! Nothing is decided here but who may knock and how a request is read; what happens is the engine's business.
//!
//! The way of a request: `headers` and `guard`, then a handler of its resource (one file each), whose extractors in
//! `path`, `input` and `fields` turn it into a typed wish. Whatever goes wrong becomes a `problem`.

mod answers;
mod channel_input;
mod channels;
mod description;
mod docs;
mod events;
mod eventsub;
mod fields;
mod filename;
mod guard;
mod headers;
mod health;
mod input;
mod media;
mod page;

mod path;
mod pool_settings;
mod problem;
mod proxies;
mod proxy_actions;
mod proxy_input;
mod range;
mod recordings;
mod router;
mod serve;
mod server;
mod server_settings;
mod socket;
mod tags;
mod time;
mod trace;

pub use problem::Problem;
pub use router::{openapi, router};
pub use serve::serve;

/// What the door has to know.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Names besides `localhost`, `127.0.0.1`, `[::1]` and the listener's address that the Host header may have: `name`
    /// for any port, `name:port` for that one.
    pub allowed_hosts: Vec<String>,
    /// The program's version, for `/api/version`.
    pub version: &'static str,
}
