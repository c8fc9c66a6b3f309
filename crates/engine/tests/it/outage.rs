//! A database that goes away and comes back: wishes are refused and change nothing, the pool goes on by itself, and
//! what happened meanwhile is stored once and told once it is stored.

use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use holdfast_engine::{ProxyChange, Span};
use holdfast_model::ProxyId;
use holdfast_testkit::{Fault, Postgres, UpstreamProxy};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::by_hand::recording;
use crate::ears::Ears;
use crate::server::{Server, of_view, sentence};
use crate::world::{PATIENCE, World, proxy, wish};

/// How long a wish may take to be refused: the store waits for a connection for 6 s, and a busy machine adds to it.
const REFUSED: Duration = Duration::from_secs(15);
/// How long a check may take while the database is of no help: it waits some seconds for its row, and not for ever.
const CHECKED: Duration = Duration::from_secs(8);

/// Everything that people may wish for, at once.
async fn every_wish_is_refused(server: &Server, id: ProxyId, limit: Duration) {
    let engine = &server.engine;
    let patch = serde_json::from_value(json!({ "enable_proxy": false })).expect("a patch");
    let change = ProxyChange { priority: Some(7), ..Default::default() };
    let wishes: [(&str, Wish<'_>); 8] = [
        ("add", Box::pin(async { sentence(engine.add_proxy(wish("http://h:1", 0)).await) })),
        ("edit", Box::pin(async { sentence(engine.edit_proxy(id, change).await) })),
        ("toggle", Box::pin(async { sentence(engine.toggle_proxy(id).await) })),
        ("remove", Box::pin(async { sentence(engine.remove_proxy(id).await) })),
        ("import", Box::pin(async { sentence(engine.import_proxies("http://h:2").await) })),
        ("set", Box::pin(async { sentence(engine.set_config(patch).await) })),
        ("reveal", Box::pin(async { sentence(engine.reveal_proxy(id).await.map(drop)) })),
        ("record", Box::pin(async { sentence(engine.start_recording(recording(&[])).await) })),
    ];
    let all = wishes.map(|(what, wish)| async move {
        let began = Instant::now();
        let text = timeout(PATIENCE, wish).await.expect(what);
        assert!(text.starts_with("Unavailable"), "{what}: {text}");
        assert!(began.elapsed() < limit, "{what}: refused after {:?}", began.elapsed());
    });
    join_all(all).await;
    let ids = server.proxies().proxies.iter().map(|proxy| ProxyId(proxy.id)).rev().collect();
    assert!(sentence(engine.reorder_proxies(ids).await).starts_with("Unavailable"));
}

/// A wish and the sentence that refused it.
type Wish<'a> = Pin<Box<dyn Future<Output = String> + 'a>>;

/// What a person set, which no check changes.
fn set(server: &Server) -> Value {
    let proxies = server.proxies().proxies;
    let proxies: Vec<_> = proxies.iter().map(|p| json!([p.id, p.proxy_url, p.priority, p.enabled])).collect();
    json!([proxies, server.config()])
}

/// The event log and the checks have what was found meanwhile, once.
async fn told_and_stored(server: &mut Server, id: ProxyId, tests: usize) {
    let frame = server.ears.health(id.0, "failed").await;
    server.ears.assert_logged(&frame).await;
    let mut manual = 0;
    let stored = async {
        while manual < tests {
            let checks = server.checks(id, Span::default()).await.expect("checks").checks;
            manual = checks.iter().filter(|check| json!(check.trigger) == "manual").count();
        }
    };
    timeout(PATIENCE, stored).await.expect("stored");
    assert_eq!(manual, tests);
}

/// Takes the database away, breaks the proxy, tests it twice, and brings the database back.
async fn away_and_back(
    server: &Server,
    database: &mut Postgres,
    (id, one): (ProxyId, &UpstreamProxy),
    fault: Fault,
) {
    database.stop().await.expect("stopped");
    let (before, present) = (set(server), server.choice());
    assert_eq!(present, id.0);
    every_wish_is_refused(server, id, REFUSED).await;
    assert_eq!(set(server), before, "nothing was changed");
    let why = server.ready().await.expect_err("it is not ready");
    assert!(why.contains("database"), "{why}");

    one.set_fault(fault).await;
    for _ in 0..2 {
        let began = Instant::now();
        assert_eq!(json!(server.test_proxy(id).await.expect("tested").status), "failed");
        assert!(began.elapsed() < CHECKED, "{:?}", began.elapsed());
    }
    assert_ne!(server.choice(), present, "the pool goes on by itself");
    database.start_again().await.expect("started");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_found_meanwhile_is_stored_once_and_then_told() {
    let mut database = Postgres::start().await.expect("PostgreSQL");
    let world = World::on(&database).await;
    let (one, two) = (proxy().await, proxy().await);
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    server.add_good(&two, 1).await;
    away_and_back(&server, &mut database, (id, &one), Fault::WrongAuth).await;
    server.look_anew(&world).await;
    told_and_stored(&mut server, id, 2).await;
    assert_eq!(server.ready().await, Ok(()));
    server.ears.find("notice", |f| f["message"] == "The database is back").await;
    assert_eq!(server.view(id).consecutive_failures, 2);
    // And once more, to see that it does not wear out.
    one.heal().await;
    server.test_proxy(id).await.expect("tested");
    server.ears.health(id.0, "healthy").await;
    away_and_back(&server, &mut database, (id, &one), Fault::Reset).await;
    server.look_anew(&world).await;
    told_and_stored(&mut server, id, 5).await;
    let added = server.add_proxy(wish("http://127.0.0.1:9", 5)).await.expect("added");
    server.ears.about("proxy_added", added.0).await;
    let ears = server.stop().await;
    assert!(away_and_back_in_turn(&ears) >= 2, "away and back, twice at least: {:?}", ears.heard);
    let manual =
        format!("SELECT count(*) AS n FROM proxy_checks WHERE proxy_id = {id} AND trigger = 'manual'");
    assert_eq!(world.number(&manual).await, 5, "each check once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_holds_up_no_check() {
    let database = Postgres::start().await.expect("PostgreSQL");
    let world = World::on(&database).await;
    let (one, two) = (proxy().await, proxy().await);
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    let other = server.add_good(&two, 1).await;
    database.freeze().expect("frozen");
    one.set_fault(Fault::Reset).await;
    let began = Instant::now();
    assert_eq!(json!(server.test_proxy(id).await.expect("tested").status), "failed");
    assert!(began.elapsed() < CHECKED, "{:?}", began.elapsed());
    assert_eq!(server.choice(), other.0);
    let before = set(&server);
    every_wish_is_refused(&server, id, Duration::from_secs(16)).await;
    assert_eq!(set(&server), before);
    database.thaw().expect("thawed");
    told_and_stored(&mut server, id, 1).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_file_is_one_trouble_not_many() {
    let world = World::sqlite().await;
    let one = proxy().await;
    let mut server = Server::start(&world).await;
    let id = server.add_good(&one, 0).await;
    let before = of_view(&server.view(id));
    let lock = world.lock().await;
    let began = Instant::now();
    assert!(sentence(server.toggle_proxy(id).await).starts_with("Unavailable"));
    assert!(began.elapsed() < REFUSED, "{:?}", began.elapsed());
    assert_eq!(of_view(&server.view(id)), before, "nothing was changed");
    // Somebody leaves a transaction open for a while.
    one.set_fault(Fault::Reset).await;
    server.test_proxy(id).await.expect("tested");
    tokio::time::sleep(Duration::from_secs(12)).await;
    server.ears.drain().await;
    assert!(server.ears.count("notice") <= 1, "told again and again: {:?}", server.ears.heard);
    lock.rollback().await.expect("unlocked");
    told_and_stored(&mut server, id, 1).await;
    away_and_back_in_turn(&server.stop().await);
}

/// How often the database was said to be back. It may go away more often than it was taken away, as whatever keeps a busy
/// machine waiting may; but it is never away, nor back, twice in a row.
fn away_and_back_in_turn(ears: &Ears) -> usize {
    let notices = ears.heard.iter().filter(|frame| frame["type"] == "notice");
    let back: Vec<_> = notices.map(|notice| notice["message"] == "The database is back").collect();
    let in_turn = back.iter().enumerate().all(|(index, back)| *back == (index % 2 == 1));
    assert!(in_turn, "{back:?}");
    back.len() / 2
}
