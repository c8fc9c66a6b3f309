//! Recordings through the door: the list, and the media by range. What recording itself does is tried elsewhere.

use std::path::Path;

use chrono::Utc;
use holdfast_model::{RecordingId, Secret};
use holdfast_store::{PartRow, RecordingRow, RecordingStatus};
use reqwest::Method;
use serde_json::{Value, json};

use crate::rig::{Answer, Rig, open};

pub(crate) fn row(path: &Path, status: RecordingStatus) -> RecordingRow {
    RecordingRow {
        id: RecordingId::new(),
        streamer_id: None,
        url: Secret::new("https://u:hunter2@site.test/live.m3u8"),
        url_masked: "https://u:***@site.test/live.m3u8".to_owned(),
        title: Some("live".to_owned()),
        quality: "best".to_owned(),
        tags: Vec::new(),
        status,
        started_at: Utc::now(),
        ended_at: Some(Utc::now()),
        path: path.to_owned(),
        bytes: 10,
        duration_s: 1.0,
        via: Some("direct".to_owned()),
        failovers: 0,
        segments_lost: 0,
        seconds_lost: 0.0,
        error: None,
        resume: None,
        keep: false,
        category: None,
        channel: None,
        thumbnail: None,
    }
}

/// A server that knows one recording for each name and status.
pub(crate) async fn rig(
    recordings: &[(&str, RecordingStatus)],
) -> (Rig, Vec<(RecordingId, std::path::PathBuf)>) {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).await;
    let mut known = Vec::new();
    let folder = directory.path().join("recordings");
    std::fs::create_dir(&folder).expect("a folder");
    for (name, status) in recordings {
        let path = folder.join(name);
        let row = row(&path, *status);
        store.insert_recording(&row).await.expect("stored");
        known.push((row.id, path));
    }
    (Rig::over(store, directory).await, known)
}

/// Larger than all buffers between here and there.
const LARGE: usize = 32 << 20;

/// Makes this a recording of so many bytes.
async fn large(rig: &Rig, id: RecordingId, file: &Path) {
    std::fs::write(file, vec![1; LARGE]).expect("written");
    let row = RecordingRow { id, bytes: LARGE as u64, ..row(file, RecordingStatus::Completed) };
    rig.store.save_progress(&row, &[], &[], &[], &[]).await.expect("stored");
}

#[tokio::test]
async fn the_media_are_served_whole_and_by_range() {
    let (rig, known) = rig(&[("a \"b\" ü.ts", RecordingStatus::Completed)]).await;
    let (id, file) = &known[0];
    std::fs::write(file, b"0123456789").expect("written");
    let path = format!("/api/recordings/{}/file", id.0);
    let whole = rig.get(&path).await;
    assert_eq!((whole.status.as_u16(), whole.text().as_str()), (200, "0123456789"));
    assert_eq!(whole.header("content-type"), "video/mp2t");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("content-disposition"), "attachment; filename*=UTF-8''a%20%22b%22%20%C3%BC%2Ets");
    // The id without hyphens is the same one.
    assert_eq!(rig.get(&format!("/api/recordings/{}/file", id.0.simple())).await.text(), "0123456789");
    let head = rig.send(Method::HEAD, &path, "").await;
    assert_eq!((head.status.as_u16(), head.header("content-length"), head.body.len()), (200, "10", 0));
    for (range, status, content_range, body) in [
        ("bytes=2-4", 206, "bytes 2-4/10", "234"),
        ("bytes=7-", 206, "bytes 7-9/10", "789"),
        ("bytes=-2", 206, "bytes 8-9/10", "89"),
        ("bytes=0-99", 206, "bytes 0-9/10", "0123456789"),
        ("bytes=0-1,3-4", 200, "", "0123456789"),
        ("bytes=x", 200, "", "0123456789"),
    ] {
        let answer = Answer::of(rig.request(Method::GET, &path).header("Range", range)).await;
        assert_eq!(answer.status.as_u16(), status, "{range}");
        assert_eq!(answer.header("content-range"), content_range, "{range}");
        assert_eq!(answer.text(), body, "{range}");
        assert_eq!(answer.header("content-length"), body.len().to_string(), "{range}");
    }
    let beyond = Answer::of(rig.request(Method::GET, &path).header("Range", "bytes=10-")).await;
    assert_eq!(beyond.header("content-range"), "bytes */10");
    beyond.problem(416);
}

#[tokio::test]
async fn a_part_is_only_added_to_the_same_file() {
    let (rig, known) = rig(&[("a.mkv", RecordingStatus::Completed)]).await;
    let (id, file) = &known[0];
    std::fs::write(file, b"0123456789").expect("written");
    let path = format!("/api/recordings/{}/file", id.0);
    let tag = rig.get(&path).await.header("etag").to_owned();
    let part = async |tag: &str| {
        let request = rig.request(Method::GET, &path).header("Range", "bytes=5-").header("If-Range", tag);
        Answer::of(request).await
    };
    let answer = part(&tag).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (206, "56789"));
    assert_eq!(answer.header("content-type"), "video/x-matroska");
    assert_eq!(part("\"another\"").await.status.as_u16(), 200);
    assert_eq!(part("Wed, 21 Oct 2026 07:28:00 GMT").await.status.as_u16(), 200);
    // It was written anew.
    std::fs::write(file, b"abcdefghij").expect("written");
    let answer = part(&tag).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "abcdefghij"));
    // It is not what was recorded.
    std::fs::write(file, b"0123456789ABC").expect("written");
    assert!(part(&tag).await.problem(404).contains("not what was recorded"));
}

#[tokio::test]
async fn a_file_that_grows_while_it_is_read_is_cut_where_it_was() {
    let (rig, known) = rig(&[("a.mp4", RecordingStatus::Completed)]).await;
    let (id, file) = &known[0];
    let size = LARGE;
    large(&rig, *id, file).await;
    let request = rig.request(Method::GET, &format!("/api/recordings/{}/file", id.0));
    let mut response = request.send().await.expect("it answers");
    assert_eq!(response.content_length(), Some(size as u64));
    let first = response.chunk().await.expect("bytes").expect("some");
    let mut more = std::fs::OpenOptions::new().append(true).open(file).expect("the file");
    std::io::Write::write_all(&mut more, &vec![2; 1 << 20]).expect("appended");
    let rest = response.bytes().await.expect("no more than was promised");
    assert_eq!(first.len() + rest.len(), size);
    assert!(rest.iter().all(|byte| *byte == 1));
}

#[tokio::test]
async fn recordings_are_listed_page_by_page_and_deleted() {
    use RecordingStatus::{Completed, Failed, Stopped};
    let (rig, known) =
        rig(&[("a.ts", Completed), ("b.ts", Failed), ("c.ts", Completed), ("d.ts", Stopped)]).await;
    let ids: Vec<_> = known.iter().rev().map(|(id, _)| id.0.to_string()).collect();
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = rig.get(&format!("/api/recordings?limit=3{cursor}")).await;
        assert!(!page.text().contains("hunter2"));
        let page = page.json();
        seen.extend(
            page["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|item| item["id"].as_str().expect("an id").to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    let failed = rig.get("/api/recordings?status=failed").await.json();
    assert_eq!(failed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(failed["items"][0]["url"], "https://u:***@site.test/live.m3u8");
    assert_eq!(
        rig.get("/api/recordings?streamer_id=7").await.json(),
        json!({ "items": [], "next_cursor": null })
    );
    assert_eq!(rig.get("/api/recordings/active").await.json(), json!({ "items": [], "next_cursor": null }));
    let (id, file) = &known[0];
    std::fs::write(file, b"0123456789").expect("written");
    let path = format!("/api/recordings/{}", id.0);
    assert_eq!(rig.get(&path).await.json()["status"], "completed");
    rig.post(&format!("{path}/stop"), "").await.problem(409);
    assert_eq!(rig.send(Method::DELETE, &path, "").await.json(), json!({ "success": true }));
    assert!(!file.exists());
    for (method, end) in
        [(Method::GET, ""), (Method::GET, "/file"), (Method::POST, "/stop"), (Method::DELETE, "")]
    {
        rig.send(method, &format!("{path}{end}"), "").await.problem(404);
    }
    // Its row is there, its file is not.
    rig.get(&format!("/api/recordings/{}/file", known[1].0.0)).await.problem(404);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused_with_the_reason() {
    let (rig, _) = rig(&[]).await;
    let answer = rig.post("/api/recordings", "{\"url\": \"https://u:hunter2@site.test/live.m3u8\"}").await;
    assert!(!answer.text().contains("hunter2"));
    assert!(answer.problem(409).contains("streamlink"), "{}", answer.text());
    let list: Value = rig.get("/api/recordings").await.json();
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn a_download_is_finished_before_the_server_stops() {
    let (rig, known) = rig(&[("a.ts", RecordingStatus::Completed)]).await;
    let (id, file) = &known[0];
    let size = LARGE;
    large(&rig, *id, file).await;
    let request = rig.request(Method::GET, &format!("/api/recordings/{}/file", id.0));
    let mut response = request.send().await.expect("it answers");
    let first = response.chunk().await.expect("bytes").expect("some");
    rig.soft.cancel();
    let rest = response.bytes().await.expect("all of it");
    assert_eq!(first.len() + rest.len(), size);
    rig.serving.await.expect("no panic").expect("no error");
}

#[tokio::test]
async fn parts_that_are_no_file_yet_are_served_one_by_one() {
    let (rig, known) = rig(&[("a.ts", RecordingStatus::Interrupted)]).await;
    let (id, file) = &known[0];
    let part = |number: u64| {
        let path = file.with_extension(format!("part{number:03}.ts"));
        std::fs::write(&path, format!("part {number}")).expect("written");
        let started_at = Utc::now() + chrono::TimeDelta::seconds(number.cast_signed());
        PartRow { path, started_at, ended_at: None, bytes: 6 }
    };
    let mut row = row(file, RecordingStatus::Interrupted);
    row.id = *id;
    let parts = [part(1), part(2)];
    rig.store.save_progress(&row, &[], &[], &parts, &[]).await.expect("stored");
    let path = format!("/api/recordings/{}/file", id.0);
    let detail = rig.get(&path).await.problem(409);
    assert!(detail.contains("2 parts") && detail.contains("?part=2"), "{detail}");
    for number in [1, 2] {
        assert_eq!(rig.get(&format!("{path}?part={number}")).await.text(), format!("part {number}"));
    }
    rig.get(&format!("{path}?part=3")).await.problem(404);
    rig.get(&format!("{path}?part=0")).await.problem(400);
    rig.store.save_progress(&row, &[], &[], &parts[..1], &[]).await.expect("stored");
    assert_eq!(rig.get(&path).await.text(), "part 1", "the only one there is");
    std::fs::write(file, "all joined").expect("written");
    assert_eq!(rig.get(&path).await.text(), "all joined");
}
