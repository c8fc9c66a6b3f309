//! The server itself dies, or is told to stop, while it records.

use std::path::Path;
use std::time::{Duration, Instant};

use holdfast_testkit::verify;
use holdfast_trials::{Database, ServerOptions, ServerProcess, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Play, on_both};

on_both!(
    killed_while_it_records_it_goes_on_where_it_was,
    killed_and_the_stream_is_gone_the_file_is_kept,
    told_to_stop_it_finishes_the_file,
);

/// Starts it again over the same data.
async fn again(play: &mut Play, database: Database) {
    let options = ServerOptions { database, ..ServerOptions::default() };
    play.server = ServerProcess::start(&play.scene, options).await.expect("it starts again");
}

async fn killed_while_it_records_it_goes_on_where_it_was(database: Database) {
    let mut play = Play::on(database.clone()).await;
    let recording = play.record().await;
    play.scene.segments(4).await;
    let before = play.server.recording(&recording).await.expect("there");
    let children = play.server.children();
    assert!(!children.is_empty(), "nobody records?");
    play.server.signal(Signal::KILL);
    play.server.ended(Duration::from_secs(10)).await.expect("it is dead");
    for child in children {
        let gone = eventually("its children die with it", Duration::from_secs(10), async || {
            let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            // pid (name) state …; a zombie waits for init, which is none of ours.
            let dead =
                state.is_empty() || state.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'));
            Ok(dead.then_some(()))
        });
        gone.await.expect("no Streamlink is left behind");
    }

    again(&mut play, database).await;
    let listed = play.server.recording(&recording).await.expect("it is still known");
    assert!(
        ["interrupted", "starting", "recording", "recovering"].iter().any(|s| listed["status"] == *s),
        "{listed:#}"
    );
    assert!(kept(&listed) > 0, "its file is gone: {listed:#}\n{}", play.server.story());
    assert_eq!(listed["started_at"], before["started_at"], "{listed:#}");
    play.flows(&recording).await;
    play.scene.segments(3).await;
    let ended = play.server.stop(&recording).await.expect("it stops");
    assert_eq!(ended["status"], "stopped", "{ended:#}");
    told_exactly(&play, &recording, &ended).await;
    let page = play.server.get("/api/recordings").await.expect("the list");
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page:#}");
    for (&id, used) in play.ids.iter().zip(play.used(&ended)) {
        let proxy = play.server.proxy(id).await.expect("there");
        let total = proxy["total_recordings"].as_u64();
        assert_eq!(total, Some(u64::from(used)), "one recording, however often it was resumed: {proxy:#}");
    }
}

async fn killed_and_the_stream_is_gone_the_file_is_kept(database: Database) {
    let mut play = Play::on(database.clone()).await;
    let recording = play.record().await;
    play.scene.segments(4).await;
    play.server.signal(Signal::KILL);
    play.server.ended(Duration::from_secs(10)).await.expect("it is dead");
    play.scene.origin.set_gone("live", Some(404));

    again(&mut play, database).await;
    let over = eventually("the recording is over", Duration::from_secs(60), async || {
        let recording = play.server.recording(&recording).await?;
        Ok((!recording["ended_at"].is_null()).then_some(recording))
    });
    let over = over.await.unwrap_or_else(|e| panic!("{e}\n{}", play.server.story()));
    assert!(["interrupted", "completed"].iter().any(|s| over["status"] == *s), "{over:#}");
    assert_eq!(play.server.get("/api/recordings/active").await.expect("a list")["items"], json!([]));
    assert!(over["bytes"].as_u64() > Some(500_000) && over["duration_s"].as_f64() >= Some(6.0), "{over:#}");
    for route in over["routes"].as_array().expect("a list") {
        assert!(route["ended_at"].is_string(), "a route in use by nobody: {over:#}");
    }
    told_exactly(&play, &recording, &over).await;
}

/// The bytes of what is on the disk.
fn kept(recording: &Value) -> u64 {
    let parts = recording["parts"].as_array().expect("a list");
    let paths = parts.iter().map(|part| &part["path"]).chain([&recording["path"]]);
    paths.filter_map(|path| Path::new(path.as_str()?).metadata().ok()).map(|meta| meta.len()).sum()
}

/// The file lacks what the recording says it lacks, within a segment, and nothing is twice.
async fn told_exactly(play: &Play, id: &str, recording: &Value) {
    let verdict = play.verdict(id).await;
    let story = play.server.story();
    assert!(
        verdict.duplicated.is_empty() && verdict.foreign == 0 && verdict.out_of_order == 0,
        "{verdict}\n{recording:#}\n{story}"
    );
    let told = recording["seconds_lost"].as_f64().expect("a number");
    assert!(
        (verdict.seconds_missing - told).abs() <= 2.0,
        "{verdict}, but it says {told} s: {recording:#}\n{story}"
    );
    assert_eq!(
        told > 0.0,
        recording["gaps"].as_array().is_some_and(|gaps| !gaps.is_empty()),
        "{recording:#}"
    );
}

async fn told_to_stop_it_finishes_the_file(database: Database) {
    let mut play = Play::on(database.clone()).await;
    let recording = play.record().await;
    play.scene.segments(4).await;
    let began = Instant::now();
    play.server.signal(Signal::TERM);
    let status = play.server.ended(Duration::from_secs(15)).await.expect("within 15 s");
    assert_eq!(status.code(), Some(0), "after {:?}\n{}", began.elapsed(), play.server.log());

    // The stream is over by then, so that what the next server finds is what this one left.
    play.scene.origin.end("live");
    again(&mut play, database).await;
    let ended = eventually("the recording is over", Duration::from_secs(60), async || {
        let recording = play.server.recording(&recording).await?;
        Ok((!recording["ended_at"].is_null()).then_some(recording))
    });
    let ended = ended.await.unwrap_or_else(|e| panic!("{e}\n{}", play.server.story()));
    assert!(["stopped", "completed"].iter().any(|s| ended["status"] == *s), "{ended:#}");
    let verdict = play.verdict(&recording).await;
    assert!(verdict.is_clean(), "{verdict}\n{ended:#}\n{}", play.server.story());
    let length = verify::probe_duration(&play.server.media(&recording).await.expect("a file")).await;
    assert!(length.expect("a duration") >= 6.0, "{ended:#}");
    assert_eq!(ended["segments_lost"], 0, "{ended:#}");
}
