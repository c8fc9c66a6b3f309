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
