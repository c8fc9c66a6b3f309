//! `holdfast`: the command line over the engine, the API and the gateway.

mod cli;
mod config;
mod data_dir;
mod files;
mod lifecycle;
mod log;
mod progress;
mod term;
mod wiring;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Every TLS connection of the process uses this one provider. A second call could only find the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::run(std::env::args_os())
}
