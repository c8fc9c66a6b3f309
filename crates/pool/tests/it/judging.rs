use holdfast_model::{Blame, Event, Health, ProxyId, ProxyUrl, Trigger};
use holdfast_pool::{Edit, Settings};

use crate::world::*;

#[test]
fn the_answers_of_all_targets_make_one_verdict() {
    for (verdicts, health, error) in [
        (&[OK][..], Health::Healthy, None),
        (&[MEH], Health::Degraded, Some("403 from the target")),
        (&[PROXY], Health::Failed, Some("proxy refused the connection")),
        (&[TARGET], Health::Failed, Some("502 from the proxy")),
        (&[OK, OK], Health::Healthy, None),
        (&[OK, MEH], Health::Degraded, Some("403 from the target")),
        (&[OK, TARGET], Health::Degraded, Some("502 from the proxy")),
        (&[PROXY, OK], Health::Degraded, Some("proxy refused the connection")),
        (&[TARGET, TARGET], Health::Failed, Some("502 from the proxy")),
        (&[TARGET, PROXY], Health::Failed, Some("proxy refused the connection")),
    ] {
        let mut world = World::healthy(1);
        world.check(1, Trigger::Manual, verdicts);
        let proxy = world.pool.get(ProxyId(1)).unwrap();
        assert_eq!((proxy.health, proxy.last_error.as_deref()), (health, error), "{verdicts:?}");
        let answered = health != Health::Failed;
        assert_eq!(proxy.response_time.is_some(), answered, "{verdicts:?}");
        assert_eq!(proxy.is_convicted(), !answered, "{verdicts:?}");
    }
}

#[test]
fn only_regular_checks_and_manual_tests_count() {
    for (trigger, counts) in
        [(Trigger::Schedule, 1), (Trigger::Manual, 1), (Trigger::Suspicion, 0), (Trigger::Recovery, 0)]
    {
        let mut world = World::healthy(2);
        world.check(1, trigger, &[PROXY]);
        assert_eq!((world.failures(1), world.health(1)), (counts, Health::Failed), "{trigger:?}");
        world.check(1, Trigger::Manual, &[PROXY]);
        world.check(1, trigger, &[MEH]);
        assert_eq!(world.failures(1), if counts == 1 { 0 } else { 1 }, "{trigger:?}");
        assert_eq!(world.health(1), Health::Degraded, "{trigger:?}");
    }
}

#[test]
fn the_threshold_disables_and_everything_is_told_in_order() {
    let mut world = World::healthy(2);
    assert_eq!(told(&world.check(1, Trigger::Manual, &[PROXY])), "1: healthy -> failed; 1: convicted");
    assert_eq!(told(&world.check(1, Trigger::Manual, &[PROXY])), "1: failed -> failed");
    let last = world.check(1, Trigger::Manual, &[PROXY]);
    assert_eq!(told(&last), "1: failed -> failed; 1: disabled after 3");
    assert_eq!(world.switches(1), (false, true));
    let why = world.pool.explain(&Default::default())[0].1.to_string();
    assert_eq!(why, "disabled after 3 failures");
    // A person switches it on: the counter starts anew, and a check is due at once.
    world.pool.set_enabled(ProxyId(1), true, world.now);
    assert_eq!((world.switches(1), world.failures(1), world.wait()), ((true, false), 0, ms(0)));
    assert_eq!(world.chosen(), Some(2), "still failed until a check passes");
}

#[test]
fn a_lower_threshold_takes_effect_at_once() {
    let mut world = World::healthy(3);
    world.check(1, Trigger::Manual, &[PROXY]);
    world.check(2, Trigger::Manual, &[PROXY]);
    world.check(2, Trigger::Recovery, &[OK]);
    let stricter = Settings { max_consecutive_failures: 1, ..Settings::default() };
    assert_eq!(told(&world.pool.set_settings(stricter, world.now)), "1: disabled after 1");
    assert_eq!((world.switches(1), world.switches(2)), ((false, true), (true, false)));
}

#[test]
fn averages_move_by_three_tenths_and_only_on_success() {
    let mut world = World::healthy(2);
    for (verdict, took, average) in [(OK, 200, 130), (PROXY, 0, 130), (MEH, 230, 160)] {
        let order = world.pool.begin_check(ProxyId(1), Trigger::Manual, world.now).unwrap();
        world.pool.finish_check(order, &report_in(&[verdict], ms(took)), world.now);
        let shown = world.pool.get(ProxyId(1)).unwrap().average_response_time.unwrap();
        assert_eq!(shown.as_millis(), average, "{verdict:?} in {took} ms");
    }
    assert_eq!(world.pool.usual_dial(ProxyId(1)).unwrap().as_millis(), 160, "nothing better is known");
    world.pool.observe_dial(ProxyId(1), ms(100));
    world.pool.observe_dial(ProxyId(1), ms(200));
    assert_eq!(world.pool.usual_dial(ProxyId(1)).unwrap().as_millis(), 130);
}

#[test]
fn a_check_that_passes_teaches_how_long_a_dial_takes() {
    let mut world = World::unchecked(1, Settings::default());
    let mut check = |verdict, connect, proxy| {
        let order = world.pool.begin_check(ProxyId(1), Trigger::Suspicion, world.now).unwrap();
        let mut report = report(&[verdict]);
        let phases = &mut report.outcomes[0].phases;
        (phases.connect_ms, phases.proxy_ms) = (Some(connect), proxy);
        world.pool.finish_check(order, &report, world.now);
        world.pool.usual_dial(ProxyId(1)).map(|usual| usual.as_millis())
    };
    assert_eq!(check(PROXY, 5, None), None);
    assert_eq!(check(OK, 10, Some(690)), Some(700));
    assert_eq!(check(OK, 10, Some(390)), Some(610), "it moves like the averages");
    assert_eq!(check(OK, 10, None), Some(610), "a plain request opens no tunnel");
    assert_eq!(check(TARGET, 10, Some(10)), Some(610));
}

#[test]
fn a_failure_beyond_the_proxy_convicts_by_comparison_only() {
    // Another reached the target 59 s ago, 61 s ago; nobody else is enabled.
    for (others, age, convicted) in [(1, 59, true), (1, 61, false), (0, 61, true)] {
        let mut world = World::healthy(1 + others);
        world.pass(s(age));
        let events = told(&world.check(1, Trigger::Manual, &[TARGET]));
        let expected = "1: healthy -> failed; 1: convicted of its way to the target";
        assert_eq!(events, if convicted { expected } else { "" }, "{others} others, {age} s");
        assert_eq!((world.is_convicted(1), world.failures(1)), (convicted, u32::from(convicted)));
        let error = world.pool.get(ProxyId(1)).unwrap().last_error.clone();
        assert_eq!(error.as_deref(), Some("502 from the proxy"));
    }
}

#[test]
fn its_own_success_proves_nothing() {
    let mut world = World::healthy(2);
    world.pass(s(100));
    world.check(1, Trigger::Manual, &[OK]);
    world.check(1, Trigger::Manual, &[TARGET]);
    assert_eq!(world.health(1), Health::Healthy);
}

#[test]
fn where_nobody_can_tell_others_are_asked_and_the_guilty_is_found() {
    let mut world = World::healthy(5);
    world.pass(s(100));
    assert_eq!(told(&world.check(1, Trigger::Schedule, &[TARGET])), "");
    let asked = world.pool.due(world.now);
    assert_eq!(asked.iter().map(|o| o.id.0).collect::<Vec<_>>(), [2, 3, 4]);
    for order in asked {
        world.finish(order, &[OK]);
    }
    let again = world.pool.due(world.now);
    assert_eq!(again.iter().map(|o| (o.id.0, o.trigger)).collect::<Vec<_>>(), [(1, Trigger::Suspicion)]);
    for order in again {
        let events = told(&world.finish(order, &[TARGET]));
        assert_eq!(events, "1: healthy -> failed; 1: convicted of its way to the target");
    }
}

/// A check of a proxy that brings a 5xx of the target itself.
fn brings_trouble(world: &mut World, id: i64, trigger: Trigger) -> String {
    let order = world.pool.begin_check(ProxyId(id), trigger, world.now).unwrap();
    told(&world.pool.finish_check(order, &trouble(), world.now))
}

#[test]
fn a_target_that_answers_5xx_convicts_nobody_by_what_it_answered_before() {
    let mut world = World::healthy(3);
    world.pass(s(1));
    assert_eq!(brings_trouble(&mut world, 1, Trigger::Schedule), "");
    let asked = world.pool.due(world.now);
    assert_eq!(asked.iter().map(|o| o.id.0).collect::<Vec<_>>(), [2, 3], "at once");
    let mut events = Vec::new();
    for order in asked {
        world.pass(ms(100));
        events.extend(world.pool.finish_check(order, &trouble(), world.now));
    }
    assert_eq!(told(&events), "The check target target0:443 does");
    for id in [1, 2, 3] {
        assert_eq!((world.health(id), world.failures(id)), (Health::Healthy, 0), "{id}");
        assert!(!world.is_convicted(id));
    }
    // It is back, and one after the other gets through.
    for id in [1, 2, 3] {
        world.pass(s(1));
        assert_eq!(told(&world.check(id, Trigger::Schedule, &[OK])), format!("{id}: healthy -> healthy"));
    }
}

#[test]
fn a_5xx_that_only_one_gets_convicts_it_when_another_has_got_through_since() {
    let mut world = World::healthy(3);
    world.pass(s(1));
    assert_eq!(brings_trouble(&mut world, 1, Trigger::Schedule), "");
    for order in world.pool.due(world.now) {
        world.pass(ms(100));
        world.finish(order, &[OK]);
    }
    let again = world.pool.due(world.now);
    assert_eq!(again.iter().map(|o| o.id.0).collect::<Vec<_>>(), [1], "at once");
    for order in again {
        let events = told(&world.pool.finish_check(order, &trouble(), world.now));
        assert_eq!(events, "1: healthy -> failed; 1: convicted of its way to the target");
    }
    // From now on it counts as any failure does, until it gets through.
    world.pass(s(5));
    assert_eq!(brings_trouble(&mut world, 1, Trigger::Manual), "1: failed -> failed");
    assert_eq!(world.failures(1), 1);
    world.check(1, Trigger::Manual, &[OK]);
    assert_eq!(brings_trouble(&mut world, 1, Trigger::Manual), "");
}

#[test]
fn a_5xx_of_the_target_convicts_the_only_proxy() {
    let mut world = World::healthy(1);
    let events = brings_trouble(&mut world, 1, Trigger::Manual);
    assert_eq!(events, "1: healthy -> failed; 1: convicted of its way to the target");
}

#[test]
fn a_dead_target_is_told_once_and_disturbs_nobody() {
    let mut world = World::healthy(2);
    world.pass(s(100));
    let mut events = world.check(1, Trigger::Schedule, &[TARGET]);
    for _ in 0..5 {
        for id in [2, 1] {
            events.extend(world.check(id, Trigger::Schedule, &[TARGET]));
            world.pass(s(10));
        }
    }
    assert_eq!(told(&events), "The check target target0:443 does");
    for id in [1, 2] {
        assert_eq!((world.health(id), world.failures(id)), (Health::Healthy, 0));
    }
    // It worked again, and fails again: told again.
    world.check(1, Trigger::Schedule, &[OK]);
    world.pass(s(100));
    let mut events = world.check(1, Trigger::Schedule, &[TARGET]);
    events.extend(world.check(2, Trigger::Schedule, &[TARGET]));
    assert_eq!(told(&events), "The check target target0:443 does");
}

#[test]
fn who_answers_again_while_the_target_is_down_may_carry_again() {
    let mut world = World::healthy(2);
    world.pass(s(100));
    for id in [1, 2] {
        world.check(id, Trigger::Schedule, &[TARGET]);
    }
    for id in [1, 2] {
        world.check(id, Trigger::Suspicion, &[PROXY]);
    }
    assert_eq!(world.chosen(), None, "both refuse");
    world.pass(s(5));
    let events = world.check(2, Trigger::Recovery, &[TARGET]);
    assert_eq!(told(&events), "2: failed -> unknown");
    assert_eq!(world.chosen(), Some(2), "it answers, and more cannot be known");
}

#[test]
fn of_several_targets_a_dead_one_does_not_count() {
    let mut world = World::healthy(2);
    for id in [1, 2] {
        world.check(id, Trigger::Schedule, &[OK, OK]);
    }
    world.pass(s(100));
    world.check(1, Trigger::Schedule, &[OK, TARGET]);
    world.check(2, Trigger::Schedule, &[OK, TARGET]);
    for id in [1, 2] {
        assert_eq!(world.health(id), Health::Healthy);
        assert!(world.pool.get(ProxyId(id)).unwrap().last_error.is_some());
    }
}

#[test]
fn old_news_convicts_nobody() {
    let mut world = World::healthy(2);
    let slow = world.pool.begin_check(ProxyId(1), Trigger::Schedule, world.now).unwrap();
    world.pass(s(5));
    world.check(1, Trigger::Manual, &[OK]);
    world.pass(s(5));
    assert_eq!(told(&world.overdue(&slow, Blame::Proxy)), "");
    assert_eq!(told(&world.finish(slow, &[PROXY])), "");
    assert_eq!((world.health(1), world.failures(1)), (Health::Healthy, 0));
}

#[test]
fn a_new_address_is_a_new_proxy() {
    let mut world = World::healthy(2);
    world.check(1, Trigger::Manual, &[PROXY]);
    let old = world.pool.begin_check(ProxyId(1), Trigger::Manual, world.now).unwrap();
    let url = ProxyUrl::parse("socks5://elsewhere").unwrap();
    let edit = Edit { url: Some(url), label: Some(Some("new".to_owned())), ..Edit::default() };
    assert!(world.pool.edit(ProxyId(1), edit, world.now));
    let proxy = world.pool.get(ProxyId(1)).unwrap();
    assert_eq!((proxy.health, proxy.consecutive_failures, &proxy.last_error), (Health::Unknown, 0, &None));
    assert_eq!((proxy.average_response_time, proxy.label.as_deref()), (None, Some("new")));
    assert_eq!(world.finish(old, &[PROXY]), [], "the old address is of no interest");
    assert_eq!(world.health(1), Health::Unknown);
    let due = world.pool.due(world.now);
    assert_eq!(due[0].url.to_string(), "socks5://elsewhere:1080");
}

#[test]
fn other_edits_keep_what_is_known() {
    let mut world = World::healthy(2);
    let url = Some(world.pool.get(ProxyId(1)).unwrap().url.clone());
    let edit = Edit { url, priority: Some(9), tags: Some(vec!["eu".to_owned()]), ..Edit::default() };
    assert!(world.pool.edit(ProxyId(1), edit, world.now));
    assert_eq!((world.health(1), world.chosen()), (Health::Healthy, Some(2)));
    assert_eq!(world.pool.proxies().map(|p| p.id.0).collect::<Vec<_>>(), [2, 1]);
    assert!(!world.pool.edit(ProxyId(3), Edit::default(), world.now));
}

#[test]
fn a_removed_proxy_leaves_no_trace() {
    let mut world = World::healthy(1);
    let order = world.pool.begin_check(ProxyId(1), Trigger::Manual, world.now).unwrap();
    assert_eq!(world.pool.remove(ProxyId(1)).map(|p| p.id), Some(ProxyId(1)));
    assert!(world.pool.remove(ProxyId(1)).is_none());
    assert_eq!(world.finish(order, &[OK]), []);
    assert_eq!(world.pool.next_due(), None);
}

#[test]
fn events_never_hold_a_password() {
    let mut world = World::healthy(2);
    let mut events: Vec<Event> = Vec::new();
    for _ in 0..3 {
        events.extend(world.check(1, Trigger::Manual, &[PROXY]));
    }
    assert!(!format!("{events:?} {:?}", world.pool).contains("secret"));
}
