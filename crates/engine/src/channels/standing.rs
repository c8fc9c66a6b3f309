//! Where one channel stands: is it live, is it being recorded, and if not, why not and when to try again. Pure: whoever
//! looked tells what was seen, whoever started a recording how that went, and the clock is handed in.
//!
//! ```text
//!            seen live                started
//! offline ─────────────▶ live ─────────────────────▶ recording
//!    ▲                    │ ▲ no route   a route       │
//!    │                    ▼ │                          │ ended
//!    │     seen offline  waiting                       ▼
//!    └──────────────────────────────────────── live or offline
//! ```
//!
//! One broadcast is recorded as long as it lasts. When its recording fails it is tried again after 10, 20, 40 … s, at most
//! every 5 min. When a person stops it, it is left alone until the channel has been offline or begins another broadcast, or
//! a person wants it again; also over a restart.
//! Left out on purpose: who looks, and how a recording ends.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_model::{RecordingId, Scene};
use holdfast_store::ChannelState;

use super::outage::Trouble;

/// The first pause after a recording that failed; it doubles.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// The longest.
const AGAIN_AT_MOST: Duration = Duration::from_secs(300);
/// How often a channel that waits for a route tries without having been told of one.
const ROUTE_AGAIN: Duration = Duration::from_secs(10);

/// After a longer time without a look, what is live is another broadcast than the one that a person stopped, if no number
/// tells: better one recording too many.
const SAME_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// So often in a row it is seen offline before what a person stopped may be recorded again.
const OFFLINE_FOR_SURE: u32 = 2;

/// What was seen of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It is live.
    Live {
        /// The platform's number for this broadcast.
        id: Option<String>,
        /// When it began; `None`: not told.
        since: Option<DateTime<Utc>>,
        /// What it is called; `None`: not told, which is not the same as having no title.
        scene: Option<Scene>,
    },
    /// It is not.
    Offline,
    /// An answer came, and more is known than it says.
    Outdated,
    /// Nobody knows, for this reason. What was known stays so.
    Unknown(Trouble),
}

/// What a look changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    WentLive,
    WentOffline,
    /// Title or category.
    Renamed,
    /// Only that and why it could not be seen, or can be again.
    Told,
}

/// How a channel is, in the words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Offline,
    Live,
    Waiting,
    Recording,
}

/// How a recording of a channel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The stream was over.
    Over,
    /// A person stopped it.
    Stopped,
    /// It failed.
    Failed,
}

/// Everything that is known of one channel and not in its settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// Since when it is live, as far as is known; `None`: it is not.
    pub(crate) live: Option<DateTime<Utc>>,
    /// The platform's number for the broadcast that it is in, or was in last; `None` where it has none.
    pub(crate) broadcast: Option<String>,
    pub(crate) scene: Scene,
    pub(crate) recording: Option<RecordingId>,
    /// Why a live channel is not recorded: there is no route.
    pub(crate) waiting: Option<String>,
    /// Why the last look failed.
    pub(crate) error: Option<String>,
    /// Why it is not recorded though it is live, other than for want of a route.
    pub(crate) refused: Option<String>,
    pub(crate) checked_at: Option<DateTime<Utc>>,
    /// A recording is being started.
    starting: bool,
    /// When somebody stopped the recording of that broadcast.
    pub(crate) declined: Option<DateTime<Utc>>,
    /// How often in a row it was seen offline: once may be an error of the site.
    offline: u32,
    /// A recording found the stream over: that it is live has to be seen anew.
    doubted: bool,
    /// Tries that failed in a row.
    failures: u32,
    /// No try before this.
    not_before: Option<Instant>,
}

impl Standing {
    /// As it was when that was last stored. That it is live still has to be seen.
    pub(crate) fn remembered(state: &ChannelState) -> Self {
        Self {
            live: state.live_since,
            broadcast: state.broadcast_id.clone(),
            scene: Scene { title: state.title.clone(), category: state.category.clone() },
            checked_at: state.last_checked_at,
            declined: state.declined_at,
            doubted: state.live_since.is_some(),
            ..Self::default()
        }
    }

    /// Takes over what was seen.
    pub(crate) fn see(&mut self, sight: Sight, at: DateTime<Utc>) -> Change {
        let (id, since, scene) = match sight {
            Sight::Unknown(trouble) => return self.unseen(trouble.why),
            Sight::Offline => return self.seen_offline(at),
            Sight::Outdated => return self.seen_nothing_new(),
            Sight::Live { id, since, scene } => (id, since, scene),
        };
        let numbered = self.broadcast.is_some() && id.is_some();
        let seen = self.declined.max(self.checked_at);
        if !numbered && seen.is_none_or(|seen| at - seen > SAME_WITHIN) {
            self.declined = None;
        }
        self.checked_at = Some(at);
        let told = self.error.take().is_some();
        let renamed = scene.is_some_and(|scene| {
            let other = scene != self.scene;
            self.scene = scene;
            other
        });
        let other = self.is_another(id.as_deref(), since);
        if other {
            self.forgive();
            self.broadcast = None;
        }
        self.broadcast = id.or_else(|| self.broadcast.take());
        (self.doubted, self.offline) = (false, 0);
        if self.live.is_some() && !other {
            return match (renamed, told) {
                (true, _) => Change::Renamed,
                (false, true) => Change::Told,
                (false, false) => Change::Nothing,
            };
        }
        self.live = Some(since.unwrap_or(at));
        Change::WentLive
    }

    /// Whether a broadcast of this number, which began then, is surely not the one that was seen last. One that only seems to
    /// have ended is still the same.
    fn is_another(&self, id: Option<&str>, since: Option<DateTime<Utc>>) -> bool {
        match (self.broadcast.as_deref(), id) {
            (Some(known), Some(id)) => known != id,
            _ => {
                let surely_gone = self.live.is_none() && self.offline >= OFFLINE_FOR_SURE;
                surely_gone || self.declined.is_some_and(|at| since > Some(at))
            }
        }
    }

    fn unseen(&mut self, why: String) -> Change {
        let news = self.error.as_ref() != Some(&why);
        self.error = Some(why);
        if news { Change::Told } else { Change::Nothing }
    }

    fn seen_nothing_new(&mut self) -> Change {
        if self.error.take().is_some() { Change::Told } else { Change::Nothing }
    }

    fn seen_offline(&mut self, at: DateTime<Utc>) -> Change {
        self.checked_at = Some(at);
        let told = self.error.take().is_some();
        (self.waiting, self.refused) = (None, None);
        self.offline = self.offline.saturating_add(1);
        if self.declined.is_none() || self.offline >= OFFLINE_FOR_SURE {
            self.forgive();
        }
        match self.live.take() {
            Some(_) => Change::WentOffline,
            None if told => Change::Told,
            None => Change::Nothing,
        }
    }

    fn forgive(&mut self) {
        (self.declined, self.doubted, self.failures, self.not_before) = (None, false, 0, None);
    }

    /// Whether a recording is to be started now. `record`: whether that is wanted at all.
    pub(crate) fn wants_recording(&self, record: bool, now: Instant) -> bool {
        let idle = self.recording.is_none() && !self.starting && self.declined.is_none() && !self.doubted;
        record && idle && self.live.is_some() && self.not_before.is_none_or(|at| at <= now)
    }

    /// Somebody starts one; nobody else may until that is decided.
    pub(crate) fn begin(&mut self) {
        self.starting = true;
    }

    /// A recording runs. Whoever began it wants this broadcast, also if another one of it was stopped.
    pub(crate) fn started(&mut self, id: RecordingId) {
        self.starting = false;
        self.recording = Some(id);
        (self.waiting, self.refused, self.declined) = (None, None, None);
    }

    /// A person wants it to be recorded from now on: what is live now, too.
    pub(crate) fn wanted(&mut self) {
        (self.declined, self.not_before) = (None, None);
    }

    /// There was no route. True if that is news.
    pub(crate) fn no_route(&mut self, reason: &str, now: Instant) -> bool {
        self.starting = false;
        self.not_before = Some(now + ROUTE_AGAIN);
        self.waiting.replace(reason.to_owned()).as_deref() != Some(reason)
    }

    /// It did not start for another reason. True if that is news.
    pub(crate) fn refused(&mut self, reason: &str, now: Instant) -> bool {
        self.starting = false;
        self.waiting = None;
        self.back_off(now);
        self.refused.replace(reason.to_owned()).as_deref() != Some(reason)
    }

    /// It cannot be said whether it may start: the database is away.
    pub(crate) fn put_off(&mut self, now: Instant) {
        self.starting = false;
        self.not_before = Some(now + AGAIN_AFTER);
    }

    /// A route may have appeared: whoever waits for one tries at once.
    pub(crate) fn route_appeared(&mut self) {
        if self.waiting.is_some() {
            self.not_before = None;
        }
    }

    /// A person stops this recording of it.
    pub(crate) fn decline(&mut self, id: RecordingId, at: DateTime<Utc>) {
        if self.recording == Some(id) {
            self.declined.get_or_insert(at);
        }
    }

    /// Its recording ended, or is only being finished. `brought`: it has something in it. False if that was said before.
    pub(crate) fn ended(&mut self, id: RecordingId, how: End, brought: bool, now: Instant) -> bool {
        if self.recording != Some(id) {
            return false;
        }
        self.recording = None;
        if brought {
            self.failures = 0;
        }
        match how {
            // Said when it was stopped; the next broadcast may have begun since.
            End::Stopped => {}
            End::Over => {
                self.doubted = true;
                // Platforms go on listing a broadcast for a while after its end.
                self.back_off(now);
            }
            End::Failed => self.back_off(now),
        }
        true
    }

    fn back_off(&mut self, now: Instant) {
        let pause = AGAIN_AFTER.saturating_mul(1 << self.failures.min(16)).min(AGAIN_AT_MOST);
        self.failures += 1;
        self.not_before = Some(now + pause);
    }

    /// The word for all of it.
    pub(crate) fn status(&self) -> Status {
        match (self.recording, &self.live, &self.waiting) {
            (Some(_), _, _) => Status::Recording,
            (None, None, _) => Status::Offline,
            (None, Some(_), Some(_)) => Status::Waiting,
            (None, Some(_), None) => Status::Live,
        }
    }
}

#[cfg(test)]
mod tests;
