//! Starting and stopping the process. Two stages: the soft token asks everybody to finish (files are closed,
//! Streamlink flushes), the hard token ends what did not. The first signal of a person or of the system sets off
//! the first stage; the second signal ends the process at once. A task that panics also sets off the first stage:
//! the process goes down cleanly instead of limping on without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Exit status after Ctrl-C, by the custom of shells (128 + SIGINT).
pub(crate) const INTERRUPTED: u8 = 130;
/// Exit status after SIGTERM or SIGHUP (128 + SIGTERM).
pub(crate) const TERMINATED: u8 = 143;

/// How long the hard token leaves children and sockets before the process ends regardless.
const LAST_MOMENT: Duration = Duration::from_millis(300);
/// How long tasks may take to end when everything is done.
const PATIENCE: Duration = Duration::from_secs(2);

/// The tokens, the tracker, and what set them off. Clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Lifecycle {
    /// Finish what you are doing and stop.
    pub(crate) soft: CancellationToken,
    /// Stop now.
    pub(crate) hard: CancellationToken,
    /// Every task of the process.
    pub(crate) tasks: TaskTracker,
    /// The exit status of the signal that came, or 0.
    status: Arc<AtomicU8>,
    panicked: Arc<AtomicBool>,
}

impl Lifecycle {
    /// Listens for signals and for panics from now on.
    pub(crate) fn start() -> Result<Self> {
        let life = Self {
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
            tasks: TaskTracker::new(),
            status: Arc::default(),
            panicked: Arc::default(),
        };
        life.watch_signals().context("cannot listen for signals")?;
        life.watch_panics();
        Ok(life)
    }

    /// The exit status that the signal asks for, if one came.
    pub(crate) fn signal_status(&self) -> Option<u8> {
        Some(self.status.load(Ordering::Acquire)).filter(|&status| status != 0)
    }

    /// True if a task died of a defect of this program.
    pub(crate) fn panicked(&self) -> bool {
        self.panicked.load(Ordering::Acquire)
    }

    /// Ends all tasks, once there is nothing left to finish. Returns when they are gone, or after a moment.
    pub(crate) async fn finish(&self) {
        self.soft.cancel();
        self.hard.cancel();
        self.tasks.close();
        if tokio::time::timeout(PATIENCE, self.tasks.wait()).await.is_err() {
            tracing::debug!("{} tasks did not end in time and are left behind", self.tasks.len());
        }
    }

    fn watch_signals(&self) -> std::io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let life = self.clone();
        // Not on the tracker: it has to outlive everything that is waited for.
        tokio::spawn(async move {
            loop {
                let status = tokio::select! {
                    _ = interrupt.recv() => INTERRUPTED,
                    _ = terminate.recv() => TERMINATED,
                    _ = hangup.recv() => TERMINATED,
                };
                if life.status.compare_exchange(0, status, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                    tracing::info!("stopping; a second signal stops at once");
                    life.soft.cancel();
                } else {
                    life.hard.cancel();
                    tokio::time::sleep(LAST_MOMENT).await;
                    std::process::exit(i32::from(status));
                }
            }
        });
        Ok(())
    }

    fn watch_panics(&self) {
        let life = self.clone();
        std::panic::set_hook(Box::new(move |panic| {
            life.panicked.store(true, Ordering::Release);
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let text = panic.payload_as_str().unwrap_or("no message");
            tracing::error!("a defect of holdfast, please report it: {text} at {place}");
            life.soft.cancel();
        }));
    }
}
