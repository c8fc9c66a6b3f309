//! What Streamlink has completed and not delivered when it hangs is not in the file, and the ledger says so.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_model::Event;
use holdfast_recorder::{Status, StopCause, Summary};

use crate::live_test;
use crate::support::{PATIENCE, Running, Stage, children, signal, tools};

/// The real Streamlink with a small buffer, behind a relay that can be stopped: then nobody reads its output.
fn relayed(directory: &Path) -> PathBuf {
    let path = directory.join("streamlink");
    let real = tools().streamlink;
    // Two segments of 2 s, and some.
    let script = format!("#!/bin/sh\n\"{}\" \"$@\" --ringbuffer-size=600k | cat\n", real.display());
    std::fs::write(&path, script).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made executable");
    path
}

/// The relay below this shell.
async fn relay_of(shell: u32) -> u32 {
    let started = std::time::Instant::now();
    loop {
        let below =
            std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap_or_default();
        let is_cat = |pid: &u32| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "cat")
        };
        if let Some(pid) = below.split_whitespace().filter_map(|pid| pid.parse().ok()).find(is_cat) {
            return pid;
        }
        assert!(started.elapsed() < PATIENCE, "no relay: {below}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Goes on until the hang has been got over and the loss has been seen.
async fn gets_over_it(mut running: Running) -> Summary {
    running.until_status(Status::Recovering).await;
    running.until("a gap", |p| p.segments_lost > 0).await;
    running.control.stop(StopCause::Duration);
    let events = running.events.clone();
    let summary = running.end().await;
    let told = events.lock().expect("unpoisoned").iter().fold(0, |sum, event| match event {
        Event::Gap { gap, .. } => sum + gap.segments,
        _ => sum,
    });
    assert_eq!(told, summary.segments_lost, "every loss is told once: {summary:?}");
    summary
}

async fn is_honest(stage: &Stage, summary: &Summary) {
    let verdict = stage.judge(summary).await;
    let missing = verdict.segments_missing() as u64;
    assert!(missing > 0, "{verdict} {summary:?}");
    assert!((missing..=missing + 1).contains(&summary.segments_lost), "{verdict} {summary:?}");
}

live_test! {
    async fn what_stood_in_the_buffer_of_a_streamlink_that_hangs_is_lost() {
        let stage = Stage::new().await;
        let wrapper = tempfile::tempdir().expect("a directory");
        let mut request = stage.request("show.ts");
        request.tools.streamlink = relayed(wrapper.path());
        let mut running = stage.start(request);
        running.until_media(8).await;
        let [shell] = children()[..] else { panic!("one Streamlink: {:?}", children()) };
        let relay = relay_of(shell).await;
        signal(relay, "STOP");
        let before = running.progress.borrow().media;
        running.until("completions that nobody reads", |p| p.media >= before + Duration::from_secs(2)).await;
        let summary = gets_over_it(running).await;
        is_honest(&stage, &summary).await;
    }
}
