//! One bandwidth for all tunnels of a proxy. Bytes are booked on a single time line before they are written, and
//! nothing more is read meanwhile, so the limit reaches back to the origin through the socket buffers. Whoever is woken
//! late may make up for it: on a busy machine the rate would else be lower than it says.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

const MAX_CHUNK: usize = 32 * 1024;
/// How much time that nobody used is not lost.
const CREDIT: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(crate) struct Limiter {
    cap: Option<u64>,
    booked: Mutex<(Instant, Option<u64>)>,
}

impl Limiter {
    pub(crate) fn new(cap: Option<u64>) -> Self {
        Self { cap, booked: Mutex::new((Instant::now(), cap)) }
    }

    /// The rate in force, given what the fault allows.
    pub(crate) fn rate(&self, fault: Option<u64>) -> Option<u64> {
        match (self.cap, fault) {
            (Some(cap), Some(fault)) => Some(cap.min(fault)),
            (cap, fault) => cap.or(fault),
        }
    }

    /// How much to read at once: small pieces at low rates, so that bytes keep arriving evenly.
    pub(crate) fn chunk(rate: Option<u64>) -> usize {
        rate.map_or(MAX_CHUNK, |rate| usize::try_from(rate / 50).unwrap_or(MAX_CHUNK).clamp(128, MAX_CHUNK))
    }

    /// Waits until `bytes` more may pass.
    pub(crate) async fn pass(&self, bytes: usize, rate: Option<u64>) {
        let Some(rate) = rate else { return };
        let until = {
            let mut booked = self.booked.lock().expect("no holder of this lock panics");
            let now = Instant::now();
            let earliest = now.checked_sub(CREDIT).unwrap_or(now);
            let from = if booked.1 == Some(rate) { booked.0.max(earliest) } else { now };
            let until = from + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
            *booked = (until, Some(rate));
            until
        };
        tokio::time::sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Option<u64> = Some(100_000);

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_though_its_user_is_often_late() {
        let limiter = Limiter::new(RATE);
        let began = Instant::now();
        for turn in 0..100 {
            limiter.pass(1_000, RATE).await;
            if turn % 5 == 0 {
                tokio::time::advance(Duration::from_millis(40)).await;
            }
        }
        let took = began.elapsed();
        assert!((Duration::from_millis(900)..Duration::from_millis(1100)).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_used_for_long_is_lost() {
        let limiter = Limiter::new(RATE);
        limiter.pass(1_000, RATE).await;
        tokio::time::advance(Duration::from_secs(60)).await;
        let began = Instant::now();
        limiter.pass(100_000, RATE).await;
        assert!(began.elapsed() >= Duration::from_millis(800), "{:?}", began.elapsed());
    }
}
