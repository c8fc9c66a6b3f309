//! Lists out and in again.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::run::{PASSWORD, run, run_openly};
use crate::stand_in::StandIn;

async fn server() -> StandIn {
    let server = StandIn::with(&[
        "http://user:s3cret-p4ss@proxy.example:3128",
        "socks5h://[2001:db8::1]:9050",
        "http://off",
    ])
    .await;
    server.set(1, &json!({"tags": ["eu", "two words"], "label": "Frankfurt\n# x"}));
    server.set(2, &json!({"priority": 3, "tags": ["eu", "fast"], "enabled": false, "auto_disabled": true}));
    server.set(3, &json!({"priority": 4, "enabled": false}));
    server
}

/// The lines that are not the head.
fn body(list: &str) -> Vec<&str> {
    list.lines().skip_while(|line| !line.contains("priority=")).collect()
}

#[tokio::test]
async fn without_passwords_it_is_a_list_with_comments() {
    let server = server().await;
    let out = run(&server.url(), &["proxy", "export"], "").await.good();
    assert!(out.starts_with("# Proxies of Holdfast, 20"), "{out}");
    assert!(out.contains("(--with-passwords writes it): 1 proxy."), "{out}");
    assert_eq!(
        body(&out),
        [
            "# password left out: http://user:***@proxy.example:3128 priority=0 tag=eu  # Frankfurt # x, \
             tag left out: two words",
            "socks5h://[2001:db8::1]:9050 priority=3 tag=eu tag=fast",
            "# disabled: http://off:80 priority=4",
        ]
    );
    assert_eq!(server.asked(), ["GET /api/proxy/list"], "nobody asked for a password");
    let again = StandIn::start().await;
    let imported = run(&again.url(), &["proxy", "import", "-"], &out).await.good();
    assert_eq!(imported, "Added 1 proxy, 0 already there, 0 rejected\n");
    assert_eq!(again.all(), [r#"socks5h://[2001:db8::1]:9050 3 ["eu","fast"]"#]);
}

#[tokio::test]
async fn with_passwords_it_is_whole_and_private_and_overwrites_nothing() {
    let server = server().await;
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("proxies.txt");
    let name = file.to_str().expect("UTF-8");
    // The way there is silent: only the file holds the password.
    let out = run(&server.url(), &["proxy", "export", name, "--with-passwords"], "").await.good();
    assert_eq!(out, format!("Wrote 2 proxies to {name}; 1 as comments, because they are disabled\n"));
    assert_eq!(file.metadata().expect("is there").permissions().mode() & 0o777, 0o600);
    let written = std::fs::read_to_string(&file).expect("is there");
    assert!(written.contains("http://user:s3cret-p4ss@proxy.example:3128 priority=0 tag=eu"), "{written}");
    assert_eq!(server.asked(), ["GET /api/proxy/list", "POST /api/proxy/1/reveal"], "no more than needed");

    let again = StandIn::start().await;
    run(&again.url(), &["proxy", "import", name], "").await.good();
    assert_eq!(
        again.all(),
        [
            r#"http://user:s3cret-p4ss@proxy.example:3128 0 ["eu"]"#,
            r#"socks5h://[2001:db8::1]:9050 3 ["eu","fast"]"#
        ]
    );

    let twice = run(&server.url(), &["proxy", "export", name, "--with-passwords"], "").await;
    assert_eq!(twice.status, 1);
    assert!(twice.err.contains("is there already"), "{}", twice.err);
    assert_eq!(server.asked().len(), 2, "nothing was asked for in vain");
    assert_eq!(std::fs::read_to_string(&file).expect("is there"), written);
}

#[tokio::test]
async fn passwords_go_to_standard_output_only_by_name() {
    let server = server().await;
    let refused = run(&server.url(), &["proxy", "export", "--with-passwords"], "").await;
    assert_eq!((refused.status, refused.out.as_str()), (2, ""));
    let shown = run_openly(&server.url(), &["proxy", "export", "-", "--with-passwords"], "").await.good();
    assert!(body(&shown)[0].contains(PASSWORD), "{shown}");
    let json =
        run_openly(&server.url(), &["proxy", "export", "-", "--with-passwords", "--json"], "").await.json();
    assert_eq!(json[0]["proxy_url"], "http://user:s3cret-p4ss@proxy.example:3128");
    assert_eq!((&json[0]["left_out"], &json[2]["left_out"]), (&json!(null), &json!("disabled")));
    assert_eq!(json[1]["enabled"], true, "what the program disabled comes back by itself");
    let masked = run(&server.url(), &["proxy", "export", "--json"], "").await.json();
    assert_eq!(masked[0]["left_out"], "password");
}

#[tokio::test]
async fn a_password_that_the_server_cannot_read_is_told() {
    let server = server().await;
    server.set(1, &json!({"last_error": "key"}));
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("list");
    let name = file.to_str().expect("UTF-8");
    let ran = run(&server.url(), &["proxy", "export", name, "--with-passwords", "--json"], "").await;
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("proxy 1 is left out: The password cannot be read: the key is not"),
        "{}",
        ran.err
    );
    let expected =
        json!({"file": name, "written": 1, "password_left_out": 0, "unreadable": 1, "disabled": 1});
    assert_eq!(ran.json(), expected);
    let missing = run(&server.url(), &["proxy", "export", &format!("{name}/no/such")], "").await;
    assert!(missing.err.contains("cannot be written"), "{}", missing.err);
}

#[tokio::test]
async fn import_says_what_became_of_every_line() {
    let server = StandIn::with(&["http://a"]).await;
    let list = "# mine\nhttp://a:80\nb:3128:user:s3cret-p4ss priority=2 tag=eu\nftp://s3cret-p4ss@h\n";
    let ran = run(&server.url(), &["proxy", "import", "-"], list).await;
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    assert_eq!(
        ran.out,
        "Added 1 proxy, 1 already there, 1 rejected\n\
         line 4: the scheme 'ftp' is not supported: use http, https, socks5 or socks5h\n"
    );
    assert_eq!(server.all(), ["http://a:80 0 []", r#"http://user:s3cret-p4ss@b:3128 2 ["eu"]"#]);
    let json = run(&server.url(), &["proxy", "import", "-", "--json"], "http://a\n").await.json();
    assert_eq!(json, json!({"added": 0, "duplicates": 1, "rejected": []}));
    let missing = run(&server.url(), &["proxy", "import", "no-such-file"], "").await;
    assert!(missing.err.starts_with("no-such-file cannot be read"), "{}", missing.err);
}
