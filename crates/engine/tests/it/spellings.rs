//! Channels that an earlier version stored as they were typed are what they would be today: looked at as channels of
//! Twitch, and found again whoever adds them once more.

use holdfast_engine::{ChannelChange, ChannelWish};
use holdfast_model::{ChannelId, Secret};
use holdfast_store::{Limits, NewChannelRow};

use crate::server::{Server, sentence};
use crate::world::World;

on_both!(what_was_stored_as_it_was_typed_is_known_again);

/// As that version stored what it took for another site.
fn stored_once(url: &str) -> NewChannelRow {
    NewChannelRow {
        username: None,
        url: Secret::new(url),
        url_masked: url.to_owned(),
        display_name: "Somebody".to_owned(),
        record: false,
        quality: "best".to_owned(),
        tags: Vec::new(),
        filename_template: None,
        container: None,
        limits: Limits::default(),
        streamlink_options: Vec::new(),
        user_token: None,
    }
}

fn wish(stream: &str) -> ChannelWish {
    ChannelWish { stream: stream.to_owned(), record: Some(false), ..ChannelWish::default() }
}

async fn what_was_stored_as_it_was_typed_is_known_again(world: World) {
    let store = world.store().await;
    let cases = [
        ("https://go.twitch.tv/Alice", "alice", Some("alice"), "https://www.twitch.tv/alice"),
        (
            "https://player.twitch.tv/?channel=bob",
            "www.twitch.tv:443/Bob",
            Some("bob"),
            "https://www.twitch.tv/bob",
        ),
        ("HTTPS://Stream.Test:443", "https://stream.test/", None, "https://stream.test/"),
        ("https://www.twitch.tv/carol/videos", "carol", None, "https://www.twitch.tv/carol/videos"),
    ];
    let mut ids: Vec<ChannelId> = Vec::new();
    for (stored, ..) in cases {
        ids.push(store.add_channel(&stored_once(stored)).await.expect(stored).id);
    }
    store.close().await;
    let server = Server::start(&world).await;
    for (id, (stored, again, username, url)) in ids.into_iter().zip(cases) {
        let is = |view: holdfast_engine::view::ChannelView| {
            assert_eq!((view.username.as_deref(), view.url.as_str()), (username, url), "{stored}");
        };
        is(server.channel(id).expect(stored));
        let change = ChannelChange { quality: Some("720p60,best".to_owned()), ..ChannelChange::default() };
        is(server.edit_channel(id, change).await.expect(stored));
        let added = server.add_channel(wish(again)).await;
        if stored.ends_with("/videos") {
            added.expect("what never was a channel is no twin of one");
            continue;
        }
        let text = sentence(added);
        assert!(text.starts_with("Conflict") && text.contains(&format!("(number {id})")), "{again}: {text}");
    }
    let video = sentence(server.add_channel(wish("https://www.twitch.tv/videos/123")).await);
    assert!(video.starts_with("Invalid") && video.contains("give the name of a channel"), "{video}");
    server.stop().await;
}
