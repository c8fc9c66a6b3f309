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
//! every 5 min. When a person stops it, it is left alone until the channel has been offline or begins another broadcast; also
//! over a restart.
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

/// After a longer time without a look, what is live is taken for another broadcast if nothing else tells.
const SAME_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// So often in a row it is seen offline before what a person stopped may be recorded again.
const OFFLINE_FOR_SURE: u32 = 2;

/// One stretch of being live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broadcast {
    /// The platform's number for it, where it has one.
    pub(crate) id: Option<String>,
    /// When it began, as far as is known.
    pub(crate) since: DateTime<Utc>,
}

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
    /// A person stopped it, then.
    Stopped(DateTime<Utc>),
    /// It failed.
    Failed,
}

/// Everything that is known of one channel and not in its settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) live: Option<Broadcast>,
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
    /// When somebody stopped the recording of this broadcast.
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
    pub(crate) fn remembered(state: &ChannelState, now: DateTime<Utc>) -> Self {
        let scene = Scene { title: state.title.clone(), category: state.category.clone() };
        let live = state.live_since.map(|since| Broadcast { id: state.broadcast_id.clone(), since });
        let checked_at = state.last_checked_at;
        // Without a number only the time tells this broadcast from the next.
        let numbered = live.as_ref().is_some_and(|live| live.id.is_some());
        let seen = state.declined_at.max(checked_at);
        let declined =
            state.declined_at.filter(|_| numbered || seen.is_some_and(|at| now - at < SAME_WITHIN));
        Self { doubted: live.is_some(), live, scene, checked_at, declined, ..Self::default() }
    }

    /// Takes over what was seen.
    pub(crate) fn see(&mut self, sight: Sight, at: DateTime<Utc>) -> Change {
        let (id, since, scene) = match sight {
            Sight::Unknown(trouble) => return self.unseen(trouble.why),
            Sight::Offline => return self.seen_offline(at),
            Sight::Live { id, since, scene } => (id, since, scene),
        };
        self.checked_at = Some(at);
        let told = self.error.take().is_some();
        self.doubted = false;
        self.offline = 0;
        let known = self.live.as_ref();
        let same = known.is_some_and(|known| known.id.is_none() || id.is_none() || known.id == id);
        let renamed = scene.is_some_and(|scene| {
            let other = scene != self.scene;
            self.scene = scene;
            other
        });
        if same {
            if let Some(known) = self.live.as_mut() {
                known.id = known.id.take().or(id);
            }
            return match (renamed, told) {
                (true, _) => Change::Renamed,
                (false, true) => Change::Told,
                (false, false) => Change::Nothing,
            };
        }
        // Of a channel that was not known to be live it is not known either that this is another broadcast.
        if self.live.replace(Broadcast { id, since: since.unwrap_or(at) }).is_some() {
            self.forgive();
        }
        Change::WentLive
    }

    fn unseen(&mut self, why: String) -> Change {
        let news = self.error.as_ref() != Some(&why);
        self.error = Some(why);
        if news { Change::Told } else { Change::Nothing }
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

    /// A recording runs.
    pub(crate) fn started(&mut self, id: RecordingId) {
        self.starting = false;
        self.recording = Some(id);
        (self.waiting, self.refused) = (None, None);
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

    /// A person stops this recording of it. False if it is no longer the one.
    pub(crate) fn decline(&mut self, id: RecordingId, at: DateTime<Utc>) -> bool {
        let is_it = self.recording == Some(id);
        if is_it {
            self.declined.get_or_insert(at);
        }
        is_it
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
            End::Stopped(at) => {
                self.declined.get_or_insert(at);
            }
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
mod tests {
    use super::*;

    fn live(id: &str) -> Sight {
        Sight::Live { id: Some(id.to_owned()), since: None, scene: None }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_broadcast_is_recorded_once() {
        let (mut channel, now, id) = (Standing::default(), Instant::now(), RecordingId::new());
        assert!(!channel.wants_recording(true, now), "offline");
        assert_eq!(channel.see(live("1"), at(0)), Change::WentLive);
        assert!(channel.wants_recording(true, now));
        assert!(!channel.wants_recording(false, now), "nobody wants it");
        channel.begin();
        assert!(!channel.wants_recording(true, now), "somebody is at it");
        channel.started(id);
        assert_eq!(channel.status(), Status::Recording);
        assert_eq!(channel.see(live("1"), at(1)), Change::Nothing);
        assert!(!channel.wants_recording(true, now));
        assert_eq!(channel.see(Sight::Offline, at(2)), Change::WentOffline);
        assert_eq!(channel.status(), Status::Recording, "it may come back");
        assert!(channel.ended(id, End::Over, true, now));
        assert!(!channel.ended(id, End::Over, true, now), "said before");
        assert_eq!((channel.status(), channel.wants_recording(true, now)), (Status::Offline, false));
        channel.see(live("2"), at(3));
        channel.started(id);
        channel.ended(id, End::Over, true, now);
        assert!(!channel.wants_recording(true, now + AGAIN_AT_MOST), "nobody has seen it live since");
        channel.see(live("2"), at(4));
        assert!(!channel.wants_recording(true, now) && channel.wants_recording(true, now + AGAIN_AFTER));
    }

    #[test]
    fn what_a_person_stopped_is_left_alone_until_the_next_broadcast() {
        let (mut channel, now, id) = (Standing::default(), Instant::now(), RecordingId::new());
        channel.see(live("1"), at(0));
        channel.started(id);
        channel.ended(id, End::Stopped(at(0)), true, now);
        assert_eq!(channel.see(live("1"), at(1)), Change::Nothing);
        assert!(!channel.wants_recording(true, now + AGAIN_AT_MOST));
        assert_eq!(channel.see(live("2"), at(2)), Change::WentLive);
        assert!(channel.wants_recording(true, now));
    }

    /// After the server has been away from one moment to the other.
    fn restarted(channel: &Standing, from: i64, to: i64) -> Standing {
        let stored = ChannelState {
            live_since: channel.live.as_ref().map(|live| live.since),
            broadcast_id: channel.live.as_ref().and_then(|live| live.id.clone()),
            declined_at: channel.declined,
            last_checked_at: Some(at(from)),
            ..ChannelState::default()
        };
        Standing::remembered(&stored, at(to))
    }

    #[test]
    fn a_restart_does_not_bring_back_what_a_person_stopped() {
        let (now, id, day) = (Instant::now(), RecordingId::new(), 86_400);
        let unnamed = || Sight::Live { id: None, since: None, scene: None };
        for (seen, away, seen_again, recorded) in [
            (live("1"), 5, live("1"), false),
            (live("1"), day, live("1"), false),
            (live("1"), 5, live("2"), true),
            (live("1"), 5, unnamed(), false),
            (unnamed(), 5, unnamed(), false),
            // Nothing tells these two apart but the time.
            (unnamed(), day, unnamed(), true),
        ] {
            let mut channel = Standing::default();
            channel.see(seen.clone(), at(0));
            channel.started(id);
            assert!(!channel.decline(RecordingId::new(), at(1)), "it is another that is stopped");
            assert!(channel.decline(id, at(1)));
            // Killed before the recording had ended.
            let mut channel = restarted(&channel, 2, 2 + away);
            assert!(!channel.wants_recording(true, now), "nobody has seen it live since");
            channel.see(seen_again.clone(), at(2 + away));
            let case = format!("{seen:?}, {away} s, {seen_again:?}");
            assert_eq!(channel.wants_recording(true, now), recorded, "{case}");
            // One look of an earlier time is as good as the stop itself.
            let mut again = restarted(&channel, 2 + away, 3 + away);
            again.see(seen_again, at(3 + away));
            assert_eq!(again.wants_recording(true, now), recorded, "{case}, once more");
        }
    }

    #[test]
    fn one_false_offline_does_not_bring_back_what_a_person_stopped() {
        let (mut channel, now, id) = (Standing::default(), Instant::now(), RecordingId::new());
        // Begun by hand, before anybody looked.
        channel.started(id);
        channel.ended(id, End::Stopped(at(0)), true, now);
        let unnamed = || Sight::Live { id: None, since: None, scene: None };
        channel.see(unnamed(), at(0));
        assert!(!channel.wants_recording(true, now));
        channel.see(Sight::Offline, at(1));
        channel.see(unnamed(), at(2));
        assert!(!channel.wants_recording(true, now), "seen offline once");
        channel.see(Sight::Offline, at(3));
        channel.see(Sight::Offline, at(4));
        channel.see(unnamed(), at(5));
        assert!(channel.wants_recording(true, now));
    }

    #[test]
    fn failures_are_tried_again_later_and_later() {
        let (mut channel, start) = (Standing::default(), Instant::now());
        channel.see(live("1"), at(0));
        for pause in [10, 20, 40, 80, 160, 300, 300] {
            let id = RecordingId::new();
            channel.started(id);
            channel.ended(id, End::Failed, false, start);
            let due = start + Duration::from_secs(pause);
            assert!(!channel.wants_recording(true, due - Duration::from_millis(1)), "{pause}");
            assert!(channel.wants_recording(true, due), "{pause}");
        }
        channel.see(Sight::Offline, at(1));
        channel.see(live("2"), at(2));
        assert!(channel.wants_recording(true, start));
    }

    #[test]
    fn whoever_waits_for_a_route_is_told_once_and_woken_by_one() {
        let (mut channel, now) = (Standing::default(), Instant::now());
        channel.see(live("1"), at(0));
        channel.begin();
        assert!(channel.no_route("all proxies are down", now));
        assert_eq!(channel.status(), Status::Waiting);
        assert!(!channel.wants_recording(true, now));
        channel.route_appeared();
        assert!(channel.wants_recording(true, now));
        channel.begin();
        assert!(!channel.no_route("all proxies are down", now), "no news");
        assert!(channel.wants_recording(true, now + ROUTE_AGAIN));
        channel.see(Sight::Offline, at(1));
        assert_eq!(channel.status(), Status::Offline);
    }

    #[test]
    fn not_knowing_changes_nothing_but_says_why() {
        let mut channel = Standing::default();
        channel.see(live("1"), at(0));
        let unknown = || Sight::Unknown(Trouble::other("no answer"));
        assert_eq!(channel.see(unknown(), at(1)), Change::Told);
        assert_eq!(channel.see(unknown(), at(2)), Change::Nothing);
        assert_eq!((channel.status(), channel.checked_at), (Status::Live, Some(at(0))));
        let scene = Scene { title: Some("a".to_owned()), category: None };
        let named = Sight::Live { id: None, since: None, scene: Some(scene.clone()) };
        assert_eq!(channel.see(named.clone(), at(3)), Change::Renamed);
        assert_eq!(channel.see(named, at(4)), Change::Nothing);
        assert_eq!(channel.see(live("1"), at(5)), Change::Nothing);
        channel.see(unknown(), at(6));
        assert_eq!((channel.see(live("1"), at(7)), channel.error.as_ref()), (Change::Told, None));
        assert_eq!(channel.scene, scene, "a look that tells no title takes none away");
    }
}
