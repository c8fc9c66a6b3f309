//! What the broadcast was called, in the summary and in the finished file.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::DateTime;
use holdfast_model::{Chapter, Scene};
use holdfast_recorder::{About, Control, Output, StopCause, Tools, finish_parts, settled};
use holdfast_testkit::verify;
use serde_json::Value;
use tokio::sync::watch;

use crate::files::parts;
use crate::live_test;
use crate::resuming::again;
use crate::support::{Stage, tools};

pub(crate) fn scene(title: &str, category: &str) -> Scene {
    Scene { title: Some(title.to_owned()), category: Some(category.to_owned()) }
}

fn titles(chapters: &[Chapter]) -> Vec<&str> {
    chapters.iter().filter_map(|chapter| chapter.title.as_deref()).collect()
}

live_test! {
    async fn a_crash_loses_no_chapter() {
        // On a busy machine the next Streamlink may need as long for its start as a short playlist lasts.
        let stage = Stage::with_window(20).await;
        let (told, scene_now) = watch::channel(Scene::default());
        let mut request = stage.request("show.ts");
        request.scene = Some(scene_now);
        let mut running = stage.start(request);
        running.until_media(2).await;
        told.send_replace(scene("one", "Chess"));
        running.until_media(8).await;
        told.send_replace(scene("two", "Chess"));
        let noted = running.until("two chapters in the mark", |p| {
            p.chapters.len() == 2 && p.mark.as_ref().is_some_and(|mark| mark.chapters.len() == 2)
        });
        let media = noted.await.media;
        running.until_media(media.as_secs() + 4).await;
        let stored = running.vanish().await;

        let mut request = again(&stage, "show.ts", &stored);
        // The title is what it was; the category has changed while nothing ran.
        let (_told, scene_now) = watch::channel(scene("two", "Go"));
        request.scene = Some(scene_now);
        let mut running = stage.start(request);
        running.until("as much again", |p| p.media >= stored.media + Duration::from_secs(8)).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        let chapters = &summary.chapters;
        assert_eq!(titles(chapters), ["one", "two", "two"], "{chapters:?}");
        assert_eq!(chapters[2].category.as_deref(), Some("Go"));
        let offsets: Vec<f64> = chapters.iter().map(|chapter| chapter.offset_s).collect();
        assert!(offsets[0] == 0.0 && (8.0..=media.as_secs_f64()).contains(&offsets[1]), "{offsets:?}");
        assert!(offsets[2] >= offsets[1] && offsets[2] < summary.duration_s, "{offsets:?} {}", summary.duration_s);
    }
}

/// What ffprobe says of a file, but for what is in it.
fn probed(file: &Path) -> Value {
    let probe = tools().ffprobe.expect("ffprobe");
    let mut command = std::process::Command::new(probe);
    command.args(["-v", "error", "-show_format", "-show_chapters", "-of", "json"]).arg(file);
    serde_json::from_slice(&command.output().expect("it runs").stdout).expect("JSON")
}

/// A tag of the file or of a chapter; each container writes its name in its own way.
fn tag(of: &Value, name: &str) -> Option<String> {
    let tags = of["tags"].as_object()?;
    let (_, value) = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    value.as_str().map(str::to_owned)
}

fn about() -> About {
    let chapter = |offset_s, title: &str, category: &str| {
        let Scene { title, category } = scene(title, category);
        Chapter { at: DateTime::UNIX_EPOCH, offset_s, title, category }
    };
    About {
        title: None,
        channel: Some("Somebody".into()),
        started_at: Some(DateTime::UNIX_EPOCH),
        url: Some("https://h/x?token=***".into()),
        aligned: Vec::new(),
        chapters: vec![
            chapter(0.0, "one; #1 = “eins”", "Chess"),
            chapter(7.5, "two", "Go"),
            chapter(900.0, "late", "Go"),
        ],
    }
}

/// The file says all of [`about`] and ends when it ends.
fn assert_told(file: &Path, seconds: f64) {
    let probed = probed(file);
    let format = &probed["format"];
    for (name, value) in [
        ("title", "one; #1 = “eins”"),
        ("artist", "Somebody"),
        ("date", "1970-01-01T00:00:00Z"),
        ("comment", "https://h/x?token=***"),
        ("description", "Chess, Go"),
    ] {
        assert_eq!(tag(format, name).as_deref(), Some(value), "{file:?}: {name}");
    }
    let number = |of: &Value, name: &str| of[name].as_str().and_then(|n| n.parse::<f64>().ok()).expect(name);
    assert!((number(format, "duration") - seconds).abs() < 0.2, "{file:?}: {format}");
    let chapters = probed["chapters"].as_array().expect("chapters");
    let found: Vec<_> =
        chapters.iter().map(|c| (number(c, "start_time"), tag(c, "title").expect("a title"))).collect();
    let expected = [(0.0, "one; #1 = “eins” (Chess)".to_owned()), (7.5, "two (Go)".to_owned())];
    assert_eq!(found, expected, "{file:?}");
    assert!((number(&chapters[1], "end_time") - seconds).abs() < 0.2, "{file:?}: {chapters:?}");
}

live_test! {
    async fn a_finished_file_says_what_it_is() {
        let stage = Stage::new().await;
        let directory = stage.directory.path();
        for name in ["show.mkv", "show.mp4"] {
            // Parts that overlap, a gap between parts, and one part alone.
            let alone = 0..8;
            for (ranges, segments) in [(vec![0..5, 3..9], 9), (vec![0..3, 11..14], 14), (vec![alone], 8)] {
                let paths = parts(&stage, &ranges).await;
                let output = Output::file(directory.join(name), false).expect("an output");
                finish_parts(&output, &paths, &about(), &tools(), &Control::new()).await.expect(name);
                settled(output.path());
                assert_told(output.path(), f64::from(segments) * 2.0);
                let verdict = verify::compare(output.path(), stage.origin.media().frames()).await.expect("a verdict");
                assert!(verdict.duplicated.is_empty() && verdict.foreign == 0 && verdict.out_of_order == 0, "{name}: {verdict}");
                assert_eq!(verdict.segments_missing(), if ranges.len() == 2 && segments == 14 { 8 } else { 0 }, "{name}: {verdict}");
                assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), [name]);
                // What is in the wanted container already is told, too.
                let part = directory.join(name.replace('.', ".part001."));
                fs::rename(output.path(), &part).expect("renamed");
                let again = About { channel: Some("Another".into()), ..about() };
                finish_parts(&output, std::slice::from_ref(&part), &again, &tools(), &Control::new()).await.expect(name);
                settled(output.path());
                assert_eq!(tag(&probed(output.path())["format"], "artist").as_deref(), Some("Another"));
                assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), [name]);
                // Without ffmpeg it is what it was, under its name.
                fs::rename(output.path(), &part).expect("renamed");
                let bare = Tools { ffmpeg: None, ffprobe: None, ..tools() };
                finish_parts(&output, std::slice::from_ref(&part), &about(), &bare, &Control::new()).await.expect(name);
                settled(output.path());
                assert_eq!(tag(&probed(output.path())["format"], "artist").as_deref(), Some("Another"));
                assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), [name]);
                fs::remove_file(output.path()).expect("removed");
            }
        }
    }
}

live_test! {
    async fn a_transport_stream_stays_as_it_is() {
        let stage = Stage::new().await;
        let paths = parts(&stage, std::slice::from_ref(&(0..4))).await;
        let bytes = fs::read(&paths[0]).expect("readable");
        let output = Output::file(stage.directory.path().join("show.ts"), false).expect("an output");
        finish_parts(&output, &paths, &about(), &tools(), &Control::new()).await.expect("finished");
        assert!(fs::read(output.path()).expect("readable") == bytes);
    }
}

live_test! {
    async fn a_shutdown_does_not_wait_until_a_part_is_told() {
        let stage = Stage::new().await;
        let paths = parts(&stage, std::slice::from_ref(&(0..5))).await;
        for name in ["show.mkv", "show.mp4"] {
            let control = Control::new();
            control.shut_down(Duration::ZERO);
            let output = Output::file(stage.directory.path().join(name), false).expect("an output");
            let left = finish_parts(&output, &paths, &about(), &tools(), &control).await.expect_err("no time");
            assert!(matches!(left, holdfast_recorder::JoinError::Left), "{left}");
            assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.part001.ts"]);
        }
    }
}

live_test! {
    async fn a_recording_tells_its_story() {
        let stage = Stage::new().await;
        let (told, scene_now) = watch::channel(scene("one", "Chess"));
        let mut request = stage.request("show.mp4");
        (request.scene, request.channel) = (Some(scene_now), Some("Somebody".into()));
        let mut running = stage.start(request);
        running.until_media(6).await;
        told.send_replace(scene("two", "Chess"));
        running.until("two chapters", |p| p.chapters.len() == 2).await;
        running.until_media(12).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        let file = summary.output.as_deref().expect("a file");
        let probed = probed(file);
        assert_eq!((tag(&probed["format"], "title").as_deref(), tag(&probed["format"], "artist").as_deref()), (Some("one"), Some("Somebody")));
        let chapters = probed["chapters"].as_array().expect("chapters");
        assert_eq!(tag(&chapters[1], "title").as_deref(), Some("two (Chess)"));
        let start: f64 = chapters[1]["start_time"].as_str().and_then(|n| n.parse().ok()).expect("a time");
        assert!((start - summary.chapters[1].offset_s).abs() < 0.01, "{start} {summary:?}");
        assert!(stage.judge(&summary).await.is_clean());
    }
}
