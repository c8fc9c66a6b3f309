//! The picture of a finished recording.

use std::fs;
use std::path::Path;
use std::time::Duration;

use holdfast_recorder::{Control, Output, StopCause, Tools, thumbnail};

use crate::files::parts;
use crate::live_test;
use crate::support::{Stage, tools};

/// Width and height of a JPEG, as ffprobe reads it.
fn size(picture: &Path) -> (u64, u64) {
    let mut command = std::process::Command::new(tools().ffprobe.expect("ffprobe"));
    command.args(["-v", "error", "-show_streams", "-of", "json"]).arg(picture);
    let answer: serde_json::Value =
        serde_json::from_slice(&command.output().expect("it runs").stdout).expect("JSON");
    let stream = &answer["streams"][0];
    assert_eq!(stream["codec_name"], "mjpeg", "{answer}");
    (stream["width"].as_u64().expect("a width"), stream["height"].as_u64().expect("a height"))
}

/// A finished file of some segments, made wider than a picture may be.
async fn finished(stage: &Stage, name: &str, width: u32) -> Output {
    let part = parts(stage, std::slice::from_ref(&(0..4))).await.remove(0);
    let output = Output::file(stage.directory.path().join(name), true).expect("an output");
    let mut command = std::process::Command::new(tools().ffmpeg.expect("ffmpeg"));
    command.args(["-v", "error", "-y", "-i"]).arg(&part);
    command
        .args([
            "-vf",
            &format!("scale={width}:-2"),
            "-preset",
            "ultrafast",
            "-g",
            "9999",
            "-sc_threshold",
            "0",
            "-c:a",
            "copy",
        ])
        .arg(output.path());
    assert!(command.status().expect("it runs").success());
    fs::remove_file(part).expect("removed");
    output
}

live_test! {
    async fn a_picture_is_taken_of_every_container() {
        let stage = Stage::new().await;
        for (name, width, expected) in [("a.b.ts", 1280, 640), ("50% $(x) é.mkv", 320, 320), ("c:d.mp4", 642, 640)] {
            let output = finished(&stage, name, width).await;
            let picture = thumbnail(&output, &tools(), &Control::new()).await.expect(name);
            assert_eq!(picture, output.path().with_extension("jpg"));
            assert_eq!(size(&picture).0, expected, "{name}");
            assert!(stage.files().iter().all(|file| !file.starts_with('.')), "{:?}", stage.files());
        }
    }
}

live_test! {
    async fn what_is_there_is_left_alone() {
        let stage = Stage::new().await;
        let output = finished(&stage, "show.ts", 320).await;
        let directory = stage.directory.path();
        fs::write(directory.join("show.jpg"), "precious").expect("written");
        std::os::unix::fs::symlink("nowhere", directory.join("show (2).jpg")).expect("linked");
        let picture = thumbnail(&output, &tools(), &Control::new()).await.expect("a picture");
        assert_eq!(picture, directory.join("show (3).jpg"));
        assert_eq!(fs::read(directory.join("show.jpg")).expect("there"), b"precious");
        assert_eq!(fs::read_link(directory.join("show (2).jpg")).expect("there"), Path::new("nowhere"));
    }
}

live_test! {
    async fn where_nothing_is_found_the_first_picture_is_taken() {
        let stage = Stage::new().await;
        // Its only picture that stands by itself is the first: a search for a later one finds nothing.
        let output = finished(&stage, "show.ts", 320).await;
        assert!(thumbnail(&output, &tools(), &Control::new()).await.is_some());
    }
}

live_test! {
    async fn without_a_picture_nothing_is_left_and_nothing_waits() {
        let stage = Stage::new().await;
        let output = Output::file(stage.directory.path().join("show.ts"), true).expect("an output");
        fs::write(output.path(), "no pictures").expect("written");
        assert_eq!(thumbnail(&output, &tools(), &Control::new()).await, None);
        let output = finished(&stage, "show.ts", 320).await;
        let bare = Tools { ffmpeg: None, ffprobe: None, ..tools() };
        assert_eq!(thumbnail(&output, &bare, &Control::new()).await, None);
        let ending = Control::new();
        ending.shut_down(Duration::ZERO);
        assert_eq!(thumbnail(&output, &tools(), &ending).await, None);
        assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.ts"]);
    }
}

live_test! {
    async fn a_recording_has_its_picture() {
        let stage = Stage::new().await;
        let mut request = stage.request("show.ts");
        request.thumbnail = true;
        let mut running = stage.start(request);
        running.until_media(4).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        let picture = summary.thumbnail.as_deref().expect("a picture");
        assert!(picture == stage.directory.path().join("show.jpg") && size(picture).0 <= 640, "{summary:?}");
        assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.jpg", "show.ts"]);
    }
}
