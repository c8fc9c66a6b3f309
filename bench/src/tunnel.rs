//! How fast a tunnel is and what its bytes cost: downloads as fast as they go over one and over eight tunnels, and
//! fifty recordings at the pace of a video.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

use crate::origin::{FIREHOSE, Origin, STREAM};
use crate::table::{Goal, Table, median, ratio};
use crate::upstream::Upstream;
use crate::{Bench, Gateway, Kind, client};

/// The loads: how many tunnels, and to what page.
const LOADS: [(usize, &str, &str); 3] =
    [(1, FIREHOSE, "1 tunnel"), (8, FIREHOSE, "8 tunnels"), (50, STREAM, "50 tunnels of 6 Mbit/s")];

/// Time for the windows of TCP to open.
const WARM_UP: Duration = Duration::from_millis(500);

/// Runs it and returns a table.
///
/// # Errors
/// If a gateway does not start or a tunnel breaks.
pub async fn tunnel(bench: &Bench) -> Result<String> {
    let (rounds, length) =
        if bench.quick { (1, Duration::from_secs(1)) } else { (3, Duration::from_secs(3)) };
    let origin = Origin::start().await?;
    let upstream = Upstream::start(([127, 0, 0, 1], 0).into()).await?;
    let mut gateways = Vec::new();
    for &kind in &bench.kinds {
        gateways
            .push((kind, Gateway::start(kind, &bench.holdfast, &[upstream.addr()], origin.addr()).await?));
    }
    let mut text = String::new();
    for (count, path, title) in LOADS {
        let mut figures: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); gateways.len()];
        // In turns, so that a disturbance of the machine meets them all alike.
        for _ in 0..rounds {
            // A pace takes longer to cost something that can be measured.
            let length = if path == STREAM { length * 3 } else { length };
            for ((_, gateway), (rates, costs)) in gateways.iter().zip(&mut figures) {
                let (rate, cost) = measure(gateway, origin.addr(), count, path, length).await?;
                rates.push(rate);
                costs.push(cost);
            }
        }
        let mut table = Table::new([title, "MB/s", "CPU s per GB"]);
        let (mut ours, mut goal) = (None, Goal::new("CPU per GB"));
        for ((kind, _), (rates, costs)) in gateways.iter().zip(&mut figures) {
            let (rate, cost) = (median(rates), median(costs));
            if *kind == Kind::Holdfast {
                ours = Some((rate, cost));
            }
            goal.note(*kind, cost);
            let base = ours.filter(|_| *kind != Kind::Holdfast);
            table.row([
                kind.name().to_owned(),
                format!("{rate:.0}{}", ratio(rate, base.map(|b| b.0))),
                format!("{cost:.3}{}", ratio(cost, base.map(|b| b.1))),
            ]);
        }
        text.push_str(&format!("{table}{goal}\n"));
    }
    Ok(text)
}

/// MB per second, and CPU seconds of the gateway per GB.
async fn measure(
    gateway: &Gateway,
    origin: SocketAddr,
    count: usize,
    path: &'static str,
    length: Duration,
) -> Result<(f64, f64)> {
    let received = Arc::new(AtomicU64::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..count {
        let (mut stream, _) = client::open(gateway.addr(), origin, path).await?;
        let received = Arc::clone(&received);
        readers.spawn(async move {
            let mut buffer = vec![0; 256 * 1024];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                received.fetch_add(read as u64, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(WARM_UP).await;
    let (bytes, cpu, begun) =
        (received.load(Ordering::Relaxed), gateway.process().cpu_seconds()?, Instant::now());
    tokio::time::sleep(length).await;
    let (cpu, took) = (gateway.process().cpu_seconds()? - cpu, begun.elapsed());
    let bytes = received.load(Ordering::Relaxed) - bytes;
    anyhow::ensure!(readers.try_join_next().is_none(), "a tunnel ended while it was measured");
    readers.shutdown().await;
    let megabytes = bytes as f64 / 1e6;
    Ok((megabytes / took.as_secs_f64(), cpu / (megabytes / 1e3)))
}
