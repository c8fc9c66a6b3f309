//! When it is not a proxy's fault: the origin refuses, hangs or answers 5xx, or a healthy proxy is simply busy. Nobody is
//! convicted, no tunnel through a healthy proxy is cut for it, and the recording goes on.

use std::time::Duration;

use holdfast_testkit::ServerFault;
use holdfast_trials::{Case, Scene, SceneOptions};

use crate::faults::STAGE;

async fn outlives(fault: ServerFault) {
    let _turn = STAGE.acquire().await.expect("never closed");
    let scene = Scene::start(SceneOptions::default()).await.expect("a scene");
    let mut recording = scene.record("show", Duration::from_secs(44)).expect("it starts");
    recording.says(" complete\n").await.expect("it records");
    scene.segments(5).await;
    scene.origin.set_fault(fault.clone()).await;
    scene.segments(5).await;
    scene.origin.heal().await;
    let finished = recording.finish().await.expect("it ends");
    let story = finished.story();
    for word in ["Proxy failed", "Proxy cannot reach", "- failed", "tunnel cut", "Proxy auto-disabled"] {
        assert!(!finished.log.contains(word), "{fault:?}: '{word}'\n{story}");
    }
    let case = Case { scene: &scene, ids: &[1, 2, 3], ill: &[], beyond: true, log: &finished.log };
    case.explains(&finished.summary).unwrap_or_else(|e| panic!("{fault:?}: {e:?}\n{story}"));
    finished.expect_whole(&scene, 38.0).await.unwrap_or_else(|e| panic!("{fault:?}: {e:?}"));
}

#[tokio::test]
async fn origin_refuses_for_10_seconds() {
    outlives(ServerFault::Refuse).await;
}

#[tokio::test]
async fn origin_hangs_for_10_seconds() {
    outlives(ServerFault::Hang).await;
}

#[tokio::test]
async fn origin_takes_requests_and_answers_none_for_10_seconds() {
    outlives(ServerFault::HangRequests).await;
}

#[tokio::test]
async fn origin_answers_500_for_10_seconds() {
    outlives(ServerFault::Status(500)).await;
}

#[tokio::test]
async fn origin_answers_503_for_segments_only_for_10_seconds() {
    outlives(ServerFault::StatusFor { suffix: ".ts".to_owned(), status: 503 }).await;
}

#[tokio::test]
async fn a_healthy_proxy_at_80_percent_of_its_capacity_is_left_alone() {
    let _turn = STAGE.acquire().await.expect("never closed");
    let options = SceneOptions { capacity: Some(1.25), ..SceneOptions::default() };
    let scene = Scene::start(options).await.expect("a scene");
    let recording = scene.record("show", Duration::from_secs(64)).expect("it starts");
    let finished = recording.finish().await.expect("it ends");
    finished.expect_whole(&scene, 58.0).await.expect("whole");
    let case = Case { scene: &scene, ids: &[1, 2, 3], ill: &[], beyond: false, log: &finished.log };
    case.explains(&finished.summary).unwrap_or_else(|e| panic!("{e:?}\n{}", finished.story()));
}
