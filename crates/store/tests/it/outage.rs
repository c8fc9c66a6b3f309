//! A database that goes away and comes back: told in time, and used again without a new store.

use std::time::{Duration, Instant};

use holdfast_store::{Batch, Store, StoreError};
use holdfast_testkit::Postgres;

use crate::home::Home;
use crate::samples::{add, check, new_proxy};

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The answer, which has to be that the database is away, and how long it took.
async fn is_away<T: std::fmt::Debug>(
    what: &str,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Duration {
    let started = Instant::now();
    let answer = work.await;
    assert!(matches!(&answer, Err(StoreError::Unavailable(_))), "{what}: {answer:?}");
    started.elapsed()
}

async fn everything_is_refused(store: &Store, batch: &Batch, limit: Duration) {
    let (ping, list, add, commit) = tokio::join!(
        is_away("ping", store.ping()),
        is_away("list", store.proxies()),
        is_away("add", store.add_proxies(&[])),
        is_away("commit", store.commit(batch)),
    );
    assert!(ping < Duration::from_secs(9), "ping: {ping:?}");
    for took in [list, add, commit] {
        assert!(took < limit, "{took:?}");
    }
}

/// Waits until the database answers: one that was frozen has work to make up for.
async fn there_again(store: &Store) {
    let answers = async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answers).await.expect("there again");
}

#[tokio::test]
async fn a_server_that_restarts_is_used_again() {
    let mut server = Postgres::start().await.expect("PostgreSQL");
    let home = Home::on(&server).await;
    let proxy = add(&home.store, "http://u:p@h:1", 0).await;
    let batch = Batch {
        id: 5,
        checks: vec![check(proxy.id, 1)],
        traffic: vec![(proxy.id, 1, 2)],
        ..Batch::default()
    };
    for _ in 0..2 {
        server.stop().await.expect("stopped");
        everything_is_refused(&home.store, &batch, Duration::from_secs(15)).await;
        server.start_again().await.expect("started");
        there_again(&home.store).await;
        home.store.commit(&batch).await.expect("the same batch");
    }
    let rows = home.store.proxies().await.expect("listed");
    assert_eq!((rows.len(), rows[0].totals.bytes_up, rows[0].totals.bytes_down), (1, 1, 2));
    assert_eq!(home.store.checks(proxy.id, None, None, 9).await.map(|rows| rows.len()), Ok(1));
}

#[tokio::test]
async fn a_server_that_freezes_holds_nobody_up() {
    let server = Postgres::start().await.expect("PostgreSQL");
    let home = Home::on(&server).await;
    add(&home.store, "http://h:1", 0).await;
    server.freeze().expect("frozen");
    everything_is_refused(&home.store, &Batch::default(), Duration::from_secs(15)).await;
    server.thaw().expect("thawed");
    there_again(&home.store).await;
    home.store.add_proxies(&[new_proxy("http://h:2", 0)]).await.expect("added");
    assert_eq!(home.store.proxies().await.map(|rows| rows.len()), Ok(2));
}

#[tokio::test]
async fn a_file_that_another_program_locks_is_waited_for() {
    let home = Home::sqlite().await;
    add(&home.store, "http://h:1", 0).await;
    let other = sea_orm::Database::connect(&home.plain_url).await.expect("a connection");
    let options = sea_orm::TransactionOptions {
        sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let lock = sea_orm::TransactionTrait::begin_with_options(&other, options).await.expect("locked");
    let took = is_away("add", home.store.add_proxies(&[new_proxy("http://h:2", 0)])).await;
    assert!((Duration::from_secs(3)..Duration::from_secs(9)).contains(&took), "{took:?}");
    assert_eq!(home.store.proxies().await.map(|rows| rows.len()), Ok(1), "readers do not care");
    home.store.ping().await.expect("there");
    lock.rollback().await.expect("unlocked");
    home.store.add_proxies(&[new_proxy("http://h:2", 0)]).await.expect("added");
}
