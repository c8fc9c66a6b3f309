//! What is done to the server, and what is seen of it meanwhile.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use holdfast_testkit::CheckTarget;
use serde_json::{Value, json};

use super::PROXIES;
use super::door::Door;
use super::instance::{Instance, Place};
use super::socket::Socket;
use crate::upstream::Upstream;

/// How often the server is started.
pub(super) const STARTS: usize = 5;
const LISTS: usize = 200;
const CHANGES: usize = 100;
/// How long the checks of all proxies may take, spread over 5 s as they are.
const PATIENCE: Duration = Duration::from_secs(60);
/// After which what was asked for or checked is stored, and nothing goes on any more.
const SETTLE: Duration = Duration::from_secs(2);

/// Imports all proxies into a new server, waits for their checks and stops it: what is stored is what is left behind
/// by a server in use.
pub(super) async fn fill(place: &Place, upstreams: &[Upstream], target: &CheckTarget) -> Result<()> {
    let (_, instance) = Instance::start(place).await?;
    let begun = Utc::now();
    let list: String = upstreams.iter().map(|upstream| format!("http://{}\n", upstream.addr())).collect();
    let mut door = Door::open(instance.addr()).await?;
    let said: Value = serde_json::from_slice(&door.ask("POST", "/api/proxy/import", &list).await?)?;
    ensure!(said["added"] == PROXIES, "the import answered {said}");
    checked(&instance, target, PROXIES, begun).await.context("the checks after the import")?;
    instance.stop().await
}

/// One server, started again and again over the same data. Milliseconds from the start of the process to its ready
/// line; CPU seconds that one check of each proxy costs the last one; and that one, still running.
pub(super) async fn starts(place: &Place, target: &CheckTarget) -> Result<(Vec<f64>, f64, Instance)> {
    let mut times = Vec::new();
    loop {
        let (begun, earlier) = (Utc::now(), target.accepts().len());
        let (took, instance) = Instance::start(place).await?;
        times.push(milliseconds(took));
        if times.len() == STARTS {
            let (before, first) = (instance.process().cpu_seconds()?, target.accepts().len());
            let used = checked(&instance, target, earlier + PROXIES, begun).await;
            let used = used.context("the first checks after a start")? - before;
            // Some may have come and gone between the ready line and the first look.
            let counted = earlier + PROXIES - first;
            return Ok((times, used * PROXIES as f64 / counted as f64, instance));
        }
        instance.stop().await?;
    }
}

/// Waits until the target has seen `wanted` connections in all, which costs the server nothing, and what follows from
/// them is stored. The server's CPU seconds by then. Every proxy must have been checked since `begun`, and be healthy.
async fn checked(
    instance: &Instance,
    target: &CheckTarget,
    wanted: usize,
    begun: DateTime<Utc>,
) -> Result<f64> {
    let patience = Instant::now() + PATIENCE;
    while target.accepts().len() < wanted {
        let seen = target.accepts().len();
        ensure!(Instant::now() < patience, "the target saw {seen} of {wanted} connections");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(SETTLE).await;
    let used = instance.process().cpu_seconds()?;
    let list = list(&mut Door::open(instance.addr()).await?).await?;
    let proxies = list["proxies"].as_array().context("the list has proxies")?;
    let fresh = |proxy: &&Value| {
        let at = proxy["last_health_check"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
        proxy["health_status"] == "healthy" && at.is_some_and(|at| at >= begun)
    };
    if let Some(bad) = proxies.iter().find(|proxy| !fresh(proxy)) {
        let good = proxies.iter().filter(fresh).count();
        bail!("{good} of {PROXIES} good proxies were found healthy; is the machine busy? One other: {bad}");
    }
    Ok(used)
}

/// Milliseconds from a request for the list to the last byte of the answer, on one connection.
pub(super) async fn lists(addr: SocketAddr) -> Result<Vec<f64>> {
    let mut door = Door::open(addr).await?;
    let mut times = Vec::new();
    for _ in 0..LISTS {
        let begun = Instant::now();
        let body = door.ask("GET", "/api/proxy/list", "").await?;
        times.push(milliseconds(begun.elapsed()));
        let list: Value = serde_json::from_slice(&body).context("reading the list")?;
        ensure!(list["proxies"].as_array().is_some_and(|all| all.len() == PROXIES), "the list is not whole");
    }
    Ok(times)
}

/// Milliseconds from the change of a label to the frame that tells it.
pub(super) async fn changes(addr: SocketAddr) -> Result<Vec<f64>> {
    let mut door = Door::open(addr).await?;
    let ids: Vec<i64> = list(&mut door).await?["proxies"]
        .as_array()
        .context("the list has proxies")?
        .iter()
        .filter_map(|proxy| proxy["id"].as_i64())
        .collect();
    let mut socket = Socket::open(addr).await?;
    let mut times = Vec::new();
    for (number, id) in ids.iter().step_by(PROXIES / CHANGES).enumerate() {
        let label = format!("number {number}");
        let (path, body) = (format!("/api/proxy/{id}"), json!({ "label": label }).to_string());
        let begun = Instant::now();
        // The frame may come before the answer.
        let (answer, frame) = tokio::join!(door.ask("PATCH", &path, &body), socket.labelled(*id, &label));
        answer?;
        times.push(milliseconds(frame?.duration_since(begun)));
    }
    ensure!(times.len() == CHANGES, "{} changes", times.len());
    Ok(times)
}

async fn list(door: &mut Door) -> Result<Value> {
    Ok(serde_json::from_slice(&door.ask("GET", "/api/proxy/list", "").await?)?)
}

/// What the server costs while nobody asks it anything.
pub(super) struct Rest {
    /// All that is resident.
    pub(super) mib: f64,
    /// Without the pages of the program and its libraries.
    pub(super) own_mib: f64,
    /// Of one core.
    pub(super) cpu_percent: f64,
    /// How long it was watched.
    pub(super) length: Duration,
}

/// Lets it rest, and looks.
pub(super) async fn rest(instance: &Instance, quick: bool) -> Result<Rest> {
    let length = Duration::from_secs(if quick { 10 } else { 60 });
    tokio::time::sleep(SETTLE).await;
    let (before, begun) = (instance.process().cpu_seconds()?, Instant::now());
    tokio::time::sleep(length).await;
    let used = instance.process().cpu_seconds()? - before;
    let cpu_percent = 100.0 * used / begun.elapsed().as_secs_f64();
    let mib = |kib: u64| kib as f64 / 1024.0;
    let process = instance.process();
    let (all, own) = (mib(process.resident_kib()?), mib(process.anonymous_kib()?));
    Ok(Rest { mib: all, own_mib: own, cpu_percent, length })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
