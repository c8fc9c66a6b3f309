//! What Holdfast is tested against: proxies that break on demand, a live HLS origin over TLS, a pretended Twitch,
//! and a judge that compares a recording with its source frame by frame. Everything is a real socket, on loopback only: a
//! destination that is not loopback is refused, so that no test ever reaches the internet.
//!
//! Development only. `README.md` beside this crate shows how the pieces fit together.
#![expect(
    clippy::expect_used,
    reason = "a test tool that cannot set itself up should stop at once and say where"
)]

mod ca;
mod clock;
mod door;
mod home;
mod http_server;
mod media;
mod origin;
mod postgres;
mod process;
mod switch;
mod target;
pub mod twitch;
pub mod upstream;
pub mod verify;

pub use ca::Ca;
pub use door::{Source, loopback_source};
pub use home::{target_dir, testkit_bin};
pub use http_server::{Asked, HttpServer, Reply, ServerFault};
pub use media::{Media, SegmentFrames};
pub use origin::{Origin, OriginOptions, Retention};
pub use postgres::Postgres;
pub use process::ProxyProcess;
pub use target::{CheckTarget, Greeter};
pub use twitch::{Twitch, TwitchOptions};
pub use upstream::{Cut, Direction, Fault, Kind, NameMap, Options, ProxyRequest, Stats, UpstreamProxy};
