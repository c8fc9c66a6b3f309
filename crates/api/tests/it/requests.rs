//! What is refused before the engine hears of it: addresses, methods, bodies and parameters. Every refusal is a
//! problem with a sentence, and no sentence repeats a password.

use reqwest::Method;

use crate::rig::{Answer, Rig};

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems() {
    let rig = Rig::start().await;
    for path in ["/nowhere", "/api", "/api/proxy", "/api/proxy/1/nothing", "/api/docs/x/y", "//", "/api/%ff"]
    {
        assert!(rig.get(path).await.problem(404).contains("/api/docs"), "{path}");
    }
    for path in [
        "/api/proxy/x",
        "/api/proxy/1.5",
        "/api/proxy/99999999999999999999",
        "/api/proxy/%ff",
        "/api/proxy/x/checks",
    ] {
        assert!(rig.get(path).await.problem(404).contains("whole number"), "{path}");
    }
    for id in [
        "x",
        "1",
        "0190f3d2",
        "0190f3d2-zzzz-7000-8000-000000000000",
        "{0190f3d2-0000-7000-8000-000000000000}",
    ] {
        assert!(rig.get(&format!("/api/recordings/{id}")).await.problem(404).contains("UUID"), "{id}");
        assert!(rig.get(&format!("/api/recordings/{id}/file")).await.problem(404).contains("UUID"), "{id}");
    }
    for (method, path, allow) in [
        (Method::POST, "/api/proxy/list", "GET,HEAD"),
        (Method::DELETE, "/api/proxy/add", "POST"),
        (Method::PUT, "/api/proxy/7", "GET,HEAD,PATCH,DELETE"),
        (Method::TRACE, "/healthz", "GET,HEAD"),
        (Method::POST, "/api/openapi.json", "GET,HEAD"),
        (Method::POST, "/api/docs/", "GET,HEAD"),
    ] {
        let answer = rig.send(method.clone(), path, "").await;
        assert!(answer.problem(405).starts_with(method.as_str()), "{path}");
        let (mut got, mut wanted): (Vec<_>, Vec<_>) =
            (answer.header("allow").split(',').collect(), allow.split(',').collect());
        got.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(got, wanted, "{method} {path}");
    }
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_explained() {
    let rig = Rig::start().await;
    let long = "x".repeat(300);
    for (body, sentence) in [
        ("", "proxy_url is missing"),
        (" \n", "proxy_url is missing"),
        ("{", "line 1 column 1"),
        ("{\n  \"proxy_url\": \"http://u:hunter2@h:1\",\n}", "line 3 column 1"),
        ("proxy_url=http://u:hunter2@h", "line 1 column 1"),
        ("[]", "JSON object"),
        ("\"http://u:hunter2@h\"", "JSON object"),
        ("null", "JSON object"),
        ("{\"proxy_url\": null}", "proxy_url is missing"),
        ("{\"proxy_url\": 7}", "proxy_url must be text"),
        ("{\"proxy_url\": [\"http://u:hunter2@h\"]}", "proxy_url must be text"),
        ("{\"proxy_url\": \"ftp://u:hunter2@h\"}", "http, https, socks5 or socks5h"),
        ("{\"proxy_url\": \"u:hunter2@h\"}", "http://, https://, socks5:// or socks5h://"),
        ("{\"proxy_url\": \"http://u:hunter2@h:0\"}", "port"),
        ("{\"proxy_url\": \"http://u:hunter2@h/x\"}", "path"),
        ("{\"proxy_url\": \"http://u:hunter2@\\u0000\"}", "control characters"),
        (
            "{\"proxy_url\": \"http://h\", \"priority\": -1}",
            "priority must be a whole number from 0 to 2147483647",
        ),
        ("{\"proxy_url\": \"http://h\", \"priority\": 2147483648}", "priority must be"),
        ("{\"proxy_url\": \"http://h\", \"priority\": 1.5}", "priority must be"),
        ("{\"proxy_url\": \"http://h\", \"priority\": \"hunter2\"}", "priority must be"),
        ("{\"proxy_url\": \"http://h\", \"priority\": 1e300}", "priority must be"),
        ("{\"proxy_url\": \"http://h\", \"enabled\": \"yes\"}", "enabled must be true or false"),
        ("{\"proxy_url\": \"http://h\", \"tags\": \"eu\"}", "tags must be a list"),
        ("{\"proxy_url\": \"http://h\", \"tags\": [1]}", "tags must be a list"),
        ("{\"proxy_url\": \"http://h\", \"tags\": [\"\"]}", "tags must have 1 to 64"),
        ("{\"proxy_url\": \"http://h\", \"tags\": [\"a b\"]}", "tags must have 1 to 64"),
        ("{\"proxy_url\": \"http://h\", \"label\": \"a\\nb\"}", "control characters"),
        ("{\"proxy_url\": \"http://h\", \"prioritaet\": 1}", "'prioritaet' is not a parameter"),
        ("{\"proxy_url\": \"http://h\", \"http://u:hunter2@x\": 1}", "'http://u:***@x' is not a parameter"),
        (&format!("{{\"proxy_url\": \"http://h\", \"label\": \"{long}\"}}"), "at most 200 characters"),
        (&format!("{{\"proxy_url\": \"http://h\", \"tags\": [{}\"x\"]}}", tags(32)), "at most 32"),
        (&format!("{}{}", "[".repeat(500), "]".repeat(500)), "not valid JSON"),
    ] {
        let answer = rig.post("/api/proxy/add", body).await;
        let detail = answer.problem(400);
        assert!(detail.contains(sentence), "{body}: {detail}");
        assert!(!answer.text().contains("hunter2"), "{body}: {detail}");
    }
}

/// So many different tags, each followed by a comma.
fn tags(count: usize) -> String {
    (0..count).map(|n| format!("\"t{n}\",")).collect()
}

#[tokio::test]
async fn queries_that_make_no_sense_are_explained() {
    let rig = Rig::start().await;
    for (path, sentence) in [
        ("/api/recordings?limit=0", "limit must be a whole number from 1 to 1000"),
        ("/api/recordings?limit=1001", "limit must be"),
        ("/api/recordings?limit=many", "limit must be"),
        ("/api/recordings?limit=", "limit must be"),
        ("/api/recordings?limit=1&limit=2", "limit must be given once"),
        ("/api/recordings?status=sleeping", "status must be starting, recording"),
        ("/api/recordings?cursor=x", "cursor must be the next_cursor"),
        ("/api/recordings?streamer_id=x", "streamer_id must be a whole number"),
        ("/api/recordings?limits=5", "'limits' is not a parameter of this request; it has: status"),
        ("/api/events?after=-1", "after must be"),
        ("/api/events?after=x", "after must be"),
        ("/api/events?type=No%00pe", "control characters"),
        ("/api/events?type=Nope", "type must be"),
        ("/api/events?limit=-1", "limit must be"),
        ("/api/proxy/1/checks?from=yesterday", "from must be a time such as"),
        ("/api/proxy/1/checks?to=2026-01-01", "to must be a time such as"),
        ("/api/proxy/best?tags=a/b", "tags must have"),
    ] {
        let detail = rig.get(path).await.problem(400);
        assert!(detail.contains(sentence), "{path}: {detail}");
    }
    for (path, sentence) in [
        ("/api/proxy/add?proxy_url=ftp://u:hunter2@h", "http, https, socks5 or socks5h"),
        ("/api/proxy/add?proxy_url=http://h&proxy_url=http://i", "proxy_url must be given once"),
        ("/api/proxy/add?proxy_url=http://h&enabled=1", "enabled must be true or false"),
        ("/api/proxy/1/update-priority", "priority is missing"),
        ("/api/proxy/1/update-priority?priority=-1", "priority must be"),
        ("/api/proxy/reorder?ids=1", "ids must be a list of whole numbers in the body"),
        ("/api/recordings", "give either url"),
        ("/api/recordings?url=-h", "url must not begin with '-'"),
        ("/api/recordings?url=http://h&quality=", "quality is empty"),
        ("/api/recordings?url=http://h&quality=a%20b", "quality must not"),
    ] {
        let answer = rig.post(path, "").await;
        let detail = answer.problem(400);
        assert!(detail.contains(sentence), "{path}: {detail}");
        assert!(!answer.text().contains("hunter2"), "{path}: {detail}");
    }
    // The body wins.
    let detail = rig
        .post("/api/proxy/add?priority=1", "{\"proxy_url\":\"http://h\",\"priority\":\"x\"}")
        .await
        .problem(400);
    assert!(detail.contains("priority must be"), "{detail}");
    let detail = rig.send(Method::PUT, "/api/proxy/config", "{\"enable_proxy\":1}").await.problem(400);
    assert!(detail.contains("enable_proxy must be true or false"), "{detail}");
}

#[tokio::test]
async fn bodies_that_are_too_large_are_not_read() {
    let rig = Rig::start().await;
    let padded = |size: usize| format!("{{\"proxy_url\": 7}}{}", " ".repeat(size - 16));
    rig.post("/api/proxy/add", &padded(1 << 20)).await.problem(400);
    assert!(rig.post("/api/proxy/add", &padded((1 << 20) + 1)).await.problem(413).contains("1024 KiB"));
    // Without a Content-Length it is noticed on the way.
    let chunks = futures_util::stream::iter(vec![Ok::<_, std::io::Error>(padded((1 << 20) + 1))]);
    let body = reqwest::Body::wrap_stream(chunks);
    Answer::of(rig.request(Method::POST, "/api/proxy/add").body(body)).await.problem(413);
    assert!(
        rig.post("/api/proxy/import", &"#".repeat((4 << 20) + 1)).await.problem(413).contains("4096 KiB")
    );
    let answer = Answer::of(rig.request(Method::POST, "/api/proxy/import").body(vec![0xff, 0xfe])).await;
    assert!(answer.problem(400).contains("UTF-8"));
}

#[tokio::test]
async fn any_content_type_is_json() {
    let rig = Rig::start().await;
    for kind in [
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data",
        "nonsense",
    ] {
        let request = rig.request(Method::POST, "/api/proxy/add").header("Content-Type", kind);
        let detail = Answer::of(request.body("{\"proxy_url\": \"ftp://h\"}")).await.problem(400);
        assert!(detail.contains("'ftp' is not supported"), "{kind}: {detail}");
    }
}

#[tokio::test]
async fn it_stops_when_told_to_also_with_a_connection_open() {
    let rig = Rig::start().await;
    // A request that never ends must not hold it up for longer than the grace.
    let mut half = tokio::net::TcpStream::connect(rig.address).await.expect("it listens");
    let head = b"POST /api/proxy/add HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{";
    tokio::io::AsyncWriteExt::write_all(&mut half, head).await.expect("it reads");
    rig.get("/healthz").await;
    rig.soft.cancel();
    let began = std::time::Instant::now();
    tokio::time::timeout(crate::rig::PATIENCE, rig.serving)
        .await
        .expect("in time")
        .expect("no panic")
        .expect("no error");
    assert!(began.elapsed() < std::time::Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(tokio::net::TcpStream::connect(rig.address).await.is_err(), "it still listens");
}
