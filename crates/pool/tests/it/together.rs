use holdfast_model::{Blame, Health, ProxyId, Trigger};
use holdfast_pool::{Settings, SuspicionCause};

use crate::world::*;

#[test]
fn all_unreachable_within_ten_seconds_is_our_own_line() {
    for (pause, line) in [(9, true), (11, false)] {
        let settings = Settings { max_consecutive_failures: 1, ..Settings::default() };
        let mut world = World::checked(2, settings);
        assert_eq!(
            told(&world.check(1, Trigger::Schedule, &[PROXY])),
            "1: healthy -> failed; 1: convicted; 1: disabled after 1"
        );
        world.pass(s(pause));
        let events = told(&world.check(2, Trigger::Schedule, &[PROXY]));
        let fell = "2: healthy -> failed; 2: convicted";
        let expected = match line {
            true => "1: recovered; 1: acquitted; 2: acquitted; All 2 working proxies became",
            false => "2: disabled after 1",
        };
        assert_eq!(events, format!("{fell}; {expected}"), "{pause}");
        for id in [1, 2] {
            assert_eq!(world.health(id), Health::Failed);
            assert_eq!((world.failures(id), world.switches(id).0), (u32::from(!line), line), "{pause}");
        }
    }
}

#[test]
fn while_the_line_is_down_nothing_counts_and_it_is_told_once() {
    let mut world = World::healthy(3);
    world.check(3, Trigger::Schedule, &[PROXY]);
    world.pass(s(60));
    let mut events = world.check(1, Trigger::Schedule, &[PROXY]);
    events.extend(world.check(2, Trigger::Schedule, &[PROXY]));
    for _ in 0..5 {
        for id in 1..=3 {
            events.extend(world.check(id, Trigger::Schedule, &[PROXY]));
        }
    }
    // One that nobody has checked before fails as well.
    world.pool.add(new_proxy(4), world.now);
    let fourth = world.check(4, Trigger::Schedule, &[PROXY]);
    assert_eq!(told(&fourth), "4: unknown -> failed; 4: convicted; 4: acquitted");
    events.extend(fourth);
    assert_eq!(told(&events).matches("working proxies became").count(), 1);
    assert_eq!(world.failures(4), 0);
    assert_eq!((world.failures(1), world.failures(2), world.failures(3)), (0, 0, 1));
    // One is reached: the line is up, and the others are to blame again.
    world.check(1, Trigger::Recovery, &[OK]);
    world.check(2, Trigger::Schedule, &[PROXY]);
    assert_eq!(world.failures(2), 1);
}

#[test]
fn one_proxy_alone_is_not_the_line() {
    let mut world = World::healthy(1);
    world.check(1, Trigger::Schedule, &[PROXY]);
    assert_eq!(world.failures(1), 1);
}

#[test]
fn an_overdue_check_is_a_fall_too() {
    let mut world = World::healthy(2);
    world.check(1, Trigger::Schedule, &[PROXY]);
    assert_eq!(world.failures(1), 1);
    let order = world.suspect(2, SuspicionCause::Unanswered).unwrap();
    world.pass(s(2));
    let events = world.overdue(&order, Blame::Proxy);
    let taken_back = "1: acquitted; 2: acquitted; All 2 working proxies became";
    assert_eq!(told(&events), format!("2: convicted; {taken_back}"));
    assert_eq!(world.failures(1), 0);
}

#[test]
fn all_failing_on_the_target_one_after_another_is_the_target() {
    let settings = Settings { max_consecutive_failures: 1, ..Settings::default() };
    let mut world = World::checked(2, settings);
    world.pass(s(10));
    let events = told(&world.check(1, Trigger::Schedule, &[TARGET]));
    let convicted = "healthy -> failed; 1: convicted of its way to the target; 1: disabled after 1";
    assert_eq!(events, format!("1: {convicted}"), "the other reached it 10 s ago");
    world.pass(s(10));
    let events = told(&world.check(2, Trigger::Schedule, &[TARGET]));
    assert!(events.ends_with("The check target target0:443 does"), "{events}");
    for id in [1, 2] {
        let state = (world.health(id), world.failures(id), world.switches(id));
        assert_eq!(state, (Health::Healthy, 0, (true, false)), "{id}");
        assert!(!world.is_convicted(id));
    }
    assert_eq!(told(&world.check(1, Trigger::Schedule, &[TARGET])), "", "and stays so");
}

#[test]
fn a_conviction_by_an_older_success_is_confirmed_at_once() {
    for (age, asked) in [(1, &[][..]), (10, &[2, 3])] {
        let mut world = World::healthy(3);
        world.pass(s(age));
        world.check(1, Trigger::Suspicion, &[TARGET]);
        let due = world.pool.due(world.now);
        assert_eq!(due.iter().map(|o| o.id.0).collect::<Vec<_>>(), asked, "{age}");
        for order in due {
            world.finish(order, &[TARGET]);
        }
        let expected = if asked.is_empty() { Health::Failed } else { Health::Healthy };
        assert_eq!(world.health(1), expected, "{age}");
    }
}

#[test]
fn a_success_in_between_leaves_the_guilty_convicted() {
    let mut world = World::healthy(3);
    world.check(1, Trigger::Schedule, &[TARGET]);
    world.pass(s(1));
    world.check(3, Trigger::Schedule, &[OK]);
    world.check(3, Trigger::Schedule, &[PROXY]);
    world.pass(s(1));
    world.check(2, Trigger::Schedule, &[TARGET]);
    assert_eq!((world.health(1), world.health(2)), (Health::Failed, Health::Failed));
}

#[test]
fn the_first_is_taken_back_when_the_other_shows_that_the_target_is_down() {
    let mut world = World::healthy(2);
    world.pass(s(50));
    world.check(1, Trigger::Schedule, &[TARGET]);
    assert_eq!(world.health(1), Health::Failed);
    world.pass(s(20));
    // Its own last success is too old to convict the second.
    let events = told(&world.check(2, Trigger::Schedule, &[TARGET]));
    assert_eq!(events, "The check target target0:443 does; 1: acquitted; 1: failed -> healthy");
    assert_eq!((world.health(2), world.failures(1)), (Health::Healthy, 0));
    assert_eq!(world.pool.get(ProxyId(1)).unwrap().last_error.as_deref(), Some("502 from the proxy"));
}
