use std::time::Duration;

use holdfast_model::{Health, ProxyId, Trigger};
use holdfast_pool::{CheckOrder, Settings, SuspicionCause};

use crate::world::*;

fn seconds(seen: &[(Duration, Trigger)], trigger: Trigger) -> Vec<u64> {
    seen.iter().filter(|(_, t)| *t == trigger).map(|(at, _)| at.as_secs()).collect()
}

/// Everything passes but the checks of this proxy.
fn but(id: i64) -> impl Fn(&CheckOrder) -> holdfast_model::Verdict {
    move |order| if order.id == ProxyId(id) { PROXY } else { OK }
}

#[test]
fn regular_checks_come_every_interval_give_or_take_a_tenth() {
    let mut world = World::healthy(1);
    let seen = world.run(1, s(3000 * 10), |_| OK);
    assert!((90..=110).contains(&seen.len()), "{}", seen.len());
    let gaps: Vec<_> = seen.windows(2).map(|w| w[1].0 - w[0].0).collect();
    assert!(gaps.iter().all(|gap| (s(270)..=s(330)).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap < s(285)) && gaps.iter().any(|gap| *gap > s(315)), "{gaps:?}");
    assert!(seen.iter().all(|(_, trigger)| *trigger == Trigger::Schedule));
}

#[test]
fn the_first_look_is_at_once_or_spread_out_when_there_are_many() {
    for (n, interval, spread) in [(20, 300, 0), (200, 300, 5000), (200, 10, 1000)] {
        let mut world = World::unchecked(n, Settings { interval: s(interval), ..Settings::default() });
        assert_eq!(world.pool.due(world.now).len(), 20, "{n}");
        let mut last = Duration::ZERO;
        while let Some(due) = world.pool.next_due().filter(|at| *at < world.now.at + s(8)) {
            last += due - world.now.at;
            world.pass(due - world.now.at);
            drop(world.pool.due(world.now));
        }
        assert!(last <= ms(spread) && last >= ms(spread * 9 / 10), "{n}: {last:?}");
    }
    let mut world = World::unchecked(30, Settings::default());
    world.pass(s(10));
    world.pool.add(new_proxy(31), world.now);
    assert!(world.pool.due(world.now).iter().any(|o| o.id == ProxyId(31)), "one alone is looked at at once");
}

#[test]
fn one_check_of_a_proxy_at_a_time_and_a_slow_one_delays_no_other() {
    let mut world = World::unchecked(2, Settings { interval: s(10), ..Settings::default() });
    let mut first = world.pool.due(world.now);
    let other = first.pop().unwrap();
    world.finish(other, &[OK]);
    for _ in 0..3 {
        let (_, due) = world.next();
        assert_eq!(due.iter().map(|o| o.id.0).collect::<Vec<_>>(), [2]);
        due.into_iter().for_each(|o| drop(world.finish(o, &[OK])));
    }
    world.finish(first.pop().unwrap(), &[OK]);
    assert_eq!(world.wait(), ms(0), "its next is overdue by now");
}

#[test]
fn a_lost_check_stops_nothing_for_ever() {
    let mut world = World::unchecked(1, Settings { interval: s(10), ..Settings::default() });
    drop(world.pool.due(world.now));
    let (wait, due) = world.next();
    assert_eq!((wait, due.len()), (s(60), 1));
}

#[test]
fn a_failed_proxy_is_retried_beside_its_schedule() {
    let mut world = World::healthy(2);
    world.check(1, Trigger::Suspicion, &[PROXY]);
    let seen = world.run(1, s(1000), but(1));
    let mut gaps = seconds(&seen, Trigger::Recovery);
    gaps.dedup();
    assert_eq!(gaps, [1, 3, 7, 15, 31, 63, 127, 255, 511, 811]);
    assert_eq!(seconds(&seen, Trigger::Schedule).len(), 3);
    assert_eq!((world.failures(1), world.switches(1)), (3, (false, true)));
    // One good check is enough before that.
    let mut world = World::healthy(2);
    world.check(1, Trigger::Manual, &[PROXY]);
    let seen = world.run(1, s(1), |_| OK);
    assert_eq!(seconds(&seen, Trigger::Recovery), [1]);
    assert_eq!((world.health(1), world.failures(1), world.chosen()), (Health::Healthy, 1, Some(1)));
    assert!(world.wait() > s(200), "no more retries");
}

#[test]
fn an_auto_disabled_proxy_comes_back_after_two_good_checks() {
    let settings = Settings { max_consecutive_failures: 1, ..Settings::default() };
    let mut world = World::checked(2, settings);
    world.check(1, Trigger::Manual, &[PROXY]);
    assert_eq!(world.switches(1), (false, true));
    let seen = world.run(1, s(20_000), but(1));
    assert_eq!(seconds(&seen, Trigger::Recovery), [300, 900, 2100, 4500, 8100, 11_700, 15_300, 18_900]);
    assert_eq!(seen.len(), 8, "no regular checks");
    let begin = world.now.at;
    let seen = world.run(1, s(3600), |_| OK);
    let recovered = &seconds(&seen, Trigger::Recovery)[..];
    assert_eq!(recovered.len(), 2, "{recovered:?}");
    assert_eq!(recovered[1] - recovered[0], 10);
    assert_eq!((world.switches(1), world.failures(1)), ((true, false), 0));
    assert!(world.now.at > begin);
}

#[test]
fn a_relapse_between_the_two_starts_again() {
    let settings = Settings { max_consecutive_failures: 1, ..Settings::default() };
    let mut world = World::checked(2, settings);
    world.check(1, Trigger::Manual, &[PROXY]);
    world.check(1, Trigger::Recovery, &[OK]);
    world.pass(s(5));
    assert_eq!(
        told(&world.check(1, Trigger::Manual, &[OK])),
        "1: healthy -> healthy",
        "too early to confirm"
    );
    world.check(1, Trigger::Recovery, &[PROXY]);
    world.pass(s(5));
    assert_eq!(told(&world.check(1, Trigger::Recovery, &[OK])), "1: failed -> healthy");
    assert_eq!(world.switches(1), (false, true));
    world.pass(s(10));
    assert_eq!(told(&world.check(1, Trigger::Recovery, &[OK])), "1: healthy -> healthy; 1: recovered");
}

#[test]
fn in_an_outage_all_are_tried_at_once_then_every_second_then_every_five() {
    let settings = Settings { max_consecutive_failures: 1, ..Settings::default() };
    let mut world = World::checked(4, settings);
    world.check(1, Trigger::Manual, &[PROXY]); // auto-disabled
    world.pass(s(20));
    world.pool.set_enabled(ProxyId(2), false, world.now);
    world.check(3, Trigger::Recovery, &[PROXY]);
    world.check(4, Trigger::Recovery, &[PROXY]);
    let due = world.pool.due(world.now);
    assert_eq!(due.iter().map(|o| o.id.0).collect::<Vec<_>>(), [1, 3, 4]);
    due.into_iter().for_each(|o| drop(world.finish(o, &[PROXY])));
    let seen = world.run(1, s(60), |_| PROXY);
    let at: Vec<_> = seen.iter().map(|(at, _)| at.as_secs_f64()).collect();
    assert_eq!(at[..6], [1., 2., 3., 4., 5., 6.]);
    let gaps: Vec<_> = at.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(gaps.windows(2).all(|w| w[0] <= w[1] + 1e-6), "{gaps:?}");
    assert!((gaps.last().unwrap() - 5.0).abs() < 1e-6, "{gaps:?}");
    // The first that answers is used, even if it was disabled; the next must be confirmed as usual.
    let due = world.next().1;
    assert_eq!(due.len(), 3, "all in step");
    let mut events = Vec::new();
    for order in due {
        let verdict = if order.id == ProxyId(1) { OK } else { PROXY };
        events.extend(world.finish(order, &[verdict]));
    }
    let events: Vec<_> = events.into_iter().take(2).collect();
    assert_eq!(told(&events), "1: failed -> healthy; 1: recovered");
    assert_eq!(world.chosen(), Some(1));
    // What ailed the others may be over, too: they begin again at 1 s.
    let seen = world.run(4, s(4), |_| PROXY);
    assert_eq!(seconds(&seen, Trigger::Recovery), [1, 3]);
}

#[test]
fn an_outage_lengthens_no_backoff_and_its_end_shortens_it() {
    // 1 fails for long, 3 is auto-disabled, 2 works until the outage.
    let mut world = World::healthy(3);
    world.pool.set_settings(Settings { health_checks: false, ..Settings::default() }, world.now);
    for _ in 0..3 {
        world.check(3, Trigger::Manual, &[PROXY]);
    }
    world.check(1, Trigger::Suspicion, &[PROXY]);
    world.run(1, s(200), |o| if o.id == ProxyId(2) { OK } else { PROXY });
    assert!(world.wait() > s(20), "1 has backed off far");
    world.check(2, Trigger::Suspicion, &[PROXY]);
    world.run(1, s(60), |_| PROXY);
    world.check(2, Trigger::Suspicion, &[OK]);
    assert_eq!(world.wait(), s(1));
    let seen = world.run(3, s(700), |o| if o.id == ProxyId(2) { OK } else { PROXY });
    assert_eq!(seen.len(), 1, "3 waits for its second retry, not for a twelfth: {seen:?}");
}

#[test]
fn removing_the_last_usable_proxy_starts_an_outage() {
    let mut world = World::healthy(2);
    world.check(1, Trigger::Suspicion, &[PROXY]);
    world.run(1, s(100), but(1));
    world.pool.remove(ProxyId(2));
    assert_eq!(world.wait(), ms(0));
}

#[test]
fn without_health_checks_there_is_only_the_first_look_and_the_rest_goes_on() {
    let settings = Settings { health_checks: false, ..Settings::default() };
    let mut world = World::unchecked(2, settings);
    let due = world.pool.due(world.now);
    assert!(due.iter().all(|o| o.trigger == Trigger::Recovery) && due.len() == 2);
    due.into_iter().for_each(|o| drop(world.finish(o, &[OK])));
    assert_eq!(world.pool.next_due(), None);
    let order = world.suspect(1, SuspicionCause::Reset).unwrap();
    world.finish(order, &[PROXY]);
    assert_eq!(world.wait(), s(1));
    world.pool.set_settings(Settings::default(), world.now);
    let seen = world.run(2, s(400), |_| OK);
    assert_eq!(seconds(&seen, Trigger::Schedule).len(), 1);
}

#[test]
fn switched_off_nothing_is_checked_unless_a_person_asks() {
    let mut world = World::healthy(2);
    world.pool.set_enabled(ProxyId(2), false, world.now);
    assert!(world.pool.begin_check(ProxyId(2), Trigger::Suspicion, world.now).is_none());
    assert!(world.pool.begin_check(ProxyId(2), Trigger::Manual, world.now).is_some());
    world.pool.set_settings(Settings { enabled: false, ..Settings::default() }, world.now);
    world.pass(s(1000));
    assert!(world.pool.due(world.now).is_empty());
    assert_eq!(world.pool.next_due(), None);
    assert!(world.pool.begin_check(ProxyId(1), Trigger::Suspicion, world.now).is_none());
    assert!(world.pool.begin_check(ProxyId(1), Trigger::Manual, world.now).is_some());
    assert!(world.pool.begin_check(ProxyId(9), Trigger::Manual, world.now).is_none());
    world.pass(s(61));
    world.pool.set_settings(Settings::default(), world.now);
    assert_eq!(world.pool.due(world.now).len(), 1, "everything may have changed");
    world.check(2, Trigger::Manual, &[PROXY]);
    let due = world.run(2, s(1000), |_| OK);
    assert_eq!(due, [], "a failed one that a person disabled is not retried");
}

#[test]
fn a_shorter_interval_brings_the_next_check_forward() {
    let mut world = World::healthy(1);
    assert!(world.wait() >= s(270));
    world.pass(s(5));
    world.pool.set_settings(Settings { interval: s(10), ..Settings::default() }, world.now);
    assert!((s(4)..=s(6)).contains(&world.wait()), "{:?}", world.wait());
}

#[test]
fn an_abandoned_check_is_tried_again_in_time() {
    let mut world = World::healthy(2);
    world.check(1, Trigger::Suspicion, &[PROXY]);
    let (_, due) = world.next();
    due.into_iter().for_each(|o| world.pool.abandon_check(o));
    assert_eq!((world.health(1), world.wait()), (Health::Failed, s(2)));
}
