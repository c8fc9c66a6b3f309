//! Every way a proxy can die under a recording, with a window of 8 and of 4 segments: nothing may be missing, nothing
//! twice, and the summary must tell the truth.

use std::sync::LazyLock;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use holdfast_testkit::{Fault, Kind};
use holdfast_trials::{Case, Finished, Recording, Scene, SceneOptions};
use tokio::sync::Semaphore;

/// Recordings at the same time: more would measure this machine's cores instead.
pub(crate) static STAGE: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(2 * available_parallelism().map_or(1, usize::from)));

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

/// Long enough for a fault after some seconds and for what comes after it to settle.
fn duration(act: Act) -> Duration {
    match act {
        Act::TwoInARow | Act::TunnelsReset | Act::AllDeadFor6s => Duration::from_secs(36),
        _ => Duration::from_secs(30),
    }
}

/// Who was given a fault, and when.
type Ill = Vec<(usize, DateTime<Utc>)>;

/// Strikes the proxy that carries the recording, which on a busy machine need not be the first.
async fn act(act: Act, scene: &mut Scene, recording: &mut Recording) -> Result<Ill> {
    let at_start = Utc::now();
    if matches!(act, Act::DeadAtStart | Act::FrozenAtStart) {
        return Ok(vec![(0, at_start)]);
    }
    // Until then a slow machine is still busy with the start of an interpreter.
    recording.says(" complete\n").await?;
    scene.segments(3).await;
    let rate = scene.origin.media().bytes_per_second();
    let used = scene.carrier().await?;
    let mut ill = vec![(used, Utc::now())];
    let proxy = &mut scene.proxies[used];
    match act {
        Act::Killed => proxy.kill().await?,
        Act::Frozen => proxy.freeze()?,
        // As when a proxy loses its own way out: open tunnels die, new ones are refused.
        Act::BadGateway => proxy.set_fault(Fault::status(502).resetting()).await?,
        Act::WrongPassword => proxy.set_fault(Fault::WrongAuth.resetting()).await?,
        Act::TunnelsReset => {
            for _ in 0..3 {
                let used = scene.carrier().await?;
                ill.push((used, Utc::now()));
                scene.proxies[used].set_fault(Fault::ResetTunnels).await?;
                scene.segments(1).await;
            }
        }
        Act::SilentToConnect => proxy.set_fault(Fault::SilentConnect.resetting()).await?,
        Act::TunnelsFrozen => proxy.set_fault(Fault::FreezeTunnels).await?,
        Act::Trickle => proxy.set_fault(Fault::Trickle(rate / 3)).await?,
        Act::TwoInARow => {
            proxy.kill().await?;
            scene.segments(3).await;
            let used = scene.carrier().await?;
            ill.push((used, Utc::now()));
            scene.proxies[used].freeze()?;
        }
        Act::AllDeadFor6s => {
            ill = (0..scene.proxies.len()).map(|index| (index, Utc::now())).collect();
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
    Ok(ill)
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
    let mut recording = scene.record("show", duration(what)).expect("it starts");
    let ill = act(what, &mut scene, &mut recording).await.expect("the act");
    let finished = recording.finish().await.expect("it ends");
    finished
        .expect_whole(&scene, duration(what).as_secs_f64() - 4.0)
        .await
        .unwrap_or_else(|e| panic!("{what:?}, {window}: {e:?}"));
    let truth = tells_the_truth(what, &finished, &scene, &ill);
    truth.unwrap_or_else(|e| panic!("{what:?}, {window}, {ill:?}: {e:?}\n{}", finished.story()));
    let direct = scene.direct_connections();
    assert!(direct.is_empty(), "{what:?}: the origin was reached directly: {direct:?}");
}

/// The summary names the routes that were really used, in order, and says why each was left.
fn tells_the_truth(what: Act, finished: &Finished, scene: &Scene, ill: &Ill) -> Result<()> {
    let case = Case { scene, ids: &[1, 2, 3], ill, beyond: false, log: &finished.log };
    case.explains(&finished.summary)?;
    match what {
        // It may go on with the same proxy.
        Act::TunnelsReset => {
            ensure!(!(0..3).any(|index| case.was_convicted(index)), "a reset is no reason to convict");
            ensure!(finished.log.contains("cause=reset the connection"), "nobody noticed");
        }
        Act::DeadAtStart | Act::FrozenAtStart => {
            ensure!(finished.number("bytes") > 0.0 && case.was_convicted(0), "the first was not found out");
        }
        // All are dead at once, so the one in use may be the first that is found again.
        Act::AllDeadFor6s => {}
        _ => case.was_left(&finished.summary)?,
    }
    if matches!(what, Act::Killed | Act::Frozen | Act::WrongPassword | Act::SilentToConnect | Act::TwoInARow)
    {
        for (index, _) in ill {
            ensure!(case.was_convicted(*index), "proxy {index} was not found out");
        }
    }
    Ok(())
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
