//! What a program under trial says, line by line, kept and waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes to be said.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The lines of one pipe.
pub(crate) struct Log {
    text: Arc<Mutex<String>>,
    lines: watch::Receiver<usize>,
    reader: JoinHandle<()>,
}

impl Log {
    /// Reads a pipe to its end; `each` is called after every line.
    pub(crate) fn of(
        pipe: impl AsyncRead + Send + Unpin + 'static,
        mut each: impl FnMut() + Send + 'static,
    ) -> Self {
        let (text, (count, lines)) = (Arc::<Mutex<String>>::default(), watch::channel(0));
        let sink = Arc::clone(&text);
        let reader = tokio::spawn(async move {
            let mut lines = BufReader::new(pipe).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut text = lock(&sink);
                text.push_str(&line);
                text.push('\n');
                drop(text);
                each();
                count.send_modify(|n| *n += 1);
            }
        });
        Self { text, lines, reader }
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        lock(&self.text).clone()
    }

    /// Waits until it contains `text`.
    pub(crate) async fn says(&mut self, text: &str) -> Result<()> {
        let wait = async {
            while !self.text().contains(text) {
                if self.lines.changed().await.is_err() {
                    bail!("it ended without saying '{text}':\n{}", self.text());
                }
            }
            Ok(())
        };
        match timeout(PATIENCE, wait).await {
            Ok(outcome) => outcome,
            Err(_) => bail!("it did not say '{text}' in a minute:\n{}", self.text()),
        }
    }

    /// Waits for the end of the pipe.
    pub(crate) async fn ended(&mut self) -> Result<()> {
        Ok((&mut self.reader).await?)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
