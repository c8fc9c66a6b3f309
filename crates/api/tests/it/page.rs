//! The web page as a browser gets it, whether it was built (`make web`) or the page that says so stands in for it.

use reqwest::Method;

use crate::rig::{Answer, Rig};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn ask(rig: &Rig, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(rig.request(method, path), |r, (name, value)| r.header(*name, *value));
    Answer::of(request).await
}

#[tokio::test]
async fn the_page_comes_with_a_strict_policy_and_a_tag() {
    let rig = Rig::start().await;
    let page = rig.get("/").await;
    assert_eq!(page.status.as_u16(), 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    assert_eq!(page.header("content-encoding"), "");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let text = page.text();
    assert!(text.contains("Holdfast"), "{text}");
    for inline in ["<script>", "<style", " style=", " onclick=", "http://", "https://"] {
        assert!(!text.contains(inline), "{inline} in {text}");
    }
    let tag = page.header("etag");
    for known in [tag.to_owned(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let again = ask(&rig, Method::GET, "/", &[("If-None-Match", &known)]).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{known}");
        assert_eq!(again.header("etag"), tag);
        assert_eq!(again.header("content-security-policy"), policy);
    }
    let other = ask(&rig, Method::GET, "/", &[("If-None-Match", "\"x\"")]).await;
    assert_eq!(other.status.as_u16(), 200);
    let head = ask(&rig, Method::HEAD, "/", &[]).await;
    assert_eq!((head.status.as_u16(), head.body.len(), head.header("etag")), (200, 0, tag));
}

#[tokio::test]
async fn addresses_inside_the_page_are_the_page_and_others_are_not() {
    let rig = Rig::start().await;
    let page = rig.get("/").await.text();
    for path in ["/recordings/abc", "/settings/proxies", "/proxies/7?tab=checks", "/apis", "/events"] {
        let answer = ask(&rig, Method::GET, path, &[("Accept", BROWSER)]).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, page.clone()), "{path}");
    }
    for path in [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/proxy/nothing/at/all",
        "/eventsub",
        "/metrics/x",
        "/favicon.ico2",
    ] {
        let answer = ask(&rig, Method::GET, path, &[("Accept", BROWSER)]).await;
        answer.problem(answer.status.as_u16());
        assert!(answer.status.is_client_error(), "{path}");
    }
    // A program that asks for what is not there is told so.
    rig.get("/recordings/abc").await.problem(404);
    rig.get("/assets/old-12345678.js").await.problem(404);
    ask(&rig, Method::POST, "/recordings/abc", &[("Accept", BROWSER)]).await.problem(404);
}

/// Only where the page was built: the stand-in has no files.
#[tokio::test]
async fn its_files_are_kept_for_good_and_come_compressed() {
    let rig = Rig::start().await;
    let page = rig.get("/").await.text();
    let Some(start) = page.find("/assets/") else { return };
    let path = page[start..].split('"').next().expect("the end of the address");
    let plain = rig.get(path).await;
    assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
    for (accepted, encoding) in [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, br;q=0", "gzip"),
        ("deflate", ""),
        ("br;q=0, gzip;q=0.0", ""),
    ] {
        let answer = ask(&rig, Method::GET, path, &[("Accept-Encoding", accepted)]).await;
        assert_eq!(answer.header("content-encoding"), encoding, "{accepted}");
        assert_eq!(answer.header("vary"), "Accept, Accept-Encoding");
        assert_eq!(answer.header("content-type"), plain.header("content-type"));
        assert_eq!(encoding.is_empty(), answer.header("etag") == plain.header("etag"), "{accepted}");
        assert_eq!(encoding.is_empty(), answer.body.len() == plain.body.len(), "{accepted}");
    }
}
