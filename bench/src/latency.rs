//! What a gateway adds to the time of a CONNECT, beside the same CONNECT to the upstream itself. One at a time from
//! a thread of its own with blocking sockets: nothing of the client's runtime is in the figures.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::origin::Origin;
use crate::table::{Goal, Table, quantile};
use crate::upstream::Upstream;
use crate::{Bench, Gateway, Kind, client};

/// Between one CONNECT and the next.
const PAUSE: Duration = Duration::from_millis(1);

/// Runs it and returns a table.
///
/// # Errors
/// If a gateway does not start or a CONNECT fails.
pub async fn latency(bench: &Bench) -> Result<String> {
    let rounds = if bench.quick { 200 } else { 3000 };
    let origin = Origin::start().await?;
    let upstream = Upstream::start(([127, 0, 0, 1], 0).into()).await?;
    let mut gateways = Vec::new();
    for &kind in bench.kinds.iter().filter(|k| **k != Kind::HaproxySplice) {
        gateways
            .push((kind, Gateway::start(kind, &bench.holdfast, &[upstream.addr()], origin.addr()).await?));
    }
    let doors: Vec<SocketAddr> =
        std::iter::once(upstream.addr()).chain(gateways.iter().map(|(_, g)| g.addr())).collect();
    let to = origin.addr();
    let cpu = || gateways.iter().map(|(_, g)| g.process().cpu_seconds()).collect::<Result<Vec<_>>>();
    let before = cpu()?;
    let mut times = tokio::task::spawn_blocking(move || sample(&doors, to, rounds)).await??;
    let used = cpu()?.into_iter().zip(before).map(|(now, before)| Some(now - before));

    let mut table =
        Table::new(["CONNECT answered in", "median", "p99", "added, median", "added, p99", "CPU"]);
    let shown = |us: f64| format!("{us:.0} µs");
    let mut goals = [Goal::new("added median"), Goal::new("added p99")];
    let rows = std::iter::once(None).chain(gateways.iter().map(|(kind, _)| Some(*kind)));
    let mut base = None;
    let used = std::iter::once(None).chain(used);
    for ((kind, times), used) in rows.zip(&mut times).zip(used) {
        let (middle, high) = (quantile(times, 0.5), quantile(times, 0.99));
        let (middle_base, high_base) = *base.get_or_insert((middle, high));
        let added = [middle - middle_base, high - high_base];
        for (goal, added) in goals.iter_mut().zip(added) {
            goal.note(kind, added);
        }
        // The warm-up costs as much as the rest.
        let cost = used.map_or_else(String::new, |s| shown(s * 1e6 / (rounds + rounds / 10) as f64));
        let name = kind.map_or("upstream itself", Kind::name);
        table.row([name.to_owned(), shown(middle), shown(high), shown(added[0]), shown(added[1]), cost]);
    }
    Ok(format!("{table}{}{}", goals[0], goals[1]))
}

/// Microseconds for each of `doors`.
fn sample(doors: &[SocketAddr], to: SocketAddr, rounds: usize) -> Result<Vec<Vec<f64>>> {
    let mut times = vec![Vec::with_capacity(rounds); doors.len()];
    let warm_up = rounds / 10;
    for round in 0..warm_up + rounds {
        // Each comes first once in a while: what the one before leaves behind in the caches is shared out.
        for place in 0..doors.len() {
            let place = (place + round) % doors.len();
            let took = connect(doors[place], to)?;
            if round >= warm_up {
                times[place].push(took.as_secs_f64() * 1e6);
            }
            std::thread::sleep(PAUSE);
        }
    }
    Ok(times)
}

fn connect(door: SocketAddr, to: SocketAddr) -> Result<Duration> {
    let request = client::connect_request(to);
    let begun = Instant::now();
    let mut stream = TcpStream::connect(door)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request.as_bytes())?;
    let (mut buffer, mut filled) = ([0; 1024], 0);
    while !buffer[..filled].ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut buffer[filled..])?;
        ensure!(read > 0, "closed instead of an answer to CONNECT");
        filled += read;
    }
    let took = begun.elapsed();
    ensure!(buffer.get(9..12) == Some(b"200"), "CONNECT was not answered 200");
    Ok(took)
}
