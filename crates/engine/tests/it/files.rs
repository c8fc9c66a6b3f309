//! Somebody else's file where a recording is, was or was to be: it is neither shown as the recording, nor given out, nor
//! deleted.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use chrono::Utc;
use holdfast_model::{RecordingId, in_micros};
use holdfast_store::{RecordingStatus, Store};
use serde_json::json;

use crate::server::{Server, sentence};
use crate::unfinished::left_behind;
use crate::world::World;

on_both!(
    a_file_that_came_into_its_place_is_not_taken_for_the_finished_one,
    a_file_that_was_finished_under_another_name_is_found,
    only_what_was_recorded_is_given_out_and_deleted,
);

/// The directory of recordings.
fn directory(world: &World) -> PathBuf {
    let directory = world.folder.path().join("recordings");
    fs::create_dir_all(&directory).expect("created");
    directory
}

async fn a_file_that_came_into_its_place_is_not_taken_for_the_finished_one(world: World) {
    let meant = directory(&world).join("night.ts");
    // Killed while it recorded, and its parts were moved away.
    let (id, _) = left_behind(&world.store().await, meant.clone(), None).await;
    fs::write(&meant, "somebody else's").expect("written");
    let server = Server::start(&world).await;
    let view = server.recording(id).await.expect("it is there");
    assert_eq!((json!(view.status), view.bytes), (json!("interrupted"), 0), "{view:?}");
    let why = sentence(server.recording_file(id, Some(1)).await);
    assert!(why.contains("was it moved or deleted?"), "{why}");
    assert_refused(&server, id).await;
    server.stop().await;
    assert_eq!(fs::read(&meant).expect("left alone"), b"somebody else's");
}

async fn a_file_that_was_finished_under_another_name_is_found(world: World) {
    let directory = directory(&world);
    let (meant, given) = (directory.join("night.ts"), directory.join("night (2).ts"));
    let (id, _) = left_behind(&world.store().await, meant.clone(), None).await;
    fs::write(&meant, "somebody else's").expect("written");
    // Killed when the file had its name, and before that was stored.
    fs::write(&given, "what was recorded").expect("written");
    let meta = given.metadata().expect("there");
    let note = format!("{} {} {}\n", meta.dev(), meta.ino(), meta.len());
    fs::write(directory.join(".night.ts.finished"), note).expect("written");
    let mut server = Server::start(&world).await;
    let told = server.ears.find("recording_renamed", |frame| frame["recording_id"] == json!(id)).await;
    assert_eq!(told["recording"]["path"], json!(given), "{told}");
    let view = server.recording(id).await.expect("it is there");
    assert_eq!((json!(view.status), view.bytes), (json!("stopped"), meta.len()), "{view:?}");
    assert_eq!(
        (Path::new(&view.path), given_out(&server, id).await.as_str()),
        (&*given, "what was recorded")
    );
    assert!(!directory.join(".night.ts.finished").exists(), "it is stored");
    server.delete_recording(id).await.expect("deleted");
    assert!(!given.exists());
    assert_eq!(fs::read(&meant).expect("left alone"), b"somebody else's");
    server.stop().await;
}

async fn only_what_was_recorded_is_given_out_and_deleted(world: World) {
    let directory = directory(&world);
    let outside = world.folder.path().join("0123456789");
    fs::write(&outside, "0123456789").expect("written");
    let store = world.store().await;
    let put = |place: PathBuf, what: &str| {
        match what {
            "another size" => fs::write(&place, "012345678").expect("written"),
            "a directory" => fs::create_dir(&place).expect("created"),
            "a link" => symlink(&outside, &place).expect("linked"),
            "a link to nothing" => symlink(directory.join("nothing"), &place).expect("linked"),
            _ => fs::write(&place, "0123456789").expect("written"),
        }
        place
    };
    let mut all = Vec::new();
    for what in ["another size", "a directory", "a link", "a link to nothing"] {
        let path = put(directory.join(format!("{what}.ts")), what);
        all.push((finished(&store, path.clone(), 10).await, path));
    }
    // As large, but where no recording of this server is.
    all.push((finished(&store, outside.clone(), 10).await, outside.clone()));
    all.push((finished(&store, directory.join("../0123456789"), 10).await, outside.clone()));
    // One that failed before its first byte recorded no file at all.
    let empty = directory.join("empty.ts");
    fs::write(&empty, "").expect("written");
    all.push((finished(&store, empty.clone(), 0).await, empty));
    let recorded = put(directory.join("recorded.ts"), "what was recorded");
    let fine = finished(&store, recorded.clone(), 10).await;

    let server = Server::start(&world).await;
    assert_eq!(given_out(&server, fine).await, "0123456789");
    server.delete_recording(fine).await.expect("deleted");
    assert!(!recorded.exists());
    for (id, path) in all {
        assert_refused(&server, id).await;
        server.delete_recording(id).await.expect("deleted");
        path.symlink_metadata().expect("left alone");
    }
    server.stop().await;
}

/// A recording that is over, in one part that became this file.
async fn finished(store: &Store, path: PathBuf, bytes: u64) -> RecordingId {
    let (id, _) = left_behind(store, path, None).await;
    let mut row = store.recording(id).await.expect("readable").expect("there").row;
    (row.status, row.ended_at, row.bytes) = (RecordingStatus::Completed, Some(in_micros(Utc::now())), bytes);
    store.save_progress(&row, &[], &[], &[], &[]).await.expect("stored");
    id
}

async fn given_out(server: &Server, id: RecordingId) -> String {
    let (_, mut file) = server.recording_file(id, None).await.expect("a file");
    let mut text = String::new();
    file.read_to_string(&mut text).expect("text");
    text
}

/// Neither as a whole nor as its part.
async fn assert_refused(server: &Server, id: RecordingId) {
    for part in [None, Some(1), Some(2)] {
        let why = sentence(server.recording_file(id, part).await);
        assert!(why.contains("NotFound"), "{part:?}: {why}");
    }
}
