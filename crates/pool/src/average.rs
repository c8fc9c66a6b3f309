//! Moving averages of durations: what is usual for a proxy.

use std::time::Duration;

/// How much the newest measurement counts.
const WEIGHT: f64 = 0.3;

/// The exponentially weighted moving average with one more measurement in it; the first stands for itself.
pub(crate) fn averaged(average: Option<Duration>, measured: Duration) -> Duration {
    average.map_or(measured, |old| old.mul_f64(1.0 - WEIGHT) + measured.mul_f64(WEIGHT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_counts_three_tenths() {
        let ms = Duration::from_millis;
        for (measured, expected) in
            [(&[100][..], 100.0), (&[100, 200], 130.0), (&[100, 200, 200], 151.0), (&[0, 1000], 300.0)]
        {
            let average = measured.iter().fold(None, |a, &m| Some(averaged(a, ms(m)))).unwrap();
            assert!((average.as_secs_f64() * 1e3 - expected).abs() < 0.01, "{measured:?}: {average:?}");
        }
    }
}
