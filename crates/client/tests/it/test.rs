//! Testing proxies by hand.

use serde_json::json;

use crate::run::run;
use crate::stand_in::StandIn;

async fn server() -> StandIn {
    let server = StandIn::with(&["http://u:s3cret-p4ss@a:1", "http://b", "http://c", "http://d"]).await;
    server.set(1, &json!({"health_status": "healthy", "response_time_ms": 51}));
    server.set(
        2,
        &json!({"health_status": "failed", "consecutive_failures": 3, "enabled": false,
        "auto_disabled": true, "last_error": "proxy refused the connection"}),
    );
    server.set(3, &json!({"health_status": "healthy", "enabled": false}));
    server.set(
        4,
        &json!({"health_status": "degraded", "response_time_ms": 7, "last_error": "403 from the target"}),
    );
    server
}

#[tokio::test]
async fn all_means_all_but_those_a_person_disabled() {
    let server = server().await;
    let ran = run(&server.url(), &["proxy", "test", "--all"], "").await;
    assert_eq!(ran.status, 1, "one failed");
    assert_eq!(
        ran.out,
        [
            "ID  PROXY             STATUS     TIME  CONNECT  PROXY  TLS  FIRST BYTE  DETAIL",
            " 1  http://u:***@a:1  healthy   51 ms        1     20   30           -",
            " 2  http://b:80       failed        -        1     20   30           -  proxy refused the connection; \
             3 failures in a row; disabled",
            " 4  http://d:80       degraded   7 ms        1     20   30           -  403 from the target",
            "",
        ]
        .join("\n")
    );
    let mut tested: Vec<_> = server.asked().into_iter().skip(1).collect();
    tested.sort();
    assert_eq!(tested, ["POST /api/proxy/1/test", "POST /api/proxy/2/test", "POST /api/proxy/4/test"]);
}

#[tokio::test]
async fn the_exit_status_tells_whether_they_work() {
    let server = server().await;
    // Degraded works; one that is off can still be asked for by its number.
    assert_eq!(run(&server.url(), &["proxy", "test", "1", "3", "4"], "").await.status, 0);
    let unknown = run(&server.url(), &["proxy", "test", "9", "1", "--json"], "").await;
    assert_eq!(unknown.status, 1);
    let json = unknown.json();
    assert_eq!(
        json[0],
        json!({"id": 9, "proxy_url": null, "not_tested": "There is no proxy with the id 9."})
    );
    assert_eq!((&json[1]["status"], &json[1]["phases"]["tls_ms"]), (&json!("healthy"), &json!(30)));
    for wrong in [&["proxy", "test"][..], &["proxy", "test", "1", "--all"], &["proxy", "test", "x"]] {
        assert_eq!(run(&server.url(), wrong, "").await.status, 2, "{wrong:?}");
    }
}
