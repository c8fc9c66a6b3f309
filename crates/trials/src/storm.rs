//! A storm: several recordings at once through five proxies, a random fault on a random one every few seconds, each
//! healed after a while, one proxy at least always good. The same seed gives the same sequence of faults.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures_util::future::join_all;
use holdfast_testkit::{Fault, Kind, ProxyProcess};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::recording::Finished;
use crate::routes::{convicts, said_at};
use crate::scene::{Scene, SceneOptions};

/// How a storm is made.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Chooses the faults.
    pub seed: u64,
    /// How long it lasts.
    pub length: Duration,
    /// Recordings at the same time.
    pub recordings: usize,
    /// Segments in the playlist.
    pub window: usize,
    /// Time between faults.
    pub every: Duration,
}

/// What a proxy may do in a storm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    Kill,
    Stop,
    Status(u16),
    WrongAuth,
    ResetTunnels,
    Silent,
    SilentAfterConnect,
    FreezeTunnels,
    Trickle,
}

const BLOWS: [Blow; 11] = [
    Blow::Kill,
    Blow::Stop,
    Blow::Status(502),
    Blow::Status(503),
    Blow::Status(504),
    Blow::WrongAuth,
    Blow::ResetTunnels,
    Blow::Silent,
    Blow::SilentAfterConnect,
    Blow::FreezeTunnels,
    Blow::Trickle,
];

/// One fault of one proxy.
#[derive(Clone, Debug)]
pub struct Spell {
    /// The masked URL of the proxy.
    pub proxy: String,
    what: Blow,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl fmt::Display for Spell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} on {} for {:.0?}",
            self.what,
            self.proxy,
            (self.until - self.from).to_std().unwrap_or_default()
        )
    }
}

/// What came of a storm.
pub struct Aftermath {
    /// Every fault.
    pub spells: Vec<Spell>,
    /// Every recording with what is wrong with it, if anything is.
    pub recordings: Vec<(Finished, Result<()>)>,
    /// Convictions of proxies that had no fault then.
    pub unjust: Vec<String>,
}

/// Blows until the time is up.
///
/// # Errors
/// If the scene cannot be set up or a recording's end cannot be read.
pub async fn blow(weather: Weather) -> Result<Aftermath> {
    let media_seconds = u32::try_from(weather.length.as_secs()).unwrap_or(u32::MAX / 2) + 120;
    let kinds = vec![Kind::Http, Kind::Http, Kind::Socks5, Kind::Https, Kind::Http];
    let options = SceneOptions { window: weather.window, kinds, media_seconds, ..SceneOptions::default() };
    let mut scene = Scene::start(options).await?;
    let mut recordings = Vec::new();
    for number in 0..weather.recordings {
        let mut recording =
            scene.record(&format!("show{number}"), weather.length + Duration::from_secs(20))?;
        // One after the other: ten interpreters starting at once would measure the start of interpreters.
        recording.says("Using proxy").await?;
        recordings.push(recording);
    }
    scene.segments(3).await;
    let spells = gusts(&weather, &mut scene).await?;
    let finished = join_all(recordings.into_iter().map(crate::Recording::finish)).await;
    let mut aftermath = Aftermath { spells, recordings: Vec::new(), unjust: Vec::new() };
    let wanted = weather.length.as_secs_f64();
    for finished in finished {
        let finished = finished.context("a recording of the storm")?;
        let whole = finished.expect_whole(&scene, wanted).await;
        aftermath.unjust.extend(unjust(&finished.log, &aftermath.spells).map(str::to_owned));
        aftermath.recordings.push((finished, whole));
    }
    Ok(aftermath)
}

async fn gusts(weather: &Weather, scene: &mut Scene) -> Result<Vec<Spell>> {
    let mut rng = StdRng::seed_from_u64(weather.seed);
    let trickle = scene.origin.media().bytes_per_second() / 3;
    // Who is ill until when, and by which spell.
    let (mut spells, mut ill): (Vec<Spell>, Vec<(usize, Instant, usize)>) = (Vec::new(), Vec::new());
    let end = Instant::now() + weather.length;
    let mut next = Instant::now();
    while Instant::now() < end {
        let turn = ill.iter().map(|(_, until, _)| *until).min().map_or(next, |heal| heal.min(next));
        tokio::time::sleep_until(turn.into()).await;
        let now = Instant::now();
        for (index, _, spell) in ill.extract_if(.., |(_, until, _)| *until <= now).collect::<Vec<_>>() {
            heal(&mut scene.proxies[index]).await?;
            spells[spell].until = Utc::now();
        }
        if now < next {
            continue;
        }
        next = now + weather.every;
        let length = Duration::from_secs(rng.random_range(3..=20));
        let victim = rng.random_range(0..scene.proxies.len());
        let what = *BLOWS.choose(&mut rng).context("there are faults")?;
        let already = ill.iter().any(|(index, ..)| *index == victim);
        // One at least stays good.
        if already || ill.len() + 1 >= scene.proxies.len() {
            continue;
        }
        let proxy = &mut scene.proxies[victim];
        // As exact as the log's times.
        let from = Utc::now().trunc_subsecs(3);
        strike(proxy, what, trickle).await?;
        ill.push((victim, now + length, spells.len()));
        spells.push(Spell { proxy: masked(proxy), what, from, until: from + length });
    }
    for (index, _, spell) in ill {
        heal(&mut scene.proxies[index]).await?;
        spells[spell].until = Utc::now();
    }
    Ok(spells)
}

async fn strike(proxy: &mut ProxyProcess, what: Blow, trickle: u64) -> Result<()> {
    let fault = match what {
        Blow::Kill => return proxy.kill().await,
        Blow::Stop => return proxy.freeze(),
        Blow::Status(code) => Fault::status(code),
        Blow::WrongAuth => Fault::WrongAuth,
        Blow::ResetTunnels => Fault::ResetTunnels,
        Blow::Silent => Fault::SilentConnect,
        Blow::SilentAfterConnect => Fault::SilentAfterConnect,
        Blow::FreezeTunnels => Fault::FreezeTunnels,
        Blow::Trickle => Fault::Trickle(trickle),
    };
    proxy.set_fault(fault).await
}

async fn heal(proxy: &mut ProxyProcess) -> Result<()> {
    if proxy.pid().is_none() {
        return proxy.restart().await;
    }
    proxy.thaw()?;
    proxy.heal().await
}

fn masked(proxy: &ProxyProcess) -> String {
    let url = proxy.url();
    let (head, host) = url.rsplit_once('@').unwrap_or(("", &url));
    let user = head.rsplit_once(':').map_or(head, |(user, _)| user);
    format!("{user}:***@{host}")
}

/// Healing itself resets connections, and a check that began in a fault may end up to 10 s after it.
const LINGER: TimeDelta = TimeDelta::seconds(12);

/// Convictions that no spell explains.
fn unjust<'a>(log: &'a str, spells: &[Spell]) -> impl Iterator<Item = &'a str> {
    log.lines().filter(|line| convicts(line) && !spells.iter().any(|spell| spell.explains(line)))
}

impl Spell {
    /// Whether the line is about its proxy, and from its time. A line without a time is from none.
    fn explains(&self, line: &str) -> bool {
        let proxy = line.split_whitespace().find(|word| word.contains("://"));
        let in_time = |time: DateTime<Utc>| self.from <= time && time <= self.until + LINGER;
        proxy == Some(self.proxy.as_str()) && said_at(line).is_some_and(in_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ILL: &str = "http://user0:***@127.0.0.1:3128";
    const WELL: &str = "socks5h://user1:***@127.0.0.1:31280";

    /// Ill from 16:00:10 to 16:00:20, so excused until 16:00:32.
    fn found(second: &str, message: &str) -> bool {
        let at = |s| DateTime::parse_from_rfc3339(s).expect("a time").to_utc();
        let (from, until) = (at("2026-11-23T16:00:10Z"), at("2026-11-23T16:00:20Z"));
        let spell = Spell { proxy: ILL.to_owned(), what: Blow::Kill, from, until };
        let log = format!("2026-11-23 16:00:{second} WARN  {message}\n");
        unjust(&log, &[spell]).count() == 1
    }

    #[test]
    fn a_conviction_is_excused_by_a_spell_of_its_proxy_at_its_time() {
        let convictions = |proxy: &str| {
            [
                format!("Proxy failed: {proxy} (refused)"),
                format!("Proxy cannot reach the target: {proxy} (503, after {ILL})"),
                format!("Proxy health: {proxy} - failed (no answer)"),
                format!("Proxy auto-disabled after 3 consecutive failures: {proxy}"),
            ]
        };
        for message in convictions(ILL) {
            for excused in ["10.000", "15.500", "20.000", "32.000"] {
                assert!(!found(excused, &message), "{excused} {message}");
            }
            for unjust in ["09.999", "32.001", "59.000"] {
                assert!(found(unjust, &message), "{unjust} {message}");
            }
            assert!(found("xx.000", &message), "no time: {message}");
        }
        for message in convictions(WELL) {
            assert!(found("15.500", &message), "of another: {message}");
        }
    }

    #[test]
    fn what_is_no_conviction_is_not_found() {
        for message in [
            format!("Proxy health: {WELL} - healthy (12ms)"),
            format!("Proxy health: {WELL} - degraded (one target failed)"),
            format!("Proxy recovered: {WELL}"),
            format!("Failover: {WELL} -> {ILL} (refused, 20 ms)"),
        ] {
            assert!(!found("59.000", &message), "{message}");
        }
    }
}
