//! Recordings that cannot even begin.

use crate::run::holdfast;

#[tokio::test]
async fn what_cannot_begin_has_failed_and_says_so_in_the_summary() {
    let url = "https://u:hunter2@site.test/live";
    // Any program does as Streamlink: it is never run.
    let run = holdfast(&["record", url, "--json", "--streamlink", "/bin/true"])
        .env("SSL_CERT_FILE", "/nowhere")
        .env("SSL_CERT_DIR", "/nowhere");
    let ran = run.done().await;
    assert_eq!(ran.status, 4, "{ran:?}");
    assert!(ran.stderr.contains("cannot read the certificates"), "{ran:?}");
    let summary: serde_json::Value = serde_json::from_str(&ran.stdout).expect("a summary");
    assert_eq!(summary["ended"], "failed");
    assert_eq!(summary["url"], "https://u:***@site.test/live");
    let error = summary["error"].as_str().expect("a sentence");
    assert!(error.starts_with("cannot read the certificates of this machine: "), "{error}");
}

/// A program in Streamlink's place, in a directory that has to be kept.
fn in_place_of_streamlink(text: &str) -> (tempfile::TempDir, String) {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("streamlink");
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("ours");
    let path = path.to_str().expect("UTF-8").to_owned();
    (directory, path)
}

#[tokio::test]
async fn it_takes_all_the_open_files_that_the_system_allows() {
    let (directory, streamlink) = in_place_of_streamlink(
        "#!/bin/sh\ncd \"${0%/*}\" && ulimit -Sn > soft && ulimit -Hn > hard\nexit 1\n",
    );
    let args = ["record", "https://site.test/live", "--streamlink", &streamlink, "--give-up-after", "1s"];
    let ran = holdfast(&args).open_files(256).done().await;
    assert_eq!(ran.status, 4, "{ran:?}");
    let read = |name| std::fs::read_to_string(directory.path().join(name)).expect("it was run");
    assert_eq!(read("soft"), read("hard"));
}

#[tokio::test]
async fn what_cannot_be_run_is_to_be_replaced() {
    let (_directory, streamlink) = in_place_of_streamlink("#!/nowhere/python\n");
    let ran = holdfast(&["record", "https://site.test/live", "--streamlink", &streamlink]).done().await;
    assert_eq!(ran.status, 4, "{ran:?}");
    assert!(ran.stderr.contains("Give its path with --streamlink"), "{ran:?}");
}
