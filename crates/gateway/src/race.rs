//! One dial: tries proxies in the order the pool would choose them until one answers. A try that fails moves on at
//! once. A try that is silent for longer than its proxy's usual gets a competitor beside it, and the first to
//! answer wins. The client sees nothing of this but a working connection.
//!
//! Every failure is handed to the pool as a suspicion; only a check convicts. If no route is left, the dial is held
//! for a while: waiting for one to appear loses less than an error that the client has to digest (measured).
//!
//! Direct is the last resort, never a second opinion: it is taken when no proxy can be used, or at once when all that
//! were tried failed by themselves. A proxy that answered, and only says that it did not reach the destination, is first
//! checked; and a plain request that a proxy has and is silent about ([`Try::Late`]) is left with it unless the proxy is
//! convicted.

use std::collections::VecDeque;
use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use holdfast_model::{Blame, Destination, ProxyId, ProxyUrl, Via};
use holdfast_pool::{Choice, DirectReason, Pool, Request, Suspicion, SuspicionCause};
use tokio::sync::watch;
use tokio::time::timeout_at;

use crate::account::Account;
use crate::decision;
use crate::dial::{DialError, Fault, Phase};
use crate::keeper::PoolHandle;
use crate::outage::Said;

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
/// How long an answer is waited for when every route has been tried and some have the request and are silent.
pub(crate) const LATE: Duration = Duration::from_secs(60);
/// A hedge starts after three times the proxy's usual time, within these bounds.
const HEDGE_BOUNDS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));

/// A route that a try takes.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// Through this proxy.
    Proxy(ProxyId, ProxyUrl),
    /// Without a proxy, for this reason.
    Direct(DirectReason),
}

impl Route {
    pub(crate) fn via(&self) -> Via {
        match self {
            Self::Proxy(id, url) => Via::Proxy(*id, url.masked()),
            Self::Direct(_) => Via::Direct,
        }
    }

    fn id(&self) -> Option<ProxyId> {
        match self {
            Self::Proxy(id, _) => Some(*id),
            Self::Direct(_) => None,
        }
    }
}

/// A dial that succeeded.
pub(crate) struct Won<T> {
    pub(crate) value: T,
    pub(crate) landing: Landing,
}

/// How a dial succeeded.
pub(crate) struct Landing {
    pub(crate) route: Route,
    pub(crate) begun: Instant,
    /// Tries that failed and said nothing against their route until another one succeeded.
    pub(crate) doubts: Vec<Doubt>,
}

/// A try that failed, but perhaps by the destination's fault.
#[derive(Debug)]
pub(crate) struct Doubt {
    pub(crate) via: Via,
    pub(crate) words: String,
    pub(crate) at: Instant,
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

/// How a try ended.
pub(crate) enum Try<'a, T> {
    /// For good.
    Done(Result<T, DialError>),
    /// Its time is over and it counts as failed, but the proxy has the request and may still answer.
    Late(DialError, BoxFuture<'a, Result<T, DialError>>),
}

impl<T> From<Result<T, DialError>> for Try<'_, T> {
    fn from(outcome: Result<T, DialError>) -> Self {
        Self::Done(outcome)
    }
}

/// A try that ended: its number, its route, when it began, and how.
type Ended<T> = (usize, Route, Instant, T);

/// Tries whose time is over and that may still be answered.
type LateTries<'a, T> = FuturesUnordered<BoxFuture<'a, (Route, Result<T, DialError>)>>;

/// Dials `to` for `account`. `attempt` makes one try over one route.
pub(crate) async fn race<'a, T, F, A>(
    pool: &PoolHandle,
    account: &Account,
    to: &Destination,
    attempt: F,
) -> Result<Won<T>, Lost>
where
    T: Send + 'a,
    F: Fn(Route) -> A,
    A: Future<Output = Try<'a, T>>,
{
    let mut said = Said::default();
    let outcome = passes(pool, account, to, attempt, &mut said).await;
    match &outcome {
        Ok(_) => pool.outages().reached(account, to),
        Err(Lost::NoRoute(why)) => account.unreached(true, format!("no route to {to}: {why}")),
        Err(Lost::Forbidden(why)) => account.unreached(false, format!("{to}: {why}")),
        Err(Lost::AllFailed(_)) => {
            let words = said.about(to);
            // Else the routes are at fault, and it is told that there is none any more.
            if pool.has_route(&account.tags) {
                pool.outages().not_reached(account, to, &words);
            }
            account.unreached(false, words);
        }
    }
    outcome
}

/// Pass after pass over the routes, until one wins or the time is up. What they answer is added to `said`.
async fn passes<'a, T, F, A>(
    pool: &PoolHandle,
    account: &Account,
    to: &Destination,
    attempt: F,
    said: &mut Said,
) -> Result<Won<T>, Lost>
where
    T: Send + 'a,
    F: Fn(Route) -> A,
    A: Future<Output = Try<'a, T>>,
{
    let begun = Instant::now();
    let limit = if account.is_recording() { RECORDING_LIMIT } else { CLIENT_LIMIT };
    let deadline = begun + limit;
    let hold_until = deadline.min(begun + HOLD);
    let mut late = LateTries::new();
    let mut doubts = Vec::new();
    let mut changes = pool.watch_changes();
    let lost = loop {
        changes.mark_unchanged();
        let mut round = Round {
            pool,
            account,
            to,
            attempt: &attempt,
            hold_until,
            doubts: &mut doubts,
            said: &mut *said,
            tried: Vec::new(),
            running: VecDeque::new(),
            innocent: Vec::new(),
            ours: false,
            direct: false,
            last: None,
        };
        let outcome = timeout_at(deadline.into(), round.run(&mut late, &mut changes)).await;
        let lost = match outcome {
            Ok(Ok((value, route))) => return Ok(Won { value, landing: Landing { route, begun, doubts } }),
            Ok(Err(lost)) => lost,
            Err(_) => {
                round.time_is_up();
                let words = format!("no proxy answered for {to} in {:.1} s", limit.as_secs_f64());
                break Lost::AllFailed(round.last.map_or(words, |error| error.to_string()));
            }
        };
        // The destination itself objects, this machine is at its limits, or every proxy has the request and is silent: asking again would not help.
        let pointless = |error: &DialError| error.blame != Blame::Proxy || error.phase == Phase::Request;
        if round.last.as_ref().is_some_and(pointless) {
            break lost;
        }
        if !hold(pool, account, &mut changes, hold_until).await {
            break lost;
        }
    };
    let patience = begun + LATE;
    while let Ok(Some((route, outcome))) = timeout_at(patience.into(), late.next()).await {
        if let Ok(value) = outcome {
            return Ok(Won { value, landing: Landing { route, begun, doubts } });
        }
    }
    Err(lost)
}

/// Waits until the pool has changed and offers a route again. False when the time is up.
async fn hold(
    pool: &PoolHandle,
    account: &Account,
    changes: &mut watch::Receiver<u64>,
    until: Instant,
) -> bool {
    let choice = pool.read(|pool| pool.select(&Request { tags: &account.tags, ..Request::default() }));
    let no_route = matches!(choice, Choice::NoRoute(_));
    if no_route {
        decision::log_change(pool, &account.tags, &choice);
    }
    account.dial_failed(no_route);
    let next_pass = Instant::now() + BETWEEN_PASSES;
    while !pool.has_route(&account.tags) {
        if timeout_at(until.into(), changes.changed()).await.is_err() {
            return false;
        }
    }
    tokio::time::sleep_until(next_pass.into()).await;
    Instant::now() < until
}

async fn fly<F, A>(attempt: &F, number: usize, route: Route) -> Ended<A::Output>
where
    F: Fn(Route) -> A,
    A: Future,
{
    let began = Instant::now();
    let outcome = attempt(route.clone()).await;
    (number, route, began, outcome)
}

/// What to try next.
enum Next {
    Route(Route),
    /// Nothing for now: what is known of a proxy that was tried will tell.
    Wait,
    /// Nothing, and why.
    None(String),
}

/// What may be said for a proxy whose try failed, and perhaps not by its own fault.
enum Defence {
    /// A check since then passed, or the destination is known to be at fault: direct would ask a second time for what
    /// cannot be had.
    Stands,
    /// It is being checked.
    Pending,
    /// None: the check said nothing, or there was none to wait for.
    Fails,
}

/// One pass over the candidates.
struct Round<'r, F> {
    pool: &'r PoolHandle,
    account: &'r Account,
    to: &'r Destination,
    attempt: &'r F,
    /// Until when a check of a proxy that was tried is waited for.
    hold_until: Instant,
    doubts: &'r mut Vec<Doubt>,
    said: &'r mut Said,
    tried: Vec<ProxyId>,
    /// Tries that have not ended, the oldest first.
    running: VecDeque<(usize, Route)>,
    /// Proxies whose try failed, perhaps by the destination's fault, and when.
    innocent: Vec<(ProxyId, Instant)>,
    /// A try failed because this machine is at its limits.
    ours: bool,
    /// Direct was tried.
    direct: bool,
    last: Option<DialError>,
}

impl<F> Round<'_, F> {
    async fn run<'a, T, A>(
        &mut self,
        late: &mut LateTries<'a, T>,
        changes: &mut watch::Receiver<u64>,
    ) -> Result<(T, Route), Lost>
    where
        T: Send + 'a,
        F: Fn(Route) -> A,
        A: Future<Output = Try<'a, T>>,
    {
        let mut flights = FuturesUnordered::new();
        let mut tries = 0;
        loop {
            let mut patience = Duration::MAX;
            let next = if tries < MAX_TRIES && self.running.len() < MAX_IN_FLIGHT {
                self.next(!late.is_empty())
            } else {
                Next::None(format!("{tries} proxies were tried"))
            };
            let wait = matches!(next, Next::Wait);
            match next {
                Next::Route(route) => {
                    tries += 1;
                    patience = self.patience(&route);
                    self.running.push_back((tries, route.clone()));
                    flights.push(fly(self.attempt, tries, route));
                }
                Next::None(words) if self.running.is_empty() => return Err(self.lost(words)),
                Next::None(_) | Next::Wait => {}
            }
            let ended = tokio::select! {
                biased;
                Some(ended) = flights.next() => ended,
                Some((route, outcome)) = late.next() => match outcome {
                    Ok(value) => return Ok((value, route)),
                    Err(error) => {
                        self.failed(&route, error, false);
                        continue;
                    }
                },
                // The sender lives as long as the handle.
                _ = changes.changed(), if wait => continue,
                // A timer that would overflow never fires.
                () = tokio::time::sleep(patience), if patience != Duration::MAX => continue,
                () = tokio::time::sleep_until(self.hold_until.into()), if wait && Instant::now() < self.hold_until => continue,
            };
            let (number, route, began, outcome): Ended<Try<'a, T>> = ended;
            self.running.retain(|(other, _)| *other != number);
            match outcome {
                Try::Done(Ok(value)) => {
                    self.won(number, &route, began);
                    return Ok((value, route));
                }
                Try::Done(Err(error)) => self.failed(&route, error, false),
                Try::Late(error, rest) => {
                    self.failed(&route, error, true);
                    late.push(Box::pin(async move { (route, rest.await) }));
                }
            }
        }
    }

    /// The next candidate; never direct beside a proxy that may still answer. `late`: some that were tried may.
    fn next(&mut self, late: bool) -> Next {
        let avoid = self.account.avoided();
        let request = Request {
            tags: &self.account.tags,
            tried: &self.tried,
            avoid: &avoid,
            keep: self.account.current(),
        };
        let (choice, others, defence) = self.pool.read(|pool| {
            decision::log_losers(pool, &request);
            (pool.select(&request), self.has_proxies(pool), self.defence(pool))
        });
        let first = self.running.is_empty();
        let next = match &choice {
            Choice::Proxy { id, url, .. } => {
                self.tried.push(*id);
                Next::Route(Route::Proxy(*id, url.clone()))
            }
            Choice::Direct(_) if !first || self.direct => {
                return Next::None("the direct connection failed".to_owned());
            }
            Choice::Direct(DirectReason::NoneUsable) if others => match defence {
                _ if late => return Next::Wait,
                _ if self.ours => return Next::None("this machine is at its limits".to_owned()),
                Defence::Stands => return Next::None("all proxies were tried".to_owned()),
                Defence::Pending if Instant::now() < self.hold_until => return Next::Wait,
                Defence::Pending | Defence::Fails => Next::Route(Route::Direct(DirectReason::NoneUsable)),
            },
            Choice::Direct(reason) => Next::Route(Route::Direct(*reason)),
            Choice::NoRoute(_) if late && others => return Next::Wait,
            Choice::NoRoute(reason) => Next::None(reason.to_string()),
        };
        // That all were tried for this one destination is no word on the routes.
        let all_tried = others && matches!(choice, Choice::NoRoute(_));
        if first && !self.direct && !all_tried {
            decision::log_change(self.pool, &self.account.tags, &choice);
        }
        self.direct |= matches!(next, Next::Route(Route::Direct(_)));
        next
    }

    /// Whether the pool has proxies for this connection, those included that were tried.
    fn has_proxies(&self, pool: &Pool) -> bool {
        let request = Request { tags: &self.account.tags, ..Request::default() };
        matches!(pool.select(&request), Choice::Proxy { .. })
    }

    /// What may be said for the proxies that were tried.
    fn defence(&self, pool: &Pool) -> Defence {
        let now = Instant::now();
        let stands = |(id, at): &(ProxyId, Instant)| pool.is_vouched_for(*id, *at, self.to, now);
        let pending =
            |(id, _): &(ProxyId, Instant)| pool.get(*id).is_some_and(|p| p.is_suspect() && !p.is_convicted());
        if self.innocent.iter().any(stands) {
            Defence::Stands
        } else if self.innocent.iter().any(pending) {
            Defence::Pending
        } else {
            Defence::Fails
        }
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
            self.silent(&loser, "did not answer while another proxy did");
        }
    }

    /// A try failed; `late`: it may still be answered. The route is at fault by its own failures only, until another
    /// one reaches the destination.
    fn failed(&mut self, route: &Route, error: DialError, late: bool) {
        tracing::debug!(via = %route.via(), to = %self.to, %error, "try failed");
        metrics::counter!("holdfast_dials_total", "result" => error.fault.word()).increment(1);
        let words = error.to_string();
        self.said.add(route.via(), words.as_str());
        // Before the check that this may start.
        let asked = Instant::now();
        if let Some(cause) = cause(&error) {
            self.suspect(route, cause);
        }
        match error.blame {
            Blame::Proxy if !late => self.account.trouble(&route.via(), &words),
            Blame::Proxy | Blame::Target => {
                self.doubts.push(Doubt { via: route.via(), words, at: Instant::now() });
            }
            Blame::Ours => {}
        }
        match (error.blame, route.id()) {
            (Blame::Target, Some(id)) => self.innocent.push((id, asked)),
            (Blame::Ours, _) => self.ours = true,
            _ => {}
        }
        self.last = Some(error);
    }

    /// The time of the whole dial is up: what is still running has been silent for seconds.
    fn time_is_up(&mut self) {
        for (_, route) in std::mem::take(&mut self.running) {
            let words = "did not answer in time";
            self.said.add(route.via(), words);
            self.silent(&route, words);
        }
    }

    fn silent(&self, route: &Route, words: &str) {
        self.account.trouble(&route.via(), words);
        self.suspect(route, SuspicionCause::HedgeLost);
    }

    fn suspect(&self, route: &Route, cause: SuspicionCause) {
        if let Some(id) = route.id() {
            self.pool.suspect(id, &Suspicion { cause, destination: Some(self.to.clone()) });
        }
    }

    fn lost(&self, words: String) -> Lost {
        match &self.last {
            Some(error) if error.direct && matches!(error.fault, Fault::Private | Fault::Own) => {
                Lost::Forbidden(error.to_string())
            }
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
        Fault::Reset | Fault::Io(_) | Fault::Dns | Fault::Protocol(_) | Fault::Own => {
            Some(SuspicionCause::Reset)
        }
        Fault::Timeout(_) => Some(SuspicionCause::HedgeLost),
        Fault::Tls(_) => Some(SuspicionCause::TlsFailed),
        Fault::WrongCredentials | Fault::SocksCredentials => Some(SuspicionCause::WrongCredentials),
        // A 4xx is no word on the destination: a quota that is used up, a subscription that has ended.
        Fault::Status(status) if *status >= 500 || error.phase != Phase::Request => {
            Some(SuspicionCause::ServerError(*status))
        }
        Fault::Status(_) => None,
        Fault::Socks(_) if error.blame == Blame::Target => Some(SuspicionCause::ServerError(502)),
        Fault::Socks(_) => Some(SuspicionCause::Reset),
    }
}
