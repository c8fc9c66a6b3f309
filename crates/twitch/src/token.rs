//! The app token: what is kept of it, and when the next one is due. Plain data without a clock; [`crate::Twitch`]
//! fetches.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use holdfast_model::Secret;
use serde::Deserialize;

use crate::TwitchError;

/// Longer than any token of Twitch lives (two months), and short enough to be added to any time.
const LONGEST_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// At most so long before its end a token is renewed.
const EARLY: Duration = Duration::from_secs(3600);
/// How long nobody asks again after Twitch could not be reached: checks and polls of a thousand proxies and channels
/// would otherwise ask one after the other.
const PAUSE: Duration = Duration::from_secs(2);
/// The same after Twitch refused the credentials, which do not become right by themselves. It doubles with each refusal.
const LONG_PAUSE: Duration = Duration::from_secs(60);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Twitch's answer to a good client ID and secret.
#[derive(Deserialize)]
pub(crate) struct Granted {
    access_token: String,
    /// In seconds.
    expires_in: u64,
}

#[derive(Clone)]
struct Token {
    secret: Secret,
    renew_at: Instant,
    ends_at: Instant,
}

/// The token that is in use, and what went wrong last.
#[derive(Default)]
pub(crate) struct Purse {
    token: Option<Token>,
    failure: Option<(Instant, TwitchError)>,
    /// Refusals in a row.
    refusals: u32,
    /// Tokens are given, but not taken: only an answer of the API ends that.
    untaken: bool,
}

/// What is in the purse.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Use this one.
    Token(Secret),
    /// It just failed: do not ask again yet.
    Failed(TwitchError),
    /// Fetch one.
    Nothing,
}

impl Purse {
    /// What there is for somebody who saw `refused` refused.
    pub(crate) fn look(&mut self, refused: Option<&Secret>, now: Instant, clock: DateTime<Utc>) -> Found {
        if self.token.as_ref().is_some_and(|token| Some(&token.secret) == refused || token.ends_at <= now) {
            self.token = None;
        }
        match (&self.token, self.failure.as_ref().filter(|(at, error)| self.rests(error, *at, now, clock))) {
            (Some(token), failure) if failure.is_some() || now < token.renew_at => {
                Found::Token(token.secret.clone())
            }
            (None, Some((_, error))) => Found::Failed(error.clone()),
            _ => Found::Nothing,
        }
    }

    /// Puts a new one in.
    pub(crate) fn put(&mut self, granted: Granted, now: Instant) -> Secret {
        let life = Duration::from_secs(granted.expires_in).min(LONGEST_LIFE);
        let secret = Secret::new(granted.access_token);
        let renew_at = now + life.saturating_sub(EARLY.min(life / 10));
        self.token = Some(Token { secret: secret.clone(), renew_at, ends_at: now + life });
        self.failure = None;
        if !self.untaken {
            self.refusals = 0;
        }
        secret
    }

    /// Notes that there was none. An older one that has not ended yet still serves.
    pub(crate) fn fail(&mut self, error: TwitchError, now: Instant) -> Result<Secret, TwitchError> {
        self.refusals = if error.is_refusal() { self.refusals.saturating_add(1) } else { self.refusals };
        self.failure = Some((now, error.clone()));
        self.token.as_ref().map(|token| token.secret.clone()).ok_or(error)
    }

    /// The API refused this token although it is a fresh one. Of many who are told so at once the first counts.
    pub(crate) fn refuse(&mut self, token: &Secret, error: TwitchError, now: Instant) {
        if self.token.take_if(|held| held.secret == *token).is_some() {
            self.untaken = true;
            let _ = self.fail(error, now);
        }
    }

    /// The API took a token.
    pub(crate) fn taken(&mut self) {
        (self.refusals, self.untaken) = (0, false);
    }

    /// Whether it is too early to ask again.
    fn rests(&self, error: &TwitchError, at: Instant, now: Instant, clock: DateTime<Utc>) -> bool {
        let pause = match error {
            TwitchError::RateLimited { until } => return clock < *until,
            TwitchError::Unavailable(_) => PAUSE,
            TwitchError::Refused { .. } | TwitchError::Credentials(_) | TwitchError::Token(_) => {
                let doubled = 1 << self.refusals.saturating_sub(1).min(8);
                LONG_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
            }
        };
        now.saturating_duration_since(at) < pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn granted(text: &str, expires_in: u64) -> Granted {
        Granted { access_token: text.to_owned(), expires_in }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn token(text: &str) -> Found {
        Found::Token(Secret::new(text))
    }

    #[test]
    fn a_token_serves_until_shortly_before_its_end() {
        let start = Instant::now();
        for (life, good_for) in [(1000, 900), (5_000_000, 5_000_000 - 3600)] {
            let mut purse = Purse::default();
            assert_eq!(purse.look(None, start, CLOCK), Found::Nothing);
            purse.put(granted("one", life), start);
            assert_eq!(purse.look(None, start + seconds(good_for - 1), CLOCK), token("one"));
            assert_eq!(purse.look(None, start + seconds(good_for), CLOCK), Found::Nothing);
        }
    }

    #[test]
    fn any_life_that_twitch_may_name_can_be_added() {
        let start = Instant::now();
        let mut purse = Purse::default();
        purse.put(granted("endless", u64::MAX), start);
        assert_eq!(purse.look(None, start, CLOCK), token("endless"));
        purse.put(granted("dead", 0), start);
        assert_eq!(purse.look(None, start, CLOCK), Found::Nothing);
    }

    #[test]
    fn a_refused_token_goes_once_only() {
        let start = Instant::now();
        let mut purse = Purse::default();
        purse.put(granted("old", 1000), start);
        assert_eq!(purse.look(Some(&Secret::new("old")), start, CLOCK), Found::Nothing);
        purse.put(granted("new", 1000), start);
        // Another who was refused with the old one is served with the new one.
        assert_eq!(purse.look(Some(&Secret::new("old")), start, CLOCK), token("new"));
    }

    #[test]
    fn a_failed_renewal_leaves_the_old_token_in_use_to_its_end() {
        let start = Instant::now();
        let mut purse = Purse::default();
        purse.put(granted("old", 1000), start);
        let late = start + seconds(950);
        assert_eq!(purse.look(None, late, CLOCK), Found::Nothing);
        let away = TwitchError::Unavailable("away".to_owned());
        assert_eq!(purse.fail(away.clone(), late), Ok(Secret::new("old")));
        assert_eq!(purse.look(None, late + seconds(1), CLOCK), token("old"));
        assert_eq!(purse.look(None, late + PAUSE, CLOCK), Found::Nothing, "time to try again");
        let end = start + seconds(1000);
        assert_eq!(purse.look(None, end, CLOCK), Found::Nothing);
        assert_eq!(purse.fail(away.clone(), end), Err(away));
    }

    #[test]
    fn after_a_failure_nobody_asks_at_once() {
        let (start, clock) = (Instant::now(), CLOCK);
        let until = clock + seconds(30);
        for (error, pause) in [
            (TwitchError::Unavailable("away".to_owned()), PAUSE),
            (TwitchError::Credentials("wrong".to_owned()), LONG_PAUSE),
            (TwitchError::RateLimited { until }, seconds(30)),
        ] {
            let mut purse = Purse::default();
            assert_eq!(purse.fail(error.clone(), start), Err(error.clone()));
            let before = pause - Duration::from_millis(1);
            assert_eq!(purse.look(None, start + before, clock + before), Found::Failed(error));
            assert_eq!(purse.look(None, start + pause, clock + pause), Found::Nothing);
        }
    }

    /// How long nobody asks from `now` on, in whole minutes.
    fn minutes(purse: &mut Purse, now: Instant) -> u64 {
        (0..).find(|m| purse.look(None, now + seconds(m * 60), CLOCK) == Found::Nothing).expect("some day")
    }

    #[test]
    fn refused_credentials_are_tried_less_and_less_often() {
        let (mut purse, mut now) = (Purse::default(), Instant::now());
        let wrong = || TwitchError::Credentials("wrong".to_owned());
        for pause in [1, 2, 4, 8, 10, 10] {
            let _ = purse.fail(wrong(), now);
            assert_eq!(minutes(&mut purse, now), pause);
            now += seconds(pause * 60);
        }
        // Away, and back with the same answer: it goes on where it was.
        let _ = purse.fail(TwitchError::Unavailable("away".to_owned()), now);
        assert_eq!(purse.look(None, now + PAUSE, CLOCK), Found::Nothing);
        let _ = purse.fail(wrong(), now);
        assert_eq!(minutes(&mut purse, now), 10);
        purse.put(granted("good", 0), now);
        let _ = purse.fail(wrong(), now);
        assert_eq!(minutes(&mut purse, now), 1);
    }

    #[test]
    fn tokens_that_are_given_and_not_taken_are_fetched_less_and_less_often_too() {
        let (mut purse, mut now) = (Purse::default(), Instant::now());
        let untaken = || TwitchError::Token("not taken".to_owned());
        for (n, pause) in [1, 2, 4, 8, 10].into_iter().enumerate() {
            let fresh = purse.put(granted(&format!("token-{n}"), 5_000_000), now);
            // Twenty were told so at once, and one of them late.
            for _ in 0..20 {
                purse.refuse(&fresh, untaken(), now);
            }
            assert_eq!(purse.look(None, now, CLOCK), Found::Failed(untaken()));
            assert_eq!(minutes(&mut purse, now), pause);
            now += seconds(pause * 60);
            purse.put(granted("another", 5_000_000), now);
            purse.refuse(&fresh, untaken(), now);
            assert_eq!(purse.look(None, now, CLOCK), token("another"));
        }
        purse.taken();
        let fresh = purse.put(granted("once more", 5_000_000), now);
        purse.refuse(&fresh, untaken(), now);
        assert_eq!(minutes(&mut purse, now), 1);
    }
}
