//! One dial: tries proxies in the order the pool would choose them until one answers. A try that fails moves on at
//! once. A try that is silent for longer than its proxy's usual gets a competitor beside it, and the first to
//! answer wins. The client sees nothing of this but a working connection.
//!
//! Every failure is handed to the pool as a suspicion; only a check convicts. If no route is left, the dial is held
//! for a while: waiting for one to appear loses less than an error that the client has to digest (measured).

use std::collections::VecDeque;
use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use holdfast_model::{Blame, Destination, ProxyId, ProxyUrl, Via};
use holdfast_pool::{Choice, Request, Suspicion, SuspicionCause};
use tokio::time::timeout_at;

use crate::account::Account;
use crate::decision;
use crate::dial::{DialError, Fault, Phase};
use crate::keeper::PoolHandle;

/// Tries of one pass over the proxies.
const MAX_TRIES: usize = 5;
/// Tries at the same time.
const MAX_IN_FLIGHT: usize = 2;
/// A dial of a recording ends before Streamlink gives up on it (6.0 s with `--http-timeout 6`: measured).
const RECORDING_LIMIT: Duration = Duration::from_millis(5400);
/// A dial of any other client.
const CLIENT_LIMIT: Duration = Duration::from_secs(9);
/// How long a dial is held while there is no route.
const HOLD: Duration = Duration::from_secs(5);
/// At least this long from the end of a pass over all proxies to the next: they were just found wanting, and the
/// checks that tell which of them works take their time.
const BETWEEN_PASSES: Duration = Duration::from_millis(100);
/// A hedge starts after three times the proxy's usual time, within these bounds.
const HEDGE_BOUNDS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));

/// A route that a try takes.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// Through this proxy.
    Proxy(ProxyId, ProxyUrl),
    /// Without a proxy.
    Direct,
}

impl Route {
    pub(crate) fn via(&self) -> Via {
        match self {
            Self::Proxy(id, url) => Via::Proxy(*id, url.masked()),
            Self::Direct => Via::Direct,
        }
    }

    fn id(&self) -> Option<ProxyId> {
        match self {
            Self::Proxy(id, _) => Some(*id),
            Self::Direct => None,
        }
    }
}

/// A dial that succeeded.
pub(crate) struct Won<T> {
    pub(crate) value: T,
    pub(crate) route: Route,
    pub(crate) begun: Instant,
}

/// A dial that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// There was no route at all.
    NoRoute(String),
    /// The destination is one that this client may not reach.
    Forbidden(String),
    /// Every try failed; the last error in words.
    AllFailed(String),
}

/// How a try ended: its number, its route, when it began, and the outcome.
type Ended<T> = (usize, Route, Instant, Result<T, DialError>);

/// Dials `to` for `account`. `attempt` makes one try over one route.
pub(crate) async fn race<T, F, A>(
    pool: &PoolHandle,
    account: &Account,
    to: &Destination,
    attempt: F,
) -> Result<Won<T>, Lost>
where
    F: Fn(Route) -> A,
    A: Future<Output = Result<T, DialError>>,
{
    let begun = Instant::now();
    let limit = if account.is_recording() { RECORDING_LIMIT } else { CLIENT_LIMIT };
    let deadline = begun + limit;
    let mut changes = pool.watch_changes();
    loop {
        changes.mark_unchanged();
        let mut round = Round {
            pool,
            account,
            to,
            attempt: &attempt,
            tried: Vec::new(),
            running: VecDeque::new(),
            last: None,
        };
        let outcome = timeout_at(deadline.into(), round.run()).await;
        let lost = match outcome {
            Ok(Ok((value, route))) => return Ok(Won { value, route, begun }),
            Ok(Err(lost)) => lost,
            Err(_) => {
                round.time_is_up();
                let words = format!("no proxy answered for {to} in {:.1} s", limit.as_secs_f64());
                return Err(Lost::AllFailed(round.last.map_or(words, |error| error.to_string())));
            }
        };
        // The destination itself objects, or every proxy has the request and is silent: asking again would not help.
        let pointless = |error: &DialError| error.blame == Blame::Target || error.phase == Phase::Request;
        if round.last.as_ref().is_some_and(pointless) {
            return Err(lost);
        }
        let hold_until = deadline.min(begun + HOLD);
        if !hold(pool, account, &mut changes, hold_until).await {
            return Err(lost);
        }
    }
}

/// Waits until the pool has changed and offers a route again. False when the time is up.
async fn hold(
    pool: &PoolHandle,
    account: &Account,
    changes: &mut tokio::sync::watch::Receiver<u64>,
    until: Instant,
) -> bool {
    account.dial_failed(!pool.has_route(&account.tags));
    let next_pass = Instant::now() + BETWEEN_PASSES;
    while !pool.has_route(&account.tags) {
        if timeout_at(until.into(), changes.changed()).await.is_err() {
            return false;
        }
    }
    tokio::time::sleep_until(next_pass.into()).await;
    Instant::now() < until
}

async fn fly<T, F, A>(attempt: &F, number: usize, route: Route) -> Ended<T>
where
    F: Fn(Route) -> A,
    A: Future<Output = Result<T, DialError>>,
{
    let began = Instant::now();
    let outcome = attempt(route.clone()).await;
    (number, route, began, outcome)
}

/// One pass over the candidates.
struct Round<'a, F> {
    pool: &'a PoolHandle,
    account: &'a Account,
    to: &'a Destination,
    attempt: &'a F,
    tried: Vec<ProxyId>,
    /// Tries that have not ended, the oldest first.
    running: VecDeque<(usize, Route)>,
    last: Option<DialError>,
}

impl<F> Round<'_, F> {
    async fn run<T, A>(&mut self) -> Result<(T, Route), Lost>
    where
        F: Fn(Route) -> A,
        A: Future<Output = Result<T, DialError>>,
    {
        let mut flights = FuturesUnordered::new();
        let mut tries = 0;
        loop {
            let mut patience = Duration::MAX;
            if tries < MAX_TRIES && self.running.len() < MAX_IN_FLIGHT {
                match self.next_route() {
                    Ok(route) => {
                        tries += 1;
                        patience = self.patience(&route);
                        self.running.push_back((tries, route.clone()));
                        flights.push(fly(self.attempt, tries, route));
                    }
                    Err(words) if self.running.is_empty() => return Err(self.lost(words)),
                    Err(_) => {}
                }
            } else if self.running.is_empty() {
                return Err(self.lost(format!("{tries} proxies were tried")));
            }
            // A timer that would overflow never fires.
            let ended = tokio::time::timeout(patience, flights.next()).await;
            let Ok(ended) = ended else { continue };
            let Some((number, route, began, outcome)): Option<Ended<T>> = ended else { continue };
            self.running.retain(|(other, _)| *other != number);
            match outcome {
                Ok(value) => {
                    self.won(number, &route, began);
                    return Ok((value, route));
                }
                Err(error) => self.failed(&route, error),
            }
        }
    }

    /// The next candidate; never direct beside a proxy that may still answer.
    fn next_route(&mut self) -> Result<Route, String> {
        let avoid = self.account.avoided();
        let request = Request {
            tags: &self.account.tags,
            tried: &self.tried,
            avoid: &avoid,
            keep: self.account.current(),
        };
        let choice = self.pool.read(|pool| {
            decision::log_losers(pool, &request);
            pool.select(&request)
        });
        let first = self.running.is_empty();
        if first && self.last_was_not_direct() {
            decision::log_change(self.pool, &self.account.tags, &choice);
        }
        match choice {
            Choice::Proxy { id, url, .. } => {
                self.tried.push(id);
                Ok(Route::Proxy(id, url))
            }
            Choice::Direct(_) if first && self.last_was_not_direct() => Ok(Route::Direct),
            Choice::Direct(_) => Err("the direct connection failed".to_owned()),
            Choice::NoRoute(reason) => Err(reason.to_string()),
        }
    }

    fn last_was_not_direct(&self) -> bool {
        self.last.as_ref().is_none_or(|error| !error.direct)
    }

    fn patience(&self, route: &Route) -> Duration {
        let Some(id) = route.id() else { return Duration::MAX };
        let usual = self.pool.read(|pool| pool.usual_dial(id));
        usual.map_or(HEDGE_BOUNDS.0, |usual| (usual * 3).clamp(HEDGE_BOUNDS.0, HEDGE_BOUNDS.1))
    }

    fn won(&mut self, number: usize, route: &Route, began: Instant) {
        metrics::counter!("holdfast_dials_total", "result" => "ok").increment(1);
        if let Some(id) = route.id() {
            self.pool.lock().observe_dial(id, began.elapsed());
        }
        // Those that started earlier and never said a word.
        let overtaken: Vec<_> =
            self.running.iter().filter(|(other, _)| *other < number).map(|(_, r)| r.clone()).collect();
        for loser in overtaken {
            self.suspect(&loser, SuspicionCause::HedgeLost, "did not answer while another proxy did");
        }
    }

    fn failed(&mut self, route: &Route, error: DialError) {
        tracing::debug!(via = %route.via(), to = %self.to, %error, "try failed");
        metrics::counter!("holdfast_dials_total", "result" => error.fault.word()).increment(1);
        if let Some(cause) = cause(&error) {
            self.suspect(route, cause, &error.to_string());
        } else {
            self.account.trouble(&route.via(), &error.to_string());
        }
        self.last = Some(error);
    }

    /// The time of the whole dial is up: what is still running has been silent for seconds.
    fn time_is_up(&mut self) {
        for (_, route) in std::mem::take(&mut self.running) {
            self.suspect(&route, SuspicionCause::HedgeLost, "did not answer in time");
        }
    }

    fn suspect(&self, route: &Route, cause: SuspicionCause, words: &str) {
        self.account.trouble(&route.via(), words);
        if let Some(id) = route.id() {
            self.pool.suspect(id, &Suspicion { cause, destination: Some(self.to.clone()) });
        }
    }

    fn lost(&self, words: String) -> Lost {
        match &self.last {
            Some(error) if error.fault == Fault::Private => Lost::Forbidden(error.to_string()),
            Some(error) => Lost::AllFailed(error.to_string()),
            None => Lost::NoRoute(words),
        }
    }
}

/// What a failed try makes its proxy suspect of; `None` where the answer says nothing against it.
fn cause(error: &DialError) -> Option<SuspicionCause> {
    match &error.fault {
        Fault::Private | Fault::Ours(_) => None,
        _ if error.direct => None,
        Fault::Refused => Some(SuspicionCause::Refused),
        Fault::Reset | Fault::Io(_) | Fault::Dns | Fault::Protocol(_) => Some(SuspicionCause::Reset),
        Fault::Timeout(_) => Some(SuspicionCause::HedgeLost),
        Fault::Tls(_) => Some(SuspicionCause::TlsFailed),
        Fault::WrongCredentials | Fault::SocksCredentials => Some(SuspicionCause::WrongCredentials),
        Fault::Status(status @ 500..) => Some(SuspicionCause::ServerError(*status)),
        Fault::Status(_) => None,
        Fault::Socks(_) if error.blame == Blame::Target => Some(SuspicionCause::ServerError(502)),
        Fault::Socks(_) => Some(SuspicionCause::Reset),
    }
}
