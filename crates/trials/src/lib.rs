//! Trials of the whole: the real `holdfast` binary with real Streamlink records a live stream over TLS through proxies
//! that die, and the file is judged frame by frame. The tests here are the list of faults that a recording must
//! survive; the `storm` binary makes them up at random for as long as it is told to.
//!
//! Development only.
#![expect(clippy::expect_used, reason = "a trial that cannot be set up should stop at once and say where")]

mod binary;
mod database;
mod gateway;
mod log;
mod processes;
mod recording;
mod routes;
mod scene;
mod server;
mod socket;
pub mod storm;

pub use binary::holdfast;
pub use database::Database;
pub use gateway::GatewayProcess;
pub use recording::{Finished, RecordOptions, Recording};
pub use routes::{Case, convicts};
pub use scene::{GREETING, HOST, Scene, SceneOptions};
pub use server::{Answer, ServerOptions, ServerProcess, eventually};
pub use socket::Socket;
