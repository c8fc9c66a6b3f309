//! Whether the database is there. Whoever uses it notes what it answers; the upkeep looks after it while it is away.

use super::Memory;

impl Memory {
    /// Notes that the database is away, or that it is back.
    pub(crate) fn away(&self, why: &str) {
        self.away.send_if_modified(|away| {
            if away.is_none() {
                tracing::error!("the database is away; recordings go on, changes are refused: {why}");
            }
            away.replace(why.to_owned()).is_none()
        });
    }

    /// Waits for the database to go away, if it is there.
    pub(crate) async fn goes_away(&self) {
        let mut away = self.away.subscribe();
        if away.borrow_and_update().is_some() {
            std::future::pending::<()>().await;
        }
        // The sender lives as long as the memory.
        let _ = away.changed().await;
    }

    /// Why the database is away, if it is.
    pub(crate) fn is_away(&self) -> Option<String> {
        self.away.borrow().clone()
    }

    /// Asks the database how it is, and reads everything again if it is back.
    pub(crate) async fn look_after(&self) {
        match self.store.ping().await {
            Err(error) => self.away(&error.to_string()),
            Ok(()) if self.is_away().is_some() => {
                self.away.send_replace(None);
                tracing::info!("the database is back");
                // An answer may have been lost: what is stored counts.
                let _ = self.refresh().await;
            }
            Ok(()) => {}
        }
    }
}
