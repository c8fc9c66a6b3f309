//! The command line against a running server. Each command is its clap definition and one function over a small
//! typed client of the API; the binary only adds them to its own tree:
//!
//! ```
//! #[derive(clap::Subcommand)]
//! enum Command {
//!     Proxy(holdfast_client::ProxyArgs),
//!     Import(holdfast_client::ImportArgs),
//! }
//! async fn run(command: &Command) -> Result<u8, holdfast_client::ClientError> {
//!     let (mut input, mut out) = (std::io::stdin().lock(), std::io::stdout());
//!     let mut io = holdfast_client::Io { input: &mut input, out: &mut out, columns: None, server: None };
//!     match command {
//!         Command::Proxy(args) => holdfast_client::proxy::run(args, &mut io).await,
//!         Command::Import(args) => holdfast_client::import::run(args, &mut io).await,
//!     }
//! }
//! ```
//!
//! Results go to `out`, warnings to the log. Nothing here prints a password, but for the export that asks for it.

pub mod channel;
pub mod import;
pub mod proxy;
pub mod table;

mod api;
mod error;
mod io;
mod server;
mod size;
mod text;
mod types;

pub use api::Api;
pub use channel::ChannelArgs;
pub use error::ClientError;
pub use import::ImportArgs;
pub use io::Io;
pub use proxy::ProxyArgs;
pub use server::{DEFAULT_SERVER, JsonArgs, ServerArgs};
pub use types::{
    Channel, ChannelList, ChannelWish, Condemned, Imported, Limits, NewProxy, Phases, Preview, Proxy,
    ProxyChange, ProxyList, Rejected, SystemStatus, Tested,
};
