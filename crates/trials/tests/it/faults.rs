//! Every way a proxy can die under a recording, with a window of 8 and of 4 segments: nothing may be missing, nothing
//! twice, and the summary must tell the truth.

use std::time::Duration;

use anyhow::Result;
use holdfast_testkit::{Fault, Kind};
use holdfast_trials::{Finished, Recording, Scene, SceneOptions};
use tokio::sync::Semaphore;

/// Recordings at the same time: more would measure this machine's cores instead.
pub(crate) static STAGE: Semaphore = Semaphore::const_new(6);

/// Long enough for a fault after some seconds and for what comes after it to settle.
const DURATION: Duration = Duration::from_secs(36);

/// What happens to the proxies of a scene while it is recorded.
#[derive(Clone, Copy, Debug)]
enum Act {
    Killed,
    Frozen,
    BadGateway,
    WrongPassword,
    TunnelsReset,
    SilentToConnect,
    TunnelsFrozen,
    Trickle,
    TwoInARow,
    AllDeadFor6s,
    DeadAtStart,
    FrozenAtStart,
}

async fn act(act: Act, scene: &mut Scene, recording: &mut Recording) -> Result<()> {
    if !matches!(act, Act::DeadAtStart | Act::FrozenAtStart) {
        // Until then a slow machine is still busy with the start of an interpreter.
        recording.says(" complete\n").await?;
        scene.segments(5).await;
    }
    let rate = scene.origin.media().bytes_per_second();
    let first = &mut scene.proxies[0];
    match act {
        Act::Killed => first.kill().await?,
        Act::Frozen => first.freeze()?,
        Act::BadGateway => {
            // As when a proxy loses its own way out: open tunnels die, new ones are refused.
            first.set_fault(Fault::ResetTunnels).await?;
            first.set_fault(Fault::status(502)).await?;
        }
        Act::WrongPassword => {
            first.set_fault(Fault::ResetTunnels).await?;
            first.set_fault(Fault::WrongAuth).await?;
        }
        Act::TunnelsReset => {
            for _ in 0..3 {
                scene.proxies[0].set_fault(Fault::ResetTunnels).await?;
                scene.segments(2).await;
            }
        }
        Act::SilentToConnect => {
            first.set_fault(Fault::ResetTunnels).await?;
            first.set_fault(Fault::SilentConnect).await?;
        }
        Act::TunnelsFrozen => first.set_fault(Fault::FreezeTunnels).await?,
        Act::Trickle => first.set_fault(Fault::Trickle(rate / 3)).await?,
        Act::TwoInARow => {
            first.kill().await?;
            scene.segments(5).await;
            scene.proxies[1].freeze()?;
        }
        Act::AllDeadFor6s => {
            for proxy in &mut scene.proxies {
                proxy.kill().await?;
            }
            scene.segments(3).await;
            for proxy in &mut scene.proxies {
                proxy.restart().await?;
            }
        }
        Act::DeadAtStart | Act::FrozenAtStart => {}
    }
    Ok(())
}

async fn survives(what: Act, window: usize) {
    let _turn = STAGE.acquire().await.expect("never closed");
    let kinds = vec![Kind::Http, Kind::Socks5, Kind::Http];
    let mut scene =
        Scene::start(SceneOptions { window, kinds, ..SceneOptions::default() }).await.expect("a scene");
    match what {
        Act::DeadAtStart => scene.proxies[0].kill().await.expect("killed"),
        Act::FrozenAtStart => scene.proxies[0].freeze().expect("frozen"),
        _ => {}
    }
    let mut recording = scene.record("show", DURATION).expect("it starts");
    act(what, &mut scene, &mut recording).await.expect("the act");
    let finished = recording.finish().await.expect("it ends");
    finished
        .expect_whole(&scene, DURATION.as_secs_f64() - 4.0)
        .await
        .unwrap_or_else(|e| panic!("{what:?}, {window}: {e:?}"));
    tells_the_truth(what, &finished, &scene);
    let direct = scene.direct_connections();
    assert!(direct.is_empty(), "{what:?}: the origin was reached directly: {direct:?}");
}

/// The summary names the routes that were really used, in order, and says why each was left.
fn tells_the_truth(what: Act, finished: &Finished, scene: &Scene) {
    let story = finished.story();
    let routes = finished.summary["routes"].as_array().expect("a list");
    let address = |index: usize| scene.proxies[index].addr().to_string();
    let via = |index: usize| routes[index]["via"].as_str().unwrap_or_default();
    let (expected, failovers): (&[usize], f64) = match what {
        Act::TunnelsReset => (&[0], 0.0),
        Act::DeadAtStart | Act::FrozenAtStart => (&[1], 0.0),
        Act::TwoInARow => (&[0, 1, 2], 2.0),
        // All are dead at once, so which one is found again first is open.
        Act::AllDeadFor6s => return,
        _ => (&[0, 1], 1.0),
    };
    assert_eq!(routes.len(), expected.len(), "{what:?}: {story}");
    for (place, &proxy) in expected.iter().enumerate() {
        assert!(via(place).ends_with(&address(proxy)) && via(place).contains(":***@"), "{what:?}: {story}");
        assert!(routes[place]["bytes"].as_f64().is_some_and(|bytes| bytes > 0.0), "{what:?}: {story}");
        assert!(place + 1 == expected.len() || routes[place]["reason"].is_string(), "{what:?}: {story}");
    }
    assert_eq!(finished.number("failovers"), failovers, "{what:?}: {story}");
}

macro_rules! trials {
    ($($name:ident: $act:ident),* $(,)?) => { $(
        mod $name {
            #[tokio::test]
            async fn with_8_segments() { super::survives(super::Act::$act, 8).await; }
            #[tokio::test]
            async fn with_4_segments() { super::survives(super::Act::$act, 4).await; }
        }
    )* };
}

trials! {
    proxy_killed: Killed,
    proxy_frozen: Frozen,
    proxy_answers_502: BadGateway,
    proxy_answers_407: WrongPassword,
    all_tunnels_reset: TunnelsReset,
    silent_to_new_connects: SilentToConnect,
    open_tunnels_frozen: TunnelsFrozen,
    trickle: Trickle,
    first_killed_then_second_frozen: TwoInARow,
    all_dead_for_6_seconds: AllDeadFor6s,
    first_dead_at_start: DeadAtStart,
    first_frozen_at_start: FrozenAtStart,
}
