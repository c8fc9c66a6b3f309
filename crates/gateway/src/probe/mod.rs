//! One health check of one proxy. It takes the very road recordings take (the dialer of this crate), so that a
//! check that passes means that a recording would have got through, and it says whose fault a failure is.

mod exchange;
mod hop;
mod io;
mod judge;
mod target;
mod targets;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use holdfast_model::{Blame, CheckReport, Destination, Phases, ProxyUrl, TargetOutcome, Verdict};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::dial::{DialError, Dialer, Fault, Limits, Names};
use hop::{Answer, Hop, Probe};
use io::Replay;
use judge::Step;

pub use target::{CheckTarget, CheckTargetError, DEFAULT_CHECK_URL};
pub use targets::{Objection, Targets};

/// How many redirects are followed, all through the same proxy.
const MAX_REDIRECTS: usize = 5;
/// How often a target may be replaced by another that is asked instead: a token by its successor, and that by none.
const MOST_INSTEAD: usize = 2;

/// How far a check has come, for whoever has to stop it early and still say whose fault the silence is. Clones
/// share one state.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Reached>);

#[derive(Debug, Default)]
struct Reached {
    /// Whoever is behind the proxy.
    beyond: AtomicBool,
    /// A target, which answered and is perhaps asked again.
    target: AtomicBool,
    /// What is being asked.
    asking: Mutex<Vec<String>>,
}

impl Progress {
    /// Of a check that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whose fault it is if nothing more comes: the proxy's until it has opened a tunnel or passed an answer on
    /// for one target at least, the target's from then on.
    #[must_use]
    pub fn blame_if_stopped_now(&self) -> Blame {
        if self.0.beyond.load(Ordering::Acquire) { Blame::Target } else { Blame::Proxy }
    }

    /// Whether a target has answered, and only what to make of that is still to be found out: what the proxy was
    /// suspected of is refuted, however long the rest takes.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.0.target.load(Ordering::Acquire)
    }

    /// What the check asks for at this moment, by the names of [`TargetOutcome::target`].
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        self.asking().clone()
    }

    fn asks(&self, targets: &[CheckTarget]) {
        *self.asking() = targets.iter().map(name).collect();
    }

    fn asks_instead(&self, old: &CheckTarget, new: &CheckTarget) {
        let old = name(old);
        if let Some(asked) = self.asking().iter_mut().find(|asked| **asked == old) {
            *asked = name(new);
        }
    }

    fn asking(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn past_the_proxy(&self) {
        self.0.beyond.store(true, Ordering::Release);
    }

    fn answered(&self) {
        self.0.target.store(true, Ordering::Release);
    }
}

/// Checks `proxy` against all that `targets` are now, side by side, each within `limit` in all. The report has one
/// outcome a target, in their order.
pub async fn check(
    dialer: &Dialer,
    proxy: &ProxyUrl,
    targets: &dyn Targets,
    limit: Duration,
    names: Names,
    progress: &Progress,
) -> CheckReport {
    let probe = Probe { dialer, proxy, limit, deadline: Instant::now() + limit, names, progress };
    let one = |target| Box::pin(one_target(&probe, targets, target));
    let asked = targets.now();
    progress.asks(&asked);
    CheckReport { outcomes: join_all(asked.into_iter().map(one)).await }
}

/// Under which name targets of different proxies are compared.
fn name(target: &CheckTarget) -> String {
    target.destination().to_string()
}

/// Asks one target, and another in its place where its objection was not to the proxy. For that there may be little time
/// left, so what comes of it does not tell against a proxy that has brought an answer before.
async fn one_target(probe: &Probe<'_>, targets: &dyn Targets, mut target: CheckTarget) -> TargetOutcome {
    let (mut brought, mut left) = (false, MOST_INSTEAD);
    loop {
        let (mut outcome, objected) = follow(probe, &target).await;
        if brought && matches!(outcome.verdict, Verdict::Failed(Blame::Proxy | Blame::Target)) {
            (outcome.verdict, outcome.spoke) = (Verdict::Failed(Blame::Target), true);
        }
        brought |= outcome.spoke;
        if outcome.verdict == Verdict::Healthy {
            targets.accepted(&target);
        }
        let Some(answer) = objected.filter(|_| left > 0) else { return outcome };
        left -= 1;
        probe.progress.answered();
        let objection = Objection { status: answer.status, headers: &answer.headers };
        match timeout_at(probe.deadline, targets.instead(&target, objection)).await {
            Ok(Some(other)) => {
                probe.progress.asks_instead(&target, &other);
                target = other;
            }
            Ok(None) | Err(_) => return outcome,
        }
    }
}

/// Follows one target to its last answer; that comes along if it objects to a request with headers of ours. Times are
/// those of the first hop: a target that starts to redirect has not made the proxy slower.
async fn follow(probe: &Probe<'_>, target: &CheckTarget) -> (TargetOutcome, Option<Answer>) {
    let mut phases = Phases::default();
    let mut response_time = None;
    let mut hop = Hop::first(target);
    let (verdict, error, answer) = loop {
        let mut of_this_hop = Phases::default();
        let result = probe.run(&hop, &mut of_this_hop).await;
        if hop.redirects == 0 {
            phases = of_this_hop;
            response_time = result.as_ref().ok().map(|answer| answer.took);
        }
        let answer = match result {
            Ok(answer) => answer,
            Err(failure) => break (Verdict::Failed(failure.blame), Some(failure.words), None),
        };
        match judge::answer(target, &hop, &answer) {
            Step::Follow(next) => hop = *next,
            Step::Done(verdict, error) => break (verdict, error, Some(answer)),
        }
    };
    // Nobody but the target can speak over its TLS.
    let spoke = answer.is_some() && hop.url.scheme() == "https";
    let objected =
        answer.filter(|answer| verdict != Verdict::Healthy && !hop.headers.is_empty() && !answer.by_proxy);
    let target = name(target);
    (TargetOutcome { target, verdict, spoke, error, response_time, phases }, objected)
}

/// Whether `to` is alive by this route (`None`: direct): it is asked for its front page, over TLS if `tls`, and
/// anything it says counts, even a certificate nobody trusts. A tunnel or a TLS handshake that is followed by
/// silence does not: that is how a proxy with a frozen way out looks. Nor does an error that a proxy makes up for
/// a plain request.
pub async fn answers(
    dialer: &Dialer,
    proxy: Option<&ProxyUrl>,
    to: &Destination,
    tls: bool,
    limit: Duration,
    names: Names,
) -> bool {
    let asking = async {
        let opened = match proxy {
            Some(proxy) => dialer.tunnel(proxy, to, Limits::each(limit), names).await,
            None => dialer.direct(to, Limits::each(limit)).await,
        };
        match (opened, proxy) {
            (Ok(opened), _) if tls => speaks_tls(dialer, to, Replay::new(opened)).await,
            (Ok(opened), _) => speaks(to, Replay::new(opened)).await,
            // Many proxies refuse CONNECT to anything but port 443, and relay plain requests all the same.
            (Err(DialError { fault: Fault::Status(400..=499), .. }), Some(proxy)) if !tls => {
                relays(dialer, proxy, to, limit).await
            }
            (Err(_), _) => false,
        }
    };
    timeout(limit, Box::pin(asking)).await.unwrap_or(false)
}

/// The same question as a plain request to the proxy. An error may be its own, so only what is none counts.
async fn relays(dialer: &Dialer, proxy: &ProxyUrl, to: &Destination, limit: Duration) -> bool {
    let Ok(target) = CheckTarget::parse(&format!("http://{to}/")) else { return false };
    let progress = Progress::new();
    let deadline = Instant::now() + limit;
    let probe = Probe { dialer, proxy, limit, deadline, names: Names::Remote, progress: &progress };
    let answer = probe.run(&Hop::first(&target), &mut Phases::default()).await;
    answer.is_ok_and(|answer| answer.status.as_u16() < 400)
}

async fn speaks_tls(dialer: &Dialer, to: &Destination, stream: Replay) -> bool {
    match exchange::tls(dialer, to, stream).await {
        Ok(stream) => speaks(to, stream).await,
        Err(error) => exchange::origin_spoke(&error),
    }
}

async fn speaks(to: &Destination, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> bool {
    let head =
        format!("HEAD / HTTP/1.1\r\nHost: {to}\r\nUser-Agent: {}\r\nConnection: close\r\n\r\n", hop::AGENT);
    if stream.write_all(head.as_bytes()).await.is_err() || stream.flush().await.is_err() {
        return false;
    }
    match stream.read(&mut [0; 1]).await {
        Ok(count) => count > 0,
        // A TLS alert after the handshake (a client certificate is wanted) comes from a living origin, too.
        Err(error) => exchange::origin_spoke(&error),
    }
}
