//! How a recording is kept when its end and that of the server fall together.

use holdfast_model::Secret;
use holdfast_store::RecordingRow;

use super::*;

fn row(resume: Option<Value>) -> RecordingRow {
    RecordingRow {
        id: RecordingId::new(),
        streamer_id: None,
        url: Secret::new("https://live.test/"),
        url_masked: "https://live.test/".to_owned(),
        title: None,
        quality: "best".to_owned(),
        tags: Vec::new(),
        status: RecordingStatus::Recording,
        started_at: DateTime::UNIX_EPOCH,
        ended_at: None,
        path: "/r/night.ts".into(),
        bytes: 0,
        duration_s: 0.0,
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
    }
}

fn active(resume: Option<Value>, earlier: Earlier) -> Active {
    let (routes, gaps, parts, chapters) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    Active::new(RecordingFull { row: row(resume), routes, gaps, parts, chapters }, earlier)
}

/// With one part of 10 bytes.
fn summary(status: Status, ended: Ended) -> Summary {
    let at = DateTime::UNIX_EPOCH;
    Summary {
        recording_id: RecordingId::new(),
        url: "https://live.test/".to_owned(),
        output: None,
        thumbnail: None,
        bytes: 10,
        duration_s: 2.0,
        segments_lost: 0,
        seconds_lost: 0.0,
        estimated: false,
        failovers: 0,
        routes: Vec::new(),
        gaps: Vec::new(),
        parts: vec![Part { path: "/r/night.part001.ts".into(), started_at: at, ended_at: at, bytes: 10 }],
        chapters: Vec::new(),
        ended,
        reason: String::new(),
        status,
        error: None,
        started_at: at,
        ended_at: at,
        stopped_by: None,
        no_route: false,
    }
}

#[test]
fn whom_a_person_stopped_does_not_go_on_though_the_server_was_stopped_first() {
    for (stopped, expected) in [(false, RecordingStatus::Interrupted), (true, RecordingStatus::Finalizing)] {
        let active = active(Some(json!({ "next": 7 })), Earlier::default());
        if stopped {
            active.stop_wanted();
        }
        active.finish(&summary(Status::Interrupted, Ended::Stopped), None);
        let row = active.full().row;
        assert_eq!((row.status, row.ended_at), (expected, None));
        assert_eq!(row.error.is_some(), !stopped, "{:?}", row.error);
        let kept = row.resume.unwrap_or_default();
        assert_eq!(ended_as(&kept), stopped.then_some(RecordingStatus::Stopped), "{kept}");
    }
}

#[test]
fn a_note_is_no_error_once_it_is_stopped() {
    let active = active(None, Earlier::default());
    let note = Progress { note: Some("no route; next try in 4 s".to_owned()), ..Progress::default() };
    active.progress(&note);
    assert!(active.full().row.error.is_some());
    assert_eq!(active.stop_wanted().row.error, None);
    active.progress(&note);
    assert_eq!(active.full().row.error, None);
}

/// What the next start is left with when the server is killed while it makes the file.
#[test]
fn how_it_ended_is_kept_while_its_file_is_made() {
    for (ended, expected) in [
        (Ended::StreamEnded, RecordingStatus::Completed),
        (Ended::Stopped, RecordingStatus::Stopped),
        (Ended::Failed, RecordingStatus::Failed),
    ] {
        // Somebody wrote into the table by hand.
        let active = active(Some(json!("anything")), Earlier::default());
        active.progress(&Progress { status: Status::Finalizing, ended: Some(ended), ..Progress::default() });
        active.joined(None, true);
        assert_eq!(active.full().row.status, expected);
    }
}

#[test]
fn one_that_was_only_waited_for_is_complete_without_anything_new() {
    for (was_over, expected) in [(false, RecordingStatus::Interrupted), (true, RecordingStatus::Completed)] {
        let earlier = Earlier { bytes: 10, was_over, ..Earlier::default() };
        let active = active(None, earlier);
        active.finish(&summary(Status::Completed, Ended::StreamEnded), None);
        let row = active.full().row;
        assert_eq!((row.status, row.error.is_some()), (expected, !was_over));
    }
}
