//! What goes out on the WebSocket, and the short memory that lets a client which was away for a moment catch up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use tokio::sync::broadcast;
use uuid::Uuid;

/// Frames that are kept for clients that come back. At a few hundred bytes each: about two megabytes.
const KEPT: usize = 4096;
/// Frames that a client may lag behind before it is told so and closed.
const LAG: usize = 4096;

/// One message of the WebSocket.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number. Increasing; the events of the log have the same numbers.
    pub seq: i64,
    /// The JSON text, to be sent as it is.
    pub text: String,
}

/// What a client that comes back has missed.
#[derive(Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// Nothing, or it is new.
    Nothing,
    /// These, in order.
    Missed(Vec<Arc<Frame>>),
    /// More than is kept, or the server was restarted: it must load everything again.
    Resync,
}

/// A client's place among the listeners. What it missed ends exactly where `live` begins.
#[derive(Debug)]
pub struct Subscription {
    /// To be sent first.
    pub hello: Arc<Frame>,
    /// To be sent second.
    pub missed: CatchUp,
    /// Everything from then on. A lagging receiver has missed something: close it.
    pub live: broadcast::Receiver<Arc<Frame>>,
}

/// The channel to all clients.
pub(super) struct Outlet {
    /// Changes with every start, so that numbers of an earlier run are not mistaken for this one's.
    boot: String,
    sender: broadcast::Sender<Arc<Frame>>,
    recent: Mutex<Recent>,
}

struct Recent {
    /// The number last given out.
    last: i64,
    /// The number last told.
    told: i64,
    frames: VecDeque<Arc<Frame>>,
    /// Everything after this number is in `frames`.
    complete_after: i64,
}

impl Outlet {
    pub(super) fn new(last: i64) -> Self {
        Self {
            boot: Uuid::now_v7().simple().to_string(),
            sender: broadcast::Sender::new(LAG),
            recent: Mutex::new(Recent { last, told: last, frames: VecDeque::new(), complete_after: last }),
        }
    }

    /// Reserves the next number.
    pub(super) fn next(&self) -> i64 {
        let mut recent = self.lock();
        recent.last += 1;
        recent.last
    }

    /// The number last told.
    pub(super) fn told(&self) -> i64 {
        self.lock().told
    }

    /// Sends a frame; with `keep`, those who come back later get it as well.
    pub(super) fn publish(
        &self,
        seq: i64,
        at: DateTime<Utc>,
        kind: &str,
        data: &Map<String, Value>,
        keep: bool,
    ) {
        let frame = Arc::new(frame(seq, at, kind, data));
        let mut recent = self.lock();
        recent.told = seq;
        if keep {
            if recent.frames.len() >= KEPT
                && let Some(gone) = recent.frames.pop_front()
            {
                recent.complete_after = gone.seq;
            }
            recent.frames.push_back(Arc::clone(&frame));
        }
        // Under the lock, so that no subscriber gets it twice or never. No listener is no error.
        let _ = self.sender.send(frame);
    }

    /// A place for a client. `since`: the last number it saw, and of which run.
    pub(super) fn subscribe(
        &self,
        since: Option<(i64, String)>,
        hello: impl FnOnce() -> Map<String, Value>,
    ) -> Subscription {
        let recent = self.lock();
        let live = self.sender.subscribe();
        let seen = since.as_ref().map(|(seq, _)| *seq);
        let missed = match since {
            None => CatchUp::Nothing,
            Some((seq, boot)) if boot != self.boot || seq < recent.complete_after || seq > recent.told => {
                CatchUp::Resync
            }
            Some((seq, _)) => {
                let missed: Vec<_> = recent.frames.iter().filter(|f| f.seq > seq).cloned().collect();
                if missed.is_empty() { CatchUp::Nothing } else { CatchUp::Missed(missed) }
            }
        };
        // Where the client stands: before what it missed, so that one which is cut off in the middle comes back for the rest.
        let seq = match (&missed, seen) {
            (CatchUp::Missed(_), Some(seen)) => seen,
            _ => recent.frames.back().map_or(recent.complete_after, |frame| frame.seq),
        };
        drop(recent);
        // Read only now: what changes from here on comes over `live`.
        let mut hello = hello();
        hello.insert("boot".to_owned(), json!(self.boot));
        Subscription { hello: Arc::new(frame(seq, Utc::now(), "hello", &hello)), missed, live }
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn frame(seq: i64, at: DateTime<Utc>, kind: &str, data: &Map<String, Value>) -> Frame {
    let mut object = Map::with_capacity(data.len() + 3);
    object.insert("type".to_owned(), json!(kind));
    object.insert("seq".to_owned(), json!(seq));
    object.insert("at".to_owned(), json!(at));
    object.extend(data.clone());
    Frame { seq, text: Value::Object(object).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(outlet: &Outlet, n: usize) {
        for _ in 0..n {
            outlet.publish(outlet.next(), Utc::now(), "notice", &Map::new(), true);
        }
    }

    #[test]
    fn a_client_that_comes_back_gets_what_it_missed_once() {
        let outlet = Outlet::new(40);
        publish(&outlet, 3);
        let place = |seq, boot: &str| outlet.subscribe(Some((seq, boot.to_owned())), Map::new).missed;
        let boot = outlet.boot.clone();
        let seqs = |missed: CatchUp| match missed {
            CatchUp::Missed(frames) => frames.iter().map(|f| f.seq).collect(),
            CatchUp::Nothing => Vec::new(),
            CatchUp::Resync => vec![-1],
        };
        assert_eq!(seqs(place(41, &boot)), [42, 43]);
        assert_eq!(seqs(place(40, &boot)), [41, 42, 43]);
        assert!(seqs(place(43, &boot)).is_empty());
        assert_eq!(seqs(place(39, &boot)), [-1], "before this run");
        assert_eq!(seqs(place(44, &boot)), [-1], "from the future");
        assert_eq!(seqs(place(42, "another run")), [-1]);
        let back = outlet.subscribe(Some((41, boot.clone())), Map::new);
        assert_eq!(back.hello.seq, 41, "before what it missed");
        publish(&outlet, KEPT);
        assert_eq!(seqs(place(42, &boot)), [-1], "forgotten");
        assert_eq!(seqs(place(43, &boot)).len(), KEPT);
        let hello = outlet.subscribe(None, Map::new).hello;
        assert_eq!(hello.seq, 43 + i64::try_from(KEPT).unwrap_or_default());
    }
}
