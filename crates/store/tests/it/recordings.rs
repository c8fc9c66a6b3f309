//! Recordings: kept with everything, listed page by page, found again after a crash.

use std::os::unix::ffi::OsStringExt as _;

use holdfast_model::{ChannelId, GapCause, RecordingId, Secret, Via};
use holdfast_store::{RecordingFilter, RecordingFull, RecordingRow, RecordingStatus, StoreError};

use crate::home::{Home, KEY};
use crate::samples::{add, at, chapter, gap, part, recording, route, via};

const ALL: [RecordingStatus; 8] = [
    RecordingStatus::Starting,
    RecordingStatus::Recording,
    RecordingStatus::Recovering,
    RecordingStatus::Finalizing,
    RecordingStatus::Completed,
    RecordingStatus::Stopped,
    RecordingStatus::Failed,
    RecordingStatus::Interrupted,
];

async fn recordings_are_kept_with_everything(home: Home) {
    let proxy = add(&home.store, "http://u:p@h:1", 0).await;
    let mut row = recording(RecordingStatus::Recording);
    home.store.insert_recording(&row).await.expect("inserted");
    let alone = RecordingFull {
        row: row.clone(),
        routes: Vec::new(),
        gaps: Vec::new(),
        parts: Vec::new(),
        chapters: Vec::new(),
    };
    assert_eq!(home.store.recording(row.id).await, Ok(Some(alone)));

    row.status = RecordingStatus::Completed;
    (row.ended_at, row.bytes, row.seconds_lost) = (Some(at(60)), u64::from(u32::MAX) * 9, 0.1);
    (row.title, row.via, row.error, row.resume) = (None, Some("direct".to_owned()), None, None);
    let mut direct_gap = gap(2);
    (direct_gap.via, direct_gap.cause) = (Some(Via::Direct), GapCause::Ads);
    let mut loose_gap = gap(3);
    (loose_gap.via, loose_gap.estimated) = (None, false);
    let full = RecordingFull {
        row: row.clone(),
        routes: vec![route(via(&proxy), 0), route(Via::Direct, 10), route(via(&proxy), 20)],
        gaps: vec![gap(1), direct_gap, loose_gap],
        parts: vec![part(0), part(1)],
        chapters: vec![chapter(0), chapter(1)],
    };
    home.store
        .save_progress(&row, &full.routes, &full.gaps, &full.parts, &full.chapters)
        .await
        .expect("saved");
    assert_eq!(home.store.recording(row.id).await.as_ref(), Ok(&Some(full.clone())));

    assert_eq!(home.store.remove_proxy(proxy.id).await, Ok(true));
    home.store.insert_recording(&row).await.expect("a second time");
    home.store.close().await;
    let again = home.open_with(KEY).await.expect("opened");
    assert_eq!(again.recording(row.id).await, Ok(Some(full)), "the names of deleted proxies stay");
    assert_eq!(again.recording(RecordingId::new()).await, Ok(None));
}

async fn lists_are_written_whole(home: Home) {
    let row = recording(RecordingStatus::Recording);
    home.store.insert_recording(&row).await.expect("inserted");
    let long: Vec<_> = (0..1100).map(gap).collect();
    let routes: Vec<_> = (0..3).map(|second| route(Via::Direct, second)).collect();
    home.store.save_progress(&row, &routes, &long, &[part(0)], &[]).await.expect("saved");
    assert_eq!(home.store.recording(row.id).await.map(|full| full.map(|full| full.gaps)), Ok(Some(long)));

    let short = vec![gap(7), gap(8)];
    home.store.save_progress(&row, &routes[1..], &short, &[], &[]).await.expect("saved");
    let full = home.store.recording(row.id).await.expect("read").expect("there");
    assert_eq!((full.routes, full.gaps, full.parts), (routes[1..].to_vec(), short, Vec::new()));
}

async fn a_deleted_recording_is_not_made_again(home: Home) {
    let (row, other) = (recording(RecordingStatus::Recording), recording(RecordingStatus::Recording));
    for row in [&row, &other] {
        home.store.insert_recording(row).await.expect("inserted");
        home.store
            .save_progress(row, &[route(Via::Direct, 0)], &[gap(0)], &[part(0)], &[chapter(0)])
            .await
            .expect("saved");
    }
    assert_eq!(home.store.delete_recording(row.id).await, Ok(true));
    assert_eq!(home.store.delete_recording(row.id).await, Ok(false));
    assert_eq!(home.store.recording(row.id).await, Ok(None));
    assert_eq!(home.store.update_recording(&row).await, Err(StoreError::NotFound));
    assert_eq!(home.store.save_progress(&row, &[], &[], &[], &[]).await, Err(StoreError::NotFound));
    for list in ["routes", "gaps", "parts", "chapters"] {
        let rest = format!("SELECT COUNT(*) AS n FROM recording_{list}");
        assert_eq!(home.number(&rest).await, 1, "those of the other stay");
    }
}

async fn odd_figures_and_paths_do_no_harm(home: Home) {
    let mut row = recording(RecordingStatus::Recording);
    (row.duration_s, row.seconds_lost, row.bytes) = (f64::NAN, f64::INFINITY, u64::MAX);
    row.url = Secret::new("");
    home.store.insert_recording(&row).await.expect("inserted");
    let read = home.store.recording(row.id).await.expect("read").expect("there").row;
    assert_eq!((read.duration_s, read.seconds_lost, read.bytes), (0.0, 0.0, i64::MAX.cast_unsigned()));

    row.path = std::ffi::OsString::from_vec(vec![b'/', 0xff]).into();
    let error = home.store.update_recording(&row).await.expect_err("no UTF-8");
    assert!(error.to_string().contains("not UTF-8"), "{error}");
    home.sql("UPDATE recordings SET status = 'nonsense'").await.expect("edited");
    let read = home.store.recording(row.id).await.expect("read").expect("there").row;
    assert_eq!(read.status, RecordingStatus::Interrupted);
}

async fn recordings_come_page_by_page(home: Home) {
    let mut newest_first: Vec<RecordingRow> = (0..40).map(|n| recording(ALL[n % ALL.len()])).collect();
    home.sql("INSERT INTO streamers (url, display_name) VALUES ('https://s.test', 's')")
        .await
        .expect("a channel");
    for (n, row) in newest_first.iter_mut().enumerate() {
        row.streamer_id = (n % 4 == 0).then_some(ChannelId(1));
        home.store.insert_recording(row).await.expect("inserted");
    }
    newest_first.reverse();
    let page = |before, status, streamer_id| RecordingFilter { status, streamer_id, before, limit: 7 };
    for (status, streamer_id) in [
        (None, None),
        (Some(RecordingStatus::Failed), None),
        (None, Some(ChannelId(1))),
        (None, Some(ChannelId(2))),
    ] {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let some = home.store.recordings(&page(before, status, streamer_id)).await.expect("a page");
            assert!(some.len() <= 7);
            let Some(last) = some.last() else { break };
            before = Some(last.row.id);
            seen.extend(some.into_iter().map(|full| full.row));
        }
        let matching = |row: &&RecordingRow| {
            status.is_none_or(|status| row.status == status)
                && streamer_id.is_none_or(|id| row.streamer_id == Some(id))
        };
        assert_eq!(
            seen,
            newest_first.iter().filter(matching).cloned().collect::<Vec<_>>(),
            "{status:?} {streamer_id:?}"
        );
    }
    home.sql("DELETE FROM streamers").await.expect("deleted");
    assert_eq!(home.number("SELECT COUNT(*) AS n FROM recordings WHERE streamer_id IS NULL").await, 40);
}

async fn unfinished_recordings_are_found(home: Home) {
    let mut unfinished = Vec::new();
    for status in ALL {
        for ended_at in [None, Some(at(9))] {
            let mut row = recording(status);
            row.ended_at = ended_at;
            home.store.insert_recording(&row).await.expect("inserted");
            let running = matches!(
                status,
                RecordingStatus::Starting
                    | RecordingStatus::Recording
                    | RecordingStatus::Recovering
                    | RecordingStatus::Finalizing
            );
            if running || (status == RecordingStatus::Interrupted && ended_at.is_none()) {
                unfinished.push(row);
            }
        }
    }
    unfinished.reverse();
    let found = home.store.unfinished_recordings().await.expect("found");
    assert_eq!(found.into_iter().map(|full| full.row).collect::<Vec<_>>(), unfinished);
}

on_both!(
    recordings_are_kept_with_everything,
    lists_are_written_whole,
    a_deleted_recording_is_not_made_again,
    odd_figures_and_paths_do_no_harm,
    recordings_come_page_by_page,
    unfinished_recordings_are_found,
);
