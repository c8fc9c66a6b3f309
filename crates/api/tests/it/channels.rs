//! Channels and what concerns their files, through the door. That they are recorded is tried elsewhere.

use std::path::Path;

use chrono::{TimeDelta, Utc};
use holdfast_model::ChannelId;
use holdfast_store::RecordingStatus;
use reqwest::Method;
use serde_json::{Value, json};

use crate::recordings::{rig, row};
use crate::rig::{PATIENCE, Rig};

#[tokio::test]
async fn a_channel_is_added_changed_and_removed() {
    let rig = Rig::start().await;
    let wish = json!({ "username": "Somebody_1", "record": false, "token": "s3crettoken" });
    let added = rig.post("/api/streamers", &wish.to_string()).await.json();
    assert_eq!(added["url"], "https://www.twitch.tv/somebody_1", "{added:#}");
    assert_eq!((&added["username"], &added["has_token"]), (&json!("somebody_1"), &json!(true)), "{added:#}");
    assert_eq!((&added["record"], &added["quality"]), (&json!(false), &json!("best")), "{added:#}");
    assert!(!added.to_string().contains("s3cret"), "{added:#}");
    for address in [
        "https://twitch.tv/Somebody_1?referrer=x",
        "go.twitch.tv/somebody_1/",
        "https://player.twitch.tv/?channel=somebody_1&parent=a.test",
        "www.twitch.tv:443/%73omebody_1",
    ] {
        let twice = rig.post("/api/streamers", &json!({ "url": address }).to_string()).await.problem(409);
        assert!(twice.contains("there already"), "{address}: {twice}");
    }
    let path = format!("/api/streamers/{}", added["id"]);
    let edit = json!({
        "tags": ["eu"], "container": "mkv", "max_count": 3, "token": null, "filename_template": "{title}",
        "streamlink_options": ["--hls-audio-select=*"],
    });
    let changed = rig.send(Method::PATCH, &path, &edit.to_string()).await.json();
    for (key, value) in [
        ("tags", json!(["eu"])),
        ("container", json!("mkv")),
        ("max_count", json!(3)),
        ("has_token", json!(false)),
        ("filename_template", json!("{title}")),
        ("streamlink_options", json!(["--hls-audio-select=*"])),
    ] {
        assert_eq!(changed[key], value, "{key}");
    }
    let back = json!({ "container": null, "max_count": null, "filename_template": null }).to_string();
    let changed = rig.send(Method::PATCH, &path, &back).await.json();
    assert_eq!((&changed["container"], &changed["max_count"]), (&Value::Null, &Value::Null), "{changed:#}");
    let list = rig.get("/api/streamers").await.json();
    assert_eq!(list["items"], json!([changed]));
    rig.send(Method::DELETE, &path, "").await.json();
    rig.get(&path).await.problem(404);
    rig.send(Method::DELETE, &path, "").await.problem(404);
    assert_eq!(rig.get("/api/streamers").await.json()["items"], json!([]));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_sentence() {
    let rig = Rig::start().await;
    for (wish, word) in [
        (json!({}), "either username"),
        (json!({ "username": "a", "url": "https://b.test" }), "either username"),
        (json!({ "username": "not a name" }), "no name of a Twitch channel"),
        (json!({ "url": "file:///etc/passwd" }), "addresses of the web"),
        (
            json!({ "url": "https://www.twitch.tv/alice/videos" }),
            "such as alice, or https://www.twitch.tv/alice",
        ),
        (json!({ "url": "https://clips.twitch.tv/Some-Clip" }), "never live: give the name of a channel"),
        (json!({ "url": "https://u:hunter2@www.twitch.tv/alice" }), "no user and no password"),
        (json!({ "username": "directory" }), "a page of Twitch itself"),
        (json!({ "username": "a", "filename_template": "{nonsense}" }), "filename_template"),
        (json!({ "username": "a", "filename_template": "../{title}" }), "filename_template"),
        (json!({ "username": "a", "streamlink_options": ["--player=sh"] }), "streamlink_options"),
        (
            json!({ "username": "a", "streamlink_options": ["--http-proxy=http://u:hunter2@h"] }),
            "streamlink_options",
        ),
        (json!({ "username": "a", "container": "avi" }), "ts, mkv or mp4"),
        (json!({ "username": "a", "max_count": 0 }), "max_count"),
        (json!({ "username": "a", "token": "hunter2 or so" }), "token"),
        (json!({ "username": "a", "recrod": true }), "recrod"),
    ] {
        let detail = rig.post("/api/streamers", &wish.to_string()).await.problem(400);
        assert!(detail.contains(word) && !detail.contains("hunter2"), "{wish}: {detail}");
    }
    for (change, word) in [
        (json!({ "channel_check_seconds": 5 }), "channel_check_seconds"),
        (json!({ "filename_template": "" }), "filename_template"),
        (json!({ "disk_floor_bytes": 1 }), "disk_floor_bytes"),
        (json!({ "container": "exe" }), "ts, mkv or mp4"),
        (json!({ "public_url": "https://127.0.0.1" }), "no host that Twitch can reach"),
        (json!({ "public_url": "https://u:hunter2@rec.example.org" }), "public_url has a user"),
    ] {
        let detail = rig.send(Method::PUT, "/api/settings", &change.to_string()).await.problem(400);
        assert!(detail.contains(word), "{change}: {detail}");
    }
    assert_eq!(rig.get("/api/streamers").await.json()["items"], json!([]));
    assert_eq!(rig.get("/api/settings").await.json()["channel_check_seconds"], 60);
}

/// By the code that names the real ones.
#[tokio::test]
async fn a_template_is_tried_before_it_is_used() {
    let rig = Rig::start().await;
    let tried = async |wish: Value| {
        let answer = rig.post("/api/settings/filename-preview", &wish.to_string()).await.json();
        answer["path"].as_str().expect("a path").to_owned()
    };
    assert_eq!(tried(json!({ "template": "{channel}/{title}" })).await, "Channel/Title of the stream.ts");
    let named = json!({ "template": " {channel} ({category}) ", "channel": "a/b: ?", "container": "mp4" });
    assert_eq!(tried(named).await, "a_b_ _ (Category).mp4");
    let template = json!({ "template": "{date} [{id}]" });
    let path = tried(template.clone()).await;
    assert!(path.starts_with("20") && path.len() == "2026-07-05 [0123abcd].ts".len(), "{path}");
    assert_eq!(tried(template).await, path, "letters that are typed elsewhere leave the rest as it is");
    for (wish, word) in [
        (json!({}), "template is missing"),
        (json!({ "template": "" }), "is empty"),
        (json!({ "template": "{nonsense}" }), "no placeholder {nonsense}: there are {channel}"),
        (json!({ "template": "../{title}" }), "folder '..'"),
        (json!({ "template": "{title}.mkv" }), "ends in .mkv"),
        (json!({ "template": "{title}", "container": "avi" }), "ts, mkv or mp4"),
    ] {
        let detail = rig.post("/api/settings/filename-preview", &wish.to_string()).await.problem(400);
        assert!(detail.contains(word), "{wish}: {detail}");
    }
}

/// Only what the limits name goes, and no file that is not ours.
#[tokio::test]
async fn limits_delete_the_oldest_after_a_preview() {
    use holdfast_store::RecordingStatus::{Completed, Failed};
    let names =
        [("kept.ts", Completed), ("old.ts", Completed), ("foreign.ts", Failed), ("new.ts", Completed)];
    let (rig, known) = rig(&names).await;
    for ((id, file), age) in known.iter().zip([9, 8, 7, 1]) {
        std::fs::write(file, b"0123456789").expect("written");
        let mut old = row(file, Completed);
        (old.id, old.ended_at) = (*id, Some(Utc::now() - TimeDelta::days(age)));
        rig.store.save_progress(&old, &[], &[], &[], &[]).await.expect("stored");
    }
    // Somebody else's file lies where this one was to go: it is not what the row tells of.
    std::fs::write(&known[2].1, b"not ours").expect("written");
    let kept = format!("/api/recordings/{}", known[0].0.0);
    assert_eq!(rig.send(Method::PATCH, &kept, r#"{"keep": true}"#).await.json()["keep"], true);
    assert_eq!(rig.get("/api/retention/preview").await.json()["items"], json!([]));

    let tried = rig.get("/api/retention/preview?max_age_days=5").await.json();
    let names = |list: &Value| {
        let path =
            |item: &Value| item["path"].as_str().and_then(|path| path.rsplit('/').next()).map(str::to_owned);
        list["items"].as_array().expect("a list").iter().filter_map(path).collect::<Vec<_>>()
    };
    assert_eq!(names(&tried), ["old.ts", "foreign.ts"], "{tried:#}");
    assert!(known.iter().all(|(_, file)| file.exists()), "asking deletes nothing");
    let tried = rig.get("/api/retention/preview?max_bytes=25").await.json();
    assert_eq!((names(&tried), &tried["bytes"]), (vec!["old.ts".to_owned()], &json!(10)), "{tried:#}");
    rig.get("/api/retention/preview?streamer_id=9&max_count=1").await.problem(404);

    let limit = json!({ "max_age_days": 5 }).to_string();
    let set = rig.send(Method::PUT, "/api/settings", &limit).await.json();
    assert_eq!(set["max_age_days"], 5);
    let gone = |index: usize| !known[index].1.exists();
    let left = async || rig.get("/api/recordings").await.json()["items"].as_array().expect("a list").len();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while left().await > 2 {
        assert!(tokio::time::Instant::now() < deadline, "the old ones are not deleted");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!([gone(0), gone(1), gone(2), gone(3)], [false, true, false, false]);
    let told = rig.get("/api/events?type=recording_deleted").await.json();
    let told: Vec<_> =
        told["items"].as_array().expect("a list").iter().map(|e| e["message"].clone()).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told.iter().all(|message| message.to_string().contains("older than 5 days")), "{told:#?}");
}

/// Tried limits stand in the place of one channel's, and of no other's.
#[tokio::test]
async fn limits_of_a_channel_are_previewed_before_they_are_set() {
    let (rig, _) = rig(&[]).await;
    let mut ids = Vec::new();
    for name in ["one", "two"] {
        let wish = json!({ "username": name, "record": false }).to_string();
        ids.push(rig.post("/api/streamers", &wish).await.json()["id"].as_i64().expect("an id"));
        for age in [9, 1] {
            let mut old = row(Path::new(&format!("/r/{name} {age}.ts")), RecordingStatus::Completed);
            old.streamer_id = ids.last().map(|id| ChannelId(*id));
            old.ended_at = Some(Utc::now() - TimeDelta::days(age));
            rig.store.insert_recording(&old).await.expect("stored");
        }
    }
    for (limit, expected) in [
        ("max_age_days=5", vec!["/r/one 9.ts"]),
        ("max_count=1", vec!["/r/one 9.ts"]),
        ("max_bytes=19", vec!["/r/one 9.ts"]),
        ("max_bytes=1", vec!["/r/one 9.ts", "/r/one 1.ts"]),
        ("max_bytes=20", vec![]),
    ] {
        let path = format!("/api/retention/preview?streamer_id={}&{limit}", ids[0]);
        let tried = rig.get(&path).await.json();
        let paths: Vec<_> =
            tried["items"].as_array().expect("a list").iter().filter_map(|i| i["path"].as_str()).collect();
        assert_eq!(paths, expected, "{limit}");
    }
    // What goes by the limits in force does not go by those that are tried.
    let other = format!("/api/streamers/{}", ids[1]);
    rig.send(Method::PATCH, &other, r#"{"max_age_days": 5}"#).await.json();
    let listed = async || rig.get("/api/recordings").await.json()["items"].as_array().expect("a list").len();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while listed().await > 3 {
        assert!(tokio::time::Instant::now() < deadline, "the limit is not in force");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let mut late = row(Path::new("/r/two 8.ts"), RecordingStatus::Completed);
    (late.streamer_id, late.ended_at) = (Some(ChannelId(ids[1])), Some(Utc::now() - TimeDelta::days(8)));
    rig.store.insert_recording(&late).await.expect("stored");
    let in_force = rig.get("/api/retention/preview").await.json();
    assert_eq!(in_force["items"][0]["path"], "/r/two 8.ts", "{in_force:#}");
    let tried = rig.get(&format!("/api/retention/preview?streamer_id={}&max_count=2", ids[0])).await.json();
    assert_eq!((&tried["items"], &tried["bytes"]), (&json!([]), &json!(0)), "{tried:#}");

    let path = format!("/api/streamers/{}", ids[0]);
    let set = rig.send(Method::PATCH, &path, r#"{"max_bytes": 1500000000}"#).await.json();
    assert_eq!(set["max_bytes"], 1_500_000_000_u64, "{set:#}");
}
