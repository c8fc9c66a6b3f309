//! A channel of the pretended Twitch while it is recorded, unattended: how a trial of that begins, and what must hold at
//! its end, whatever happened in between.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use holdfast_testkit::Twitch;
use holdfast_testkit::verify::{self, Verdict};
use holdfast_trials::{Database, SceneOptions, convicts, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::Play;
use super::channels::{PATIENCE, ended, streamer, until};
use super::twitch::{play_in, twitch};

/// Who is live.
pub(super) const LOGIN: &str = "alice";

/// Longer than a segment that is complete takes to leave Streamlink.
const SETTLED: Duration = Duration::from_millis(400);

/// A broadcast that is being recorded.
pub(super) struct OnAir {
    pub(super) play: Play,
    /// The id of its channel.
    pub(super) channel: i64,
    /// The id of its recording.
    pub(super) recording: String,
    /// The edge of the broadcast when its first bytes had arrived.
    edge: usize,
}

/// A recording that has ended.
pub(super) struct Over {
    /// What the API says of it.
    pub(super) whole: Value,
    /// What its file holds.
    pub(super) verdict: Verdict,
    /// The source segments that were on air and are missing from the file.
    pub(super) lost: BTreeSet<usize>,
    /// Everything, for a failure message.
    pub(super) story: String,
}

impl OnAir {
    /// Some segments of a new broadcast have been recorded, with so many in its playlist.
    pub(super) async fn begin(window: usize) -> Self {
        let mut on_air = Self::begin_with(window, |_| {}).await;
        on_air.play.flows(&on_air.recording).await;
        on_air.edge = on_air.twitch().edge(LOGIN);
        on_air.segments(3).await;
        on_air
    }

    /// A recording has only just begun, when something is done to the broadcast before anybody has seen it.
    pub(super) async fn begin_with(window: usize, before: impl FnOnce(&Twitch)) -> Self {
        // Long enough for a slow machine, too.
        let scene = SceneOptions { window, media_seconds: 180, ..SceneOptions::default() };
        let settings = json!({ "channel_check_seconds": 10, "container": "ts" });
        let (play, channel) = play_in(scene, Database::Sqlite, settings).await;
        let direct = json!({ "fallback_to_direct_connection": false }).to_string();
        play.server.ok("PUT", "/api/proxy/config", &direct).await.expect("taken");
        twitch(&play).go_live(LOGIN, "A title", "Chess");
        before(twitch(&play));
        let look = format!("/api/streamers/{channel}/check");
        play.server.post(&look, &Value::Null).await.expect("looked at");
        let now = until(&play, channel, "it is recorded", |now| now["status"] == "recording").await;
        let recording = now["recording_id"].as_str().expect("an id").to_owned();
        let edge = twitch(&play).edge(LOGIN);
        Self { play, channel, recording, edge }
    }

    /// Twitch.
    pub(super) fn twitch(&self) -> &Twitch {
        twitch(&self.play)
    }

    /// How the channel is.
    pub(super) async fn channel(&self) -> Value {
        streamer(&self.play, self.channel).await
    }

    /// Looks whether it is live, at once.
    pub(super) async fn look(&self) -> Value {
        let path = format!("/api/streamers/{}/check", self.channel);
        self.play.server.post(&path, &Value::Null).await.expect("looked at")
    }

    /// Waits until so many more segments (2 s each) were published.
    pub(super) async fn segments(&self, count: usize) {
        self.twitch().edge_reaches(LOGIN, self.twitch().edge(LOGIN) + count).await;
    }

    /// The Streamlink that records, among all that the server has started.
    pub(super) fn streamlink(&self) -> Option<i32> {
        let arguments = |pid: &u32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let records = |pid: &u32| arguments(pid).split(|byte| *byte == 0).any(|word| word == b"--stdout");
        self.play.server.children().into_iter().find(records).map(u32::cast_signed)
    }

    /// Sends the Streamlink that records a signal, between two segments; its process number.
    pub(super) async fn signal(&self, signal: Signal) -> i32 {
        self.settled().await;
        let pid = self.streamlink().unwrap_or_else(|| panic!("nobody records\n{}", self.play.server.story()));
        let sent = kill_process(Pid::from_raw(pid).expect("a number"), signal);
        sent.expect("a process of ours takes signals");
        pid
    }

    /// Waits until everything that was complete has left Streamlink: of what was complete just before it is killed, nobody
    /// can know.
    async fn settled(&self) {
        let complete = || self.play.server.log().matches(" complete\n").count();
        let mut last = (complete(), Instant::now());
        let quiet = eventually("nothing new is complete for a moment", PATIENCE, async || {
            let now = complete();
            if now != last.0 {
                last = (now, Instant::now());
            }
            Ok((last.1.elapsed() > SETTLED).then_some(()))
        });
        quiet.await.unwrap_or_else(|e| panic!("{e:?}\n{}", self.play.server.story()));
    }

    /// Waits until another Streamlink than this one records, and brings bytes.
    pub(super) async fn goes_on_after(&self, before: i32) {
        let another = eventually("another Streamlink records", PATIENCE, async || {
            Ok(self.streamlink().filter(|pid| *pid != before))
        });
        another.await.unwrap_or_else(|e| panic!("{e:?}\n{}", self.play.server.story()));
        self.play.flows(&self.recording).await;
    }

    /// The broadcast ends, and with it the recording: one, of which everybody tells the same.
    pub(super) async fn over(&self) -> Over {
        let play = &self.play;
        let early = play.events("streamer_offline").await;
        assert!(early.is_empty(), "it was live all the time: {early:#?}\n{}", play.server.story());
        self.twitch().go_offline(LOGIN);
        let whole = ended(play, &self.recording).await;
        let file = play.server.media(&self.recording).await.expect("its file");
        let verdict = verify::compare(&file, &self.twitch().source()).await.expect("playable");
        let story = format!("{verdict}\n{whole:#}\n{}", play.server.story());
        assert_eq!((&whole["status"], &whole["error"]), (&json!("completed"), &Value::Null), "{story}");
        let clean = verdict.duplicated.is_empty() && verdict.foreign == 0 && verdict.out_of_order == 0;
        assert!(clean, "{story}");
        assert_eq!(verdict.last_segment + 1, self.twitch().edge(LOGIN), "its end is missing\n{story}");
        let hidden: BTreeSet<_> = self.twitch().hidden_by_ads(LOGIN).into_iter().collect();
        let pre_roll = hidden.iter().zip(0..).take_while(|(number, place)| *number == place).count();
        assert!(verdict.first_segment < self.edge.max(pre_roll + 1), "its beginning is missing\n{story}");
        let missing: BTreeSet<_> = verdict.missing.iter().map(|fault| fault.segment).collect();
        let lost = &missing - &hidden;
        self.is_told(&whole, &lost).await;
        let over = Over { whole, verdict, lost, story };
        over.tells_its_gaps();
        self.kept_to_the_rules().await;
        over
    }

    /// One recording in the lists and in the event log, and its gaps with it.
    async fn is_told(&self, whole: &Value, lost: &BTreeSet<usize>) {
        let play = &self.play;
        let page = play.server.get(&format!("/api/recordings?streamer_id={}", self.channel)).await;
        let page = page.expect("the list");
        assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page:#}");
        let gaps = whole["gaps"].as_array().expect("a list");
        for (kind, times) in [
            ("streamer_online", 1),
            ("recording_started", 1),
            ("recording_finished", 1),
            ("recording_gap", gaps.len()),
        ] {
            let told = play.events(kind).await;
            assert_eq!(told.len(), times, "{kind}: {told:#?}\n{}", play.server.story());
        }
        let told = play.events("recording_gap").await;
        let told: Vec<_> = told.iter().map(|event| facts(&event["data"]["gap"])).collect();
        let gaps: Vec<_> = gaps.iter().map(facts).collect();
        assert_eq!(told, gaps, "told otherwise\n{}", play.server.story());
        let finished = play.events("recording_finished").await.remove(0);
        let message = finished["message"].as_str().expect("a text");
        assert_eq!(message.contains("nothing is missing"), lost.is_empty(), "{finished:#}");
        assert_eq!(finished["recording_id"], self.recording, "{finished:#}");
        let offline = eventually("it is offline", PATIENCE, async || {
            Ok((self.channel().await["status"] == "offline").then_some(()))
        });
        offline.await.unwrap_or_else(|e| panic!("{e:?}\n{}", play.server.story()));
        assert_eq!(play.events("streamer_offline").await.len(), 1, "{}", play.server.story());
    }

    /// Nothing went direct, no secret was told.
    async fn kept_to_the_rules(&self) {
        let direct = self.play.scene.direct_connections();
        assert!(direct.is_empty(), "reached directly: {direct:?}\n{}", self.play.server.story());
        let (_, secret) = self.twitch().credentials();
        let mut secrets = self.twitch().app_tokens();
        secrets.push(secret);
        secrets.extend_from_slice(self.play.scene.passwords());
        self.play.server.keeps_secrets(&secrets, &[]).expect("no secret is seen");
    }

    /// No proxy was convicted of anything, in the log or in its figures.
    pub(super) async fn convicted_nobody(&self) {
        let log = self.play.server.log();
        let convicted: Vec<_> = log.lines().filter(|line| convicts(line)).collect();
        assert!(convicted.is_empty(), "{convicted:#?}\n{}", self.play.server.story());
        for &id in &self.play.ids {
            let proxy = self.play.server.proxy(id).await.expect("there");
            let counted = (&proxy["failed_recordings"], &proxy["consecutive_failures"], &proxy["enabled"]);
            assert_eq!(counted, (&json!(0), &json!(0), &json!(true)), "{proxy:#}");
            assert_ne!(proxy["health_status"], "failed", "{proxy:#}");
        }
    }
}

impl Over {
    /// How many segments are told to be missing for this cause.
    fn told(&self, cause: &str) -> u64 {
        let gaps = self.whole["gaps"].as_array().expect("a list");
        gaps.iter().filter(|gap| gap["cause"] == cause).filter_map(|gap| gap["segments"].as_u64()).sum()
    }

    /// Nothing that was on air is missing, and nothing is said to be.
    pub(super) fn lost_nothing(&self) {
        assert!(self.lost.is_empty(), "lost {:?}\n{}", self.lost, self.story);
        assert_eq!(self.whole["segments_lost"], 0, "{}", self.story);
        assert_eq!(self.whole["seconds_lost"], 0.0, "{}", self.story);
    }

    /// What is missing was lost for this cause, all of it, and is told to the segment.
    pub(super) fn lost_exactly(&self, cause: &str) {
        let lost = u64::try_from(self.lost.len()).expect("few");
        assert_eq!(self.told(cause), lost, "lost {:?}\n{}", self.lost, self.story);
        assert_eq!(self.whole["segments_lost"], lost, "not only for {cause}\n{}", self.story);
    }

    /// The ledger's sums are those of its gaps, in order of time, and the holes in the file are as long.
    fn tells_its_gaps(&self) {
        let gaps = self.whole["gaps"].as_array().expect("a list");
        let losses = || gaps.iter().filter(|gap| gap["cause"] != "ads");
        let segments: u64 = losses().filter_map(|gap| gap["segments"].as_u64()).sum();
        let seconds: f64 = losses().filter_map(|gap| gap["seconds"].as_f64()).sum();
        let told = self.whole["seconds_lost"].as_f64().expect("a number");
        assert_eq!(self.whole["segments_lost"], segments, "{}", self.story);
        assert!((told - seconds).abs() < 0.1, "{}", self.story);
        assert!(gaps.is_sorted_by_key(|gap| gap["at"].as_str()), "{}", self.story);
    }
}

/// What a gap is, by the API and by the event log.
fn facts(gap: &Value) -> [Value; 5] {
    ["at", "segments", "seconds", "cause", "via"].map(|fact| gap[fact].clone())
}
