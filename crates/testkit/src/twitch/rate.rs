//! The rate limit of api.twitch.tv: so many points a minute, and headers that say how many are left.

use chrono::{DateTime, TimeDelta, Utc};

use super::answer::problem;
use crate::Reply;

/// Points of a client, filled up once a minute.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: u32,
    left: u32,
    reset: DateTime<Utc>,
}

impl Default for Bucket {
    fn default() -> Self {
        Self::new(800)
    }
}

impl Bucket {
    /// Full, with so many points a minute.
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, left: limit, reset: Utc::now() + TimeDelta::minutes(1) }
    }

    /// Empty for so long.
    pub(super) fn exhaust(&mut self, until: DateTime<Utc>) {
        (self.left, self.reset) = (0, until);
    }

    /// Takes a point for the answer, or refuses; says in both cases what is left.
    pub(super) fn spend(&mut self, now: DateTime<Utc>, answer: impl FnOnce() -> Reply) -> Reply {
        if now >= self.reset {
            (self.left, self.reset) = (self.limit, now + TimeDelta::minutes(1));
        }
        let mut reply = if self.left == 0 {
            problem(429, "Too Many Requests")
        } else {
            self.left -= 1;
            answer()
        };
        // In whole seconds; rounded up, so that whoever waits until then is not too early.
        let reset = (self.reset + TimeDelta::milliseconds(999)).timestamp();
        reply.headers.push(("Ratelimit-Limit", self.limit.to_string()));
        reply.headers.push(("Ratelimit-Remaining", self.left.to_string()));
        reply.headers.push(("Ratelimit-Reset", reset.to_string()));
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_empties_and_fills() {
        let mut bucket = Bucket::new(2);
        let start = bucket.reset - TimeDelta::minutes(1);
        let mut ask =
            |seconds| bucket.spend(start + TimeDelta::seconds(seconds), || Reply::status(200)).status;
        assert_eq!(
            [ask(0), ask(1), ask(2), ask(59), ask(60), ask(61), ask(62)],
            [200, 200, 429, 429, 200, 200, 429]
        );
    }
}
