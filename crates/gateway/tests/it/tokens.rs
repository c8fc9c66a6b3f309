//! Checks that bring a token along: one that is no longer good is replaced, and no proxy is blamed for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use holdfast_gateway::PoolHandle;
use holdfast_gateway::dial::{Dialer, Names};
use holdfast_gateway::probe::{self, CheckTarget, Objection, Progress, Targets};
use holdfast_model::{Blame, Event, Health, ProxyId, ProxyUrl, Secret, TargetOutcome, Verdict};
use holdfast_pool::{NewProxy, Pool, Settings, Suspicion, SuspicionCause};
use holdfast_testkit::{Ca, Fault, HttpServer, Kind, Options, Reply, UpstreamProxy};
use http::header::AUTHORIZATION;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::rig::PATIENCE;

/// Longer than a check that was ordered for a suspicion may be silent before it convicts (4 s at most).
const CONVICTS_AFTER: Duration = Duration::from_secs(5);

/// Answers 200 to the good token, `otherwise` to any other.
async fn origin(good: &'static str, otherwise: u16) -> HttpServer {
    let tls = Ca::shared().expect("a CA").server_config(&[]).expect("a configuration");
    let answer = move |asked: &holdfast_testkit::Asked| {
        let is_good = asked.headers.get(AUTHORIZATION).is_some_and(|value| value == good);
        Reply::status(if is_good { 200 } else { otherwise })
    };
    HttpServer::start(([127, 0, 0, 1], 0).into(), Some(tls), answer).await.expect("an origin")
}

/// Asks with the first of these tokens, and with the next after each objection.
struct Tokens {
    url: String,
    tokens: Vec<&'static str>,
    /// What the next one waits for.
    gate: Option<Notify>,
    /// What was taken.
    accepted: Mutex<Vec<CheckTarget>>,
}

impl Tokens {
    fn new(origin: &HttpServer, tokens: &[&'static str]) -> Self {
        let (url, tokens) = (format!("{}/", origin.base_url("localhost")), tokens.to_vec());
        Self { url, tokens, gate: None, accepted: Mutex::default() }
    }

    fn with(&self, token: &str) -> CheckTarget {
        let target = CheckTarget::parse(&self.url).expect("valid");
        target.with_header(AUTHORIZATION, &Secret::new(token)).expect("valid")
    }
}

#[async_trait]
impl Targets for Tokens {
    fn now(&self) -> Vec<CheckTarget> {
        vec![self.with(self.tokens[0])]
    }

    async fn instead(&self, target: &CheckTarget, objection: Objection<'_>) -> Option<CheckTarget> {
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        let place = self.tokens.iter().position(|token| self.with(token) == *target)?;
        let next = self.tokens.get(place + 1)?;
        (objection.status == 401).then(|| self.with(next))
    }

    fn accepted(&self, target: &CheckTarget) {
        self.accepted.lock().expect("unpoisoned").push(target.clone());
    }
}

async fn proxy() -> UpstreamProxy {
    UpstreamProxy::start(Kind::Http, Options::default()).await.expect("a proxy")
}

fn dialer() -> Dialer {
    Dialer::with_tls(Ca::shared().expect("a CA").client_config().expect("a configuration"))
}

async fn check(targets: &Tokens) -> (TargetOutcome, bool) {
    let (proxy, progress) = (proxy().await, Progress::new());
    let url = ProxyUrl::parse(&proxy.url()).expect("valid");
    let report = probe::check(&dialer(), &url, targets, PATIENCE, Names::AsScheme, &progress).await;
    let [outcome] = <[_; 1]>::try_from(report.outcomes).expect("one outcome a target");
    (outcome, progress.is_answered())
}

#[tokio::test]
async fn a_token_that_ended_is_replaced_within_the_check() {
    let origin = origin("new", 401).await;
    let tokens = Tokens::new(&origin, &["old", "new"]);
    let (outcome, answered) = check(&tokens).await;
    assert_eq!(*tokens.accepted.lock().expect("unpoisoned"), [tokens.with("new")]);
    assert_eq!((outcome.verdict, outcome.error), (Verdict::Healthy, None));
    assert!(answered, "the proxy is known to carry before the new token is");
    assert!(outcome.response_time.is_some() && outcome.phases.tls_ms.is_some(), "{:?}", outcome.phases);
    let statuses: Vec<_> = origin.requests().iter().map(|asked| asked.status).collect();
    assert_eq!(statuses, [401, 200]);
}

#[tokio::test]
async fn what_objects_to_every_token_is_not_asked_for_ever() {
    let origin = origin("none", 401).await;
    let (outcome, _) = check(&Tokens::new(&origin, &["a", "b", "c", "d", "e"])).await;
    assert_eq!(outcome.verdict, Verdict::Degraded, "{:?}", outcome.error);
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test]
async fn an_objection_that_is_to_the_proxy_stands() {
    let origin = origin("new", 403).await;
    let tokens = Tokens::new(&origin, &["old", "new"]);
    let (outcome, _) = check(&tokens).await;
    assert!(tokens.accepted.lock().expect("unpoisoned").is_empty());
    assert_eq!(outcome.verdict, Verdict::Degraded);
    assert!(outcome.error.is_some_and(|words| words.contains("403")));
    assert_eq!(origin.requests().len(), 1);
}

/// Its proxy does something to it when another target is to be asked.
struct Turns {
    tokens: Tokens,
    proxy: UpstreamProxy,
    fault: Fault,
}

#[async_trait]
impl Targets for Turns {
    fn now(&self) -> Vec<CheckTarget> {
        self.tokens.now()
    }

    async fn instead(&self, target: &CheckTarget, objection: Objection<'_>) -> Option<CheckTarget> {
        self.proxy.set_fault(self.fault.clone()).await;
        self.tokens.instead(target, objection).await
    }
}

/// The second request may have a moment only, because the first answer took long.
#[tokio::test]
async fn who_has_brought_an_answer_is_not_to_blame_for_the_next() {
    for fault in [Fault::SilentConnect, Fault::Refuse] {
        let origin = origin("new", 401).await;
        let tokens = Tokens::new(&origin, &["old", "new"]);
        let targets = Turns { tokens, proxy: proxy().await, fault };
        let url = ProxyUrl::parse(&targets.proxy.url()).expect("valid");
        let (limit, progress) = (Duration::from_secs(2), Progress::new());
        let report = probe::check(&dialer(), &url, &targets, limit, Names::AsScheme, &progress).await;
        let outcome = &report.outcomes[0];
        assert_eq!((outcome.verdict, outcome.spoke), (Verdict::Failed(Blame::Target), true), "{outcome:?}");
        assert_eq!(progress.targets(), [outcome.target.as_str()]);
    }
}

#[tokio::test]
async fn a_proxy_is_not_convicted_while_a_token_is_waited_for() {
    let (origin, upstream) = (origin("new", 401).await, proxy().await);
    let tokens = Tokens { gate: Some(Notify::new()), ..Tokens::new(&origin, &["old", "new"]) };
    let tokens = Arc::new(tokens);
    let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
    let _end = stop.clone().drop_guard();
    let mut settings = Settings { fallback_to_direct: false, ..Settings::default() };
    settings.health_checks = false;
    let pool =
        PoolHandle::start(Pool::new(settings, 1), dialer(), Arc::<Tokens>::clone(&tokens), &stop, &tracker);
    let mut events = pool.subscribe();
    let id = ProxyId(1);
    let url = ProxyUrl::parse(&upstream.url()).expect("valid");
    pool.change(|pool, now| {
        let (tags, label) = (Vec::new(), None);
        pool.add(NewProxy { id, url, label, tags, priority: 0, enabled: true }, now);
        Vec::new()
    });
    let gate = tokens.gate.as_ref().expect("a gate");
    let mut healthy = async || {
        let wait = async {
            loop {
                match events.recv().await.expect("the pool lives") {
                    Event::ProxyHealth { to, .. } => return to,
                    Event::ProxyConvicted { reason, .. } => panic!("convicted: {reason}"),
                    _ => {}
                }
            }
        };
        timeout(CONVICTS_AFTER, wait).await
    };
    gate.notify_one();
    assert_eq!(healthy().await.expect("its first check"), Health::Healthy);
    pool.suspect(id, &Suspicion { cause: SuspicionCause::Reset, destination: None });
    // Time itself is the subject here.
    assert!(healthy().await.is_err(), "nothing is said while the token is waited for");
    assert!(!pool.read(|pool| pool.get(id).is_some_and(|p| p.is_convicted())));
    gate.notify_one();
    assert_eq!(healthy().await.expect("the rest of the check"), Health::Healthy);
}
