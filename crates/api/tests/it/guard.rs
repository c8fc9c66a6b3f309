//! Who may knock: the Host header, the Origin header, and the headers of every answer.

use reqwest::Method;

use crate::rig::{Answer, Rig};

#[tokio::test]
async fn only_our_own_names_are_answered() {
    let rig = Rig::start().await;
    let port = rig.address.port();
    for (host, status) in [
        ("localhost", 200),
        ("LocalHost:1", 200),
        ("127.0.0.1:99", 200),
        ("[::1]:8000", 200),
        ("rec.example", 200),
        ("rec.EXAMPLE:8443", 200),
        ("one.example:81", 200),
        ("one.example:82", 421),
        ("one.example", 421),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("127.0.0.2", 421),
        ("evil.example@localhost", 400),
        ("", 400),
        ("two words", 400),
    ] {
        let answer =
            rig.raw(&format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
        if status != 200 {
            assert!(answer.contains("application/problem+json"), "{host}: {answer}");
        }
    }
    for (request, status) in [
        ("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), 400),
        (
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                .to_owned(),
            400,
        ),
        // The request line wins over the header.
        (
            format!(
                "GET http://localhost:{port}/healthz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
            ),
            200,
        ),
        (
            "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                .to_owned(),
            421,
        ),
    ] {
        let answer = rig.raw(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
}

#[tokio::test]
async fn another_origin_may_look_but_not_change() {
    let rig = Rig::start().await;
    let own = format!("http://{}", rig.address);
    for (origin, allowed) in [
        (None, true),
        (Some(own.as_str()), true),
        (Some("null"), false),
        (Some("http://evil.example"), false),
        (Some("http://127.0.0.1"), false),
        (Some("http://127.0.0.1:1"), false),
        (Some("file://"), false),
        (Some(""), false),
    ] {
        // A body that is refused later on: what counts is who refuses it.
        for (method, path) in [
            (Method::POST, "/api/proxy/add"),
            (Method::PATCH, "/api/proxy/1"),
            (Method::PUT, "/api/proxy/config"),
            (Method::DELETE, "/api/proxy/x"),
            (Method::OPTIONS, "/api/proxy/list"),
            (Method::GET, "/ws"),
        ] {
            let mut request = rig.request(method.clone(), path).body("{");
            if let Some(origin) = origin {
                request = request.header("Origin", origin);
            }
            let answer = Answer::of(request).await;
            assert_eq!(
                answer.status.as_u16() != 403,
                allowed,
                "{method} {path} from {origin:?}: {}",
                answer.text()
            );
            answer.problem(answer.status.as_u16());
        }
        let mut request = rig.request(Method::GET, "/api/version");
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        let answer = Answer::of(request).await;
        assert!(answer.status.is_success());
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn behind_a_proxy_with_tls_the_origin_is_still_ours() {
    let rig = Rig::start().await;
    for (host, origin, status) in [
        ("rec.example", "https://rec.example", 400),
        ("rec.example", "https://rec.example:443", 400),
        ("rec.example:443", "https://rec.example", 400),
        ("rec.example", "https://Rec.Example", 400),
        ("rec.example", "https://rec.example:444", 403),
        ("rec.example:80", "http://rec.example", 400),
        ("rec.example:80", "https://rec.example", 403),
    ] {
        let request =
            rig.request(Method::POST, "/api/proxy/add").header("Host", host).header("Origin", origin);
        Answer::of(request.body("{")).await.problem(status);
    }
}

#[tokio::test]
async fn every_answer_tells_the_browser_to_be_careful() {
    let rig = Rig::start().await;
    for path in ["/api/version", "/healthz", "/nowhere", "/api/docs/", "/api/openapi.json"] {
        let answer = rig.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
    }
}
