//! A thousand proxies at once: in order, each with its own values, in few statements.

use std::collections::HashMap;
use std::time::Duration;

use holdfast_model::{Health, ProxyId};
use holdfast_store::{Batch, NewProxyRow, ProxyHealthRow, ProxyRow, ProxyState};
use holdfast_testkit::Postgres;

use crate::home::{Home, KEY};
use crate::samples::{at, failed_state, new_proxy};

const MANY: u32 = 1000;

/// An id that no row has.
const GONE: ProxyId = ProxyId(99_999);

/// A thousand that differ; every third without a password.
fn many() -> Vec<NewProxyRow> {
    let text = |n| match n % 3 {
        0 => format!("http://h-{n}:80"),
        _ => format!("socks5://u:password-{n}@h:1080"),
    };
    // The priority falls, so that no order of the database is by chance that of the list.
    (0..MANY).map(|n| new_proxy(&text(n), MANY - n)).collect()
}

async fn add_many(home: &Home) -> Vec<ProxyRow> {
    home.store.add_proxies(&many()).await.expect("added")
}

fn by_id(rows: Vec<ProxyRow>) -> HashMap<ProxyId, ProxyRow> {
    rows.into_iter().map(|row| (row.id, row)).collect()
}

async fn a_thousand_are_added_in_order_with_their_passwords(home: Home) {
    let (new, added) = (many(), add_many(&home).await);
    assert_eq!(added.len(), new.len());
    for (new, row) in new.iter().zip(&added) {
        assert_eq!((row.url.expose(), row.priority, &row.locked), (new.url.expose(), new.priority, &None));
    }
    assert!(added.is_sorted_by(|one, next| one.id < next.id));
    home.store.close().await;
    let again = home.open_with(KEY).await.expect("opened again");
    let mut expected = added;
    expected.reverse();
    assert_eq!(again.proxies().await, Ok(expected));
    let sealed = home.number("SELECT COUNT(password_encrypted) AS n FROM proxy_settings").await;
    assert_eq!(sealed, 666, "who has no password has nothing sealed");
}

async fn a_thousand_are_added_or_none(home: Home) {
    home.sql("CREATE UNIQUE INDEX one_of_each ON proxy_settings (proxy_url, priority)")
        .await
        .expect("an index");
    let mut new = many();
    new[999] = new[0].clone();
    home.store.add_proxies(&new).await.expect_err("the last one is there already");
    assert_eq!(home.store.proxies().await, Ok(Vec::new()));
}

/// Of every kind: with everything, with nothing, with words that would end a text in SQL.
fn state(n: usize, id: ProxyId) -> ProxyState {
    let number = u32::try_from(n).expect("small");
    let health = ProxyHealthRow {
        status: [Health::Healthy, Health::Degraded, Health::Failed][n % 3],
        last_health_check: (!n.is_multiple_of(2)).then(|| at(number.into())),
        response_time_ms: (!n.is_multiple_of(3)).then_some(number),
        average_response_time_ms: (!n.is_multiple_of(5)).then_some(u32::MAX - number),
        consecutive_failures: number,
        last_error: (!n.is_multiple_of(7)).then(|| format!("it's \"{n}\" said 'no'); -- $1 ? \\ ü")),
    };
    ProxyState { id, enabled: n.is_multiple_of(4), auto_disabled: n.is_multiple_of(8), health }
}

async fn a_thousand_states_are_written(home: Home) {
    let added = add_many(&home).await;
    let all_set: Vec<_> = added.iter().map(|row| failed_state(row.id)).collect();
    home.store.save_states(&all_set).await.expect("saved");
    let mut states: Vec<_> = added[1..].iter().enumerate().map(|(n, row)| state(n, row.id)).collect();
    states.insert(500, failed_state(GONE));
    home.store.save_states(&states).await.expect("saved, though one is gone");

    let rows = by_id(home.store.proxies().await.expect("listed"));
    assert_eq!(rows.len(), added.len());
    for state in states.iter().chain(&all_set[..1]).filter(|state| state.id != GONE) {
        let row = &rows[&state.id];
        assert_eq!(
            (&row.health, row.enabled, row.auto_disabled),
            (&state.health, state.enabled, state.auto_disabled)
        );
    }
    for old in &added {
        let row = &rows[&old.id];
        assert_eq!((&row.url, row.priority, row.created_at), (&old.url, old.priority, old.created_at));
        assert!(row.updated_at > old.updated_at);
    }
}

async fn of_two_states_the_last_counts(home: Home) {
    let added = add_many(&home).await;
    let id = added[7].id;
    // Within one statement, and in two.
    for between in [0, 998] {
        let others = added.iter().filter(|row| row.id != id).take(between).map(|row| failed_state(row.id));
        let states: Vec<_> = [failed_state(id)].into_iter().chain(others).chain([state(11, id)]).collect();
        home.store.save_states(&states).await.expect("saved");
        let row = home.store.proxy(id).await.expect("read").expect("there");
        assert_eq!(row.health, state(11, id).health);
    }
}

async fn a_thousand_get_new_places(home: Home) {
    let mut ids: Vec<_> = add_many(&home).await.iter().map(|row| row.id).collect();
    // Neither as they were added nor backwards.
    ids.rotate_left(333);
    ids.insert(500, GONE);
    home.store.reorder(&ids).await.expect("reordered, though one is gone");
    let places = home.store.proxies().await.expect("listed").into_iter().map(|row| (row.id, row.priority));
    let expected = ids.into_iter().zip(0..).filter(|(id, _)| *id != GONE);
    assert_eq!(places.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

async fn traffic_of_a_thousand_is_added_up(home: Home) {
    let added = add_many(&home).await;
    let of = |n: usize, row: &ProxyRow| (row.id, n as u64, 1 << 40);
    let mut traffic: Vec<_> = added.iter().enumerate().map(|(n, row)| of(n, row)).collect();
    traffic.push((GONE, 1, 1));
    // One of them three times, as connections end.
    traffic.extend([(added[3].id, 10, 1), (added[3].id, 20, 2)]);
    for id in [1, 2] {
        let batch = Batch { id, traffic: traffic.clone(), ..Batch::default() };
        home.store.commit(&batch).await.expect("committed");
    }
    let rows = by_id(home.store.proxies().await.expect("listed"));
    for (n, old) in added.iter().enumerate() {
        let (up, down) = if n == 3 { (33, (1 << 40) + 3) } else { (n as u64, 1 << 40) };
        let row = &rows[&old.id];
        assert_eq!((row.totals.bytes_up, row.totals.bytes_down), (2 * up, 2 * down), "{n}");
        assert_eq!((&row.health, row.updated_at), (&old.health, old.updated_at));
    }
}

/// How many statements about proxies the server has executed; it logs them all.
async fn statements(server: &Postgres) -> usize {
    // Its log comes by a pipe. What stands before this was executed before this.
    let mark = format!("mark {}", server.log().len());
    server.sql(&format!("SELECT '{mark}'")).await.expect("a query");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !server.log().contains(&mark) {
        assert!(tokio::time::Instant::now() < deadline, "the mark is not in the log");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.log().lines().filter(|line| line.contains("execute") && line.contains("proxy_settings")).count()
}

#[tokio::test]
async fn a_thousand_take_few_statements() {
    let server = Postgres::start().await.expect("PostgreSQL");
    server.sql("ALTER ROLE ALL SET log_statement = 'all'").await.expect("set");
    let home = Home::on(&server).await;
    let start = statements(&server).await;
    let ids: Vec<_> = add_many(&home).await.iter().map(|row| row.id).collect();
    let added = statements(&server).await;
    home.store.reorder(&ids).await.expect("reordered");
    let ordered = statements(&server).await;
    let states = ids.iter().map(|id| failed_state(*id)).collect();
    let traffic = ids.iter().map(|id| (*id, 1, 2)).collect();
    home.store.commit(&Batch { id: 1, states, traffic, ..Batch::default() }).await.expect("committed");
    let committed = statements(&server).await;
    for (what, took) in
        [("add", added - start), ("reorder", ordered - added), ("commit", committed - ordered)]
    {
        assert!((1..=20).contains(&took), "{what}: {took}");
    }
}

on_both!(
    a_thousand_are_added_in_order_with_their_passwords,
    a_thousand_are_added_or_none,
    a_thousand_states_are_written,
    of_two_states_the_last_counts,
    a_thousand_get_new_places,
    traffic_of_a_thousand_is_added_up,
);
