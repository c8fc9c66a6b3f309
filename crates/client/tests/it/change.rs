//! Adding, editing, removing, switching and ordering, by what the server is asked and what it keeps then.

use serde_json::json;

use crate::run::run;
use crate::stand_in::StandIn;

const URL: &str = "http://user:s3cret-p4ss@proxy.example:3128";
const ADDED: &str = "Added proxy 1: http://user:***@proxy.example:3128\n";

#[tokio::test]
async fn add_reads_the_address_from_standard_input() {
    let server = StandIn::start().await;
    let args = ["proxy", "add", "-", "--priority", "2", "--label", "spare", "--tag", "eu", "--tag", "fast"];
    let out = run(&server.url(), &args, &format!("  {URL} \nnot read\n")).await.good();
    assert_eq!(out, ADDED);
    let (url, kept) = server.get(1).expect("is there");
    assert_eq!(url, URL);
    assert_eq!(
        (&kept["priority"], &kept["label"], &kept["tags"], &kept["enabled"]),
        (&json!(2), &json!("spare"), &json!(["eu", "fast"]), &json!(true))
    );
}

#[tokio::test]
async fn add_warns_of_a_password_that_everyone_can_see_and_of_none_else() {
    let server = StandIn::start().await;
    let ran = run(&server.url(), &["proxy", "add", URL, "--disabled"], "").await;
    assert_eq!((ran.status, ran.out.as_str()), (0, ADDED));
    assert_eq!(ran.err.matches("process list").count(), 1, "{}", ran.err);
    assert_eq!(server.get(1).expect("is there").1["enabled"], false);
    // Without a password there is nothing to warn of: good() wants an empty log.
    let json = run(&server.url(), &["proxy", "add", "http://user@b", "--json"], "").await;
    let expected = json!({"success": true, "proxy_id": 2, "proxy_url": "http://user@b:80"});
    assert_eq!(json.good().parse::<serde_json::Value>().expect("JSON"), expected);
}

#[tokio::test]
async fn the_server_s_own_words_are_shown() {
    let server = StandIn::with(&[URL]).await;
    let twice = run(&server.url(), &["proxy", "add", "-"], URL).await;
    assert_eq!(
        (twice.status, twice.err.as_str()),
        (1, "The proxy http://user:***@proxy.example:3128 is in the pool already.")
    );
    let bad = run(&server.url(), &["proxy", "add", "ftp://h"], "").await;
    assert_eq!(bad.status, 1);
    assert!(bad.err.contains("use http, https, socks5 or socks5h"), "{}", bad.err);
    let nothing = run(&server.url(), &["proxy", "add", "-"], "\n").await;
    assert_eq!(nothing.status, 2);
    assert!(nothing.err.contains("standard input names no proxy"), "{}", nothing.err);
}

#[tokio::test]
async fn edit_sends_what_is_named_and_nothing_else() {
    let server = StandIn::with(&["http://a", "http://b"]).await;
    let edit = |args: &'static [&'static str], input: &'static str| {
        let (url, all) = (server.url(), [&["proxy", "edit", "2"], args].concat());
        async move { run(&url, &all, input).await }
    };
    let out = edit(&["--url", "-"], "http://user:s3cret-p4ss@proxy.example:3128").await.good();
    assert_eq!(out, "Changed proxy 2: http://user:***@proxy.example:3128\n");
    edit(&["--label", "x", "--tag", "eu", "--priority", "7"], "").await.good();
    edit(&["--label", "", "--no-tags"], "").await.good();
    assert_eq!(
        server.asked(),
        [
            r#"PATCH /api/proxy/2 {"proxy_url":"http://user:s3cret-p4ss@proxy.example:3128"}"#,
            r#"PATCH /api/proxy/2 {"label":"x","tags":["eu"],"priority":7}"#,
            r#"PATCH /api/proxy/2 {"label":null,"tags":[]}"#,
        ]
    );
    assert_eq!(edit(&[], "").await.status, 2);
    assert_eq!(edit(&["--tag", "eu", "--no-tags"], "").await.status, 2);
    assert_eq!(server.asked().len(), 3);
    let json = edit(&["--priority", "1", "--json"], "").await.json();
    assert_eq!(json, server.get(2).expect("is there").1);
}

#[tokio::test]
async fn one_that_fails_does_not_stop_the_others() {
    let server = StandIn::with(&["http://a", "http://b", "http://c"]).await;
    let ran = run(&server.url(), &["proxy", "disable", "1", "9", "3"], "").await;
    assert_eq!(ran.out, "Disabled proxy 1: http://a:80\nDisabled proxy 3: http://c:80\n");
    assert_eq!((ran.status, ran.err.as_str()), (1, "There is no proxy with the id 9."));
    assert_eq!(server.get(3).expect("is there").1["enabled"], false);

    run(&server.url(), &["proxy", "enable", "3"], "").await.good();
    assert_eq!(server.get(3).expect("is there").1["enabled"], true);

    let ran = run(&server.url(), &["proxy", "remove", "8", "1", "9", "--json"], "").await;
    assert_eq!(ran.status, 1);
    assert_eq!(
        ran.err,
        "proxy 8: There is no proxy with the id 8.; proxy 9: There is no proxy with the id 9."
    );
    assert_eq!(
        ran.json(),
        json!([
            {"id": 8, "ok": false, "error": "There is no proxy with the id 8."},
            {"id": 1, "ok": true, "error": null},
            {"id": 9, "ok": false, "error": "There is no proxy with the id 9."},
        ])
    );
    assert_eq!(server.all(), ["http://b:80 0 []", "http://c:80 0 []"]);
}

#[tokio::test]
async fn priority_and_order_change() {
    let server = StandIn::with(&["http://a", "http://b", "http://c"]).await;
    let out = run(&server.url(), &["proxy", "priority", "1", "5"], "").await.good();
    assert_eq!(out, "Proxy 1 has priority 5: http://a:80\n");
    // b, c, a; those that are not named follow as they were.
    let out = run(&server.url(), &["proxy", "reorder", "3"], "").await.good();
    assert_eq!(out, "3 proxies in this order: 3 2 1\n");
    assert_eq!(server.all(), ["http://c:80 0 []", "http://b:80 1 []", "http://a:80 2 []"]);
    let json = run(&server.url(), &["proxy", "reorder", "1", "--json"], "").await.json();
    assert_eq!(json, json!({"success": true, "ids": [1, 3, 2]}));
    assert_eq!(run(&server.url(), &["proxy", "priority", "1", "-5"], "").await.status, 2);
}
