//! What a tunnel costs that carries nothing: 5,000 of them, each used once, then left alone.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::origin::{HOLD, Origin};
use crate::table::{Table, ratio};
use crate::upstream::UpstreamProcess;
use crate::{Bench, Gateway, Kind, client, raise_file_limit};

/// Tunnels opened at the same time.
const SIDE_BY_SIDE: usize = 50;

const GOAL_KIB: f64 = 16.0;

/// Runs it and returns a table.
///
/// # Errors
/// If a gateway does not start or a tunnel is refused.
pub async fn idle(bench: &Bench) -> Result<String> {
    let wanted = if bench.quick { 500 } else { 5000 };
    // Each takes two files here and two in the gateway.
    let room = usize::try_from(raise_file_limit()?)?.saturating_sub(500) / 2;
    let tunnels = wanted.min(room);
    let title = format!("{tunnels} idle tunnels");
    let mut table = Table::new([title.as_str(), "KiB per tunnel", "resident before", "with them"]);
    let mut ours = None;
    for &kind in bench.kinds.iter().filter(|k| **k != Kind::HaproxySplice) {
        let (before, with) = measure(bench, kind, tunnels).await?;
        let each = with.saturating_sub(before) as f64 / tunnels as f64;
        if kind == Kind::Holdfast {
            ours = Some(each);
        }
        let base = ours.filter(|_| kind != Kind::Holdfast);
        table.row([
            kind.name().to_owned(),
            format!("{each:.1}{}", ratio(each, base)),
            format!("{before} KiB"),
            format!("{with} KiB"),
        ]);
    }
    let goal = ours.map_or("", |each| if each <= GOAL_KIB { "met" } else { "missed" });
    Ok(format!("{table}goal, holdfast at most {GOAL_KIB} KiB: {goal}\n"))
}

async fn measure(bench: &Bench, kind: Kind, tunnels: usize) -> Result<(u64, u64)> {
    let origin = Origin::start().await?;
    // In a process of its own: both sides of all tunnels in one would be too many open files for some systems.
    let upstream = UpstreamProcess::start(&bench.bench, Ipv4Addr::LOCALHOST.into())?;
    let gateway = Gateway::start(kind, &bench.holdfast, &[upstream.addr()], origin.addr()).await?;
    let before = gateway.process().resident_kib()?;
    let (door, to) = (gateway.addr(), origin.addr());
    let mut opening = JoinSet::new();
    let mut open = Vec::with_capacity(tunnels);
    for started in 0..tunnels {
        if started >= SIDE_BY_SIDE
            && let Some(done) = opening.join_next().await
        {
            open.push(done??);
        }
        opening.spawn(async move { client::open(door, to, HOLD).await });
    }
    while let Some(done) = opening.join_next().await {
        open.push(done??);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let with = gateway.process().resident_kib()?;
    let cut = open.iter().filter(|(stream, _)| has_ended(stream)).count();
    ensure!(cut == 0, "{} cut {cut} of {tunnels} idle tunnels:\n{}", kind.name(), gateway.last_words());
    Ok((before, with))
}

/// An idle tunnel has at most the page to read; one that was cut has its end.
fn has_ended(stream: &TcpStream) -> bool {
    loop {
        match stream.try_read(&mut [0; 64]) {
            Ok(1..) => {}
            Ok(0) => return true,
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}
