//! What is told of a stream that is asked for again and again: an outage that lasts a night would fill the log with the
//! same lines every few seconds. What is new is told, the same again only to those who look closely, and that it is over.

use std::collections::HashSet;

use tokio::time::Instant;
use tracing::{debug, info, warn};

/// A reason that is another each time is no news any more.
const MOST: usize = 12;

/// What has been told since the stream was last known to go on, or to be over.
#[derive(Debug, Default)]
pub(super) struct Outage {
    told: HashSet<String>,
    since: Option<Instant>,
}

impl Outage {
    /// Whether this was not told yet.
    pub(super) fn is_news(&mut self, what: String) -> bool {
        self.told.len() < MOST && self.told.insert(what)
    }

    /// The stream itself could not be reached.
    pub(super) fn unreachable(&mut self, why: &str) {
        self.since.get_or_insert_with(Instant::now);
        let text = format!("the stream cannot be reached: {why}");
        if self.is_news(text.clone()) {
            warn!("{text}");
        } else {
            debug!("{text}");
        }
    }

    /// The platform did not answer, for this reason, if there is one.
    pub(super) fn unsaid(&mut self, why: Option<&str>) {
        let Some(why) = why else { return };
        let text = format!(
            "the platform does not say whether the channel is live ({why}): the stream itself is asked"
        );
        if self.is_news(text.clone()) {
            info!("{text}");
        } else {
            debug!("{text}");
        }
    }

    /// It is certain how the stream is: what comes now is told anew.
    pub(super) fn ends(&mut self) {
        self.told.clear();
        if let Some(since) = self.since.take() {
            let seconds = since.elapsed().as_secs();
            info!(
                "whether the stream goes on is known again, after {seconds} s in which it could not be reached"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("unpoisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_told_once_and_its_end_too() {
        let log = Log::default();
        let writer = log.clone();
        let told = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(move || writer.clone())
            .finish();
        let _told = tracing::subscriber::set_default(told);
        let mut outage = Outage::default();
        for _ in 0..2 {
            for _ in 0..100 {
                outage.unsaid(Some("401"));
                outage.unreachable("refused");
                tokio::time::advance(std::time::Duration::from_secs(1)).await;
            }
            outage.unreachable("no route");
            outage.ends();
            outage.ends();
        }
        let once = " INFO the platform does not say whether the channel is live (401): the stream itself is asked\n \
                    WARN the stream cannot be reached: refused\n \
                    WARN the stream cannot be reached: no route\n \
                    INFO whether the stream goes on is known again, after 100 s in which it could not be reached\n";
        let log = String::from_utf8(log.0.lock().expect("unpoisoned").clone()).expect("text");
        assert_eq!(log, once.repeat(2));
        for number in 0..100 {
            outage.unreachable(&format!("reason {number}"));
        }
        assert!(!outage.is_news("another".to_owned()), "there is an end to what is new");
    }
}
