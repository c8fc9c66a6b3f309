//! What comes from the store: restarts, hand-edited rows, locked proxies, drills.

use holdfast_model::{Event, Health, ProxyId, Trigger};
use holdfast_pool::{Adopted, Choice, Edit, Pool, Remembered, Request, Settings};

use crate::world::{OK, PROXY, World, new_proxy, report, start};

fn chosen(pool: &Pool) -> Option<ProxyId> {
    match pool.select(&Request::default()) {
        Choice::Proxy { id, .. } => Some(id),
        _ => None,
    }
}

#[test]
fn a_restored_proxy_is_as_it_was_and_checked_at_once() {
    let now = start();
    let mut pool = Pool::new(Settings::default(), 1);
    let was = Remembered { health: Some(Health::Failed), consecutive_failures: 2, ..Remembered::default() };
    pool.restore(new_proxy(1), was, now);
    pool.restore(new_proxy(2), Remembered { health: Some(Health::Healthy), ..Remembered::default() }, now);
    assert_eq!(chosen(&pool), Some(ProxyId(2)), "what had failed is not used before a check");
    assert_eq!(pool.get(ProxyId(1)).map(|p| p.consecutive_failures), Some(2));
    let due: Vec<_> = pool.due(now).into_iter().map(|order| order.id).collect();
    assert_eq!(due, [ProxyId(1), ProxyId(2)]);
}

#[test]
fn an_auto_disabled_one_comes_back_by_itself_after_a_restart() {
    let now = start();
    let mut pool = Pool::new(Settings::default(), 1);
    let mut new = new_proxy(1);
    new.enabled = false;
    pool.restore(new, Remembered { auto_disabled: true, ..Remembered::default() }, now);
    let orders = pool.due(now);
    assert_eq!(orders.iter().map(|o| o.trigger).collect::<Vec<_>>(), [Trigger::Recovery]);
}

#[test]
fn a_counter_edited_by_hand_disables_at_the_next_failed_check() {
    let mut world = World::unchecked(2, Settings::default());
    let id = ProxyId(1);
    let edit = Adopted { consecutive_failures: Some(2), ..Adopted::default() };
    assert_eq!(world.pool.adopt(id, &edit, world.now), []);
    let order = world.pool.begin_check(id, Trigger::Manual, world.now).unwrap();
    let events = world.pool.finish_check(order, &report(&[PROXY]), world.now);
    assert!(events.iter().any(|e| matches!(e, Event::ProxyDisabled { failures: 3, .. })), "{events:?}");
    assert!(world.pool.get(id).is_some_and(|p| p.auto_disabled && !p.enabled));
}

#[test]
fn a_status_edited_by_hand_counts_until_a_check_says_otherwise() {
    let mut world = World::unchecked(2, Settings::default());
    let id = ProxyId(1);
    let failed = Adopted { health: Some(Health::Failed), ..Adopted::default() };
    assert_eq!(world.pool.adopt(id, &failed, world.now).len(), 1);
    assert_eq!(world.pool.adopt(id, &failed, world.now), [], "told once");
    assert_eq!(chosen(&world.pool), Some(ProxyId(2)));
    let order = world.pool.begin_check(id, Trigger::Manual, world.now).unwrap();
    world.pool.finish_check(order, &report(&[OK]), world.now);
    assert_eq!(chosen(&world.pool), Some(id));
    let off = Adopted { enabled: Some((false, false)), ..Adopted::default() };
    world.pool.adopt(id, &off, world.now);
    assert_eq!(chosen(&world.pool), Some(ProxyId(2)));
}

#[test]
fn a_locked_proxy_is_failed_until_it_gets_another_url() {
    let mut world = World::unchecked(1, Settings { fallback_to_direct: false, ..Settings::default() });
    let id = ProxyId(1);
    world.pool.lock(id, "its password cannot be read", world.now);
    assert!(world.pool.due(world.now).is_empty(), "there is nothing to check");
    assert!(world.pool.begin_check(id, Trigger::Manual, world.now).is_none());
    assert_eq!(world.pool.get(id).map(|p| p.health), Some(Health::Failed));
    assert!(matches!(world.pool.select(&Request::default()), Choice::NoRoute(_)), "never silently direct");
    let url = "http://user:new@proxy1:3128".parse().unwrap();
    world.pool.edit(id, Edit { url: Some(url), ..Edit::default() }, world.now);
    assert_eq!(world.pool.due(world.now).len(), 1);
    assert_eq!(chosen(&world.pool), Some(id));
}

#[test]
fn a_drill_takes_it_out_and_counts_nothing() {
    let mut world = World::unchecked(2, Settings::default());
    let until = world.now.wall + chrono::TimeDelta::seconds(60);
    assert!(world.pool.drill(ProxyId(1), until, world.now));
    assert!(!world.pool.drill(ProxyId(9), until, world.now));
    assert_eq!(chosen(&world.pool), Some(ProxyId(2)));
    let why: Vec<_> =
        world.pool.explain(&Request::default()).into_iter().map(|(_, r)| r.to_string()).collect();
    assert_eq!(why, ["under a drill"]);
    // A later drill has an end of its own.
    let later = until + chrono::TimeDelta::seconds(5);
    world.pool.drill(ProxyId(1), later, world.now);
    assert!(!world.pool.end_drill(ProxyId(1), until, world.now));
    assert_eq!(chosen(&world.pool), Some(ProxyId(2)));
    assert!(world.pool.end_drill(ProxyId(1), later, world.now));
    assert_eq!(chosen(&world.pool), Some(ProxyId(1)));
    assert_eq!(world.pool.get(ProxyId(1)).map(|p| p.consecutive_failures), Some(0));
}
