//! What an earlier run left behind is not made less by a start that cannot see all of it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use chrono::{TimeDelta, Utc};
use holdfast_model::{RecordingId, Secret, in_micros};
use holdfast_store::{PartRow, RecordingRow, RecordingStatus, Store};
use serde_json::{Value, json};

use crate::server::Server;
use crate::world::World;

on_both!(
    parts_that_are_not_there_stay_on_the_list,
    one_whose_stream_was_over_is_completed,
    what_lies_elsewhere_is_left_alone,
    only_what_was_recorded_is_taken_for_a_part,
);

/// A recording that a server was killed in an hour ago, with two parts of 10 bytes each by its rows.
pub(crate) async fn left_behind(
    store: &Store,
    path: PathBuf,
    resume: Option<Value>,
) -> (RecordingId, Vec<PartRow>) {
    let row = RecordingRow {
        id: RecordingId::new(),
        streamer_id: None,
        url: Secret::new("https://live.test/live.m3u8"),
        url_masked: "https://live.test/live.m3u8".to_owned(),
        title: None,
        quality: "best".to_owned(),
        tags: Vec::new(),
        status: RecordingStatus::Recording,
        started_at: in_micros(Utc::now() - TimeDelta::hours(1)),
        ended_at: None,
        path: path.clone(),
        bytes: 20,
        duration_s: 4.0,
        via: None,
        failovers: 0,
        segments_lost: 0,
        seconds_lost: 0.0,
        error: None,
        resume,
        keep: false,
        category: None,
        channel: None,
        thumbnail: None,
    };
    let part = |number: i64| {
        let started_at = row.started_at + TimeDelta::seconds(number);
        let path = path.with_extension(format!("part{number:03}.ts"));
        PartRow { path, started_at, ended_at: Some(started_at + TimeDelta::seconds(1)), bytes: 10 }
    };
    let parts = vec![part(1), part(2)];
    store.insert_recording(&row).await.expect("stored");
    store.save_progress(&row, &[], &[], &parts, &[]).await.expect("stored");
    (row.id, parts)
}

fn write_an_hour_ago(path: &Path) {
    fs::write(path, vec![0; 12]).expect("written");
    let file = fs::File::options().append(true).open(path).expect("there");
    file.set_modified((Utc::now() - TimeDelta::hours(1)).into()).expect("an hour ago");
}

async fn parts_that_are_not_there_stay_on_the_list(world: World) {
    let store = world.store().await;
    let directory = world.folder.path().join("recordings");
    fs::create_dir_all(&directory).expect("created");
    let (id, parts) = left_behind(&store, directory.join("night.ts"), None).await;
    // One of them is there, and has got a little longer than its row says.
    write_an_hour_ago(&parts[0].path);
    let mut server = Server::start(&world).await;
    server.ears.find("recording_finished", |frame| frame["recording_id"] == json!(id)).await;
    let view = server.recording(id).await.expect("it is there");
    assert_eq!(json!(view.status), "interrupted");
    let shown: Vec<_> = view.parts.iter().map(|part| (PathBuf::from(&part.path), part.bytes)).collect();
    assert_eq!(shown, [(parts[0].path.clone(), 12), (parts[1].path.clone(), 10)]);
    let error = view.error.expect("a sentence");
    assert!(error.contains("1 of its parts cannot be found") && error.contains("mounted"), "{error}");
    server.stop().await;
}

/// The server went while it only waited whether the stream comes back.
async fn one_whose_stream_was_over_is_completed(world: World) {
    let store = world.store().await;
    let directory = world.folder.path().join("recordings");
    fs::create_dir_all(&directory).expect("created");
    let over = json!({ "over": { "since": Utc::now(), "reason": "404", "ended": false, "gone": true } });
    let (id, parts) = left_behind(&store, directory.join("night.ts"), Some(over)).await;
    write_an_hour_ago(&parts[0].path);
    let mut server = Server::start(&world).await;
    server.ears.find("recording_finished", |frame| frame["recording_id"] == json!(id)).await;
    let view = server.recording(id).await.expect("it is there");
    let error = view.error.expect("a part is missing");
    assert!(!error.contains("the server ended") && error.contains("cannot be found"), "{error}");
    assert_eq!(json!(view.status), "completed");
    server.stop().await;
}

async fn what_lies_elsewhere_is_left_alone(world: World) {
    let store = world.store().await;
    let elsewhere = world.folder.path().join("elsewhere");
    let (id, parts) = left_behind(&store, elsewhere.join("night.ts"), None).await;
    let server = Server::start(&world).await;
    let view = server.recording(id).await.expect("it is there");
    assert_eq!((json!(view.status), view.bytes), (json!("interrupted"), 20));
    assert_eq!(view.parts.len(), parts.len());
    let error = view.error.expect("a sentence");
    assert!(error.contains("not in this server's directory"), "{error}");
    server.stop().await;
}

/// Beside its two parts lie one that was begun after they were stored, and files of others with such names.
async fn only_what_was_recorded_is_taken_for_a_part(world: World) {
    let directory = world.folder.path().join("recordings");
    fs::create_dir_all(&directory).expect("created");
    let (id, parts) = left_behind(&world.store().await, directory.join("night.ts"), None).await;
    let at = |name: &str| directory.join(name);
    write_an_hour_ago(&parts[0].path);
    // A link has taken the place of the second.
    let outside = world.folder.path().join("outside.ts");
    write_an_hour_ago(&outside);
    symlink(&outside, &parts[1].path).expect("linked");
    write_an_hour_ago(&at("night.part004.ts"));
    let meta = at("night.part004.ts").metadata().expect("there");
    let born = meta.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let note = format!("{}@{} night.part004.ts\n", meta.ino(), born.as_nanos());
    fs::write(at(".night.ts.parts"), note).expect("written");
    let foreign = ["night.part003.ts", "night.part005.ts", "night.part009.clip.ts", "night.part006.txt"];
    for name in foreign {
        fs::write(at(name), "precious").expect("written");
    }
    symlink(&outside, at("night.part007.ts")).expect("linked");
    fs::create_dir(at("night.part008.ts")).expect("created");
    fs::write(at("night.part010.ts"), "").expect("written");

    let mut server = Server::start(&world).await;
    server.ears.find("recording_finished", |frame| frame["recording_id"] == json!(id)).await;
    let view = server.recording(id).await.expect("it is there");
    let shown: Vec<_> = view.parts.iter().map(|part| (PathBuf::from(&part.path), part.bytes)).collect();
    let found = [(parts[0].path.clone(), 12), (parts[1].path.clone(), 10), (at("night.part004.ts"), 12)];
    assert_eq!((shown.as_slice(), view.bytes), (found.as_slice(), 24), "{view:?}");
    for (part, whole) in [(1, true), (2, false), (3, true), (4, false)] {
        assert_eq!(server.recording_file(id, Some(part)).await.is_ok(), whole, "part {part}");
    }
    server.delete_recording(id).await.expect("deleted");
    assert!(!parts[0].path.exists() && !at("night.part004.ts").exists() && !at(".night.ts.parts").exists());
    for name in foreign {
        assert_eq!(fs::read(at(name)).expect("left alone"), b"precious");
    }
    for path in [&parts[1].path, &at("night.part007.ts"), &at("night.part008.ts"), &at("night.part010.ts")] {
        path.symlink_metadata().expect("left alone");
    }
    assert_eq!(fs::read(&outside).expect("left alone").len(), 12);
    server.stop().await;
}
