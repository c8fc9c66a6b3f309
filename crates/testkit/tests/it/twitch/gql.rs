//! GQL, usher and the hosts that play, request by request.

use serde_json::{Value, json};

use super::{Got, Scene, scene};
use holdfast_testkit::twitch::Glitch;

const WEB: (&str, &str) = ("client-id", "kimne78kx3ncx6brgo4mv6wki5h1ko");

async fn access(scene: &Scene, login: &str, headers: &[(&str, &str)]) -> Got {
    let query = json!({
        "operationName": "PlaybackAccessToken",
        "variables": { "isLive": true, "login": login, "isVod": false, "vodID": "", "playerType": "embed" },
    });
    scene.ask("POST", "https://gql.twitch.tv/gql", headers, query.to_string()).await
}

/// The master playlist's address with a good token.
async fn master_url(scene: &Scene, login: &str) -> String {
    let got = access(scene, login, &[WEB]).await.json();
    let token = &got["data"]["streamPlaybackAccessToken"];
    let (value, sig) = (token["value"].as_str().unwrap(), token["signature"].as_str().unwrap());
    let inside: Value = serde_json::from_str(value).unwrap();
    assert_eq!(inside["chansub"]["restricted_bitrates"], json!([]));
    let url = format!("https://usher.ttvnw.net/api/v2/channel/hls/{login}.m3u8");
    url::Url::parse_with_params(&url, [("sig", sig), ("token", value)]).unwrap().into()
}

fn uris(playlist: &str) -> Vec<&str> {
    playlist.lines().filter(|line| !line.starts_with('#')).collect()
}

#[tokio::test]
async fn a_token_opens_the_master_playlist_of_its_channel() {
    let scene = scene(|o| o).await;
    assert_eq!(access(&scene, "alice", &[]).await.status, 400, "whoever asks says what client it is");
    let nobody = access(&scene, "alice", &[WEB]).await.json();
    assert_eq!(nobody["data"]["streamPlaybackAccessToken"], Value::Null);
    scene.twitch.go_live("alice", "t", "c");
    let url = master_url(&scene, "alice").await;
    assert_eq!(uris(&scene.get(&url).await.text).len(), 3);
    assert_eq!(scene.get(&url.replace("/v2/", "/")).await.status, 200);
    assert_eq!(scene.get(&url.replace("sig=", "sig=0")).await.status, 403);
    assert_eq!(scene.get(&url.replace("alice.m3u8", "bob.m3u8")).await.status, 403);
    scene.twitch.go_offline("alice");
    let gone = scene.get(&url).await;
    assert_eq!((gone.status, &gone.json()[0]["type"]), (404, &json!("error")));
}

#[tokio::test]
async fn a_viewers_token_is_known_or_refused() {
    let scene = scene(|o| o).await;
    scene.twitch.go_live("alice", "t", "c");
    let with = async |token: &str| access(&scene, "alice", &[WEB, ("authorization", token)]).await.status;
    assert_eq!(with("OAuth mine").await, 401);
    scene.twitch.set_user_token(Some("mine"));
    assert_eq!(with("OAuth mine").await, 200);
    assert_eq!(with("Bearer mine").await, 401);
    assert_eq!(with("OAuth other").await, 401);
}

#[tokio::test]
async fn a_second_broadcast_goes_on_in_the_source_and_counts_anew() {
    let scene = scene(|o| o.opening(2)).await;
    scene.twitch.go_live("alice", "t", "c");
    let media = async || {
        let master = scene.get(&master_url(&scene, "alice").await).await.text;
        uris(&master)[0].to_owned()
    };
    let first = media().await;
    scene.twitch.go_offline("alice");
    let edge = scene.twitch.edge("alice");
    let ended = scene.get(&first).await.text;
    assert!(ended.ends_with("#EXT-X-ENDLIST\n"), "{ended}");
    let last = uris(&ended).last().unwrap().to_string();
    assert!(last.ends_with(&format!("/{}.ts", edge - 1)), "{last}");
    assert_eq!(scene.get(&last).await.status, 200);

    scene.twitch.go_live("alice", "t", "c");
    let second = media().await;
    assert_ne!(first, second);
    let playlist = scene.get(&second).await.text;
    assert!(playlist.contains("#EXT-X-MEDIA-SEQUENCE:0\n"), "{playlist}");
    let newest = uris(&playlist)[0].to_owned();
    assert!(newest.ends_with(&format!("/{edge}.ts")), "{newest} after {edge}");
    assert_eq!(scene.get(&newest).await.status, 200);
    assert_eq!(
        scene.get(&newest.replace(&format!("/{edge}.ts"), "/0.ts")).await.status,
        404,
        "not of this one"
    );
    assert!(scene.get(&first).await.text.ends_with("#EXT-X-ENDLIST\n"));
}

#[tokio::test]
async fn one_quality_fails_or_all_or_the_segments() {
    let scene = scene(|o| o).await;
    scene.twitch.go_live("Alice", "t", "c");
    scene.twitch.go_live("malice", "t", "c");
    let urls = async |login: &str| {
        let master = scene.get(&master_url(&scene, login).await).await.text;
        uris(&master).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let (alice, other) = (urls("alice").await, urls("malice").await);
    let status = async |url: &str| scene.get(url).await.status;
    scene.twitch.glitch(Glitch::variant("Alice", "1080p60", 502).times(1));
    assert_eq!([status(&other[0]).await, status(&alice[1]).await], [200, 200]);
    assert_eq!([status(&alice[0]).await, status(&alice[0]).await], [502, 200]);
    scene.twitch.glitch(Glitch::playlists("alice", 404));
    assert_eq!([status(&alice[0]).await, status(&alice[2]).await, status(&other[0]).await], [404, 404, 200]);
    scene.twitch.mend_all();
    let playlist = scene.get(&alice[0]).await.text;
    let segment = uris(&playlist)[0];
    scene.twitch.glitch(Glitch::segments("alice", 404));
    assert_eq!([status(&alice[0]).await, status(segment).await], [200, 404]);
    scene.twitch.glitch(Glitch::master("alice", 503));
    assert_eq!(status(&master_url(&scene, "alice").await).await, 503);
    assert_eq!(status(&master_url(&scene, "malice").await).await, 200);
}
