//! `holdfast serve` with 1,000 proxies: what it takes to list them, to choose one, to tell of a change and to start,
//! and what the server costs while nobody asks it anything.

mod door;
mod instance;
mod selection;
mod socket;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use holdfast_testkit::{Ca, CheckTarget};
use serde_json::{Value, json};

use crate::Bench;
use crate::table::{Table, median, quantile};
use crate::upstream::{Upstream, loopback};
use door::Door;
use instance::{Instance, Place};
use socket::Socket;

const PROXIES: usize = 1000;
const STARTS: usize = 5;
const LISTS: usize = 200;
const CHANGES: usize = 100;
/// From one regular check of a proxy to its next, in seconds: the default.
const INTERVAL: f64 = 300.0;
/// How long the checks of all proxies may take, spread over 5 s as they are.
const PATIENCE: Duration = Duration::from_secs(60);
/// After which what was asked for or checked is stored, and nothing goes on any more.
const SETTLE: Duration = Duration::from_secs(2);

const GOAL_LIST_MS: f64 = 30.0;
const GOAL_CHANGE_MS: f64 = 50.0;
const GOAL_SELECT_US: f64 = 20.0;
const GOAL_START_MS: f64 = 300.0;
const GOAL_MIB: f64 = 40.0;
const GOAL_CPU_PERCENT: f64 = 1.0;

/// Runs it and returns a table.
///
/// # Errors
/// If the server does not start, refuses a request, or finds a good proxy bad.
pub async fn server(bench: &Bench) -> Result<String> {
    let title = format!("server, {PROXIES} proxies");
    let mut table = Table::new([title.as_str(), "median", "p99", "goal"]);
    for (name, mean) in selection::selection(PROXIES)? {
        let goal = verdict(mean < GOAL_SELECT_US, format!("< {GOAL_SELECT_US} µs"));
        table.row([name.to_owned(), format!("{mean:.1} µs (mean)"), String::new(), goal]);
    }
    let target = CheckTarget::start(200, true).await?;
    let mut upstreams = Vec::new();
    for number in 0..PROXIES {
        upstreams.push(Upstream::start(loopback(1, number)).await?);
    }
    let place = Place::new(&bench.holdfast, &target.url(), &Ca::shared()?.pem_path())?;
    fill(&place, &upstreams, &target).await?;

    let (starts, round, instance) = starts(&place, &target).await?;
    let lists = lists(instance.addr()).await?;
    let changes = changes(instance.addr()).await?;
    let rest = rest(&instance, bench.quick).await?;
    instance.stop().await?;

    let rows = [
        ("GET /api/proxy/list", lists, GOAL_LIST_MS),
        ("PATCH to its frame on the WebSocket", changes, GOAL_CHANGE_MS),
    ];
    for (name, mut times, goal) in rows {
        let (middle, high) = (median(&mut times), quantile(&mut times, 0.99));
        let goal = verdict(high < goal, format!("< {goal} ms"));
        table.row([name.to_owned(), format!("{middle:.1} ms"), format!("{high:.1} ms"), goal]);
    }
    table.row(start_row(starts));
    table.row(memory_row(rest.mib));
    table.row(cpu_row(&rest, round));
    Ok(table.to_string())
}

fn start_row(mut starts: Vec<f64>) -> [String; 4] {
    let (middle, slowest) = (median(&mut starts), quantile(&mut starts, 1.0));
    let goal = verdict(middle < GOAL_START_MS, format!("< {GOAL_START_MS} ms"));
    let name = format!("start to ready, {STARTS} times");
    [name, format!("{middle:.0} ms"), format!("{slowest:.0} ms (slowest)"), goal]
}

fn memory_row(mib: f64) -> [String; 4] {
    let goal = verdict(mib < GOAL_MIB, format!("< {GOAL_MIB} MiB"));
    ["resident memory, idle".to_owned(), format!("{mib:.1} MiB"), String::new(), goal]
}

/// The rest that is measured is shorter than the interval and too soon after the first checks to hold any, so what a
/// round of checks costs is added by its share.
fn cpu_row(rest: &Rest, round: f64) -> [String; 4] {
    let (idle, checks) = (rest.cpu_percent, 100.0 * round / INTERVAL);
    let all = idle + checks;
    let goal = verdict(all < GOAL_CPU_PERCENT, format!("< {GOAL_CPU_PERCENT} % of a core"));
    let name = format!("CPU, idle for {:.0} s, and checks every {INTERVAL} s", rest.length.as_secs_f64());
    [name, format!("{all:.2} % ({idle:.2} + {checks:.2})"), String::new(), goal]
}

fn verdict(met: bool, goal: String) -> String {
    format!("{goal}: {}", if met { "met" } else { "missed" })
}

/// Imports all proxies into a new server, waits for their checks and stops it: what is stored is what is left behind
/// by a server in use.
async fn fill(place: &Place, upstreams: &[Upstream], target: &CheckTarget) -> Result<()> {
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
async fn starts(place: &Place, target: &CheckTarget) -> Result<(Vec<f64>, f64, Instance)> {
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
async fn lists(addr: SocketAddr) -> Result<Vec<f64>> {
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
async fn changes(addr: SocketAddr) -> Result<Vec<f64>> {
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
struct Rest {
    mib: f64,
    cpu_percent: f64,
    length: Duration,
}

async fn rest(instance: &Instance, quick: bool) -> Result<Rest> {
    let length = Duration::from_secs(if quick { 10 } else { 60 });
    tokio::time::sleep(SETTLE).await;
    let (before, begun) = (instance.process().cpu_seconds()?, Instant::now());
    tokio::time::sleep(length).await;
    let used = instance.process().cpu_seconds()? - before;
    let cpu_percent = 100.0 * used / begun.elapsed().as_secs_f64();
    Ok(Rest { mib: instance.process().resident_kib()? as f64 / 1024.0, cpu_percent, length })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
