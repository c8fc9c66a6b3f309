//! The whole program is killed, and another goes on.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use holdfast_model::GapCause;
use holdfast_recorder::{
    About, Control, Ended, Mark, Output, Progress, RecordRequest, Status, StopCause, finish_parts, settled,
};
use holdfast_testkit::{Media, verify};

use crate::live_test;
use crate::support::{Stage, children, tools};

/// The request of a server that was started again, with what it had stored.
pub(crate) fn again(stage: &Stage, file: &str, stored: &Progress) -> RecordRequest {
    let output = Output::resumed(stage.directory.path().join(file)).expect("an output");
    let mut request = RecordRequest::new(stage.url(), output, tools());
    request.disk_floor = 1 << 20;
    request.earlier_parts = stored.parts.iter().map(|part| part.path.clone()).collect();
    // What a server keeps is JSON.
    let mark = serde_json::to_string(stored.mark.as_ref().expect("a mark")).expect("JSON");
    request.resume = Some(serde_json::from_str::<Mark>(&mark).expect("a mark"));
    request
}

live_test! {
    async fn after_a_crash_it_goes_on_and_nothing_is_missing_or_twice() {
        for (file, cut) in [("show.ts", 0), ("show.mkv", 100)] {
            // On a busy machine the next Streamlink may need as long for its start as a short playlist lasts.
            let stage = Stage::with_window(20).await;
            let mut running = stage.start(stage.request(file));
            running.until_media(8).await;
            let seen = running.until("a mark", |p| p.mark.is_some()).await;
            assert_eq!(seen.parts.len(), 1, "{seen:?}");
            assert!(seen.parts[0].bytes > 0 && seen.parts[0].ended_at > seen.parts[0].started_at, "{seen:?}");
            let stored = running.vanish().await;
            let edge = stage.origin.edge("");
            // Killed in the middle of a packet, and between creating a part and its first byte.
            let last = &stored.parts[0].path;
            let length = last.metadata().expect("there").len();
            assert!(length >= stored.mark.as_ref().expect("a mark").bytes, "the mark counts what is not in the file");
            fs::OpenOptions::new().write(true).open(last).expect("there").set_len(length - cut).expect("cut");
            begin_part(&stage, file, "show.part002.ts");
            let foreign = put_beside(&stage);
            stage.origin.edge_reaches("", edge + 3).await;

            let mut request = again(&stage, file, &stored);
            if cut > 0 {
                // Killed before the first part was stored.
                request.earlier_parts.clear();
            }
            let mut running = stage.start(request);
            running.until_status(Status::Recording).await;
            let seen = running.until("as much again", |p| p.media >= stored.media + Duration::from_secs(12)).await;
            assert_eq!(seen.parts.len(), 2, "{seen:?}");
            assert!(seen.bytes > stored.parts[0].bytes, "{seen:?}");
            running.control.stop(StopCause::Request);
            let summary = running.end().await;
            let verdict = stage.judge(&summary).await;
            assert!(verdict.is_clean(), "{verdict}");
            assert_eq!((summary.segments_lost, summary.ended, &summary.error), (0, Ended::Stopped, &None), "{summary:?}");
            let frames = f64::from(u32::try_from(verdict.video_frames).expect("few"));
            assert!((summary.duration_s - frames / 25.0).abs() < 2.1, "{verdict} {summary:?}");
            let left = stage.files();
            assert!(left.iter().eq(foreign.iter().chain([&file.to_owned()]).collect::<BTreeSet<_>>()), "{left:?}");
            let precious = foreign.iter().map(|name| fs::read(stage.directory.path().join(name)));
            assert_eq!(precious.filter(|read| read.as_ref().is_ok_and(|bytes| bytes == b"precious")).count(), 4);
        }
    }
}

/// A part as it is between its creation and its first byte.
fn begin_part(stage: &Stage, file: &str, name: &str) {
    let part = stage.directory.path().join(name);
    fs::write(&part, "").expect("written");
    let meta = part.metadata().expect("there");
    let born = meta.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let note = stage.directory.path().join(format!(".{file}.parts"));
    let mut note = fs::OpenOptions::new().append(true).open(note).expect("the first part is noted");
    writeln!(note, "{}@{} {name}", meta.ino(), born.as_nanos()).expect("written");
}

/// Files of others that are named as parts, or nearly: their names.
fn put_beside(stage: &Stage) -> BTreeSet<String> {
    let at = |name: &str| stage.directory.path().join(name);
    let before = stage.files();
    for name in ["show.part003.ts", "show.part002.clip.ts", "show.part004.txt"] {
        fs::write(at(name), "precious").expect("written");
    }
    symlink(at("show.part003.ts"), at("show.part005.ts")).expect("linked");
    fs::write(at("show.part006.ts"), "").expect("written");
    fs::create_dir(at("show.part007.ts")).expect("created");
    stage.files().difference(&before).cloned().collect()
}

live_test! {
    async fn handed_over_it_goes_on_and_nothing_is_missing_or_twice() {
        for file in ["show.ts", "show.mkv"] {
            let stage = Stage::with_window(20).await;
            let mut running = stage.start(stage.request(file));
            running.until_media(8).await;
            running.until("a mark", |p| p.mark.is_some()).await;
            running.control.hand_over(Duration::ZERO);
            let progress = running.progress.clone();
            let summary = running.end().await;
            let stored = progress.borrow().clone();
            assert_eq!((summary.status, summary.ended), (Status::Interrupted, Ended::Stopped), "{summary:?}");
            assert_eq!((&summary.output, &summary.error, children().len()), (&None, &None, 0), "{summary:?}");
            assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.part001.ts"], "the part stays");
            stage.origin.edge_reaches("", stage.origin.edge("") + 3).await;

            let mut running = stage.start(again(&stage, file, &stored));
            running.until("as much again", |p| p.media >= stored.media + Duration::from_secs(12)).await;
            running.control.stop(StopCause::Request);
            let summary = running.end().await;
            let verdict = stage.judge(&summary).await;
            assert!(verdict.is_clean(), "{verdict}");
            assert_eq!((summary.segments_lost, summary.status), (0, Status::Stopped), "{summary:?}");
            assert_eq!(summary.parts.len(), 2, "{summary:?}");
            assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), [file]);
        }
    }
}

live_test! {
    async fn what_left_the_playlist_meanwhile_is_told_exactly() {
        let stage = Stage::with_window(4).await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(6).await;
        // A mark that is older than the end of the file: what came since is counted by the file itself.
        let old = running.until("a mark", |p| p.mark.is_some()).await.mark;
        running.until_media(10).await;
        let stored = Progress { mark: old, ..running.vanish().await };
        stage.origin.edge_reaches("", stage.origin.edge("") + 8).await;
        let mut running = stage.start(again(&stage, "show.ts", &stored));
        running.until("the loss", |p| p.segments_lost > 0).await;
        running.until_media(16).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        let verdict = stage.judge(&summary).await;
        assert!(verdict.duplicated.is_empty() && verdict.foreign == 0 && verdict.out_of_order == 0, "{verdict}");
        assert!((2..=25).contains(&verdict.segments_missing()), "{verdict}");
        assert_eq!(summary.segments_lost, verdict.segments_missing() as u64, "{verdict} {summary:?}");
        assert!((summary.seconds_lost - verdict.seconds_missing).abs() < 0.1, "{verdict} {summary:?}");
        let causes: Vec<_> = summary.gaps.iter().map(|gap| (gap.cause, gap.estimated)).collect();
        assert_eq!(causes, [(GapCause::Process, false)], "{summary:?}");
    }
}

live_test! {
    async fn a_stream_that_is_over_leaves_a_finished_file() {
        let stage = Stage::new().await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(8).await;
        running.until("a mark", |p| p.mark.is_some()).await;
        let stored = running.vanish().await;
        stage.origin.set_gone("", Some(404));
        let summary = stage.start(again(&stage, "show.ts", &stored)).end_without_a_trace().await;
        assert_eq!((summary.ended, summary.status, &summary.error), (Ended::StreamEnded, Status::Completed, &None));
        assert!(summary.reason.contains("nothing new came"), "{summary:?}");
        assert!(summary.duration_s >= 8.0 && summary.segments_lost == 0, "{summary:?}");
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean(), "{verdict}");

        // Killed again before that was stored: it is seen that all is done.
        let summary = stage.start(again(&stage, "show.ts", &stored)).end().await;
        assert_eq!((summary.status, &summary.error), (Status::Completed, &None), "{summary:?}");
        assert_eq!(summary.output.as_deref(), Some(&*stage.directory.path().join("show.ts")));
        assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.ts"]);
    }
}

live_test! {
    async fn while_nothing_can_be_reached_what_was_begun_is_not_given_up() {
        let stage = Stage::new().await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(6).await;
        running.until("a mark", |p| p.mark.is_some()).await;
        let stored = running.vanish().await;
        let mut request = again(&stage, "show.ts", &stored);
        request.give_up_after = Duration::from_secs(13);
        let mut routes = stage.routes.clone();
        routes.no_route = true;
        let began = std::time::Instant::now();
        let summary = crate::support::Running::start(request, routes).end().await;
        // Longer than the 10 s that a recording waits for its first route.
        assert!(began.elapsed() > Duration::from_secs(11), "{summary:?}");
        assert_eq!((summary.exit_status(), summary.no_route), (4, false), "{summary:?}");
        assert!(summary.error.as_deref().is_some_and(|e| e.contains("is kept")), "{summary:?}");
        assert!(stage.judge(&summary).await.is_clean());
    }
}

/// Parts of a show, made of source segments that overlap.
pub(crate) fn parts(media: &Media, directory: &Path, ranges: &[Range<usize>]) -> Vec<PathBuf> {
    let write = |(number, range): (usize, &Range<usize>)| {
        let path = directory.join(format!("show.part{:03}.ts", number + 1));
        let bytes: Vec<u8> = range.clone().flat_map(|n| media.segment(n).expect("there")).collect();
        fs::write(&path, bytes).expect("written");
        path
    };
    ranges.iter().enumerate().map(write).collect()
}

/// As many as `joins_until_it_is_killed` takes.
pub(crate) const THREE: [Range<usize>; 3] = [0..10, 8..20, 18..30];

/// A process that joins three parts in this directory.
pub(crate) fn joins_beside(directory: &Path) -> tokio::process::Child {
    tokio::process::Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "resuming::joins_until_it_is_killed", "--ignored", "--nocapture"])
        .env("TEST_DIRECTORY", directory)
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it runs")
}

/// Joins the parts that its neighbour made. Run in a process that can be killed.
#[test]
#[ignore = "run by its neighbour"]
fn joins_until_it_is_killed() {
    let Some(directory) = std::env::var_os("TEST_DIRECTORY").map(PathBuf::from) else { return };
    let output = Output::resumed(directory.join("show.ts")).expect("an output");
    let paths: Vec<PathBuf> = (1..=3).map(|n| directory.join(format!("show.part00{n}.ts"))).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime
        .block_on(finish_parts(&output, &paths, &About::default(), &tools(), &Control::new()))
        .expect("joined");
}

live_test! {
    async fn a_join_that_is_killed_anywhere_is_done_later() {
        let stage = Stage::new().await;
        let directory = stage.directory.path();
        // Killed as soon as this is seen: while it is being written, once it is whole, and once it is in its place.
        for sign in [".show.ts.joined.ts", ".show.ts.finished", "show.ts"] {
            let paths = parts(stage.origin.media(), directory, &THREE);
            let mut joining = joins_beside(directory);
            let sign_seen = async {
                // Some signs are there for a moment only: whoever misses one sees the finished file, which is as good a
                // moment to be killed.
                while !directory.join(sign).exists() && !directory.join("show.ts").exists() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), sign_seen).await.expect(sign);
            let _ = joining.kill().await;
            println!("killed at {sign}: {:?}", stage.files());
            let output = Output::resumed(directory.join("show.ts")).expect("an output");
            finish_parts(&output, &paths, &About::default(), &tools(), &Control::new()).await.expect("finished");
            settled(output.path());
            let verdict = verify::compare(output.path(), stage.origin.media().frames()).await.expect("a verdict");
            assert!(verdict.is_clean() && verdict.last_segment == 29, "{sign}: {verdict}");
            assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.ts"], "{sign}");
            fs::remove_file(output.path()).expect("removed");
        }
    }
}
