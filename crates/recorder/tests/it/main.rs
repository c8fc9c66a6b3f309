//! The recorder against a real Streamlink, a live HLS origin over TLS and a proxy with credentials.
//!
//! Each test runs in a process of its own: the certificate of the test origin reaches Streamlink and our own client
//! through SSL_CERT_FILE, and the children of a test can then be found by their parent.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up should stop at once and say where"
)]

mod support;

mod asking;
mod ending;
mod files;
mod linger;
mod options;
mod quality;
mod recovery;
mod resuming;
mod secrets;
mod site;
mod story;
mod taken;
mod thumbnail;
mod undelivered;
