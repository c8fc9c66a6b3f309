//! The commands against a small server that speaks the contract's answers, and against a real PostgreSQL. The whole
//! way is tried: arguments as a person types them, requests on a socket, text and exit status.
#![expect(clippy::expect_used, reason = "a test that cannot go on says where")]

mod change;
mod channel;
mod export;
mod help;
mod list;
mod run;
mod stand_in;
mod streamvault;
mod test;
mod trouble;
