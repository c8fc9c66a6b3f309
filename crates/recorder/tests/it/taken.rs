//! The name that a recording was to have is taken while it runs.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use holdfast_recorder::{
    About, Container, Control, Output, RecordRequest, StopCause, Summary, finish_parts, settled,
};
use holdfast_testkit::verify;

use crate::live_test;
use crate::resuming::{THREE, joins_beside, parts};
use crate::support::{Stage, tools};

/// Records a little, while somebody puts a file where the recording is to go.
async fn recorded(stage: &Stage, request: RecordRequest) -> Summary {
    let meant = request.output.path().to_owned();
    let mut running = stage.start(request);
    running.until_media(6).await;
    fs::write(&meant, "precious").expect("written");
    running.control.stop(StopCause::Request);
    let summary = running.end().await;
    assert_eq!(fs::read(&meant).expect("there"), b"precious");
    summary
}

live_test! {
    async fn a_name_that_a_person_chose_is_refused_and_the_parts_are_named() {
        let stage = Stage::new().await;
        let summary = recorded(&stage, stage.request("show.ts")).await;
        let part = stage.directory.path().join("show.part001.ts");
        let error = summary.error.as_deref().expect("a sentence");
        for words in ["has taken the name", "move it away", &*part.to_string_lossy()] {
            assert!(error.contains(words), "{words}: {error}");
        }
        assert!(!error.contains("--force"), "it is too late for that: {error}");
        assert_eq!((summary.exit_status(), &summary.output), (4, &None), "{summary:?}");
        assert!(part.metadata().expect("there").len() == summary.bytes, "{summary:?}");
    }
}

live_test! {
    async fn a_name_that_nobody_chose_gets_a_number_and_so_does_its_picture() {
        let stage = Stage::new().await;
        let mut request = stage.request("other.ts");
        let now = chrono::Local::now();
        request.output = Output::named(stage.directory.path(), "https://h/show", now, Container::Ts);
        request.thumbnail = true;
        let stem = request.output.path().with_extension("");
        let named = |ending: &str| Some(format!("{} (2).{ending}", stem.display()).into());
        let summary = recorded(&stage, request).await;
        assert_eq!((&summary.output, &summary.thumbnail), (&named("ts"), &named("jpg")), "{summary:?}");
        assert_eq!((summary.exit_status(), &summary.error), (0, &None), "{summary:?}");
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean(), "{verdict}");
        assert_eq!(stage.files().len(), 3, "{:?}", stage.files());
    }
}

live_test! {
    async fn a_join_whose_name_is_taken_and_that_is_killed_anywhere_is_done_once() {
        let stage = Stage::new().await;
        let directory = stage.directory.path();
        let (meant, given) = (directory.join("show.ts"), directory.join("show (2).ts"));
        for sign in [".show.ts.finished", "show (2).ts"] {
            let paths = parts(stage.origin.media(), directory, &THREE);
            fs::write(&meant, "precious").expect("written");
            let mut joining = joins_beside(directory);
            let seen = async {
                while !directory.join(sign).exists() && !given.exists() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), seen).await.expect(sign);
            let _ = joining.kill().await;
            println!("killed at {sign}: {:?}", stage.files());
            let output = Output::resumed(&meant).expect("an output");
            let path = finish_parts(&output, &paths, &About::default(), &tools(), &Control::new()).await.expect("finished");
            assert_eq!(path, given, "{sign}");
            settled(&meant);
            let verdict = verify::compare(&given, stage.origin.media().frames()).await.expect("a verdict");
            assert!(verdict.is_clean() && verdict.last_segment == 29, "{sign}: {verdict}");
            assert_eq!(fs::read(&meant).expect("there"), b"precious");
            assert_eq!(stage.files().into_iter().collect::<Vec<_>>(), ["show (2).ts", "show.ts"], "{sign}");
            fs::remove_file(&given).expect("removed");
        }
    }
}

live_test! {
    async fn whatever_takes_the_name_meanwhile_is_left_alone() {
        let stage = Stage::new().await;
        let directory = stage.directory.path();
        let meant = directory.join("show.ts");
        let elsewhere = directory.join("elsewhere");
        type Put = fn(&Path, &Path);
        let kinds: [(&str, Put); 4] = [
            ("a file that cannot be written", |at, _| {
                fs::write(at, "precious").expect("written");
                fs::set_permissions(at, fs::Permissions::from_mode(0o400)).expect("set");
            }),
            ("a directory", |at, _| fs::create_dir(at).expect("created")),
            ("a link to a file", |at, to| {
                fs::write(to, "precious").expect("written");
                symlink(to, at).expect("linked");
            }),
            ("a link to nothing", |at, to| symlink(to, at).expect("linked")),
        ];
        for (kind, put) in kinds {
            for (given, ranges) in [("show (2).ts", &[0..6, 4..9][..]), ("show (3).ts", std::slice::from_ref(&(0..9)))] {
                let paths = parts(stage.origin.media(), directory, ranges);
                if !meant.is_symlink() && !meant.exists() {
                    put(&meant, &elsewhere);
                }
                let kept = meant.symlink_metadata().expect("there");
                let output = Output::resumed(&meant).expect("an output");
                let path = finish_parts(&output, &paths, &About::default(), &tools(), &Control::new()).await.expect(kind);
                settled(&meant);
                assert_eq!(path, directory.join(given), "{kind}");
                let verdict = verify::compare(&path, stage.origin.media().frames()).await.expect("a verdict");
                assert!(verdict.is_clean() && verdict.last_segment == 8, "{kind}: {verdict}");
                let still = meant.symlink_metadata().expect("there");
                assert_eq!((still.file_type(), still.len()), (kept.file_type(), kept.len()), "{kind}");
                assert!(!paths.iter().any(|part| part.exists()), "{kind}: {:?}", stage.files());
            }
            if meant.is_dir() { fs::remove_dir(&meant) } else { fs::remove_file(&meant) }.expect("removed");
            for file in stage.files() {
                fs::remove_file(directory.join(file)).expect("removed");
            }
        }
    }
}

live_test! {
    async fn what_a_killed_run_noted_of_another_recording_costs_the_next_one_nothing() {
        let stage = Stage::new().await;
        let directory = stage.directory.path();
        let meant = directory.join("show.ts");
        // Finished under another name, and killed before that was stored; the name is free again by now.
        fs::write(&meant, "precious").expect("written");
        let paths = parts(stage.origin.media(), directory, std::slice::from_ref(&(0..9)));
        let output = Output::resumed(&meant).expect("an output");
        let given = finish_parts(&output, &paths, &About::default(), &tools(), &Control::new()).await.expect("finished");
        fs::remove_file(&meant).expect("removed");
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(6).await;
        running.until("a mark", |p| p.mark.is_some()).await;
        let stored = running.vanish().await;
        stage.origin.set_gone("", Some(404));
        let summary = stage.start(crate::resuming::again(&stage, "show.ts", &stored)).end().await;
        assert_eq!(summary.output.as_ref(), Some(&meant), "{summary:?}");
        assert!(summary.bytes > 0 && given.is_file() && stage.judge(&summary).await.is_clean(), "{summary:?}");
    }
}
