//! `holdfast serve` with 1,000 proxies: what it takes to list them, to choose one, to tell of a change and to start,
//! and what the server costs while nobody asks it anything.

mod door;
mod instance;
mod measures;
mod selection;
mod socket;

use anyhow::Result;
use holdfast_testkit::{Ca, CheckTarget};

use crate::Bench;
use crate::table::{Table, median, quantile};
use crate::upstream::{Upstream, loopback};
use instance::Place;
use measures::{Rest, STARTS, changes, fill, lists, rest, starts};

const PROXIES: usize = 1000;
/// From one regular check of a proxy to its next, in seconds: the default.
const INTERVAL: f64 = 300.0;

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
    for (name, times) in selection::selection(PROXIES)? {
        table.row(times_row(name, times, "µs", GOAL_SELECT_US));
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

    table.row(times_row("GET /api/proxy/list", lists, "ms", GOAL_LIST_MS));
    table.row(times_row("PATCH to its frame on the WebSocket", changes, "ms", GOAL_CHANGE_MS));
    table.row(start_row(starts));
    table.row(memory_row(&rest));
    table.row(cpu_row(&rest, round));
    Ok(table.to_string())
}

/// The p99 is what must meet the goal.
fn times_row(name: &str, mut times: Vec<f64>, unit: &str, goal: f64) -> [String; 4] {
    let (middle, high) = (median(&mut times), quantile(&mut times, 0.99));
    let goal = verdict(high < goal, &format!("< {goal} {unit}"));
    [name.to_owned(), format!("{middle:.1} {unit}"), format!("{high:.1} {unit}"), goal]
}

fn start_row(mut starts: Vec<f64>) -> [String; 4] {
    let (middle, slowest) = (median(&mut starts), quantile(&mut starts, 1.0));
    let goal = verdict(middle < GOAL_START_MS, &format!("< {GOAL_START_MS} ms"));
    let name = format!("start to ready, {STARTS} times");
    [name, format!("{middle:.0} ms"), format!("{slowest:.0} ms (slowest)"), goal]
}

fn memory_row(rest: &Rest) -> [String; 4] {
    let (all, own) = (rest.mib, rest.own_mib);
    let goal = verdict(all < GOAL_MIB, &format!("< {GOAL_MIB} MiB"));
    let figure = format!("{all:.1} MiB ({own:.1} + {:.1} of files)", all - own);
    ["resident memory, idle".to_owned(), figure, String::new(), goal]
}

/// The rest that is measured is shorter than the interval and too soon after the first checks to hold any, so what a
/// round of checks costs is added by its share.
fn cpu_row(rest: &Rest, round: f64) -> [String; 4] {
    let (idle, checks) = (rest.cpu_percent, 100.0 * round / INTERVAL);
    let all = idle + checks;
    let goal = verdict(all < GOAL_CPU_PERCENT, &format!("< {GOAL_CPU_PERCENT} % of a core"));
    let name = format!("CPU, idle for {:.0} s, and checks every {INTERVAL} s", rest.length.as_secs_f64());
    [name, format!("{all:.2} % ({idle:.2} + {checks:.2})"), String::new(), goal]
}

fn verdict(met: bool, goal: &str) -> String {
    format!("{goal}: {}", if met { "met" } else { "missed" })
}
