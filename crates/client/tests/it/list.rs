//! The table that people look at all day.

use serde_json::json;

use crate::run::run;
use crate::stand_in::StandIn;

#[tokio::test]
async fn the_table_tells_all_that_matters_and_lines_up() {
    let server =
        StandIn::with(&["http://user:s3cret-p4ss@proxy.example:3128", "socks5h://10.0.0.1", "http://b"])
            .await;
    server.set(
        1,
        &json!({"health_status": "healthy", "response_time_ms": 123, "success_rate": 0.984,
        "label": "Frankfurt\u{1b}[2J", "tags": ["eu", "fast"]}),
    );
    server.set(
        2,
        &json!({"priority": 10, "enabled": false, "auto_disabled": true, "health_status": "failed",
        "consecutive_failures": 3, "last_error": "proxy refused the connection\n(again)", "tags": ["eu"]}),
    );
    server.set(3, &json!({"priority": 2, "enabled": false, "label": "spare"}));
    let out = run(&server.url(), &["proxy", "list"], "").await.good();
    assert_eq!(
        out,
        [
            "healthy: 1 of 3 proxies healthy",
            "",
            "ID  PRIORITY  STATUS           TIME  FAILURES  RATE  PROXY                               NAME                     LAST ERROR",
            " 1         0  healthy        123 ms         0  98 %  http://user:***@proxy.example:3128  Frankfurt[2J [eu, fast]",
            " 3         2  disabled            -         0     -  http://b:80                         spare",
            " 2        10  auto-disabled       -         3     -  socks5h://10.0.0.1:1080             [eu]                     proxy refused the connection (again)",
            "",
        ]
        .join("\n")
    );
}

#[tokio::test]
async fn an_empty_pool_says_what_to_do() {
    let server = StandIn::start().await;
    let out = run(&server.url(), &["proxy", "list"], "").await.good();
    assert_eq!(out, "healthy: 0 of 0 proxies healthy\nAdd one with 'holdfast proxy add URL'.\n");
}

#[tokio::test]
async fn json_is_what_the_server_said_with_fields_this_program_does_not_know() {
    let server = StandIn::with(&["http://u:s3cret-p4ss@a:1"]).await;
    server.set(1, &json!({"last_health_check": "2026-11-20T10:00:01.5Z", "invented_later": {"a": [1, 2]}}));
    let list = run(&server.url(), &["proxy", "list", "--json"], "").await.json();
    let (_, kept) = server.get(1).expect("is there");
    assert_eq!(list["proxies"][0], kept);
    assert_eq!(list["system_status"]["total"], 1);
    assert_eq!(server.asked(), ["GET /api/proxy/list"]);
}

#[tokio::test]
async fn a_server_may_live_below_a_path_and_be_named_without_a_scheme() {
    let server = StandIn::start().await;
    let bare = server.url().replace("http://", "");
    assert_eq!(run(&bare, &["proxy", "list"], "").await.status, 0);
    let below = run(&format!("{}/holdfast/", server.url()), &["proxy", "list"], "").await;
    assert_eq!((below.status, below.err.as_str()), (1, "There is no such page."));
    assert_eq!(server.asked(), ["GET /api/proxy/list", "GET /holdfast/api/proxy/list"]);
}
