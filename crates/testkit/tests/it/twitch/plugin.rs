//! The real Streamlink with its Twitch plugin, through a proxy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use holdfast_testkit::twitch::Glitch;
use holdfast_testkit::{Asked, Ca, verify};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{Scene, scene};
use crate::client::soon;
use crate::origin::streamlink;

/// Streamlink on `https://www.twitch.tv/alice`; `home` keeps its files out of ours.
fn command(scene: &Scene, home: &Path) -> Command {
    let mut command = Command::new(streamlink());
    command
        .args(["--no-config", "--http-proxy", &scene.proxy.url(), "https://www.twitch.tv/alice"])
        .env("REQUESTS_CA_BUNDLE", Ca::shared().unwrap().pem_path())
        .env("HOME", home)
        .env("XDG_CACHE_HOME", home)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// What it finds there, without recording.
async fn looks(scene: &Scene) -> Value {
    let home = tempfile::tempdir().unwrap();
    let output = soon(command(scene, home.path()).arg("--json").output()).await.unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

struct Recording {
    child: Child,
    file: PathBuf,
    dir: TempDir,
}

fn record(scene: &Scene) -> Recording {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.ts");
    let mut command = command(scene, dir.path());
    command.args(["best", "--loglevel", "info", "--logfile"]).arg(dir.path().join("log"));
    command.arg("-o").arg(&file).stdout(Stdio::null());
    let child = command.spawn().expect("Streamlink is installed by the set-up");
    Recording { child, file, dir }
}

impl Recording {
    /// Waits for its end, which must be that of the playlist and no giving up; its log.
    async fn ended(&mut self) -> String {
        let status = soon(self.child.wait()).await.unwrap();
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap();
        assert!(status.success() && !log.contains("No new segments"), "{log}");
        log
    }
}

/// Waits until a host has answered so many requests for paths that end like this.
async fn answered(scene: &Scene, host: &str, end: &str, count: usize) {
    let fits = |asked: &&Asked| asked.status == 200 && asked.path.ends_with(end);
    soon(async {
        while scene.twitch.asked(host).iter().filter(fits).count() < count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// Waits until a segment has been delivered, so that a recording is under way.
async fn delivers(scene: &Scene) {
    answered(scene, "e.hls.ttvnw.net", ".ts", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_records_until_the_channel_goes_offline() {
    let scene = scene(|o| o).await;
    scene.twitch.go_live("alice", "A title", "Chess");
    let mut recording = record(&scene);
    delivers(&scene).await;
    scene.twitch.edge_reaches("alice", scene.twitch.edge("alice") + 3).await;
    scene.twitch.go_offline("alice");
    let edge = scene.twitch.edge("alice");
    let log = recording.ended().await;
    assert!(log.contains("Opening stream: 1080p60 (hls)"), "{log}");
    let verdict = verify::compare(&recording.file, &scene.twitch.source()).await.unwrap();
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(verdict.last_segment, edge - 1, "{verdict}");
    let asked: Vec<_> = scene.twitch.asked("e.hls.ttvnw.net");
    assert!(asked.iter().all(|asked| asked.path.contains("/alice/1080p60/")));
    assert!(scene.twitch.accepts_not_from(&[&scene.proxy]).is_empty());

    let found = looks(&scene).await;
    assert!(found["error"].as_str().unwrap().contains("No playable streams"), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_finds_title_category_and_author() {
    let scene = scene(|o| o).await;
    scene.twitch.add_channel("alice", "Alice");
    scene.twitch.go_live("alice", "A title", "Chess");
    let found = looks(&scene).await;
    let metadata = &found["metadata"];
    assert_eq!(metadata["title"], json!("A title"), "{found}");
    assert_eq!((&metadata["category"], &metadata["author"]), (&json!("Chess"), &json!("Alice")));
    scene.twitch.set_category("alice", "");
    assert_eq!(looks(&scene).await["metadata"]["category"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quality_that_fails_once_is_not_offered() {
    let scene = scene(|o| o).await;
    scene.twitch.go_live("alice", "A title", "Chess");
    let best = async || looks(&scene).await["streams"]["best"]["url"].as_str().unwrap().to_owned();
    assert!(best().await.ends_with("/alice/1080p60.m3u8"));
    scene.twitch.glitch(Glitch::variant("alice", "1080p60", 502).times(1));
    assert!(best().await.ends_with("/alice/720p60.m3u8"));
    assert!(best().await.ends_with("/alice/1080p60.m3u8"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_leaves_advertisements_out_and_the_judge_would_see_them() {
    let scene = scene(|o| o).await;
    scene.twitch.go_live("alice", "A title", "Chess");
    scene.twitch.pre_roll("alice", 30);
    let mut recording = record(&scene);
    // The first is asked for while resolving, before there is a recording.
    answered(&scene, "a.playlist.ttvnw.net", "/1080p60.m3u8", 2).await;
    scene.twitch.end_ads("alice");
    delivers(&scene).await;
    let edge = scene.twitch.edge("alice") + 1;
    scene.twitch.edge_reaches("alice", edge).await;
    scene.twitch.ads("alice", 2);
    scene.twitch.edge_reaches("alice", edge + 5).await;
    scene.twitch.go_offline("alice");
    let log = recording.ended().await;
    assert!(log.contains("Waiting for pre-roll ads to finish"), "{log}");
    assert!(log.contains("Detected advertisement break of 4 seconds"), "{log}");
    let verdict = verify::compare(&recording.file, &scene.twitch.source()).await.unwrap();
    assert_eq!((verdict.foreign, verdict.out_of_order), (0, 0), "{verdict}");
    let missing: BTreeSet<usize> = verdict.missing.iter().map(|fault| fault.segment).collect();
    let hidden = scene.twitch.hidden_by_ads("alice");
    let inside = hidden.into_iter().filter(|number| *number > verdict.first_segment);
    assert_eq!(missing, inside.collect(), "{verdict}");
    assert_eq!(missing.len(), 2, "{verdict}");

    let source = scene.twitch.source();
    let media = holdfast_testkit::Media::ready(120).await.unwrap();
    let mut spoiled = std::fs::read(&recording.file).unwrap();
    spoiled.extend_from_slice(&media.segment(source.len()).unwrap());
    let file = recording.dir.path().join("spoiled.ts");
    std::fs::write(&file, spoiled).unwrap();
    assert!(verify::compare(&file, &source).await.unwrap().foreign > 0);
}
