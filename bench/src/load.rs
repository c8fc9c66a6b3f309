//! A gateway at work while its upstream fails: ten requests a second, half of them CONNECT and half plain GET, and
//! six open streams. The upstream in use is killed, frozen, or makes one slip, and is good again later.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Signal;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::gateway::{Gateway, Kind};
use crate::origin::{Origin, STREAM};
use crate::table::Table;
use crate::upstream::UpstreamProcess;
use crate::{Bench, client};

const STREAMS: usize = 6;
const PACE: Duration = Duration::from_millis(100);

/// A client's patience.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two requests, so that the fault itself meets none: bytes of a request that were in a killed process are
/// lost for every gateway, and only by chance.
const OFF_BEAT: Duration = Duration::from_millis(50);

/// What happens to the upstream in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL, and started again later.
    Killed,
    /// SIGSTOP, and SIGCONT later.
    Frozen,
    /// One answer of 502, and 5 s later one reset connection.
    Slips,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Killed, Self::Frozen, Self::Slips];

    /// When it begins, when it is over, and when the load ends.
    fn times(self) -> [Duration; 3] {
        match self {
            Self::Killed => [4, 11, 22],
            Self::Frozen => [4, 20, 32],
            Self::Slips => [4, 9, 14],
        }
        .map(|s| Duration::from_secs(s) + OFF_BEAT)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Frozen => "frozen",
            Self::Slips => "one 502, one reset",
        }
    }
}

/// What the clients saw.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What happened.
    pub fault: Fault,
    /// Requests made.
    pub requests: usize,
    /// Those that failed: when, and how.
    pub errors: Vec<String>,
    /// The slowest request, failed ones included.
    pub slowest: Duration,
    /// Streams that were open on the upstream when the fault began.
    pub streams_at_risk: usize,
    /// How long after that the last of them was cut; `None` if one never was.
    pub all_cut_after: Option<Duration>,
    /// Streams that ended although their upstream was good.
    pub healthy_cuts: usize,
    /// Tries to open a stream again that failed.
    pub reopen_errors: usize,
    /// Whether the upstream was in use again at the end.
    pub back_in_use: bool,
    /// Where a Holdfast misjudged an upstream, by its log: it has to find the faulty one wanting and no other, and
    /// nobody for a mere slip.
    pub misjudged: Vec<String>,
}

impl Outcome {
    /// Where it falls short of what Holdfast promises; empty if nowhere.
    #[must_use]
    pub fn shortfalls(&self) -> Vec<String> {
        let mut found = Vec::new();
        if !self.errors.is_empty() {
            found.push(format!(
                "{} of {} requests failed: {:?}",
                self.errors.len(),
                self.requests,
                self.errors
            ));
        }
        if self.slowest > Duration::from_millis(1500) {
            found.push(format!(
                "the slowest request took {:.2} s, more than 1.5 s",
                self.slowest.as_secs_f64()
            ));
        }
        if self.fault == Fault::Frozen
            && self.all_cut_after.is_none_or(|after| after > Duration::from_secs(4))
        {
            found.push(format!(
                "streams on the frozen upstream were cut after {:?}, not within 4 s",
                self.all_cut_after
            ));
        }
        if self.fault != Fault::Slips && self.streams_at_risk == 0 {
            found.push("no stream was open on the upstream that failed".to_owned());
        }
        if self.healthy_cuts > 0 {
            found.push(format!("{} streams on a healthy upstream were cut", self.healthy_cuts));
        }
        if self.reopen_errors > 0 {
            found.push(format!("{} tries to open a stream again failed", self.reopen_errors));
        }
        if !self.misjudged.is_empty() {
            found.push(format!("upstreams were misjudged: {:?}", self.misjudged));
        }
        if !self.back_in_use {
            found.push("the upstream was not used again after its fault".to_owned());
        }
        found
    }
}

/// Runs all faults over all gateways at once (the load is light) and returns a table.
///
/// # Errors
/// If a gateway does not start.
pub async fn load(bench: &Bench) -> Result<String> {
    let kinds: Vec<Kind> = bench.kinds.iter().copied().filter(|k| *k != Kind::HaproxySplice).collect();
    let mut runs = JoinSet::new();
    for (place, (fault, kind)) in Fault::ALL.iter().flat_map(|f| kinds.iter().map(|k| (*f, *k))).enumerate() {
        let bench = bench.clone();
        runs.spawn(async move {
            let outcome = run(kind, fault, &bench.holdfast, &bench.bench).await;
            (place, kind, outcome)
        });
    }
    let mut done = Vec::new();
    while let Some(run) = runs.join_next().await {
        let (place, kind, outcome) = run?;
        done.push((place, kind, outcome.with_context(|| format!("the load on {}", kind.name()))?));
    }
    done.sort_by_key(|(place, ..)| *place);
    let mut table = Table::new([
        "upstream in use",
        "gateway",
        "client errors",
        "slowest",
        "its streams cut after",
        "healthy streams cut",
        "reopen errors",
        "used again",
    ]);
    for (_, kind, outcome) in &done {
        table.row([
            outcome.fault.name().to_owned(),
            kind.name().to_owned(),
            format!("{} of {}", outcome.errors.len(), outcome.requests),
            format!("{:.2} s", outcome.slowest.as_secs_f64()),
            match outcome.fault {
                Fault::Slips => "-".to_owned(),
                _ => {
                    outcome.all_cut_after.map_or("never".to_owned(), |t| format!("{:.1} s", t.as_secs_f64()))
                }
            },
            outcome.healthy_cuts.to_string(),
            outcome.reopen_errors.to_string(),
            if outcome.back_in_use { "yes" } else { "no" }.to_owned(),
        ]);
    }
    let mut text = table.to_string();
    for (_, _, outcome) in done.iter().filter(|(_, kind, _)| *kind == Kind::Holdfast) {
        let shortfalls = outcome.shortfalls();
        let verdict = if shortfalls.is_empty() {
            "met".to_owned()
        } else {
            format!("missed: {}", shortfalls.join("; "))
        };
        text.push_str(&format!("goal, {}: {verdict}\n", outcome.fault.name()));
    }
    Ok(text)
}

/// Runs one load over one gateway with three upstreams of its own. `bench`: the binary of this crate, which is
/// the upstream.
///
/// # Errors
/// If the gateway or an upstream does not start; what clients see is in the [`Outcome`].
pub async fn run(kind: Kind, fault: Fault, holdfast: &Path, bench: &Path) -> Result<Outcome> {
    let origin = Origin::start().await?;
    let upstreams: Vec<UpstreamProcess> = (11..14)
        .map(|last| UpstreamProcess::start(bench, Ipv4Addr::new(127, 0, 0, last).into()))
        .collect::<Result<_>>()?;
    let addrs: Vec<SocketAddr> = upstreams.iter().map(UpstreamProcess::addr).collect();
    let gateway = Gateway::start(kind, holdfast, &addrs, origin.addr()).await?;
    // Every peer may finish its first round of checks.
    sleep(Duration::from_secs(2)).await;

    let journal = Arc::new(Journal { begun: Instant::now(), ..Journal::default() });
    let [fault_at, heal_at, end_at] = fault.times();
    let mut clients = JoinSet::new();
    for _ in 0..STREAMS {
        clients.spawn(keep_streaming(gateway.addr(), origin.addr(), Arc::clone(&journal)));
    }
    let requests = tokio::spawn(keep_asking(gateway.addr(), origin.addr(), Arc::clone(&journal), end_at));

    sleep_until((journal.begun + fault_at).into()).await;
    let in_use = journal.in_use().context("no stream could be opened")?;
    let upstream = upstreams.iter().find(|u| u.source() == in_use).context("a stream without an upstream")?;
    match fault {
        Fault::Killed => upstream.kill(),
        Fault::Frozen => upstream.signal(Signal::STOP)?,
        Fault::Slips => upstream.blip("502")?,
    }
    sleep_until((journal.begun + heal_at).into()).await;
    match fault {
        Fault::Killed => upstream.restart()?,
        Fault::Frozen => upstream.signal(Signal::CONT)?,
        Fault::Slips => upstream.blip("reset")?,
    }
    sleep_until((journal.begun + end_at).into()).await;
    clients.shutdown().await;
    requests.await?;
    let mut outcome = journal.sum_up(fault, in_use);
    if kind == Kind::Holdfast {
        let faulty = upstream.addr().to_string();
        let (just, unjust): (Vec<_>, Vec<_>) = gateway
            .convictions()
            .into_iter()
            .partition(|line| fault != Fault::Slips && line.contains(&faulty));
        outcome.misjudged = unjust;
        if fault != Fault::Slips && just.is_empty() {
            outcome.misjudged.push(format!("{faulty} was bad and not convicted"));
        }
    }
    Ok(outcome)
}

/// What happened, as the clients noted it down.
struct Journal {
    begun: Instant,
    streams: Mutex<Vec<StreamLife>>,
    requests: Mutex<Vec<Request>>,
    reopen_errors: Mutex<usize>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            streams: Mutex::default(),
            requests: Mutex::default(),
            reopen_errors: Mutex::default(),
        }
    }
}

#[derive(Clone, Debug)]
struct StreamLife {
    via: IpAddr,
    opened: Duration,
    ended: Option<Duration>,
}

struct Request {
    asked: Duration,
    took: Duration,
    result: Result<IpAddr, String>,
}

impl Journal {
    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The upstream of most open streams.
    fn in_use(&self) -> Option<IpAddr> {
        let mut counts = HashMap::new();
        for stream in lock(&self.streams).iter().filter(|s| s.ended.is_none()) {
            *counts.entry(stream.via).or_insert(0) += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(via, _)| via)
    }

    fn sum_up(&self, fault: Fault, faulty: IpAddr) -> Outcome {
        let [fault_at, heal_at, _] = fault.times();
        let requests = lock(&self.requests);
        let streams = lock(&self.streams);
        let error =
            |r: &Request| r.result.as_ref().err().map(|e| format!("{:.1} s: {e}", r.asked.as_secs_f64()));
        let at_risk = |s: &&StreamLife| {
            s.via == faulty && s.opened < fault_at && s.ended.is_none_or(|ended| ended >= fault_at)
        };
        // A stream that was opened while its upstream was bad, or ended during or after that, had a reason to.
        let excused = |s: &&StreamLife| {
            fault != Fault::Slips
                && s.via == faulty
                && s.opened < heal_at
                && s.ended.is_some_and(|e| e >= fault_at)
        };
        let cuts: Option<Vec<Duration>> =
            streams.iter().filter(at_risk).map(|s| s.ended.filter(|e| *e < heal_at)).collect();
        Outcome {
            fault,
            requests: requests.len(),
            errors: requests.iter().filter_map(error).collect(),
            slowest: requests.iter().map(|r| r.took).max().unwrap_or_default(),
            streams_at_risk: streams.iter().filter(at_risk).count(),
            all_cut_after: cuts
                .and_then(|cuts| cuts.into_iter().max())
                .map(|last| last.saturating_sub(fault_at)),
            healthy_cuts: streams.iter().filter(|s| s.ended.is_some() && !excused(s)).count(),
            reopen_errors: *lock(&self.reopen_errors),
            misjudged: Vec::new(),
            back_in_use: requests.iter().rev().take(10).any(|r| r.result.as_ref() == Ok(&faulty)),
        }
    }
}

async fn keep_streaming(gateway: SocketAddr, origin: SocketAddr, journal: Arc<Journal>) {
    loop {
        match timeout(PATIENCE, client::open(gateway, origin, STREAM)).await {
            Ok(Ok((mut stream, head))) => {
                let Ok(via) = client::carrier(&head) else { continue };
                let place = {
                    let mut streams = lock(&journal.streams);
                    streams.push(StreamLife { via, opened: journal.now(), ended: None });
                    streams.len() - 1
                };
                let mut buffer = vec![0; 64 * 1024];
                while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
                lock(&journal.streams)[place].ended = Some(journal.now());
            }
            _ => *lock(&journal.reopen_errors) += 1,
        }
        sleep(PACE).await;
    }
}

async fn keep_asking(gateway: SocketAddr, origin: SocketAddr, journal: Arc<Journal>, until: Duration) {
    let mut beat = tokio::time::interval_at(journal.begun.into(), PACE);
    let mut open = JoinSet::new();
    let mut number = 0_u32;
    while journal.now() < until {
        beat.tick().await;
        number += 1;
        let by_connect = number.is_multiple_of(2);
        let journal = Arc::clone(&journal);
        open.spawn(async move {
            let (asked, begun) = (journal.now(), Instant::now());
            let result = timeout(PATIENCE, async {
                match by_connect {
                    true => client::hello_by_connect(gateway, origin).await,
                    false => client::hello_by_get(gateway, origin).await,
                }
            });
            let result = match result.await {
                Ok(result) => result.map_err(|e| format!("{e:#}")),
                Err(_) => Err(format!("no answer in {} s", PATIENCE.as_secs())),
            };
            let how = if by_connect { "CONNECT" } else { "GET" };
            let result = result.map_err(|e| format!("{how}: {e}"));
            lock(&journal.requests).push(Request { asked, took: begun.elapsed(), result });
        });
    }
    open.join_all().await;
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
