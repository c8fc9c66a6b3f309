use holdfast_model::{Health, ProxyId, Trigger};
use holdfast_pool::{
    Choice, DirectReason, Edit, NoRouteReason, Request, Settings, SuspicionCause, SystemState,
};

use crate::world::*;

fn ids(ids: &[i64]) -> Vec<ProxyId> {
    ids.iter().copied().map(ProxyId).collect()
}

fn tags(tags: &[&str]) -> Vec<String> {
    tags.iter().map(|t| (*t).to_owned()).collect()
}

/// 1 healthy, slow, priority 1 · 2 healthy, fast, priority 1 · 3 healthy, unmeasured in `keep` terms, priority 0 but
/// degraded · 4 unknown, priority 0 · 5 failed · 6 disabled · 7 healthy, priority 2, tagged.
fn pool() -> World {
    let mut world = World::unchecked(0, Settings::default());
    for (id, priority) in [(1, 1), (2, 1), (3, 0), (4, 0), (5, 0), (6, 0), (7, 2)] {
        let mut new = new_proxy(id);
        new.priority = priority;
        if id == 7 {
            new.tags = tags(&["eu", "fast"]);
        }
        world.pool.add(new, world.now);
    }
    for (id, verdict, took) in [(1, OK, 200), (2, OK, 100), (3, MEH, 10), (5, PROXY, 0), (7, OK, 5)] {
        let order = world.pool.begin_check(ProxyId(id), Trigger::Manual, world.now).unwrap();
        world.pool.finish_check(order, &report_in(&[verdict], ms(took)), world.now);
    }
    world.pool.set_enabled(ProxyId(6), false, world.now);
    world
}

#[test]
fn the_best_is_chosen_and_the_losers_know_why() {
    let world = pool();
    let explain = |r: &Request<'_>| {
        let mut lost: Vec<_> =
            world.pool.explain(r).iter().map(|(id, why)| (id.0, why.to_string())).collect();
        lost.sort();
        lost.into_iter().map(|(id, why)| format!("{id} {why}")).collect::<Vec<_>>().join(" · ")
    };
    let others = "3 degraded · 4 unknown · 5 failed: proxy refused the connection · 6 disabled by a person";
    let none = Request::default();
    assert_eq!(chosen(&world.pool.select(&none)), Some(2));
    assert_eq!(explain(&none), format!("1 slower (200 ms) · {others} · 7 lower priority (2)"));

    let keep = Request { keep: Some(ProxyId(1)), ..none };
    assert_eq!(chosen(&world.pool.select(&keep)), Some(1));
    assert_eq!(explain(&keep), format!("2 the present proxy is as good · {others} · 7 lower priority (2)"));

    let two = ids(&[2]);
    let tried = Request { tried: &two, ..none };
    assert_eq!(chosen(&world.pool.select(&tried)), Some(1));
    assert_eq!(explain(&tried), format!("2 already tried · {others} · 7 lower priority (2)"));
    let avoid = Request { avoid: &two, ..none };
    assert_eq!(explain(&avoid), format!("2 avoided by this recording · {others} · 7 lower priority (2)"));

    let eu = tags(&["eu"]);
    let tagged = Request { tags: &eu, ..none };
    assert_eq!(chosen(&world.pool.select(&tagged)), Some(7));
    let no = "tags do not match";
    let expected = format!("1 {no} · 2 {no} · 3 {no} · 4 {no} · 5 {no} · 6 disabled by a person");
    assert_eq!(explain(&tagged), expected);
}

#[test]
fn each_rule_has_its_rank() {
    let select = |tried: &[i64], avoid: &[i64], keep: Option<i64>, tag: &[&str]| {
        let (tried, avoid, tag) = (ids(tried), ids(avoid), tags(tag));
        let request = Request { tags: &tag, tried: &tried, avoid: &avoid, keep: keep.map(ProxyId) };
        chosen(&pool().pool.select(&request))
    };
    for (tried, avoid, keep, tag, expected) in [
        (&[][..], &[][..], None, &[][..], Some(2)),
        (&[1, 2], &[], None, &[], Some(7)),
        (&[1, 2, 7], &[], None, &[], Some(3)),
        (&[1, 2, 7, 3], &[], None, &[], Some(4)),
        (&[1, 2, 7, 3, 4], &[], None, &[], None),
        // Avoided comes after the worst of the others, but before none.
        (&[], &[1, 2, 7, 3], None, &[], Some(4)),
        (&[], &[1, 2, 3, 4, 7], None, &[], Some(2)),
        // Keeping works only inside the best class.
        (&[], &[], Some(7), &[], Some(2)),
        (&[], &[], Some(3), &[], Some(2)),
        (&[], &[1], Some(1), &[], Some(2)),
        (&[1], &[], Some(1), &[], Some(2)),
        (&[], &[], None, &["eu", "fast"], Some(7)),
        (&[], &[], None, &["eu", "us"], None),
    ] {
        assert_eq!(select(tried, avoid, keep, tag), expected, "{tried:?} {avoid:?} {keep:?} {tag:?}");
    }
}

#[test]
fn unmeasured_comes_last_in_its_class_and_equals_go_by_id() {
    let mut world = World::unchecked(0, Settings::default());
    for id in [3, 2, 1] {
        let mut new = new_proxy(id);
        new.priority = 0;
        world.pool.add(new, world.now);
    }
    assert_eq!(world.chosen(), Some(1));
    for id in 1..=3 {
        let order = world.pool.begin_check(ProxyId(id), Trigger::Manual, world.now).unwrap();
        let mut report = report(&[OK]);
        report.outcomes[0].response_time = (id > 1).then_some(ms(50));
        world.pool.finish_check(order, &report, world.now);
    }
    assert_eq!(world.chosen(), Some(2));
    let why: Vec<_> = world.pool.explain(&Request::default()).iter().map(|(_, w)| w.to_string()).collect();
    assert_eq!(why, ["not measured yet", "equal, but added later"]);
}

#[test]
fn suspects_come_last_but_before_direct() {
    let mut world = World::healthy(2);
    let order = world.suspect(1, SuspicionCause::Reset);
    assert_eq!(world.chosen(), Some(2));
    assert_eq!(world.pool.explain(&Request::default())[0].1.to_string(), "suspect");
    let two = ids(&[2]);
    assert_eq!(chosen(&world.pool.select(&Request { tried: &two, ..Request::default() })), Some(1));
    world.finish(order.unwrap(), &[OK]);
    assert_eq!(world.chosen(), Some(1));
}

#[test]
fn without_a_proxy_it_is_direct_or_nothing_for_the_right_reason() {
    let one = ids(&[1]);
    let tag = tags(&["eu"]);
    let request = |tried: bool, tagged: bool| Request {
        tried: if tried { &one } else { &[] },
        tags: if tagged { &tag } else { &[] },
        ..Request::default()
    };
    type Do = fn(&mut World);
    let nothing: Do = |_| {};
    let remove: Do = |w| drop(w.pool.remove(ProxyId(1)));
    let disable: Do = |w| drop(w.pool.set_enabled(ProxyId(1), false, w.now));
    let fail: Do = |w| drop(w.check(1, Trigger::Manual, &[PROXY]));
    for (what, change, tried, tagged, direct, no_route) in [
        ("none", remove, false, false, DirectReason::NoneConfigured, NoRouteReason::NoneConfigured),
        ("disabled", disable, false, false, DirectReason::NoneUsable, NoRouteReason::AllDisabled),
        ("failed", fail, false, false, DirectReason::NoneUsable, NoRouteReason::AllFailed),
        ("tried", nothing, true, false, DirectReason::NoneUsable, NoRouteReason::AllTried),
        ("tags", nothing, false, true, DirectReason::NoneUsable, NoRouteReason::NoneMatch),
    ] {
        let mut world = World::healthy(1);
        change(&mut world);
        let request = request(tried, tagged);
        assert_eq!(world.pool.select(&request), Choice::Direct(direct), "{what}");
        assert!(world.pool.has_route(&request), "{what}");
        world.pool.set_settings(Settings { fallback_to_direct: false, ..Settings::default() }, world.now);
        assert_eq!(world.pool.select(&request), Choice::NoRoute(no_route), "{what}");
        assert!(!world.pool.has_route(&request), "{what}");
        let off = Settings { enabled: false, fallback_to_direct: false, ..Settings::default() };
        world.pool.set_settings(off, world.now);
        assert_eq!(world.pool.select(&request), Choice::Direct(DirectReason::SystemOff), "{what}");
    }
}

#[test]
fn the_choice_carries_what_the_log_says() {
    let world = World::healthy(1);
    let Choice::Proxy { id, url, health, priority, average } = world.pool.select(&Request::default()) else {
        panic!("no proxy")
    };
    assert_eq!((id, health, priority, average), (ProxyId(1), Health::Healthy, 1, Some(ms(100))));
    assert_eq!(url.to_string(), "http://user:***@proxy1:3128");
}

#[test]
fn the_system_status_has_the_words_of_the_contract() {
    let no_direct = Settings { fallback_to_direct: false, ..Settings::default() };
    let status = |verdicts: &[Option<holdfast_model::Verdict>], settings: &Settings| {
        let n = i64::try_from(verdicts.len()).unwrap();
        let mut world = World::unchecked(n, settings.clone());
        for (id, verdict) in (1..).zip(verdicts) {
            match verdict {
                Some(verdict) => drop(world.check(id, Trigger::Manual, &[*verdict])),
                None => drop(world.pool.set_enabled(ProxyId(id), false, world.now)),
            }
        }
        let s = world.pool.system_status();
        (s.state, s.message, (s.healthy, s.enabled, s.total))
    };
    let check = |verdicts: &[_], settings: &Settings, state, message: &str, counts| {
        assert_eq!(status(verdicts, settings), (state, message.to_owned(), counts), "{verdicts:?}");
    };
    let normal = Settings::default();
    let off = Settings { enabled: false, ..Settings::default() };
    use SystemState::{Degraded, Disabled, Error, Healthy};
    check(&[Some(OK), Some(PROXY), None], &normal, Healthy, "1 of 2 proxies healthy", (1, 2, 3));
    let some = "0 of 2 proxies healthy, 1 degraded, 0 unchecked";
    check(&[Some(MEH), Some(PROXY)], &no_direct, Degraded, some, (0, 2, 2));
    let fallback = "All proxies down - using direct connection fallback";
    check(&[Some(PROXY), Some(PROXY)], &normal, Degraded, fallback, (0, 2, 2));
    check(&[Some(PROXY)], &no_direct, Error, "All proxies down - recordings will fail", (0, 1, 1));
    check(&[Some(OK)], &off, Disabled, "Proxy system disabled - using direct connection", (1, 1, 1));
    check(&[], &normal, Degraded, "No proxies configured - using direct connection", (0, 0, 0));
    check(&[], &no_direct, Error, "No proxies configured - recordings will fail", (0, 0, 0));
    let unchecked = World::unchecked(2, normal).pool.system_status();
    assert_eq!(unchecked.message, "0 of 2 proxies healthy, 0 degraded, 2 unchecked");
}

#[test]
fn what_a_person_forbids_while_it_is_dialed_is_objected_to() {
    let id = ProxyId(1);
    let url = new_proxy(1).url;
    let objection = |change: &dyn Fn(&mut World)| {
        let mut world = World::healthy(2);
        change(&mut world);
        world.pool.objection(id, &url)
    };
    assert_eq!(objection(&|_| {}), None);
    assert_eq!(
        objection(&|w| drop(w.check(1, Trigger::Manual, &[PROXY]))),
        None,
        "evicting has its own rules"
    );
    assert_eq!(objection(&|w| drop(w.pool.remove(id))), Some("the proxy was removed"));
    assert_eq!(objection(&|w| drop(w.pool.set_enabled(id, false, w.now))), Some("the proxy was disabled"));
    assert_eq!(objection(&|w| assert!(w.pool.drill(id, w.now.wall, w.now))), Some("a drill"));
    let moved = Edit { url: Some(new_proxy(2).url), ..Edit::default() };
    assert_eq!(
        objection(&|w| assert!(w.pool.edit(id, moved.clone(), w.now))),
        Some("the proxy got another address")
    );

    let (no, on) = (Some("direct connections were forbidden"), Some("the proxy system was switched on"));
    let (off, none) = (DirectReason::SystemOff, DirectReason::NoneUsable);
    for (enabled, fallback, reason, proxies, expected) in [
        (true, true, none, 1, None),
        (true, false, none, 1, no),
        (false, false, none, 1, None),
        (false, false, off, 1, None),
        (true, false, off, 1, no),
        (true, true, off, 1, on),
        (true, true, off, 0, None),
    ] {
        let settings = Settings { enabled, fallback_to_direct: fallback, ..Settings::default() };
        let world = World::checked(proxies, settings);
        let found = world.pool.objection_to_direct(reason, &[]);
        assert_eq!(found, expected, "{enabled} {fallback} {reason:?} {proxies}");
    }
}
