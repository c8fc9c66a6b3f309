//! Whether the database is there. Whoever uses it notes what it answers; the upkeep looks after it while it is away.

use holdfast_model::Level;
use holdfast_store::Batch;
use serde_json::json;

use super::Memory;
use crate::journal::{Note, word};

impl Memory {
    /// Notes that the database is away.
    pub(crate) fn away(&self, why: &str) {
        let news = self.away.send_if_modified(|away| away.replace(why.to_owned()).is_none());
        if news {
            tracing::error!("the database is away; recordings go on, changes are refused: {why}");
            self.tell_at_once(Level::Error, "The database is away: recordings go on, changes are refused");
        }
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
        let mut answer = self.store.ping().await;
        if answer.is_ok() && self.is_away().is_some() {
            // One that answers and takes nothing (its file is locked, its disk full) is still away.
            answer = self.store.commit(&Batch { id: crate::journal::batch_id(), ..Batch::default() }).await;
        }
        match answer {
            Err(error) => self.away(&error.to_string()),
            Ok(()) if self.is_away().is_some() => {
                // An answer may have been lost: what is stored counts, before anybody changes it again.
                // Several may look at a time; one of them tells.
                let was_away = |away: &mut Option<String>| away.take().is_some();
                if self.refresh().await.is_ok() && self.away.send_if_modified(was_away) {
                    tracing::info!("the database is back");
                    self.tell_at_once(Level::Info, "The database is back");
                }
            }
            Ok(()) => {}
        }
    }

    /// What cannot be stored is told all the same.
    fn tell_at_once(&self, level: Level, message: &str) {
        let note = Note::new("notice", level, message).fleeting();
        self.tell(note.with("message", json!(message)).with("level", json!(word(level))));
    }
}
