//! Loads for the gateway and the checker, and the same loads for HAProxy and Squid, side by side in one run.
//!
//! Development only, loopback only. `README.md` beside this crate says what is measured and how to read it. The
//! scenario of [`load`] has goals, so it serves as a test as well.

mod channels;
mod check;
mod client;
mod gateway;
mod head;
mod idle;
mod latency;
mod light;
pub mod load;
mod origin;
mod process;
mod server;
mod table;
mod tunnel;
mod upstream;

use std::path::PathBuf;

pub use channels::{Crowd, channels, record};
pub use check::check;
pub use gateway::{Gateway, Kind, find_holdfast};
pub use idle::idle;
pub use latency::latency;
pub use light::light_streamlink;
pub use process::raise_file_limit;
pub use server::server;
pub use tunnel::tunnel;
pub use upstream::serve_as_process;

/// What every measure needs to know.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The gateways to measure, in the order of the tables.
    pub kinds: Vec<Kind>,
    /// The `holdfast` binary.
    pub holdfast: PathBuf,
    /// This binary, which is also the upstream proxy of [`load`].
    pub bench: PathBuf,
    /// A fraction of the usual length, for a first look.
    pub quick: bool,
}
