//! Somebody puts a file where a recording is to go, while it runs.

use std::path::Path;

use holdfast_trials::Database;
use serde_json::json;

use super::{Play, on_both};

on_both!(a_recording_whose_name_is_taken_is_finished_under_the_next);

async fn a_recording_whose_name_is_taken_is_finished_under_the_next(database: Database) {
    let play = Play::on(database).await;
    let recording = play.record().await;
    play.scene.segments(3).await;
    let meant = play.server.recording(&recording).await.expect("there")["path"].clone();
    let meant = Path::new(meant.as_str().expect("a path"));
    std::fs::write(meant, "somebody else's").expect("written");
    // Neither now …
    let so_far = std::fs::read(play.server.media(&recording).await.expect("its part")).expect("readable");
    assert!(so_far.starts_with(b"G") && so_far.len() > 1000, "{} bytes", so_far.len());
    // … nor at the end, nor when it is deleted.
    let whole = play.whole(&recording).await;
    let given = meant.with_file_name(format!("{} (2).ts", meant.file_stem().expect("a name").display()));
    assert_eq!(whole["path"], json!(given), "{whole:#}\n{}", play.server.story());
    assert_eq!(whole["bytes"], json!(given.metadata().expect("there").len()), "{whole:#}");
    let told = play.events("recording_renamed").await;
    let [event] = told.as_slice() else { panic!("it is told once: {told:#?}") };
    assert_eq!(
        (&event["level"], &event["recording_id"]),
        (&json!("warning"), &json!(recording)),
        "{event:#}"
    );
    play.server.ok("DELETE", &format!("/api/recordings/{recording}"), "").await.expect("deleted");
    assert!(!given.exists());
    assert_eq!(std::fs::read(meant).expect("left alone"), b"somebody else's");
    let name = meant.file_stem().expect("a name").to_str().expect("text");
    let left = std::fs::read_dir(meant.parent().expect("a directory"))
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned());
    let left: Vec<_> = left.filter(|file| file.contains(name)).collect();
    assert_eq!(left, [format!("{name}.ts")], "nothing of the recording is left");
}
