use holdfast_model::{Blame, Health, ProxyId, Trigger};
use holdfast_pool::{Settings, Suspicion, SuspicionCause as Cause};

use crate::world::*;

#[test]
fn a_suspicion_orders_one_check_and_a_pass_clears_it() {
    let mut world = World::healthy(2);
    let order = world.suspect(1, Cause::WentSilent).unwrap();
    assert_eq!((order.trigger, order.convict_after), (Trigger::Suspicion, Some(ms(1500))));
    assert!(world.suspect(1, Cause::Reset).is_none(), "one at a time");
    assert!(world.is_suspect(1));
    world.pass(ms(200));
    assert_eq!(told(&world.finish(order, &[OK])), "1: healthy -> healthy");
    assert!(!world.is_suspect(1));
    // Less than 2 s after the last: marked, and checked as soon as they are over.
    assert!(world.suspect(1, Cause::Reset).is_none());
    assert!(world.is_suspect(1));
    let (wait, due) = world.next();
    assert_eq!((wait, due.len(), due[0].trigger), (ms(1800), 1, Trigger::Suspicion));
    for order in due {
        world.finish(order, &[OK]);
    }
    assert!(!world.is_suspect(1));
    world.pass(s(2));
    assert!(world.suspect(1, Cause::Reset).is_some());
}

#[test]
fn patience_is_four_times_the_usual_within_bounds() {
    for (usual, dial, patience) in [
        (None, None, 4000),
        (Some(100), None, 1500),
        (Some(500), None, 2000),
        (Some(5000), None, 4000),
        (Some(100), Some(600), 2400),
    ] {
        let mut world = World::unchecked(1, Settings::default());
        if let Some(usual) = usual {
            let order = world.pool.begin_check(ProxyId(1), Trigger::Manual, world.now).unwrap();
            assert_eq!(order.convict_after, None);
            world.pool.finish_check(order, &report_in(&[OK], ms(usual)), world.now);
        }
        if let Some(dial) = dial {
            world.pool.observe_dial(ProxyId(1), ms(dial));
        }
        let order = world.suspect(1, Cause::Unanswered).unwrap();
        assert_eq!(order.convict_after, Some(ms(patience)), "{usual:?} {dial:?}");
    }
}

#[test]
fn a_check_that_began_earlier_does_not_clear_it() {
    let mut world = World::healthy(2);
    let early = world.pool.begin_check(ProxyId(1), Trigger::Suspicion, world.now).unwrap();
    world.pass(ms(500));
    assert!(world.suspect(1, Cause::Reset).is_none());
    world.finish(early, &[OK]);
    assert!(world.is_suspect(1));
    let (wait, due) = world.next();
    assert_eq!((wait, due.len()), (ms(1500), 1));
    // Nor is it lost with the check that was to answer it.
    for order in due {
        world.pool.abandon_check(order);
    }
    assert!(world.is_suspect(1));
    let (wait, due) = world.next();
    assert_eq!((wait, due.len()), (s(2), 1));
}

#[test]
fn an_ordinary_check_in_flight_holds_up_no_suspicion() {
    let mut world = World::unchecked(1, Settings::default());
    let first = world.pool.due(world.now);
    assert_eq!(first[0].trigger, Trigger::Schedule);
    let order = world.suspect(1, Cause::Unanswered).unwrap();
    world.finish(order, &[OK]);
    // Nor one that has to wait for its turn.
    assert!(world.suspect(1, Cause::Unanswered).is_none());
    let (wait, due) = world.next();
    assert_eq!((wait, due[0].trigger), (s(2), Trigger::Suspicion));
}

#[test]
fn overdue_convicts_for_traffic_and_the_whole_check_decides_what_is_shown() {
    for (end, health, convicted) in [(OK, Health::Healthy, false), (PROXY, Health::Failed, true)] {
        let mut world = World::healthy(2);
        let order = world.suspect(1, Cause::Unanswered).unwrap();
        world.pass(ms(1500));
        assert_eq!(told(&world.overdue(&order, Blame::Proxy)), "1: convicted");
        assert_eq!(
            (world.health(1), world.is_convicted(1), world.chosen()),
            (Health::Healthy, true, Some(2))
        );
        let why = world.pool.explain(&Default::default())[0].1.to_string();
        assert_eq!(why, "failed: no answer to the check in 1.5 s");
        assert_eq!(told(&world.overdue(&order, Blame::Proxy)), "", "told once");
        world.pass(s(8));
        assert_eq!(told(&world.finish(order, &[end])), format!("1: healthy -> {health}"));
        assert_eq!((world.health(1), world.is_convicted(1)), (health, convicted));
    }
}

/// Checks of two proxies may ask for different targets: a token ended, an address objects.
#[test]
fn an_overdue_check_is_compared_on_what_it_asks_for() {
    for (asks, convicted) in [("target0:443", false), ("elsewhere:443", true)] {
        let mut world = World::healthy(2);
        world.pass(s(100));
        let order = world.suspect(1, Cause::Unanswered).unwrap();
        world.pass(ms(1500));
        let mut elsewhere = report(&[OK]);
        elsewhere.outcomes[0].target = "elsewhere:443".to_owned();
        let other = world.pool.begin_check(ProxyId(2), Trigger::Schedule, world.now).unwrap();
        world.pool.finish_check(other, &elsewhere, world.now);
        world.pool.overdue(&order, Blame::Target, vec![asks.to_owned()], world.now);
        assert_eq!(world.is_convicted(1), convicted, "{asks}");
    }
}

#[test]
fn an_overdue_target_convicts_by_comparison_even_while_the_check_runs() {
    // Another reached it just now.
    let mut world = World::healthy(2);
    let order = world.suspect(1, Cause::Unanswered).unwrap();
    let events = world.overdue(&order, Blame::Target);
    assert_eq!(told(&events), "1: convicted of its way to the target");
    world.pass(s(5));
    assert_eq!(
        told(&world.finish(order, &[PROXY])),
        "1: healthy -> failed; 1: convicted",
        "worse than thought"
    );

    // Nobody did lately: the other is asked, and its answer convicts.
    let mut world = World::healthy(2);
    world.pass(s(100));
    let order = world.suspect(1, Cause::Unanswered).unwrap();
    world.pass(ms(1500));
    assert_eq!(told(&world.overdue(&order, Blame::Target)), "");
    assert!(!world.is_convicted(1));
    let asked = world.pool.due(world.now).pop().unwrap();
    assert_eq!(asked.id, ProxyId(2));
    let events = told(&world.finish(asked, &[OK]));
    assert_eq!(events, "1: convicted of its way to the target; 2: healthy -> healthy");
    assert_eq!(world.chosen(), Some(2));
}

#[test]
fn a_destination_that_answers_5xx_carries_the_blame_for_a_minute() {
    let mut world = World::healthy(2);
    let order = world.suspect(1, Cause::ServerError(503)).unwrap();
    world.finish(order, &[OK]);
    world.pass(s(59));
    assert!(world.suspect(1, Cause::ServerError(502)).is_none());
    assert!(world.suspect(2, Cause::ServerError(502)).is_none());
    assert!(!world.is_suspect(1) && !world.is_suspect(2));
    // Another destination, another cause, or a minute later: suspect.
    let elsewhere =
        Suspicion { cause: Cause::ServerError(502), destination: "else.example:443".parse().ok() };
    assert!(world.pool.suspect(ProxyId(2), &elsewhere, world.now).is_some());
    let order = world.suspect(1, Cause::Refused).unwrap();
    world.finish(order, &[OK]);
    world.pass(s(2));
    assert!(world.suspect(1, Cause::ServerError(502)).is_some());
}

#[test]
fn the_blamed_are_bounded() {
    let mut world = World::healthy(5);
    for round in 0..40 {
        world.pass(s(2));
        for id in 1..=5 {
            let complain = |n: i32| Suspicion {
                cause: Cause::ServerError(500),
                destination: format!("h{id}-{round}-{n}.example:443").parse().ok(),
            };
            let order = world.pool.suspect(ProxyId(id), &complain(0), world.now).unwrap();
            for n in 1..50 {
                assert!(world.pool.suspect(ProxyId(id), &complain(n), world.now).is_none());
            }
            world.finish(order, &[OK]);
        }
    }
    let blamed = format!("{:?}", world.pool).matches(".example").count();
    assert_eq!(blamed, 1024, "and the latest of them");
}

#[test]
fn a_dead_target_settles_the_suspicion() {
    let mut world = World::healthy(2);
    world.pass(s(100));
    let order = world.suspect(1, Cause::Refused).unwrap();
    world.finish(order, &[TARGET]);
    assert!(world.is_suspect(1), "the other is being asked");
    let asked = world.pool.due(world.now).pop().unwrap();
    world.finish(asked, &[TARGET]);
    let (wait, due) = world.next();
    assert_eq!((wait, due[0].id), (s(2), ProxyId(1)));
    for order in due {
        world.finish(order, &[TARGET]);
    }
    assert!(!world.is_suspect(1));
}

#[test]
fn who_is_out_of_use_cannot_be_suspect() {
    let off = Settings { enabled: false, ..Settings::default() };
    let mut world = World::healthy(3);
    world.check(1, Trigger::Manual, &[PROXY]);
    world.pool.set_enabled(ProxyId(2), false, world.now);
    for id in [1, 2, 9] {
        assert!(world.suspect(id, Cause::Reset).is_none());
    }
    assert!(!world.is_suspect(1) && !world.is_suspect(2));
    let running = world.suspect(3, Cause::Reset).unwrap();
    world.finish(running, &[OK]);
    world.pass(s(1));
    assert!(world.suspect(3, Cause::Reset).is_none() && world.is_suspect(3));
    world.pool.set_settings(off, world.now);
    assert!(!world.is_suspect(3), "no check will answer it");
    world.pass(s(3));
    assert!(world.suspect(3, Cause::Reset).is_none() && !world.is_suspect(3));
    world.pool.set_settings(Settings::default(), world.now);
    let due = world.pool.due(world.now);
    assert!(due.iter().any(|o| o.id == ProxyId(3)), "everything may have changed: a first look is due");
}

#[test]
fn causes_are_told_in_words() {
    for (cause, words) in [
        (Cause::Refused, "refused the connection"),
        (Cause::WrongCredentials, "wrong user or password"),
        (Cause::ServerError(502), "answered 502"),
    ] {
        assert_eq!(suspicion(cause).to_string(), format!("{words} (live.example:443)"));
    }
}
