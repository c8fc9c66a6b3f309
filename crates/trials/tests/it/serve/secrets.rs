//! Passwords are put through every endpoint, event, log level and error path, and looked for in everything that came out:
//! as they are, as a URL, a header or a dump would show them.

use holdfast_testkit::Fault;
use holdfast_trials::{Answer, Database, SceneOptions, ServerOptions};
use serde_json::{Value, json};

use super::{Play, stream};

/// One that no proxy has, for what is refused; the character must be escaped in a URL.
const REFUSED: &str = "n3ver%told";
const ESCAPED: &str = "n3ver%25told";

#[tokio::test]
async fn none_comes_out_in_text_at_the_deepest_level() {
    none_comes_out(Database::Sqlite, &[]).await;
}

#[tokio::test]
async fn none_comes_out_in_json_with_postgresql() {
    none_comes_out(Database::postgres().await.expect("PostgreSQL"), &["--log-format", "json"]).await;
}

async fn none_comes_out(database: Database, more: &[&str]) {
    let more = more.iter().map(ToString::to_string).collect();
    let options = ServerOptions { database, log_level: "trace", more, ..ServerOptions::default() };
    let mut play = Play::open(SceneOptions::default(), options).await;
    let mut socket = play.server.socket().await.expect("a socket");
    revealed(&play).await;
    refused(&play).await;
    taken(&play).await;
    fails(&mut play).await;
    let recording = play.record().await;
    play.scene.segments(2).await;
    let drill = format!("/api/proxy/{}/drill", play.ids[0]);
    play.server.post(&drill, &Value::Null).await.expect("a drill");
    play.scene.segments(2).await;
    play.server.stop(&recording).await.expect("it stops");
    socket.until("the end", |frame| frame["type"] == "recording_finished").await.expect("told");
    looked_at(&play, &recording).await;

    let secrets: Vec<_> = play.scene.passwords().iter().cloned().chain([REFUSED.to_owned()]).collect();
    let (frames, dump) = (socket.story(), dump(&play).await);
    play.server.keeps_secrets(&secrets, &[("a frame", &frames), ("the database", &dump)]).expect("none");
    assert!(play.server.log().contains("DEBUG"), "it was not told to say everything: {}", play.server.log());
    // The search finds what is there: user names are no secret.
    for place in [&play.server.log(), &frames, &dump] {
        assert!(place.contains("user0"), "looked in the wrong place: {place}");
    }
}

/// The only way out, and even that leaves no trace but the fact.
async fn revealed(play: &Play) {
    let reveal = format!("/api/proxy/{}/reveal", play.ids[0]);
    let revealed = play.server.post(&reveal, &Value::Null).await.expect("revealed");
    assert_eq!(revealed["proxy_url"], play.scene.proxies[0].url());
    let events = play.server.get("/api/events?limit=1000").await.expect("the log").to_string();
    assert!(events.contains("reveal"), "not in the log: {events}");
}

/// Each is refused, in a sentence that does not repeat it.
async fn refused(play: &Play) {
    let id = play.ids[0];
    let known = play.scene.proxies[0].url();
    let query = format!("/api/proxy/add?proxy_url=ftp%3A%2F%2Fu%3A{ESCAPED}%40127.0.0.1%3A1");
    for (method, path, body) in [
        (
            "POST",
            "/api/proxy/add".to_owned(),
            json!({ "proxy_url": format!("ftp://u:{ESCAPED}@h:1") }).to_string(),
        ),
        (
            "POST",
            "/api/proxy/add".to_owned(),
            json!({ "proxy_url": format!("http://u:{REFUSED}@:x") }).to_string(),
        ),
        ("POST", "/api/proxy/add".to_owned(), format!("{{\"proxy_url\":\"http://u:{ESCAPED}@h:1")),
        ("POST", "/api/proxy/add".to_owned(), json!({ "proxy_url": [ESCAPED] }).to_string()),
        ("POST", "/api/proxy/add".to_owned(), json!({ "proxy_url": known, "priority": 1 }).to_string()),
        ("POST", "/api/proxy/add".to_owned(), json!({ "url": known }).to_string()),
        ("POST", query, String::new()),
        (
            "PATCH",
            format!("/api/proxy/{id}"),
            json!({ "proxy_url": format!("gopher://u:{ESCAPED}@h") }).to_string(),
        ),
        (
            "PATCH",
            format!("/api/proxy/{id}"),
            json!({ "priority": format!("http://u:{ESCAPED}@h") }).to_string(),
        ),
        ("GET", format!("/api/proxy/http:%2F%2Fu:{ESCAPED}@h"), String::new()),
        ("GET", format!("/api/events?type=http://u:{ESCAPED}@h&limit=x"), String::new()),
        ("GET", format!("/api/proxy/best?tags={ESCAPED}&x=http://u:{ESCAPED}@h"), String::new()),
        ("PUT", "/api/proxy/config".to_owned(), json!({ "enable_proxy": known }).to_string()),
        ("PUT", "/api/proxy/config".to_owned(), json!({ known.clone(): true }).to_string()),
        ("POST", "/api/proxy/reorder".to_owned(), json!({ "ids": [known] }).to_string()),
        ("POST", "/api/recordings".to_owned(), json!({ "url": "-x", "quality": known }).to_string()),
        ("GET", format!("/{ESCAPED}"), String::new()),
    ] {
        let Answer { status, .. } = play.server.call(method, &path, &body).await.expect("an answer");
        assert!((400..500).contains(&status) || path.contains("best"), "{method} {path} {body}: {status}");
    }
}

/// Each is taken, and told only masked.
async fn taken(play: &Play) {
    let list = format!(
        "http://127.0.0.1:9:u:x\nsocks5://u:{ESCAPED}@127.0.0.1:9\nftp://u:{ESCAPED}@h\n{}\n",
        play.scene.proxies[0].url()
    );
    let imported = play.server.ok("POST", "/api/proxy/import", &list).await.expect("imported");
    assert!(imported["added"].as_u64() >= Some(1) && imported["duplicates"] == 1, "{imported:#}");
    let id = play.server.add(&format!("https://u:{ESCAPED}@127.0.0.1:9"), 8).await.expect("added");
    let edit = json!({ "proxy_url": format!("http://w:{ESCAPED}@127.0.0.1:10"), "label": "new" }).to_string();
    let edited = play.server.ok("PATCH", &format!("/api/proxy/{id}"), &edit).await.expect("edited");
    assert_eq!(edited["proxy_url"], "http://w:***@127.0.0.1:10", "{edited:#}");
    play.server.post(&format!("/api/proxy/{id}/test"), &Value::Null).await.expect("tested");
    play.server.ok("DELETE", &format!("/api/proxy/{id}"), "").await.expect("deleted");
}

/// Every kind of failure of a proxy, told by tests.
async fn fails(play: &mut Play) {
    let id = play.ids[2];
    for fault in [
        Fault::WrongAuth,
        Fault::status(502),
        Fault::Reset,
        Fault::NotHttp(b"SSH-2.0-x\r\n".to_vec()),
        Fault::HugeHead(100_000),
        Fault::AbortConnect,
        Fault::OddReason("Nothing To See".to_owned()),
    ] {
        play.scene.proxies[2].set_fault(fault).await.expect("a fault");
        play.server.post(&format!("/api/proxy/{id}/test"), &Value::Null).await.expect("tested");
    }
    // TLS and SOCKS to what speaks neither, with its real password.
    for scheme in ["https", "socks5", "socks5h"] {
        let wrong = play.scene.proxies[1].url_with_scheme(scheme);
        let id = play.server.add(&wrong, 9).await.expect("added");
        let tested = play.server.post(&format!("/api/proxy/{id}/test"), &Value::Null).await.expect("tested");
        assert_eq!(tested["status"], "failed", "{tested:#}");
    }
}

/// Everything there is to read.
async fn looked_at(play: &Play, recording: &str) {
    for path in ["list", "config", "best"] {
        play.server.get(&format!("/api/proxy/{path}")).await.expect("there");
    }
    let list = play.server.get("/api/proxy/list").await.expect("the list");
    for proxy in list["proxies"].as_array().expect("a list") {
        play.server.get(&format!("/api/proxy/{}", proxy["id"])).await.expect("there");
        play.server.get(&format!("/api/proxy/{}/checks", proxy["id"])).await.expect("there");
    }
    play.server.recording(recording).await.expect("there");
    for path in
        ["/api/recordings", "/api/recordings/active", "/api/events?limit=1000", "/metrics", "/healthz"]
    {
        let answer = play.server.call("GET", path, "").await.expect("an answer");
        assert_eq!(answer.status, 200, "{path}");
    }
    for path in ["/readyz", "/api/version", "/api/openapi.json", "/api/docs"] {
        play.server.call("GET", path, "").await.expect("an answer");
    }
    assert!(stream().contains("live.test"));
}

/// Every row of every table.
async fn dump(play: &Play) -> String {
    let tables =
        ["proxy_settings", "recording_settings", "recordings", "recording_parts", "recording_routes"];
    let mut all = String::new();
    for table in tables.into_iter().chain(["recording_gaps", "proxy_checks", "events"]) {
        all += &play.server.sql(&format!("SELECT * FROM {table}")).await.expect("a table");
        all.push('\n');
    }
    all
}
