//! Servers that are not there, or are something else.

use holdfast_testkit::{HttpServer, Reply, ServerFault};

use crate::run::run;

async fn answering(reply: Reply) -> HttpServer {
    HttpServer::start(([127, 0, 0, 1], 0).into(), None, move |_| reply.clone()).await.expect("a free port")
}

#[tokio::test]
async fn nobody_there() {
    let server = answering(Reply::status(200)).await;
    server.set_fault(ServerFault::Refuse).await;
    let url = server.base_url("127.0.0.1");
    for args in [&["proxy", "list"][..], &["proxy", "remove", "1", "2"], &["proxy", "test", "1"]] {
        let ran = run(&url, args, "").await;
        let expected = format!(
            "no holdfast server answers at {url}: start one with 'holdfast serve', or name it by --server"
        );
        assert_eq!((ran.status, ran.err), (1, expected), "{args:?}");
    }
    let ran = run("https://u:s3cret-p4ss@no-such-host.invalid", &["proxy", "list"], "").await;
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.starts_with("no holdfast server answers at https://u:***@no-such-host.invalid ("),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn another_program_is_there() {
    for reply in [Reply::ok("text/html", "<html>"), Reply::ok("application/json", "{}"), Reply::status(404)] {
        let server = answering(reply).await;
        let ran = run(&server.base_url("127.0.0.1"), &["proxy", "list"], "").await;
        assert_eq!(ran.status, 1);
        assert!(ran.err.contains("holdfast server"), "{}", ran.err);
    }
    let elsewhere =
        Reply { headers: vec![("Location", "http://127.0.0.1:1/".to_owned())], ..Reply::status(302) };
    let server = answering(elsewhere).await;
    let ran = run(&server.base_url("127.0.0.1"), &["proxy", "add", "-"], "http://u:s3cret-p4ss@h").await;
    assert!(ran.err.contains("302"), "{}", ran.err);
}

#[tokio::test]
async fn a_refusal_is_shown_in_the_server_s_words() {
    let server = answering(crate::stand_in::problem(503, "The database is away\u{7}: try again.")).await;
    let ran = run(&server.base_url("127.0.0.1"), &["proxy", "list"], "").await;
    assert_eq!((ran.status, ran.err.as_str()), (1, "The database is away: try again."));
}

#[tokio::test]
async fn addresses_that_are_none() {
    for server in ["ftp://h", "http://", "http://u:s3cret-p4ss@"] {
        let ran = run(server, &["proxy", "list"], "").await;
        assert_eq!(ran.status, 2, "{server}");
        assert!(ran.err.contains("write it like http://127.0.0.1:8000"), "{}", ran.err);
    }
}
