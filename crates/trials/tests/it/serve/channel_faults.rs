//! What goes wrong while a channel is recorded and nobody watches, besides its proxies: Streamlink dies or hangs, Twitch
//! answers 5xx, the playlist is away, the server dies. It is the same recording before and after, and the ledger says
//! what the file lacks.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use holdfast_testkit::twitch::Glitch;
use holdfast_trials::{ServerOptions, ServerProcess, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::channels::is_recording;
use super::on_air::{LOGIN, OnAir, Over};

/// So many segments in the playlist that nothing is lost while another Streamlink starts, on a busy machine too.
const LONG: usize = 20;
/// So few that something is.
const SHORT: usize = 8;
/// Longer than it takes to notice a Streamlink that hangs and to start another, on a busy machine too.
const NOTICED: Duration = Duration::from_secs(40);

#[tokio::test]
async fn streamlink_is_killed_twice_and_nothing_is_lost() {
    let on_air = OnAir::begin(LONG).await;
    for _ in 0..2 {
        let killed = on_air.signal(Signal::KILL).await;
        on_air.goes_on_after(killed).await;
        on_air.segments(2).await;
    }
    let over = on_air.over().await;
    over.lost_nothing();
    assert_eq!(over.whole["gaps"], json!([]), "{}", over.story);
    on_air.play.explains(&over.whole, &[]);
    on_air.convicted_nobody().await;
}

/// Streamlink stands still, and another takes over.
async fn hangs(window: usize) -> Over {
    let on_air = OnAir::begin(window).await;
    let hanging = on_air.signal(Signal::STOP).await;
    let since = Instant::now();
    on_air.goes_on_after(hanging).await;
    assert!(since.elapsed() < NOTICED, "after {:?}\n{}", since.elapsed(), on_air.play.server.story());
    on_air.segments(2).await;
    let over = on_air.over().await;
    on_air.play.explains(&over.whole, &[]);
    on_air.convicted_nobody().await;
    over
}

#[tokio::test]
async fn streamlink_hangs_and_the_playlist_holds_what_it_missed() {
    let over = hangs(LONG).await;
    over.lost_nothing();
}

#[tokio::test]
async fn streamlink_hangs_for_longer_than_the_playlist_holds() {
    let over = hangs(SHORT).await;
    assert!(!over.lost.is_empty(), "16 s hold it?\n{}", over.story);
    over.lost_exactly("process");
}

/// The hosts that are asked whether somebody is live, and where; the stream itself comes from others.
const ASKED: [&str; 3] = ["api.twitch.tv", "gql.twitch.tv", "usher.ttvnw.net"];

fn breaks_down(on_air: &OnAir) {
    ASKED.iter().for_each(|host| on_air.twitch().glitch(Glitch::host(host, 503)));
}

/// What is seen of the channel while Twitch does not say whether it is live.
async fn stays_live(on_air: &OnAir) {
    let now = on_air.look().await;
    assert_eq!(
        (&now["status"], &now["recording_id"]),
        (&json!("recording"), &json!(on_air.recording)),
        "{now:#}"
    );
    assert!(now["live_since"].is_string(), "{now:#}");
    let why = now["last_error"].as_str().unwrap_or_default();
    assert!(why.contains("503"), "{now:#}");
}

/// Every proxy is checked, against a target that answers 503.
async fn is_checked(on_air: &OnAir) {
    let now = Utc::now();
    on_air.play.server.ok("POST", "/api/proxy/check-all", "").await.expect("taken");
    for &id in &on_air.play.ids {
        let checked = eventually("it is checked", Duration::from_secs(30), async || {
            let proxy = on_air.play.server.proxy(id).await?;
            let at = proxy["last_health_check"].as_str().unwrap_or_default();
            Ok((DateTime::parse_from_rfc3339(at)? > now).then_some(()))
        });
        checked.await.unwrap_or_else(|e| panic!("{e:?}\n{}", on_air.play.server.story()));
    }
}

#[tokio::test]
async fn twitch_answers_503_for_20_seconds_and_nothing_is_lost() {
    let on_air = OnAir::begin(SHORT).await;
    let streamlink = on_air.streamlink();
    breaks_down(&on_air);
    stays_live(&on_air).await;
    on_air.twitch().glitch(Glitch::playlists(LOGIN, 503));
    on_air.segments(3).await;
    on_air.twitch().mend(&Glitch::playlists(LOGIN, 503));
    is_checked(&on_air).await;
    on_air.segments(7).await;
    stays_live(&on_air).await;
    on_air.twitch().mend_all();
    let seen = on_air.look().await;
    assert_eq!((&seen["status"], &seen["last_error"]), (&json!("recording"), &Value::Null), "{seen:#}");
    on_air.segments(2).await;
    assert_eq!(on_air.streamlink(), streamlink, "for no reason\n{}", on_air.play.server.story());
    let over = on_air.over().await;
    over.lost_nothing();
    on_air.convicted_nobody().await;
}

/// Streamlink is killed while this is wrong with Twitch, for longer than a stream that is gone is asked for.
async fn killed_while(window: usize, wrong: &[Glitch]) -> Over {
    let on_air = OnAir::begin(window).await;
    wrong.iter().for_each(|glitch| on_air.twitch().glitch(glitch.clone()));
    let killed = on_air.signal(Signal::KILL).await;
    on_air.segments(10).await;
    on_air.twitch().mend_all();
    on_air.goes_on_after(killed).await;
    on_air.segments(2).await;
    let over = on_air.over().await;
    on_air.convicted_nobody().await;
    over
}

#[tokio::test]
async fn streamlink_is_killed_while_twitch_answers_503() {
    let mut wrong = ASKED.map(|host| Glitch::host(host, 503)).to_vec();
    wrong.push(Glitch::playlists(LOGIN, 503));
    killed_while(LONG, &wrong).await.lost_nothing();
}

#[tokio::test]
async fn streamlink_is_killed_while_twitch_contradicts_itself() {
    // The rest of Twitch names qualities that cannot be had, so Streamlink says that there is no stream.
    let wrong = [Glitch::host("api.twitch.tv", 503), Glitch::playlists(LOGIN, 503)];
    killed_while(LONG, &wrong).await.lost_nothing();
}

#[tokio::test]
async fn streamlink_is_killed_while_the_playlist_answers_404() {
    let over = killed_while(SHORT, &[Glitch::playlists(LOGIN, 404)]).await;
    assert!(!over.lost.is_empty(), "16 s hold it?\n{}", over.story);
    over.lost_exactly("process");
}

#[tokio::test]
async fn the_playlist_answers_404_for_20_seconds_and_is_back() {
    let on_air = OnAir::begin(SHORT).await;
    on_air.twitch().glitch(Glitch::playlists(LOGIN, 404));
    on_air.segments(10).await;
    let now = on_air.look().await;
    assert_eq!(now["status"], "recording", "{now:#}");
    on_air.twitch().mend_all();
    on_air.segments(4).await;
    let over = on_air.over().await;
    assert!(!over.lost.is_empty(), "16 s hold it?\n{}", over.story);
    over.lost_exactly("origin");
    on_air.convicted_nobody().await;
}

#[tokio::test]
async fn a_channel_of_twitch_outlives_the_server() {
    let mut on_air = OnAir::begin(LONG).await;
    on_air.play.server.signal(Signal::KILL);
    on_air.play.server.ended(Duration::from_secs(10)).await.expect("it is dead");
    let again = ServerProcess::start(&on_air.play.scene, ServerOptions::default()).await;
    on_air.play.server = again.expect("it starts again");
    assert_eq!(
        is_recording(&on_air.play, on_air.channel).await,
        on_air.recording,
        "it goes on with the same"
    );
    on_air.segments(3).await;
    let over = on_air.over().await;
    over.lost_exactly("process");
    assert_eq!(over.whole["failovers"], 0, "{}", over.story);
    on_air.convicted_nobody().await;
}
