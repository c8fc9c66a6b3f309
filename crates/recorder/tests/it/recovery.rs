//! Streamlink dies, the site goes on.

use std::time::Duration;

use holdfast_model::{Event, GapCause};
use holdfast_recorder::{Ended, Output, RecordRequest, Status, StopCause};
use holdfast_testkit::Fault;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::live_test;
use crate::support::{PATIENCE, Running, Stage, TestRoutes, children, signal, tools, zombies};

live_test! {
    async fn a_killed_streamlink_is_followed_by_another_and_nothing_is_missing() {
        // On a busy machine the next one may need as long for its start as a short playlist lasts.
        let stage = Stage::with_window(20).await;
        let mut running = stage.start(stage.request("show.ts"));
        for kills in 1..=2 {
            running.until_media(kills * 10).await;
            let [pid] = children()[..] else { panic!("one Streamlink: {:?}", children()) };
            // The second time nothing can be reached for a while: three segments pass unseen.
            let fault = if kills == 2 { Fault::Refuse } else { Fault::None };
            stage.proxy.set_fault(fault).await;
            signal(pid, "KILL");
            running.until_status(Status::Recovering).await;
            stage.origin.edge_reaches("", stage.origin.edge("") + if kills == 2 { 3 } else { 0 }).await;
            stage.proxy.heal().await;
            running.until_status(Status::Recording).await;
        }
        running.until_media(34).await;
        running.control.stop(StopCause::Interrupt);
        let summary = running.end().await;
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean(), "{verdict}");
        assert_eq!((summary.segments_lost, summary.parts.len(), summary.ended), (0, 3, Ended::Stopped), "{summary:?}");
        assert_eq!(summary.exit_status(), 130);
        assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.ts"]);
        assert!((summary.duration_s - f64::from(u32::try_from(verdict.video_frames).expect("few")) / 25.0).abs() < 2.1);
        assert_eq!((children().len(), zombies()), (0, 0));
    }
}

live_test! {
    async fn an_outage_longer_than_the_window_is_a_gap_and_the_file_agrees() {
        let stage = Stage::new().await;
        let mut running = stage.start(stage.request("show.mkv"));
        running.until_media(8).await;
        let [pid] = children()[..] else { panic!("one Streamlink") };
        stage.proxy.set_fault(Fault::Refuse).await;
        signal(pid, "KILL");
        running.until_status(Status::Recovering).await;
        let edge = stage.origin.edge("");
        stage.origin.edge_reaches("", edge + 13).await;
        stage.proxy.heal().await;
        running.until_status(Status::Recording).await;
        running.until("a gap", |p| p.segments_lost > 0).await;
        running.until_media(24).await;
        running.control.stop(StopCause::Duration);
        let events = running.events.clone();
        let summary = running.end().await;
        let told: u64 = events.lock().expect("unpoisoned").iter().map(|event| match event {
            Event::Gap { gap, .. } => gap.segments,
            _ => 0,
        }).sum();
        assert_eq!(told, summary.segments_lost, "every loss is told once");
        let verdict = stage.judge(&summary).await;
        assert!(verdict.duplicated.is_empty() && verdict.foreign == 0 && verdict.out_of_order == 0, "{verdict}");
        assert!(verdict.segments_missing() > 0, "{verdict}");
        // The one that was completed just before the kill may have come out or not: the claim is on the safe side.
        let missing = verdict.segments_missing() as u64;
        assert!((missing..=missing + 1).contains(&summary.segments_lost), "{verdict} {summary:?}");
        assert!(missing < 25, "it went on at once when it could: {verdict}");
        assert!((summary.seconds_lost - verdict.seconds_missing).abs() <= 2.0, "{verdict} {summary:?}");
        assert_eq!(summary.exit_status(), 3);
    }
}

live_test! {
    async fn a_streamlink_that_hangs_is_replaced_and_blamed() {
        let stage = Stage::new().await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(8).await;
        let [pid] = children()[..] else { panic!("one Streamlink: {:?}", children()) };
        signal(pid, "STOP");
        running.until_status(Status::Recovering).await;
        running.until_status(Status::Recording).await;
        running.until("a gap", |p| p.segments_lost > 0).await;
        running.control.stop(StopCause::Duration);
        let summary = running.end().await;
        let verdict = stage.judge(&summary).await;
        let causes: Vec<_> = summary.gaps.iter().map(|gap| gap.cause).collect();
        assert_eq!(causes, [GapCause::Process], "{verdict} {summary:?}");
        // The one that was completed just before may have come out or not: the claim is on the safe side.
        let missing = verdict.segments_missing() as u64;
        assert!((missing..=missing + 1).contains(&summary.segments_lost), "{verdict} {summary:?}");
        // 21 s until that is certain, and the start of another, of which the playlist holds 16.
        assert!(summary.segments_lost < 12, "it took too long: {summary:?}");
    }
}

live_test! {
    async fn silence_since_the_route_failed_is_not_blamed_on_streamlink() {
        let stage = Stage::new().await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(8).await;
        let [pid] = children()[..] else { panic!("one Streamlink: {:?}", children()) };
        // With a segment in flight.
        stage.proxy.set_fault(Fault::Trickle(2_000)).await;
        stage.routes.slow.lock().expect("unpoisoned").clear();
        let started = std::time::Instant::now();
        while stage.routes.slow.lock().expect("unpoisoned").is_empty() {
            assert!(started.elapsed() < PATIENCE, "never told");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        signal(pid, "STOP");
        stage.proxy.heal().await;
        // The route fails and is back, after the last that Streamlink said for certain.
        {
            let mut traffic = stage.routes.traffic.lock().expect("unpoisoned");
            traffic.last_fault = Some(std::time::Instant::now() + Duration::from_secs(1));
            traffic.last_success = Some(std::time::Instant::now() + Duration::from_secs(1));
        }
        running.until_status(Status::Recovering).await;
        running.until_status(Status::Recording).await;
        running.until("a gap", |p| p.segments_lost > 0).await;
        running.control.stop(StopCause::Duration);
        let summary = running.end().await;
        let told: Vec<_> = summary.gaps.iter().map(|gap| (gap.cause, gap.via.is_some())).collect();
        assert_eq!(told, [(GapCause::Route, true)], "{summary:?}");
    }
}

live_test! {
    async fn a_segment_that_crawls_is_told_to_the_gateway() {
        let stage = Stage::new().await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(8).await;
        assert!(*stage.routes.completed.lock().expect("unpoisoned") >= 4);
        stage.proxy.set_fault(Fault::Trickle(2_000)).await;
        // A busy machine may have been slow before.
        stage.routes.slow.lock().expect("unpoisoned").clear();
        let started = std::time::Instant::now();
        while stage.routes.slow.lock().expect("unpoisoned").len() < 2 {
            assert!(started.elapsed() < PATIENCE, "never told");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let slow = stage.routes.slow.lock().expect("unpoisoned")[0];
        assert!(slow.in_flight > Duration::from_secs(3) && slow.duration == Duration::from_secs(2), "{slow:?}");
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        assert_eq!((summary.ended, summary.exit_status()), (Ended::Stopped, 0), "{summary:?}");
    }
}

live_test! {
    async fn an_encoder_that_numbers_anew_costs_nothing() {
        let stage = Stage::with_window(20).await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(10).await;
        // Just after a failover, which explains nothing of what follows.
        {
            let mut traffic = stage.routes.traffic.lock().expect("unpoisoned");
            traffic.last_fault = Some(std::time::Instant::now());
            traffic.last_success = Some(std::time::Instant::now());
        }
        stage.origin.reset_sequence("");
        running.until_status(Status::Recovering).await;
        running.until_status(Status::Recording).await;
        running.until_media(30).await;
        running.control.stop(StopCause::Duration);
        let summary = running.end().await;
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean(), "{verdict}");
        assert_eq!((summary.segments_lost, summary.exit_status(), summary.parts.len()), (0, 0, 2), "{summary:?}");
    }
}

/// Records until it is killed. Run by the test below, in a process that it can kill.
#[test]
#[ignore = "run by its neighbour"]
fn records_until_it_is_killed() {
    let (Some(url), Some(directory)) = (std::env::var_os("TEST_PROXY"), std::env::var_os("TEST_DIRECTORY"))
    else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let output =
            Output::file(std::path::Path::new(&directory).join("show.ts"), false).expect("an output");
        let target = std::env::var("TEST_URL").expect("a URL");
        let mut request = RecordRequest::new(target, output, tools());
        request.disk_floor = 1 << 20;
        let mut running = Running::start(request, TestRoutes::new(&url.to_string_lossy()));
        running.until_media(6).await;
        println!("recording {}", children()[0]);
        std::future::pending::<()>().await;
    });
}

live_test! {
    async fn streamlink_and_its_files_go_when_the_recorder_is_killed() {
        let stage = Stage::new().await;
        let mut recorder = tokio::process::Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", "recovery::records_until_it_is_killed", "--ignored", "--nocapture"])
            .envs([("TEST_PROXY", stage.proxy.url()), ("TEST_URL", stage.url())])
            .env("TEST_DIRECTORY", stage.directory.path())
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(recorder.stdout.take().expect("piped")).lines();
        let pid = loop {
            let line = lines.next_line().await.expect("readable").expect("it records");
            if let Some((_, pid)) = line.split_once("recording ") {
                break pid.to_owned();
            }
        };
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("it runs");
        let config = command.split('\0').skip_while(|word| *word != "--config").nth(1).expect("a file").to_owned();
        assert!(std::path::Path::new(&config).exists());
        // Nothing more comes, as when the gateway is gone with the recorder: no write can fail.
        stage.proxy.set_fault(Fault::Freeze).await;
        recorder.kill().await.expect("killed");
        let killed = std::time::Instant::now();
        while std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists() || std::path::Path::new(&config).exists() {
            assert!(killed.elapsed() < PATIENCE, "Streamlink lives on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
