//! What the pool promises at any time, whatever happened before.

use std::collections::HashMap;

use holdfast_model::{Event, Health, ProxyId, Trigger};
use holdfast_pool::{Choice, DirectReason, Pool, Proxy, Reason, Request};

/// What was true of a proxy before a step.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    failures: u32,
    /// Disabled by a person.
    off: bool,
    suspect: bool,
    convicted: bool,
}

impl Before {
    pub(crate) fn of(proxy: &Proxy) -> Self {
        Self {
            failures: proxy.consecutive_failures,
            off: !proxy.enabled && !proxy.auto_disabled,
            suspect: proxy.is_suspect(),
            convicted: proxy.is_convicted(),
        }
    }
}

/// What a step did that allows things that are otherwise forbidden.
#[derive(Default)]
pub(crate) struct Deed {
    /// The proxy that a person added, switched or gave a new URL.
    pub(crate) by_person: Option<ProxyId>,
    /// The proxy and the trigger of the check that ended, and whether it may clear a conviction: it passed at all,
    /// or failed beyond the proxy only.
    pub(crate) checked: Option<(ProxyId, Trigger, bool)>,
    pub(crate) settings: bool,
    pub(crate) events: Vec<Event>,
}

impl Deed {
    /// Charges were taken back: our own line, or a dead target.
    fn took_back(&self) -> bool {
        let checked = self.checked.map(|(id, ..)| id);
        let taken = |e: &Event| match e {
            Event::Notice { .. } => true,
            Event::ProxyHealth { id, from, to, .. } => {
                Some(*id) != checked || (*from == Health::Failed && from != to)
            }
            _ => false,
        };
        self.events.iter().any(taken)
    }
}

fn class(p: &Proxy, r: &Request<'_>) -> (bool, Health, u32) {
    (p.is_suspect() || r.avoid.contains(&p.id), p.health, p.priority)
}

fn usable(p: &Proxy, r: &Request<'_>) -> bool {
    p.enabled
        && p.health != Health::Failed
        && !p.is_convicted()
        && !r.tried.contains(&p.id)
        && r.tags.iter().all(|t| p.tags.contains(t))
}

/// The choice is a permitted one, none better is passed over, and the explanation says the same.
fn check_choice(pool: &Pool, r: &Request<'_>) {
    let candidates: Vec<_> = pool.proxies().filter(|p| usable(p, r)).collect();
    let best_class = candidates.iter().map(|p| class(p, r)).min();
    let choice = pool.select(r);
    match &choice {
        Choice::Proxy { id, .. } => {
            assert!(pool.settings().enabled);
            let winner = pool.get(*id).unwrap();
            assert!(usable(winner, r), "{winner:?} must not be used");
            assert_eq!(Some(class(winner, r)), best_class, "a better one was passed over");
            if let Some(kept) =
                candidates.iter().find(|p| Some(p.id) == r.keep && Some(class(p, r)) == best_class)
            {
                assert_eq!(kept.id, *id, "the present one is in the best class");
            }
        }
        Choice::Direct(DirectReason::SystemOff) => assert!(!pool.settings().enabled),
        Choice::Direct(_) => {
            assert!(pool.settings().fallback_to_direct && pool.settings().enabled);
            assert!(candidates.is_empty(), "a proxy comes before direct");
        }
        Choice::NoRoute(_) => assert!(!pool.settings().fallback_to_direct && candidates.is_empty()),
    }
    assert_eq!(pool.has_route(r), !matches!(choice, Choice::NoRoute(_)));
    check_explanation(pool, r, &choice);
}

fn check_explanation(pool: &Pool, r: &Request<'_>, choice: &Choice) {
    let lost = pool.explain(r);
    let won = usize::from(matches!(choice, Choice::Proxy { .. }));
    assert_eq!(lost.len() + won, pool.proxies().count());
    for (id, reason) in lost {
        assert!(!matches!(choice, Choice::Proxy { id: winner, .. } if *winner == id));
        let out = matches!(
            reason,
            Reason::Disabled | Reason::AutoDisabled(_) | Reason::Tags | Reason::Failed(_) | Reason::Tried
        );
        let off = reason == Reason::SystemOff;
        assert!(
            off != pool.settings().enabled && (off || out != usable(pool.get(id).unwrap(), r)),
            "{reason:?}"
        );
    }
}

pub(crate) fn check_choices(pool: &Pool) {
    let eu = ["eu".to_owned()];
    let none = Request::default();
    let Choice::Proxy { id, .. } = pool.select(&none) else { return check_choice(pool, &none) };
    let first = [id];
    check_choice(pool, &none);
    check_choice(pool, &Request { tags: &eu, ..none });
    check_choice(pool, &Request { tried: &first, ..none });
    check_choice(pool, &Request { avoid: &first, ..none });
    for kept in 1..5 {
        check_choice(pool, &Request { keep: Some(ProxyId(kept)), ..none });
    }
}

pub(crate) fn check_changes(pool: &Pool, before: &HashMap<ProxyId, Before>, deed: &Deed) {
    for proxy in pool.proxies() {
        assert!(!(proxy.enabled && proxy.auto_disabled));
        assert!(proxy.health != Health::Failed || proxy.is_convicted());
        let Some(old) = before.get(&proxy.id).filter(|_| deed.by_person != Some(proxy.id)) else { continue };
        let id = proxy.id;
        assert!(!old.off || Before::of(proxy).off, "{id}: disabled by a person, and came back by itself");
        let checked = deed.checked.filter(|(checked, ..)| *checked == id);
        let counts =
            checked.is_some_and(|(_, trigger, _)| matches!(trigger, Trigger::Schedule | Trigger::Manual));
        let recovered =
            deed.events.iter().any(|e| matches!(e, Event::ProxyRecovered { id: r, .. } if *r == id));
        match i64::from(proxy.consecutive_failures) - i64::from(old.failures) {
            0 => {}
            1 => assert!(counts, "{id}: only regular checks and manual tests count"),
            _ if proxy.consecutive_failures == 0 => assert!(counts || recovered || deed.took_back()),
            _ => assert!(deed.took_back(), "{id}: the counter skipped"),
        }
        let passed = checked.is_some_and(|(_, _, passed)| passed);
        assert!(
            !old.convicted || proxy.is_convicted() || passed || deed.took_back(),
            "{id}: nothing cleared it"
        );
        let freed = checked.is_some() || !proxy.enabled || deed.settings;
        assert!(!old.suspect || proxy.is_suspect() || freed, "{id}: no check cleared the suspicion");
    }
}
