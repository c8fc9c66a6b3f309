//! A pool with a clock that the test moves.

use std::time::{Duration, Instant};

use chrono::DateTime;
use holdfast_model::{
    Blame, CheckReport, Event, Health, Phases, ProxyId, ProxyUrl, TargetOutcome, Trigger, Verdict,
};
use holdfast_pool::{CheckOrder, Choice, NewProxy, Now, Pool, Request, Settings, Suspicion, SuspicionCause};

pub(crate) const OK: Verdict = Verdict::Healthy;
pub(crate) const MEH: Verdict = Verdict::Degraded;
pub(crate) const PROXY: Verdict = Verdict::Failed(Blame::Proxy);
pub(crate) const TARGET: Verdict = Verdict::Failed(Blame::Target);

pub(crate) struct World {
    pub(crate) pool: Pool,
    pub(crate) now: Now,
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}

#[expect(clippy::disallowed_methods, reason = "an Instant cannot be made up; the tests only count from it")]
pub(crate) fn start() -> Now {
    Now { at: Instant::now() + s(1_000_000), wall: DateTime::UNIX_EPOCH }
}

pub(crate) fn new_proxy(id: i64) -> NewProxy {
    NewProxy {
        id: ProxyId(id),
        url: ProxyUrl::parse(&format!("http://user:secret@proxy{id}:3128")).unwrap(),
        label: None,
        tags: Vec::new(),
        priority: u32::try_from(id).unwrap(),
        enabled: true,
    }
}

/// One target for each verdict, answered in 100 ms.
pub(crate) fn report(verdicts: &[Verdict]) -> CheckReport {
    report_in(verdicts, ms(100))
}

pub(crate) fn report_in(verdicts: &[Verdict], took: Duration) -> CheckReport {
    let outcome = |(n, &verdict): (usize, &Verdict)| TargetOutcome {
        target: format!("target{n}:443"),
        verdict,
        spoke: false,
        error: match verdict {
            Verdict::Healthy => None,
            Verdict::Degraded => Some("403 from the target".to_owned()),
            Verdict::Failed(Blame::Proxy) => Some("proxy refused the connection".to_owned()),
            Verdict::Failed(Blame::Target) => Some("502 from the proxy".to_owned()),
            Verdict::Failed(Blame::Ours) => Some("too many open files".to_owned()),
        },
        response_time: (!matches!(verdict, Verdict::Failed(_))).then_some(took),
        phases: Phases::default(),
    };
    CheckReport { outcomes: verdicts.iter().enumerate().map(outcome).collect() }
}

/// A 5xx of the target itself.
pub(crate) fn trouble() -> CheckReport {
    let mut report = report(&[TARGET]);
    report.outcomes[0].spoke = true;
    report
}

pub(crate) fn suspicion(cause: SuspicionCause) -> Suspicion {
    Suspicion { cause, destination: Some("live.example:443".parse().unwrap()) }
}

impl World {
    /// Proxies 1 to `n`, priorities likewise, none checked.
    pub(crate) fn unchecked(n: i64, settings: Settings) -> Self {
        let mut world = Self { pool: Pool::new(settings, 7), now: start() };
        for id in 1..=n {
            world.pool.add(new_proxy(id), world.now);
        }
        world
    }

    /// The same, each checked once and healthy.
    pub(crate) fn healthy(n: i64) -> Self {
        Self::checked(n, Settings::default())
    }

    pub(crate) fn checked(n: i64, settings: Settings) -> Self {
        let mut world = Self::unchecked(n, settings);
        for order in world.pool.due(world.now) {
            world.finish(order, &[OK]);
        }
        world
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.at += time;
        self.now.wall += time;
    }

    pub(crate) fn finish(&mut self, order: CheckOrder, verdicts: &[Verdict]) -> Vec<Event> {
        self.pool.finish_check(order, &report(verdicts), self.now)
    }

    pub(crate) fn check(&mut self, id: i64, trigger: Trigger, verdicts: &[Verdict]) -> Vec<Event> {
        let order = self.pool.begin_check(ProxyId(id), trigger, self.now).unwrap();
        self.finish(order, verdicts)
    }

    /// This check, of the first target, is not answered in time.
    pub(crate) fn overdue(&mut self, order: &CheckOrder, blame: Blame) -> Vec<Event> {
        self.pool.overdue(order, blame, vec!["target0:443".to_owned()], self.now)
    }

    pub(crate) fn suspect(&mut self, id: i64, cause: SuspicionCause) -> Option<CheckOrder> {
        self.pool.suspect(ProxyId(id), &suspicion(cause), self.now)
    }

    pub(crate) fn health(&self, id: i64) -> Health {
        self.pool.get(ProxyId(id)).unwrap().health
    }

    pub(crate) fn failures(&self, id: i64) -> u32 {
        self.pool.get(ProxyId(id)).unwrap().consecutive_failures
    }

    pub(crate) fn is_suspect(&self, id: i64) -> bool {
        self.pool.get(ProxyId(id)).unwrap().is_suspect()
    }

    pub(crate) fn is_convicted(&self, id: i64) -> bool {
        self.pool.get(ProxyId(id)).unwrap().is_convicted()
    }

    /// (enabled, auto-disabled)
    pub(crate) fn switches(&self, id: i64) -> (bool, bool) {
        let proxy = self.pool.get(ProxyId(id)).unwrap();
        (proxy.enabled, proxy.auto_disabled)
    }

    pub(crate) fn chosen(&self) -> Option<i64> {
        chosen(&self.pool.select(&Request::default()))
    }

    /// When the next check is due, from now.
    pub(crate) fn wait(&self) -> Duration {
        self.pool.next_due().unwrap().saturating_duration_since(self.now.at)
    }

    /// Waits for the next checks that are due.
    pub(crate) fn next(&mut self) -> (Duration, Vec<CheckOrder>) {
        let wait = self.wait();
        self.pass(wait);
        (wait, self.pool.due(self.now))
    }

    /// Until `until`, answers each check as `answer` says; the times and triggers of those of proxy `id`.
    pub(crate) fn run(
        &mut self,
        id: i64,
        until: Duration,
        answer: impl Fn(&CheckOrder) -> Verdict,
    ) -> Vec<(Duration, Trigger)> {
        let begin = self.now.at;
        let mut seen = Vec::new();
        while self.now.at + self.wait() <= begin + until {
            for order in self.next().1 {
                if order.id == ProxyId(id) {
                    seen.push((self.now.at - begin, order.trigger));
                }
                let verdict = answer(&order);
                self.finish(order, &[verdict]);
            }
        }
        seen
    }
}

pub(crate) fn chosen(choice: &Choice) -> Option<i64> {
    match choice {
        Choice::Proxy { id, .. } => Some(id.0),
        _ => None,
    }
}

/// The events in short, in order.
pub(crate) fn told(events: &[Event]) -> String {
    let one = |event: &Event| match event {
        Event::ProxyHealth { id, from, to, .. } => format!("{id}: {from} -> {to}"),
        Event::ProxyConvicted { id, proxy_side, .. } => {
            format!("{id}: convicted{}", if *proxy_side { "" } else { " of its way to the target" })
        }
        Event::ProxyAcquitted { id, .. } => format!("{id}: acquitted"),
        Event::ProxyDisabled { id, failures, .. } => format!("{id}: disabled after {failures}"),
        Event::ProxyRecovered { id, .. } => format!("{id}: recovered"),
        Event::Notice { message, .. } => message.split(' ').take(5).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    };
    events.iter().map(one).collect::<Vec<_>>().join("; ")
}
