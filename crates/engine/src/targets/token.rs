//! Keeping a token for the checks, and telling when there is none.

use std::sync::Arc;
use std::time::Duration;

use holdfast_model::{Event, Level, Secret};
use holdfast_twitch::{CheckRequest, TwitchError};
use tokio::time::sleep;

use super::lock;
use crate::Engine;
use crate::channels::Witness;

/// How often it is looked whether the token is still the one to use.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The same while there is none.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

impl Engine {
    /// Keeps a token for the checks until the server stops, and tells when there is none.
    pub(crate) async fn keep_token(self) {
        let targets = Arc::clone(&self.inner.targets);
        loop {
            let pause = match targets.giver() {
                None => LOOK_EVERY,
                Some((twitch, generation)) => {
                    let got = tokio::select! {
                        got = targets.ask(&twitch) => got,
                        () = self.inner.stop.cancelled() => return,
                    };
                    let Some(got) = got else { continue };
                    self.heed_token(generation, &got);
                    if got.is_ok() { LOOK_EVERY } else { LOOK_AGAIN }
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = targets.changed.notified() => {}
                () = self.inner.stop.cancelled() => return,
            }
        }
    }

    /// Takes in how asking for a token went, if these credentials still count, and tells once when there is none, and once
    /// when there is one again.
    fn heed_token(&self, generation: u64, got: &Result<Secret, TwitchError>) {
        let news = {
            let mut state = lock(&self.inner.targets.state);
            if !state.adopt(generation, got.as_ref(), None) {
                return;
            }
            state.count(got.as_ref())
        };
        self.note_twitch(Witness::Token, got);
        if !news {
            return;
        }
        let (level, message) = match got {
            Ok(_) => {
                let message =
                    format!("Twitch gives a token again: proxies are checked with {}", CheckRequest::URL);
                (Level::Info, message)
            }
            Err(error) => {
                let meanwhile = self.inner.targets.usual_words();
                let message =
                    format!("There is no token of Twitch: {error}; proxies are checked with {meanwhile}");
                (Level::Warning, message)
            }
        };
        self.inner.channels.links.show(got);
        self.inner.memory.pool().announce_one(Event::Notice { level, message });
    }
}
