//! What is wished of channels, by what the server is asked.

use crate::run::run;
use crate::stand_in::StandIn;

#[tokio::test]
async fn limits_are_sent_as_the_server_counts_them() {
    let server = StandIn::start().await;
    let ask = |args: &'static [&'static str]| {
        let (url, all) = (server.url(), [&["channel"], args].concat());
        async move { run(&url, &all, "").await }
    };
    let out = ask(&["edit", "3", "--max-bytes", "1.5GiB", "--max-count", "20"]).await.good();
    assert_eq!(out, "Changed channel 3: Alice\n");
    ask(&["edit", "3", "--max-bytes", "0", "--max-age-days", "0"]).await.good();
    ask(&["add", "alice", "--max-bytes", "500 MB", "--name", "Alice", "--record", "false"]).await.good();
    assert_eq!(
        server.asked(),
        [
            "GET /api/streamers/3",
            "GET /api/retention/preview?streamer_id=3&max_age_days=30&max_count=20&max_bytes=1610612736",
            r#"PATCH /api/streamers/3 {"max_count":20,"max_bytes":1610612736}"#,
            r#"PATCH /api/streamers/3 {"max_age_days":null,"max_bytes":null}"#,
            r#"POST /api/streamers {"username":"alice","display_name":"Alice","record":false,"max_bytes":500000000}"#,
        ]
    );
    let refused = ask(&["edit", "3", "--max-bytes", "50"]).await;
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(refused.err.contains("such as 50GiB"), "{}", refused.err);
    assert_eq!(server.asked().len(), 5);
}

#[tokio::test]
async fn limits_that_delete_something_want_a_yes() {
    let server = StandIn::start().await;
    let url = server.url();
    let edit = ["channel", "edit", "4", "--max-count", "20"];
    let refused = run(&url, &edit, "").await;
    assert_eq!(refused.status, 1, "{refused:?}");
    for part in [
        "nothing was changed",
        "1 recording (1.5 GiB)",
        "2026-11-20 /r/Alice/one.ts (1.5 GiB): there are more",
        "--yes",
    ] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    let changes = || server.asked().into_iter().filter(|line| line.starts_with("PATCH")).count();
    assert_eq!(changes(), 0);
    run(&url, &[&edit[..], &["--yes"]].concat(), "").await.good();
    // What deletes nothing needs none.
    run(&url, &["channel", "edit", "4", "--max-count", "0", "--quality", "best"], "").await.good();
    assert_eq!(changes(), 2);
}
