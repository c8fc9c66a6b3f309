//! The choice of a proxy, in this process: no server, no lock, only the pool.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::DateTime;
use holdfast_model::{Health, ProxyId, ProxyUrl};
use holdfast_pool::{Choice, NewProxy, Now, Pool, Remembered, Request, Settings};

/// So few that most batches are over before the system gives the core to somebody else.
const BATCH: u32 = 100;
const BATCHES: u32 = 500;

/// Microseconds of a choice, each the mean of a batch: for a plain connection, and for one that knows all a request can know.
pub(super) fn selection(proxies: usize) -> Result<[(&'static str, Vec<f64>); 2]> {
    let pool = pool(proxies)?;
    let tags = ["even".to_owned()];
    let (tried, avoid) = ([ProxyId(40), ProxyId(140)], [ProxyId(240)]);
    let plain = Request::default();
    let full = Request { tags: &tags, tried: &tried, avoid: &avoid, keep: Some(ProxyId(340)) };
    Ok([
        ("Pool::select", measure(&pool, &plain)?),
        ("Pool::select with tags, tried, avoid, keep", measure(&pool, &full)?),
    ])
}

fn measure(pool: &Pool, request: &Request<'_>) -> Result<Vec<f64>> {
    ensure!(matches!(pool.select(request), Choice::Proxy { .. }), "the pool chose no proxy");
    let mut times = Vec::new();
    for _ in 0..BATCHES {
        let begun = Instant::now();
        for _ in 0..BATCH {
            black_box(pool.select(black_box(request)));
        }
        times.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH));
    }
    Ok(times)
}

/// Of ten proxies six are healthy, one each is degraded, unknown, failed and disabled; ten priorities, and averages all
/// over the place.
fn pool(proxies: usize) -> Result<Pool> {
    let now = Now { at: Instant::now(), wall: DateTime::UNIX_EPOCH };
    let mut pool = Pool::new(Settings { fallback_to_direct: false, ..Settings::default() }, 7);
    for number in 0..u32::try_from(proxies)? {
        let health = match number % 10 {
            0 => Health::Degraded,
            3 => Health::Unknown,
            7 => Health::Failed,
            _ => Health::Healthy,
        };
        let new = NewProxy {
            id: ProxyId(i64::from(number)),
            url: ProxyUrl::parse(&format!("http://user:password@proxy{number}.example:3128"))?,
            label: Some(format!("number {number}")),
            tags: vec![if number % 2 == 0 { "even" } else { "odd" }.to_owned()],
            // Scattered: the order in which they are looked at is not the order of their ids.
            priority: number * 7919 / 10 % 10,
            enabled: number % 10 != 9,
        };
        // No two neighbours alike, 20 ms to 519 ms.
        let average = Duration::from_millis(20 + u64::from(number * 7919 % 500));
        let remembered = Remembered {
            health: Some(health),
            average_response_time: (health != Health::Unknown).then_some(average),
            ..Remembered::default()
        };
        pool.restore(new, remembered, now);
    }
    Ok(pool)
}
