//! Random histories: whatever happens in whatever order, the promises of the pool hold after every step.

use std::time::Duration;

use holdfast_model::{Blame, CheckReport, ProxyId, ProxyUrl, Trigger, Verdict};
use holdfast_pool::{CheckOrder, Edit, Pool, Settings, Suspicion, SuspicionCause};
use proptest::prelude::*;

use crate::promises::{Before, Deed, check_changes, check_choices};
use crate::world::{MEH, OK, PROXY, TARGET, World, ms, new_proxy, report_in};

#[derive(Clone, Debug)]
enum Step {
    Add { id: i64, priority: u32, tagged: bool, enabled: bool },
    Remove(i64),
    Edit { id: i64, priority: Option<u32>, url: bool },
    Switch(i64, bool),
    Due,
    Begin(i64, Trigger),
    Finish { which: usize, verdicts: Vec<Verdict>, took: u64 },
    Abandon(usize),
    Overdue(usize, Blame),
    Suspect(i64, SuspicionCause, u8),
    Dial(i64, u64),
    Wait(u64),
    WaitForDue,
    Set(Settings),
}

fn id() -> impl Strategy<Value = i64> {
    1..5_i64
}

fn verdicts() -> impl Strategy<Value = Vec<Verdict>> {
    let one = prop_oneof![4 => Just(OK), 1 => Just(MEH), 3 => Just(PROXY), 2 => Just(TARGET)];
    proptest::collection::vec(one, 0..3)
}

fn settings() -> impl Strategy<Value = Settings> {
    let interval = prop_oneof![Just(10), Just(30), Just(300)];
    (prop::bool::weighted(0.8), any::<bool>(), interval, 1..4_u32, any::<bool>()).prop_map(
        |(enabled, health_checks, interval, max_consecutive_failures, fallback_to_direct)| Settings {
            enabled,
            health_checks,
            interval: Duration::from_secs(interval),
            max_consecutive_failures,
            fallback_to_direct,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    use SuspicionCause::{Refused, ServerError, WentSilent};
    let trigger = prop_oneof![
        Just(Trigger::Schedule),
        Just(Trigger::Manual),
        Just(Trigger::Suspicion),
        Just(Trigger::Recovery)
    ];
    let blame = prop_oneof![Just(Blame::Proxy), Just(Blame::Target)];
    let cause = prop_oneof![Just(Refused), Just(WentSilent), Just(ServerError(502))];
    let wait = prop_oneof![0..100_u64, 1000..12_000_u64, 50_000..400_000_u64];
    prop_oneof![
        3 => (id(), 0..3_u32, prop::bool::weighted(0.3), prop::bool::weighted(0.9))
            .prop_map(|(id, priority, tagged, enabled)| Step::Add { id, priority, tagged, enabled }),
        1 => id().prop_map(Step::Remove),
        1 => (id(), proptest::option::of(0..3_u32), any::<bool>())
            .prop_map(|(id, priority, url)| Step::Edit { id, priority, url }),
        2 => (id(), any::<bool>()).prop_map(|(id, on)| Step::Switch(id, on)),
        6 => Just(Step::Due),
        3 => (id(), trigger).prop_map(|(id, trigger)| Step::Begin(id, trigger)),
        16 => (any::<usize>(), verdicts(), 1..2000_u64)
            .prop_map(|(which, verdicts, took)| Step::Finish { which, verdicts, took }),
        1 => any::<usize>().prop_map(Step::Abandon),
        3 => (any::<usize>(), blame).prop_map(|(which, blame)| Step::Overdue(which, blame)),
        5 => (id(), cause, 0..3_u8).prop_map(|(id, cause, host)| Step::Suspect(id, cause, host)),
        1 => (id(), 1..900_u64).prop_map(|(id, took)| Step::Dial(id, took)),
        4 => wait.prop_map(Step::Wait),
        4 => Just(Step::WaitForDue),
        1 => settings().prop_map(Step::Set),
    ]
}

struct History {
    world: World,
    orders: Vec<CheckOrder>,
}

impl History {
    fn order(&mut self, which: usize) -> Option<CheckOrder> {
        (!self.orders.is_empty()).then(|| self.orders.swap_remove(which % self.orders.len()))
    }

    fn finish(&mut self, order: CheckOrder, report: &CheckReport) -> Deed {
        let passed = report.outcomes.iter().any(|o| !matches!(o.verdict, Verdict::Failed(_)));
        let beyond = report.outcomes.iter().all(|o| o.verdict == Verdict::Failed(Blame::Target));
        let checked = Some((order.id, order.trigger, passed || beyond));
        let events = self.world.pool.finish_check(order, report, self.world.now);
        Deed { checked, events, ..Deed::default() }
    }

    fn apply(&mut self, step: &Step) -> Deed {
        let now = self.world.now;
        let pool = &mut self.world.pool;
        let mut deed = Deed::default();
        match step {
            Step::Add { id, priority, tagged, enabled } => {
                let mut new = new_proxy(*id);
                (new.priority, new.enabled) = (*priority, *enabled);
                new.tags = if *tagged { vec!["eu".to_owned()] } else { Vec::new() };
                pool.add(new, now);
                deed.by_person = Some(ProxyId(*id));
            }
            Step::Remove(id) => drop(pool.remove(ProxyId(*id))),
            Step::Edit { id, priority, url } => {
                let url =
                    url.then(|| ProxyUrl::parse(&format!("http://other{}", now.wall.timestamp())).unwrap());
                pool.edit(ProxyId(*id), Edit { url, priority: *priority, ..Edit::default() }, now);
                deed.by_person = Some(ProxyId(*id));
            }
            Step::Switch(id, on) => {
                deed.events = pool.set_enabled(ProxyId(*id), *on, now);
                deed.by_person = Some(ProxyId(*id));
            }
            Step::Due => self.due(),
            Step::Begin(id, trigger) => self.orders.extend(pool.begin_check(ProxyId(*id), *trigger, now)),
            Step::Finish { which, verdicts, took } => {
                if let Some(order) = self.order(*which) {
                    deed = self.finish(order, &report_in(verdicts, ms(*took)));
                }
            }
            Step::Abandon(which) => {
                if let Some(order) = self.order(*which) {
                    self.world.pool.abandon_check(order);
                }
            }
            Step::Overdue(which, blame) => {
                if let Some(order) = self.order(*which) {
                    deed.events = self.world.overdue(&order, *blame);
                    self.orders.push(order);
                }
            }
            Step::Suspect(id, cause, host) => {
                let destination = format!("host{host}:443").parse().ok();
                let suspicion = Suspicion { cause: *cause, destination };
                self.orders.extend(pool.suspect(ProxyId(*id), &suspicion, now));
            }
            Step::Dial(id, took) => pool.observe_dial(ProxyId(*id), ms(*took)),
            Step::Wait(time) => self.world.pass(ms(*time)),
            Step::WaitForDue => {
                if self.world.pool.next_due().is_some() {
                    let wait = self.world.wait();
                    self.world.pass(wait);
                }
                self.due();
            }
            Step::Set(settings) => {
                deed.events = pool.set_settings(settings.clone(), now);
                deed.settings = true;
            }
        }
        deed
    }

    fn due(&mut self) {
        let due = self.world.pool.due(self.world.now);
        self.orders.extend(due);
        let next = self.world.pool.next_due();
        assert!(next.is_none_or(|next| next > self.world.now.at), "due() left something behind");
    }

    /// Every suspicion ends when checks are run and pass.
    fn settle(&mut self) {
        self.world.pool.set_settings(Settings::default(), self.world.now);
        for order in std::mem::take(&mut self.orders) {
            self.world.pool.abandon_check(order);
        }
        let until = self.world.now.at + Duration::from_secs(3);
        while self.world.pool.next_due().is_some_and(|at| at <= until) {
            let wait = self.world.wait();
            self.world.pass(wait);
            for order in self.world.pool.due(self.world.now) {
                self.world.finish(order, &[OK]);
            }
        }
        assert!(self.world.pool.proxies().all(|p| !p.is_suspect()), "a suspicion stuck");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_in_any_history(
        settings in settings(),
        seed in any::<u64>(),
        steps in proptest::collection::vec(step(), 1..100),
    ) {
        let mut world = World::unchecked(3, settings.clone());
        world.pool = Pool::new(settings, seed);
        for id in 1..=3 {
            world.pool.add(new_proxy(id), world.now);
        }
        let mut history = History { world, orders: Vec::new() };
        for step in &steps {
            let before = history.world.pool.proxies().map(|p| (p.id, Before::of(p))).collect();
            let deed = history.apply(step);
            check_changes(&history.world.pool, &before, &deed);
            check_choices(&history.world.pool);
        }
        history.settle();
    }
}
