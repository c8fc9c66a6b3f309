//! When nothing works: what is lost is told truthfully, and never-direct holds.

use std::time::{Duration, Instant};

use holdfast_testkit::verify;
use holdfast_trials::{Finished, RecordOptions, Scene, SceneOptions};

use crate::faults::STAGE;

#[tokio::test]
async fn all_proxies_dead_for_18_seconds_is_a_loss_that_is_told_truthfully() {
    let _turn = STAGE.acquire().await.expect("never closed");
    let options = SceneOptions { window: 4, ..SceneOptions::default() };
    let mut scene = Scene::start(options).await.expect("a scene");
    let mut recording = scene.record("show", Duration::from_secs(60)).expect("it starts");
    recording.says(" complete\n").await.expect("it records");
    scene.segments(5).await;
    for proxy in &mut scene.proxies {
        proxy.kill().await.expect("killed");
    }
    scene.segments(9).await;
    for proxy in &mut scene.proxies {
        proxy.restart().await.expect("restarted");
    }
    let finished = recording.finish().await.expect("it ends");
    let story = finished.story();
    assert_eq!(finished.code, Some(3), "{story}");
    let verdict = finished.verdict(&scene).await.expect("a playable file");
    assert!(
        verdict.duplicated.is_empty() && verdict.foreign == 0 && verdict.out_of_order == 0,
        "{verdict}\n{story}"
    );
    assert!(
        verdict.segments_missing() > 0,
        "an 18 s outage with 8 s in the window must lose something: {story}"
    );
    let holes = verify::gaps_by_timestamps(&finished.output).await.expect("timestamps");
    let by_file: f64 = holes.iter().map(|hole| hole.seconds).sum();
    let told = finished.number("seconds_lost");
    assert!((by_file - told).abs() <= 2.0, "the file lacks {by_file:.2} s, the summary says {told}\n{story}");
    assert!((verdict.seconds_missing - told).abs() <= 2.0, "{verdict}, the summary says {told}\n{story}");
    assert!(scene.direct_connections().is_empty(), "the origin was reached directly");
}

#[tokio::test]
async fn never_direct_holds_with_every_proxy_dead() {
    let mut scene = Scene::start(SceneOptions::default()).await.expect("a scene");
    for proxy in &mut scene.proxies {
        proxy.kill().await.expect("killed");
    }
    let began = Instant::now();
    let finished =
        scene.record("show", Duration::from_secs(30)).expect("it starts").finish().await.expect("it ends");
    assert_eq!(finished.code, Some(5), "{}", finished.story());
    assert!(began.elapsed() < Duration::from_secs(25), "it took {:?}", began.elapsed());
    assert!(scene.origin.accepts().is_empty(), "the origin was reached: {:?}", scene.origin.accepts());
    assert!(scene.target.accepts().is_empty(), "the check target was reached: {:?}", scene.target.accepts());
    assert!(finished.log.contains("No route"), "{}", finished.log);
}

/// The stream and the check target can be reached without a proxy, so that only the program's will keeps it from it.
const REACHABLE: RecordOptions = RecordOptions { direct: false, by_address: true };
const DIRECT: &str = "No healthy proxies - using direct connection";

async fn all_dead_at_start(options: RecordOptions) -> (Scene, Finished) {
    let mut scene = Scene::start(SceneOptions::default()).await.expect("a scene");
    for proxy in &mut scene.proxies {
        proxy.kill().await.expect("killed");
    }
    let recording = scene.record_with("show", Duration::from_secs(20), options).expect("it starts");
    let finished = recording.finish().await.expect("it ends");
    (scene, finished)
}

#[tokio::test]
async fn never_direct_holds_with_every_proxy_dead_though_the_origin_is_within_reach() {
    let _turn = STAGE.acquire().await.expect("never closed");
    let (scene, finished) = all_dead_at_start(REACHABLE).await;
    assert_eq!(finished.code, Some(5), "{}", finished.story());
    assert!(scene.origin.accepts().is_empty(), "the origin was reached: {:?}", scene.origin.accepts());
    assert!(scene.target.accepts().is_empty(), "the check target was reached: {:?}", scene.target.accepts());
    assert!(!finished.log.contains(DIRECT), "{}", finished.log);
}

/// The control of its neighbours: the same scene, allowed to go direct, is seen to.
#[tokio::test]
async fn direct_is_taken_and_seen_when_it_is_allowed() {
    let _turn = STAGE.acquire().await.expect("never closed");
    let (scene, finished) = all_dead_at_start(RecordOptions { direct: true, ..REACHABLE }).await;
    assert!(finished.log.contains(DIRECT), "{}", finished.log);
    assert!(!scene.origin.accepts().is_empty(), "nobody reached the origin: {}", finished.story());
    assert!(!scene.direct_connections().is_empty(), "it was not seen: {}", finished.story());
    finished.expect_whole(&scene, 14.0).await.expect("whole");
}

#[tokio::test]
async fn never_direct_holds_while_every_proxy_is_dead_though_the_origin_is_within_reach() {
    let _turn = STAGE.acquire().await.expect("never closed");
    let mut scene = Scene::start(SceneOptions::default()).await.expect("a scene");
    let mut recording = scene.record_with("show", Duration::from_secs(36), REACHABLE).expect("it starts");
    recording.says(" complete\n").await.expect("it records");
    scene.segments(5).await;
    for proxy in &mut scene.proxies {
        proxy.kill().await.expect("killed");
    }
    scene.segments(3).await;
    for proxy in &mut scene.proxies {
        proxy.restart().await.expect("restarted");
    }
    let finished = recording.finish().await.expect("it ends");
    let direct = scene.direct_connections();
    assert!(direct.is_empty(), "reached directly: {direct:?}\n{}", finished.story());
    assert!(!scene.origin.accepts().is_empty(), "nobody reached the origin: {}", finished.story());
    assert!(!finished.log.contains(DIRECT), "{}", finished.log);
    finished.expect_whole(&scene, 32.0).await.expect("whole");
}
