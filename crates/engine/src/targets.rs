//! What health checks ask for. What a person named counts alone; else it is Twitch's API, as soon as there is a token for
//! it, and a public address of Twitch otherwise: without credentials, while Twitch gives no token, and while it takes no
//! more requests from us. So a proxy is judged by what it carries, never by the state of our credentials. `token.rs` keeps
//! the token.

mod token;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use holdfast_gateway::probe::{CheckTarget, Objection};
use holdfast_model::Secret;
use holdfast_twitch::{CheckRequest, Objection as Ours, Twitch, TwitchError};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a check waits for a new token before it asks the public address: a recording may wait for the check.
const RENEWAL: Duration = Duration::from_secs(1);
/// A token that is refused so soon after it took the place of a refused one is not replaced: the next would be refused, too.
const REST: Duration = Duration::from_secs(60);
/// How long nothing is asked at least after Twitch took no more: by its own word it may take some again already, and each check
/// under way would be news.
const LEAST_REST: TimeDelta = TimeDelta::seconds(5);
/// Failures in a row that are told.
const TELLING: u32 = 2;
/// Checks that ask Twitch's API in a minute. Twitch takes 800 requests from a client ID: the looks at channels need theirs.
const A_MINUTE: u32 = 400;

/// Hands them out.
pub(crate) struct Targets {
    /// Without a token.
    usual: Vec<CheckTarget>,
    /// Whether Twitch's API takes their place when there is one.
    replaceable: bool,
    state: Arc<Mutex<State>>,
    /// The token may have changed.
    changed: Arc<Notify>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

#[derive(Default)]
struct State {
    /// With which credentials; `None`: there are none.
    link: Option<(Twitch, String)>,
    /// Counts them: what was asked for with others comes to nothing.
    generation: u64,
    held: Option<Held>,
    /// Failures in a row to get a token with these credentials.
    failures: u32,
    /// It was told that there is no token, be it with the credentials before.
    told_lost: bool,
    /// Until then nothing is asked of the API.
    rests_until: Option<DateTime<Utc>>,
    /// Even a new token was refused, and none was taken since.
    refused: bool,
    budget: Budget,
}

/// A token in use.
struct Held {
    token: Secret,
    target: CheckTarget,
    /// When it took the place of one that was refused, if it did.
    replaced: Option<Instant>,
}

/// Requests of the present minute.
#[derive(Default)]
struct Budget {
    minute: Option<Instant>,
    spent: u32,
}

impl Budget {
    fn spend(&mut self, now: Instant) -> bool {
        if self.minute.is_none_or(|begun| now.saturating_duration_since(begun) >= Duration::from_secs(60)) {
            (self.minute, self.spent) = (Some(now), 0);
        }
        self.spent += 1;
        self.spent <= A_MINUTE
    }
}

impl State {
    /// The API, if it may be asked.
    fn api(&mut self, now: Instant, clock: DateTime<Utc>) -> Option<CheckTarget> {
        let rests = self.rests_until.is_some_and(|until| clock < until);
        let held = self.held.as_ref().filter(|_| !rests)?;
        self.budget.spend(now).then(|| held.target.clone())
    }

    /// The API is left alone until then. Answers until when, if it was not left alone before.
    fn rest(&mut self, until: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let before = self.rests_until;
        let until = until.max(now + LEAST_REST);
        self.rests_until = before.max(Some(until));
        before.is_none_or(|before| before <= now).then_some(until)
    }

    /// A token that has just come is refused as well: the API is left alone for a while. Answers whether that is news.
    fn new_token_refused(&mut self, now: DateTime<Utc>) -> bool {
        self.rest(now + REST, now);
        !std::mem::replace(&mut self.refused, true)
    }

    /// The API took what this target brings along. Answers whether it had refused that before.
    fn token_taken(&mut self, target: &CheckTarget) -> bool {
        let ours = self.held.as_ref().is_some_and(|held| held.target == *target);
        ours && std::mem::take(&mut self.refused)
    }

    /// A token came, or none; `replaced`: in the place of a refused one. False if other credentials count by now: then it
    /// says nothing.
    fn adopt(
        &mut self,
        generation: u64,
        got: Result<&Secret, &TwitchError>,
        replaced: Option<Instant>,
    ) -> bool {
        let Some((_, client_id)) = self.link.as_ref().filter(|_| generation == self.generation) else {
            return false;
        };
        match got {
            Ok(token) if self.held.as_ref().is_some_and(|held| held.token == *token) => {}
            Ok(token) => {
                let target = api_target(client_id, token);
                self.held = target.map(|target| Held { token: token.clone(), target, replaced });
            }
            Err(_) => self.held = None,
        }
        true
    }

    /// Counts how asking for a token went. Answers whether that is news: a single failure is nobody's business, and of
    /// refused credentials is told for all who need them (`channels/refused.rs`).
    fn count(&mut self, got: Result<&Secret, &TwitchError>) -> bool {
        let before = self.failures;
        self.failures = match got {
            Ok(_) => 0,
            Err(error) if error.is_refusal() => before,
            Err(_) => before.saturating_add(1),
        };
        match got {
            Ok(_) => std::mem::take(&mut self.told_lost),
            Err(_) if before < TELLING && self.failures >= TELLING => {
                self.told_lost = true;
                true
            }
            Err(_) => false,
        }
    }
}

/// What is asked with this token; `None` if it cannot be sent.
fn api_target(client_id: &str, token: &Secret) -> Option<CheckTarget> {
    let request = CheckRequest::new(client_id, token);
    let mut target = CheckTarget::parse(request.url).ok()?;
    for (name, value) in request.headers {
        target = target.with_header(http::HeaderName::from_static(name), &value).ok()?;
    }
    Some(target)
}

impl Targets {
    /// `usual`: without a token; with one Twitch's API takes their place, if they are `replaceable`. Tokens are fetched
    /// on `tracker`, until `stop`.
    pub(crate) fn new(
        usual: Vec<CheckTarget>,
        replaceable: bool,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let (state, changed) = (Arc::default(), Arc::default());
        Self { usual, replaceable, state, changed, tracker: tracker.clone(), stop: stop.clone() }
    }

    /// Their addresses, for people.
    pub(crate) fn usual_words(&self) -> String {
        self.usual.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// From now on these credentials count, or none.
    pub(crate) fn link(&self, link: Option<(Twitch, String)>) {
        let mut state = lock(&self.state);
        let generation = state.generation + 1;
        let told_lost = state.told_lost && link.is_some();
        *state = State { link, generation, told_lost, ..State::default() };
        drop(state);
        self.changed.notify_one();
    }

    /// Whether the token is needed, and from whom it is.
    fn giver(&self) -> Option<(Twitch, u64)> {
        let state = lock(&self.state);
        let (twitch, _) = state.link.as_ref().filter(|_| self.replaceable)?;
        Some((twitch.clone(), state.generation))
    }

    /// A token of this giver; `None` if there may be another one before it comes.
    async fn ask(&self, twitch: &Twitch) -> Option<Result<Secret, TwitchError>> {
        tokio::select! {
            got = twitch.token() => Some(got),
            () = self.changed.notified() => None,
        }
    }

    /// Another token for one that was refused, if it comes soon.
    async fn renew(&self, refused: &CheckTarget) -> Option<CheckTarget> {
        let (twitch, generation) = self.giver()?;
        let token = {
            let mut state = lock(&self.state);
            match &state.held {
                Some(held) if held.target != *refused => return state.api(Instant::now(), Utc::now()),
                Some(held) if held.replaced.is_some_and(|at| at.elapsed() < REST) => {
                    if state.new_token_refused(Utc::now()) {
                        let usual = self.usual_words();
                        tracing::warn!(
                            "Twitch refuses the token that it has just given: until it takes one proxies are checked with {usual}"
                        );
                    }
                    return None;
                }
                held => held.as_ref()?.token.clone(),
            }
        };
        let (state, changed) = (Arc::clone(&self.state), Arc::clone(&self.changed));
        let stop = self.stop.clone();
        // By itself: the check does not wait for it to the end.
        let fetch = self.tracker.spawn(async move {
            let got = stop.run_until_cancelled(twitch.token_instead_of(&token)).await?;
            let mut state = lock(&state);
            state.adopt(generation, got.as_ref(), Some(Instant::now()));
            changed.notify_one();
            state.api(Instant::now(), Utc::now())
        });
        timeout(RENEWAL, fetch).await.ok()?.ok()?
    }

    /// Leaves the API alone until then; told once, however many checks say so.
    fn rest(&self, until: DateTime<Utc>) {
        let news = lock(&self.state).rest(until, Utc::now());
        if let Some(until) = news {
            let (until, usual) = (until.format("%H:%M:%S UTC"), self.usual_words());
            tracing::info!(
                "Twitch takes no more requests with this client ID: until {until} proxies are checked with {usual}"
            );
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl holdfast_gateway::probe::Targets for Targets {
    fn now(&self) -> Vec<CheckTarget> {
        let api = lock(&self.state).api(Instant::now(), Utc::now());
        api.map_or_else(|| self.usual.clone(), |api| vec![api])
    }

    async fn instead(&self, target: &CheckTarget, objection: Objection<'_>) -> Option<CheckTarget> {
        match CheckRequest::objection(objection.status, objection.headers)? {
            Ours::Token => self.renew(target).await.or_else(|| self.usual.first().cloned()),
            Ours::Unavailable => self.usual.first().cloned(),
            Ours::RateLimited { until } => {
                self.rest(until);
                self.usual.first().cloned()
            }
        }
    }

    fn accepted(&self, target: &CheckTarget) {
        if lock(&self.state).token_taken(target) {
            tracing::info!("Twitch takes the token again: proxies are checked with {}", CheckRequest::URL);
        }
    }
}

#[cfg(test)]
mod tests;
