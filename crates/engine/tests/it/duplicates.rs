//! The same proxy is there once, however it comes and however many bring it at once.

use holdfast_engine::{ProxyChange, ProxyWish};
use holdfast_model::ProxyUrl;

use crate::server::{Server, sentence};
use crate::world::{World, wish};

on_both!(the_second_is_refused, one_of_eight_at_once_is_added, one_of_eight_edits_at_once_is_made);

const URL: &str = "http://user:hun%2Fter%252%40secret@127.0.0.1:1";

fn change(url: &str) -> ProxyChange {
    ProxyChange { url: Some(ProxyUrl::parse(url).expect("a URL")), ..Default::default() }
}

async fn the_second_is_refused(world: World) {
    let server = Server::start(&world).await;
    let first = server.add_proxy(wish(URL, 0)).await.expect("added");
    let same =
        ["http://user:hun%2fter%252%40secret@127.0.0.1:1/", "HTTP://user:hun%2Fter%252@secret@127.0.0.1:1"];
    for url in same.iter().filter(|url| ProxyUrl::parse(url).is_ok()) {
        let text = sentence(server.add_proxy(wish(url, 5)).await);
        let names_it = text.contains(&format!("proxy {first}")) && text.contains("user:***@127.0.0.1:1");
        assert!(text.starts_with("Conflict") && names_it, "{text}");
    }
    // Another user, password or scheme is another proxy.
    let others = [
        "http://other:hun%2Fter%252%40secret@127.0.0.1:1",
        "http://user:x@127.0.0.1:1",
        "socks5h://user:hun%2Fter%252%40secret@127.0.0.1:1",
    ];
    for url in others {
        let other = server.add_proxy(wish(url, 5)).await.expect(url);
        let text = sentence(server.edit_proxy(other, change(URL)).await);
        assert!(text.starts_with("Conflict"), "{text}");
        server.edit_proxy(other, change(url)).await.expect("its own address is no duplicate");
    }
    assert_eq!(server.import_proxies(URL).await.expect("read").duplicates, 1);
    assert_eq!(world.number("SELECT count(*) AS n FROM proxy_settings").await, 4);
    server.stop().await;
}

async fn one_of_eight_at_once_is_added(world: World) {
    let server = Server::start(&world).await;
    let all = (0..8).map(|n| {
        let engine = server.engine.clone();
        tokio::spawn(async move {
            if n % 4 == 0 {
                return engine.import_proxies(URL).await.expect("read").added;
            }
            match engine.add_proxy(wish(URL, n)).await {
                Ok(_) => 1,
                answer => {
                    assert!(sentence(answer).starts_with("Conflict"));
                    0
                }
            }
        })
    });
    let mut added = 0;
    for one in all.collect::<Vec<_>>() {
        added += one.await.expect("an answer");
    }
    let stored = world.number("SELECT count(*) AS n FROM proxy_settings").await;
    assert_eq!((added, stored, server.proxies().proxies.len()), (1, 1, 1));
    assert_eq!(server.stop().await.count("proxy_added"), 1);
}

async fn one_of_eight_edits_at_once_is_made(world: World) {
    let server = Server::start(&world).await;
    let mut ids = Vec::new();
    for n in 0..8 {
        let new = ProxyWish { enabled: false, ..wish(&format!("http://127.0.0.1:{}", n + 2), 0) };
        ids.push(server.add_proxy(new).await.expect("added"));
    }
    let all: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let engine = server.engine.clone();
            tokio::spawn(async move { engine.edit_proxy(id, change(URL)).await })
        })
        .collect();
    let mut made = 0;
    for one in all {
        match one.await.expect("an answer") {
            Ok(_) => made += 1,
            answer => assert!(sentence(answer).starts_with("Conflict")),
        }
    }
    let sql = "SELECT count(*) AS n FROM proxy_settings WHERE proxy_url LIKE '%127.0.0.1:1'";
    assert_eq!((made, world.number(sql).await), (1, 1));
    server.stop().await;
}
