//! Where recordings go.

use std::path::PathBuf;
use std::time::Duration;

use holdfast_model::RecordingId;
use holdfast_recorder::{
    About, Container, Control, Ended, JoinError, Output, OutputError, Status, StopCause, Tools, finish_parts,
    settled,
};
use holdfast_testkit::verify;

use crate::live_test;
use crate::support::{Stage, children, signal, tools};

live_test! {
    async fn parts_become_matroska_and_mp4_with_nothing_missing() {
        let stage = Stage::new().await;
        for name in ["show.mkv", "show.mp4"] {
            let mut running = stage.start(stage.request(name));
            running.until_media(8).await;
            let [pid] = children()[..] else { panic!("one Streamlink") };
            signal(pid, "KILL");
            running.until_status(Status::Recovering).await;
            running.until_status(Status::Recording).await;
            running.until_media(14).await;
            running.control.stop(StopCause::Request);
            let summary = running.end().await;
            let verdict = stage.judge(&summary).await;
            assert!(verdict.is_clean() && summary.parts.len() == 2, "{name}: {verdict} {summary:?}");
        }
        assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.mkv", "show.mp4"]);
    }
}

/// Parts as Streamlink leaves them, made of source segments that overlap.
pub(crate) async fn parts(stage: &Stage, ranges: &[std::ops::Range<usize>]) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for (number, range) in ranges.iter().enumerate() {
        let path = stage.directory.path().join(format!("show.part{:03}.ts", number + 1));
        let bytes: Vec<u8> =
            range.clone().flat_map(|n| stage.origin.media().segment(n).expect("there")).collect();
        std::fs::write(&path, bytes).expect("written");
        paths.push(path);
    }
    paths
}

fn output(stage: &Stage, name: &str) -> Output {
    Output::file(stage.directory.path().join(name), false).expect("an output")
}

live_test! {
    async fn parts_left_by_an_earlier_run_are_finished_later() {
        let stage = Stage::new().await;
        for name in ["show.ts", "show.mkv", "show.mp4"] {
            let paths = parts(&stage, &[0..5, 3..9, 8..12]).await;
            let output = output(&stage, name);
            finish_parts(&output, &paths, &About::default(), &tools(), &Control::new()).await.expect(name);
            settled(output.path());
            let verdict = verify::compare(output.path(), stage.origin.media().frames()).await.expect("a verdict");
            assert!(verdict.is_clean() && verdict.last_segment == 11, "{name}: {verdict}");
        }
        assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.mkv", "show.mp4", "show.ts"]);
    }
}

live_test! {
    async fn parts_in_mp4_fragments_are_joined_too() {
        let stage = Stage::new().await;
        let mut fragments = Vec::new();
        for path in parts(&stage, &[0..5, 3..9]).await {
            let to = path.with_extension("mp4");
            let status = std::process::Command::new(tools().ffmpeg.expect("ffmpeg"))
                .args(["-v", "error", "-copyts", "-i"])
                .arg(&path)
                .args(["-c", "copy", "-bsf:a", "aac_adtstoasc", "-movflags", "frag_keyframe+delay_moov+default_base_moof+frag_discont", "-f", "mp4"])
                .arg(&to)
                .status()
                .expect("it runs");
            assert!(status.success());
            std::fs::remove_file(path).expect("removed");
            fragments.push(to);
        }
        let output = output(&stage, "show.mkv");
        finish_parts(&output, &fragments, &About::default(), &tools(), &Control::new()).await.expect("joined");
        settled(output.path());
        let verdict = verify::compare(output.path(), stage.origin.media().frames()).await.expect("a verdict");
        assert!(verdict.is_clean() && verdict.last_segment == 8, "{verdict}");
        assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.mkv"]);
    }
}

live_test! {
    async fn a_gap_between_parts_stays_in_every_container() {
        let stage = Stage::new().await;
        for name in ["show.ts", "show.mkv", "show.mp4"] {
            let paths = parts(&stage, &[0..3, 11..14]).await;
            let output = output(&stage, name);
            finish_parts(&output, &paths, &About::default(), &tools(), &Control::new()).await.expect(name);
            let holes = verify::gaps_by_timestamps(output.path()).await.expect("holes");
            let longest = holes.iter().map(|hole| hole.seconds).fold(0.0, f64::max);
            assert!((longest - 16.0).abs() < 0.2, "{name}: {holes:?}");
        }
    }
}

live_test! {
    async fn a_shutdown_leaves_the_parts_for_later() {
        let stage = Stage::new().await;
        let paths = parts(&stage, &[0..5, 3..9]).await;
        let control = Control::new();
        control.shut_down(Duration::ZERO);
        let error = finish_parts(&output(&stage, "show.mkv"), &paths, &About::default(), &tools(), &control).await.expect_err("no time");
        assert!(matches!(error, JoinError::Left), "{error}");
        assert!(paths.iter().all(|path| path.is_file()) && stage.files().len() == 2, "{:?}", stage.files());
    }
}

live_test! {
    async fn a_recording_goes_on_where_an_earlier_run_left_off() {
        let stage = Stage::new().await;
        let mut request = stage.request("show.ts");
        // Long enough that the stream has not passed its end when Streamlink has started at last.
        request.earlier_parts = parts(&stage, std::slice::from_ref(&(0..14))).await;
        let mut running = stage.start(request);
        running.until_media(26).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean() && verdict.first_segment == 0 && verdict.last_segment > 14, "{verdict}");
        assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.ts"]);
    }
}

live_test! {
    async fn without_ffmpeg_the_parts_stay_and_it_says_so() {
        let stage = Stage::new().await;
        let mut request = stage.request("show.mkv");
        request.tools = Tools { ffmpeg: None, ffprobe: None, ..tools() };
        let mut running = stage.start(request);
        running.until_media(6).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        assert_eq!((summary.ended, &summary.output), (Ended::Stopped, &None), "{summary:?}");
        assert!(summary.error.as_deref().is_some_and(|e| e.contains("ffmpeg was not found")), "{summary:?}");
        assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.part001.ts"]);
    }
}

live_test! {
    async fn a_note_that_an_earlier_run_left_is_not_about_a_new_recording() {
        use std::os::unix::fs::MetadataExt;
        let stage = Stage::new().await;
        // Killed after it had put the joined file in its place, and recorded anew under the same name.
        let at = |name: &str| stage.directory.path().join(name);
        std::fs::write(at("show.ts"), "old").expect("written");
        let meta = at("show.ts").metadata().expect("there");
        let note = format!("{} {} {}\n", meta.dev(), meta.ino(), meta.len());
        std::fs::write(at(".show.ts.finished"), note).expect("written");
        let mut request = stage.request("other.ts");
        request.output = Output::file(at("show.ts"), true).expect("an output");
        let mut running = stage.start(request);
        running.until_media(6).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        assert_eq!((summary.ended, &summary.error), (Ended::Stopped, &None), "{summary:?}");
        assert!(summary.bytes > 3, "the new recording is gone: {summary:?}");
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean(), "{verdict}");
        assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show.ts"]);
    }
}

live_test! {
    async fn a_nearly_full_disk_starts_nothing() {
        let stage = Stage::new().await;
        let mut request = stage.request("show.ts");
        request.disk_floor = u64::MAX;
        let summary = stage.start(request).end().await;
        assert_eq!(summary.exit_status(), 4);
        assert!(summary.error.as_deref().is_some_and(|e| e.contains("MiB")), "{summary:?}");
    }
}

#[test]
fn outputs_are_checked_before_the_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("old.ts"), "x").expect("written");
    assert!(matches!(Output::file(at("a.avi"), false), Err(OutputError::Extension(_))));
    assert!(matches!(Output::file(at("none/a.ts"), false), Err(OutputError::Directory(_))));
    assert!(matches!(Output::file(at("old.ts"), false), Err(OutputError::Exists(_))));
    assert!(Output::file(at("old.ts"), true).is_ok());
    assert_eq!(Output::file(at("A.MKV"), false).expect("fine").container(), Container::Mkv);
    let now = chrono::Local::now();
    for (url, name) in [
        ("https://twitch.tv/some_one", "some_one "),
        ("https://u:p@live.test:443/live.m3u8?token=x", "live.test "),
        ("hls://https://live.test/live.m3u8", "live.test "),
        ("https://h/../../etc/passwd", "passwd "),
        ("https://h/a/show.m3u8", "show "),
        ("https://h/%2e%2e", "2e2e "),
    ] {
        let output = Output::named(directory.path(), url, now, Container::Ts);
        let file = output.path().file_name().expect("a name").to_string_lossy().into_owned();
        assert!(file.starts_with(name) && file.ends_with(".ts"), "{url}: {file}");
        assert_eq!(output.path().parent(), Some(directory.path()));
    }
    let at = |template: &str| {
        Output::expand(std::path::Path::new(template), "https://h/a_b", now, RecordingId::new())
    };
    let (date, time) = (now.format("%Y-%m-%d"), now.format("%H-%M-%S"));
    assert_eq!(at("/x/{name}/{date} {time}.mkv"), PathBuf::from(format!("/x/a_b/{date} {time}.mkv")));
    assert_eq!(at("../plain.ts"), PathBuf::from("../plain.ts"));
    assert_eq!(at("../{channel} {what} {.ts"), PathBuf::from("../a_b {what} {.ts"));
}
