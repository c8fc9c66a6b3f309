//! Trickle: when a proxy still delivers, but slower than the stream plays. The recorder tells of segments that are
//! in flight for too long; here it is decided whether to move the recording, and where to.
//!
//! A move is a guess, so a run of them begins once per 30 s at most. If the next proxies are slow as well, three in all,
//! the bottleneck is probably not the proxy: the recording goes back to the fastest it has seen and stays there, until
//! a segment arrives in time again. (Two in a row, as first designed, with 30 s between all moves, left a recording with
//! 8 s in the window on the second of two proxies that trickled at once: seen in a storm.) A proxy's shown health is never changed by this: it may be fine for others.

use std::time::{Duration, Instant};

use holdfast_model::ProxyId;

/// At least this long from the last move of a run to the first of the next.
pub(crate) const BETWEEN_MOVES: Duration = Duration::from_secs(30);

/// So many slow proxies in a row are not the proxies' doing.
const ENOUGH: usize = 3;

/// How long a recording keeps away from a proxy that was too slow for it.
pub(crate) const AVOID_SLOW: Duration = Duration::from_secs(5 * 60);

/// The run of slow segments of one recording.
#[derive(Debug, Default)]
pub(crate) struct SlowRun {
    last_move: Option<Instant>,
    /// Proxies that were slow since the last segment that came in time, with their rate in bytes per second.
    slow: Vec<(ProxyId, f64)>,
    settled: bool,
}

/// What to do about a slow segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Nothing.
    Stay,
    /// Leave this proxy for the next best.
    Away,
    /// Leave this proxy for that one, the fastest so far, and stay there.
    BackTo(ProxyId),
}

impl SlowRun {
    /// A segment is slow on `via`, which delivered at `rate` bytes per second. `other`: there is a proxy to move to that
    /// was not too slow already.
    pub(crate) fn slow(&mut self, via: ProxyId, rate: f64, other: bool, now: Instant) -> Move {
        match self.slow.iter_mut().find(|(id, _)| *id == via) {
            Some((_, best)) => *best = best.max(rate),
            None => self.slow.push((via, rate)),
        }
        let first = self.slow.len() == 1;
        let too_soon = first && self.last_move.is_some_and(|at| now.duration_since(at) < BETWEEN_MOVES);
        if self.settled || too_soon {
            return Move::Stay;
        }
        let there = if self.slow.len() < ENOUGH {
            if other { Move::Away } else { Move::Stay }
        } else {
            self.settled = true;
            let fastest = self.slow.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            match fastest {
                Some(&(id, _)) if id != via => Move::BackTo(id),
                _ => Move::Stay,
            }
        };
        if there != Move::Stay {
            self.last_move = Some(now);
        }
        there
    }

    /// A segment arrived in time.
    pub(crate) fn in_time(&mut self) {
        self.slow.clear();
        self.settled = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_moves_then_back_to_the_fastest_and_stay() {
        let (a, b, c) = (ProxyId(1), ProxyId(2), ProxyId(3));
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut run = SlowRun::default();
        assert_eq!(run.slow(a, 50.0, true, at(0)), Move::Away);
        assert_eq!(run.slow(b, 20.0, true, at(4)), Move::Away);
        assert_eq!(run.slow(c, 30.0, true, at(8)), Move::BackTo(a));
        assert_eq!(run.slow(a, 50.0, true, at(90)), Move::Stay, "it has settled");
        run.in_time();
        assert_eq!(run.slow(a, 50.0, true, at(91)), Move::Away, "a segment in time ends the run");
        run.in_time();
        assert_eq!(run.slow(b, 50.0, true, at(100)), Move::Stay, "the next run begins within 30 s");
        assert_eq!(run.slow(b, 50.0, true, at(121)), Move::Away);
    }

    #[test]
    fn the_present_one_stays_if_it_is_the_fastest() {
        let mut run = SlowRun::default();
        let start = Instant::now();
        assert_eq!(run.slow(ProxyId(1), 10.0, true, start), Move::Away);
        assert_eq!(run.slow(ProxyId(2), 20.0, true, start), Move::Away);
        assert_eq!(run.slow(ProxyId(3), 30.0, true, start), Move::Stay);
    }

    #[test]
    fn with_nowhere_to_go_no_pause_begins() {
        let mut run = SlowRun::default();
        let start = Instant::now();
        assert_eq!(run.slow(ProxyId(1), 10.0, false, start), Move::Stay);
        let soon = start + Duration::from_secs(1);
        assert_eq!(run.slow(ProxyId(1), 10.0, true, soon), Move::Away, "another one is back");
    }
}
