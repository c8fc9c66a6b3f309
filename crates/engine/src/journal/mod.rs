//! The journal: the one way from what happens to those who listen. Whatever changes the pool or a recording becomes a
//! note; notes are stored first, in one transaction with the state they tell of, and then told, in order.
//!
//! While the database is away notes wait in memory, in order, and the batch that failed is tried again as it is (the
//! store applies each batch once, however often it is sent). What is merely a newer figure is told meanwhile, with
//! the last number again, because the numbers after it are promised to those that wait.

mod frame;
mod fresh;
mod history;
mod keeper;
mod note;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast_model::{Event, in_micros};
use serde_json::Map;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub use frame::{CatchUp, Frame, Subscription};
pub(crate) use keeper::Keeper;
pub(crate) use note::{HEALTH, Note, STATISTICS, word};

use frame::Outlet;

/// Hands notes in; cheap to clone.
#[derive(Clone)]
pub(crate) struct Journal {
    incoming: mpsc::UnboundedSender<Incoming>,
    outlet: Arc<Outlet>,
}

impl Journal {
    /// Adds a note.
    pub(crate) fn add(&self, note: Note) {
        // The keeper is gone only at the very end.
        let _ = self.incoming.send(Incoming::Note(note.into()));
    }

    /// Adds a note and waits until it is stored; false if that takes longer than `limit`.
    pub(crate) async fn add_and_wait(&self, note: Note, limit: Duration) -> bool {
        let (sender, stored) = oneshot::channel();
        let _ = self.incoming.send(Incoming::Note(Entry { note, stored: Some(sender) }));
        matches!(tokio::time::timeout(limit, stored).await, Ok(Ok(())))
    }

    /// Takes in every event of the pool and the gateway. A task of its own: the keeper may wait for a database for
    /// seconds, and what is not fetched from a broadcast in time is gone. At `stop` it hands over what is there.
    pub(crate) async fn follow(self, mut events: broadcast::Receiver<Event>, stop: CancellationToken) {
        loop {
            let event = tokio::select! {
                biased;
                event = events.recv() => event,
                () = stop.cancelled() => break,
            };
            let incoming = match event {
                Ok(event) => Incoming::Event(event, in_micros(Utc::now())),
                Err(RecvError::Lagged(_)) => Incoming::Missed,
                Err(RecvError::Closed) => break,
            };
            // The keeper ends after the last event.
            let _ = self.incoming.send(incoming);
        }
        let _ = self.incoming.send(Incoming::Last);
    }

    /// Adds what an event says.
    pub(crate) fn add_event(&self, event: &Event) {
        if let Some(note) = note::of_event(event) {
            self.add(note);
        }
    }

    /// A place for a client.
    pub(crate) fn subscribe(
        &self,
        since: Option<(i64, String)>,
        hello: impl FnOnce() -> Map<String, serde_json::Value>,
    ) -> Subscription {
        self.outlet.subscribe(since, hello)
    }
}

/// What comes in, in this order.
enum Incoming {
    Note(Entry),
    Event(Event, DateTime<Utc>),
    /// There were more events than could be fetched.
    Missed,
    /// No more events will come.
    Last,
}

/// A note, and who waits for it to be stored.
struct Entry {
    note: Note,
    stored: Option<oneshot::Sender<()>>,
}

impl From<Note> for Entry {
    fn from(note: Note) -> Self {
        Self { note, stored: None }
    }
}

/// A number that no other batch has.
pub(crate) fn batch_id() -> i64 {
    uuid::Uuid::now_v7().as_u64_pair().1.cast_signed()
}
