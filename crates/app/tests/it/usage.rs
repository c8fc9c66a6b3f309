//! Mistakes on the command line: exit status 2, a sentence that says what to change, and no password in it.

use crate::run::holdfast;

async fn refuse(args: &[&str], expected: &str) {
    let ran = holdfast(args).done().await;
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
    assert!(ran.stderr.contains(expected), "{args:?} should be told '{expected}': {}", ran.stderr);
    assert!(ran.stderr.lines().count() <= 8, "{args:?} is told too much: {}", ran.stderr);
}

#[tokio::test]
async fn of_any_command() {
    refuse(&["rekord"], "unrecognized subcommand 'rekord'").await;
    refuse(&["check", "--log-level", "loud"], "invalid value 'loud'").await;
    refuse(&["check", "--config", "missing.toml", "list"], "cannot read the configuration missing.toml")
        .await;
    refuse(&["check", "--proxy", "ftp://u:hunter2@h"], "the scheme 'ftp' is not supported").await;
    refuse(&["check", "--proxy", "http://u:hunter2@h:99999"], "proxy 1: the port of the proxy URL").await;
    refuse(
        &["check", "--proxy", "http://ok:1", "--proxy", "hunter2"],
        "proxy 2: the proxy URL has no scheme",
    )
    .await;
    refuse(&["check", "--proxy", ""], "proxy 1 is empty").await;
}

#[tokio::test]
async fn of_check() {
    refuse(&["check"], "no proxies to check: give a FILE").await;
    refuse(&["check", "missing.txt"], "cannot read the proxy file missing.txt").await;
    refuse(&["check", "http://u:hunter2@h:1"], "name a single proxy with --proxy URL").await;
    refuse(&["check", "h:1:u:hunter2"], "name a single proxy with --proxy URL").await;
    refuse(&["check", "a", "--proxy-file", "b"], "cannot be used with").await;
    refuse(&["check", "a", "http://u:hunter2@h:1"], "unexpected argument 'http://u:***@h:1'").await;
    refuse(&["check", "--proxy", "http://h", "--concurrency", "0"], "--concurrency has to be at least 1")
        .await;
    refuse(&["check", "--proxy", "http://h", "--timeout", "soon"], "such as 30s, 10m, 1h30m").await;
    refuse(&["check", "--proxy", "http://h", "--format", "xml"], "possible values: table, json, csv").await;
    refuse(&["check", "--proxy", "http://h", "--check-url", "gopher://h/"], "http:// or https://").await;
}

#[tokio::test]
async fn of_record() {
    refuse(&["record"], "<URL|NAME>").await;
    refuse(&["record", ""], "neither an address nor the name").await;
    refuse(&["record", "two words"], "neither an address nor the name").await;
    refuse(&["record", "x", "--duration", "0"], "a length of time above zero").await;
    refuse(&["record", "x", "--output", "show.avi"], ".ts, .mkv or .mp4").await;
    refuse(&["record", "x", "--output", "{channel} {name}.avi"], "'x x.avi' does not end in").await;
    refuse(&["record", "x", "--output", "nowhere/show.ts"], "the directory nowhere does not exist").await;
    refuse(&["record", "x", "--no-direct=perhaps"], "perhaps").await;
    let ran = holdfast(&["record", "x", "--output", "show.ts"]).file("show.ts", "").done().await;
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("show.ts exists already"), "{}", ran.stderr);
}

#[tokio::test]
async fn of_gateway() {
    refuse(&["gateway", "--auth", "hunter2"], "USER:PASS is wanted").await;
    refuse(&["gateway", "--auth", ":hunter2"], "USER:PASS is wanted").await;
    refuse(&["gateway", "--listen", "8118"], "--listen: ADDR:PORT is wanted").await;
    refuse(&["gateway", "--proxy-file", "missing.txt"], "cannot read the proxy file").await;
}

#[tokio::test]
async fn control_characters_do_not_reach_the_terminal() {
    let ran = holdfast(&["check", "--format", "\u{1b}]0;title\u{7}\u{9b}2J"]).done().await;
    assert_eq!(ran.status, 2);
    assert!(!ran.stderr.contains(|c: char| c.is_control() && c != '\n'), "{:?}", ran.stderr);
    let ran = holdfast(&["record", "\u{1b}[2J x"]).done().await;
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
}

#[tokio::test]
async fn a_missing_streamlink_is_told_with_the_way_out() {
    let ran = holdfast(&["record", "somechannel"]).env("PATH", "/nowhere").done().await;
    assert_eq!(ran.status, 4, "{ran:?}");
    assert!(ran.stderr.contains("pip install streamlink"), "{}", ran.stderr);

    let url = "https://user:hunter2@site.test/live";
    let ran = holdfast(&["record", url, "--json"]).env("PATH", "/nowhere").done().await;
    let summary: serde_json::Value = serde_json::from_str(&ran.stdout).expect("a summary in any case");
    assert_eq!(
        (ran.status, &summary["ended"], &summary["bytes"]),
        (4, &"failed".into(), &0.into()),
        "{ran:?}"
    );
}
