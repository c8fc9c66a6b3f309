//! Runs a command as the binary would, and looks for passwords in everything that came out.

use std::io::Write;
use std::sync::{Arc, Mutex};

use clap::Parser;
use holdfast_client::{ChannelArgs, ImportArgs, Io, ProxyArgs, channel, import, proxy};
use tracing_subscriber::fmt::MakeWriter;

/// The password of every proxy in these tests.
pub(crate) const PASSWORD: &str = "s3cret-p4ss";

#[derive(Parser)]
#[command(name = "holdfast")]
pub(crate) enum Cli {
    /// As in the binary.
    Proxy(ProxyArgs),
    /// As in the binary.
    Channel(Box<ChannelArgs>),
    /// As in the binary.
    Import(ImportArgs),
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: u8,
    pub(crate) out: String,
    /// The error and the log.
    pub(crate) err: String,
}

impl Ran {
    /// What was printed, of a command that has to succeed.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// As JSON.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.out).expect("JSON on stdout")
    }
}

/// Runs it; no password may be seen.
pub(crate) async fn run(server: &str, args: &[&str], input: &str) -> Ran {
    let ran = run_openly(server, args, input).await;
    assert!(!ran.out.contains(PASSWORD) && !ran.err.contains(PASSWORD), "a password is seen: {ran:?}");
    ran
}

/// Runs it, passwords or not.
pub(crate) async fn run_openly(server: &str, args: &[&str], input: &str) -> Ran {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (mut input, mut out) = (input.as_bytes(), Vec::new());
    let mut io = Io { input: &mut input, out: &mut out, columns: None, server: None };
    let done = match Cli::try_parse_from(["holdfast"].iter().chain(args).chain(&["--server", server])) {
        Ok(Cli::Proxy(args)) => {
            proxy::run(&args, &mut io).await.map_err(|e| (e.exit_status(), e.to_string()))
        }
        Ok(Cli::Channel(args)) => {
            channel::run(&args, &mut io).await.map_err(|e| (e.exit_status(), e.to_string()))
        }
        Ok(Cli::Import(args)) => {
            import::run(&args, &mut io).await.map_err(|e| (e.exit_status(), e.to_string()))
        }
        Err(error) => Err((2, error.to_string())),
    };
    let mut err = log.text();
    let status = done.unwrap_or_else(|(status, error)| {
        err.push_str(&error);
        status
    });
    Ran { status, out: String::from_utf8(out).expect("text"), err }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("not poisoned")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
