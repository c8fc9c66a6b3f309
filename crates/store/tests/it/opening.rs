//! Opening: addresses, migrations, and what is refused.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use holdfast_store::{DatabaseUrl, Store, StoreError};
use holdfast_testkit::Postgres;

use crate::home::{Home, KEY, vault};
use crate::samples::{add, new_proxy};

const TABLES: [&str; 14] = [
    "proxy_settings",
    "recording_settings",
    "streamers",
    "recordings",
    "recording_parts",
    "recording_routes",
    "recording_gaps",
    "proxy_checks",
    "events",
    "users",
    "sessions",
    "api_tokens",
    "server_settings",
    "recording_chapters",
];

async fn migrations_run_once(home: Home) {
    for table in TABLES {
        assert!(home.number(&format!("SELECT COUNT(*) AS n FROM {table}")).await <= 1, "{table} is there");
    }
    add(&home.store, "http://h:1", 0).await;
    let before = home.number("SELECT COUNT(*) AS n FROM seaql_migrations").await;
    let stores: Vec<_> = (0..4)
        .map(|_| {
            let url = home.url.clone();
            tokio::spawn(async move { Store::open(&url, vault(KEY)).await })
        })
        .collect();
    for store in stores {
        let store = store.await.expect("no panic").expect("opened");
        assert_eq!(store.proxies().await.map(|rows| rows.len()), Ok(1));
    }
    assert_eq!(home.number("SELECT COUNT(*) AS n FROM seaql_migrations").await, before);
}

async fn a_newer_schema_is_refused(home: Home) {
    home.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_from_the_future', 0)")
        .await
        .expect("written");
    let error = home.open_with(KEY).await.expect_err("newer");
    assert!(
        matches!(&error, StoreError::Newer { found, .. } if found == "m9999_from_the_future"),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains("newer version of Holdfast") && text.contains("m0004_declined"), "{text}");
}

/// Takes the database back to what the version before channels made.
async fn go_back(home: &Home) {
    home.store.close().await;
    home.sql("DELETE FROM seaql_migrations WHERE version >= 'm0003'").await.expect("deleted");
    for table in ["server_settings", "recording_chapters"] {
        home.sql(&format!("DROP TABLE {table}")).await.expect(table);
    }
    for (table, columns) in [
        ("recordings", "keep category channel thumbnail"),
        (
            "streamers",
            "twitch_id filename_template container max_age_days max_count max_bytes streamlink_options \
             user_token_encrypted broadcast_id declined_at",
        ),
    ] {
        for column in columns.split_whitespace() {
            home.sql(&format!("ALTER TABLE {table} DROP COLUMN {column}")).await.expect(column);
        }
    }
}

async fn a_migration_that_fails_leaves_nothing(home: Home) {
    go_back(&home).await;
    // The last column of the migration is in the way.
    home.sql("ALTER TABLE recordings ADD COLUMN thumbnail TEXT").await.expect("in the way");
    let error = home.open_with(KEY).await.expect_err("the column is there already");
    assert!(matches!(error, StoreError::Data(_)), "{error:?}");
    home.sql("SELECT 1 FROM server_settings").await.expect_err("not made, as the rest failed");
    home.sql("ALTER TABLE recordings DROP COLUMN thumbnail").await.expect("out of the way");
    home.open_with(KEY).await.expect("made now");
    assert_eq!(home.number("SELECT COUNT(*) AS n FROM server_settings").await, 1);
}

on_both!(migrations_run_once, a_newer_schema_is_refused, a_migration_that_fails_leaves_nothing,);

#[tokio::test]
async fn two_that_start_on_an_empty_database_both_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Postgres::shared().await.expect("PostgreSQL");
    let postgres = DatabaseUrl::parse(&server.database().await.expect("a database")).expect("a URL");
    for url in [DatabaseUrl::for_data_dir(folder.path()), postgres] {
        let (one, other) = tokio::join!(Store::open(&url, vault(KEY)), Store::open(&url, vault(KEY)));
        let (one, other) = (one.expect("opened"), other.expect("opened"));
        one.add_proxies(&[new_proxy("http://h:1", 0)]).await.expect("added");
        assert_eq!(other.proxies().await.map(|rows| rows.len()), Ok(1), "{url}");
    }
}

#[test]
fn addresses_are_read_and_masked() {
    for (text, shown) in [
        ("sqlite:///var/lib/holdfast.db", Ok("sqlite:///var/lib/holdfast.db")),
        ("sqlite://data/holdfast.db", Ok("sqlite://data/holdfast.db")),
        ("postgres://me:hush@db.test/holdfast", Ok("postgres://me:***@db.test/holdfast")),
        (
            "postgresql://me:hush@[::1]:5433/x?sslmode=require",
            Ok("postgresql://me:***@[::1]:5433/x?sslmode=require"),
        ),
        ("sqlite://", Err("names no file")),
        ("sqlite://:memory:", Err("forgets everything")),
        ("sqlite:///x.db?mode=ro", Err("no parameters")),
        ("mysql://me:hush@db.test/x", Err("neither SQLite nor PostgreSQL")),
        ("holdfast.db", Err("neither SQLite nor PostgreSQL")),
        ("postgres://db.test/x?password=hush", Err("among the parameters")),
        ("postgres://me:hush@db.test/x?sslmode=sometimes", Err("cannot be used")),
        ("postgres://me:hush@db.test:hush/x", Err("cannot be used")),
    ] {
        let read = DatabaseUrl::parse(text).map(|url| format!("{url} {url:?}"));
        match (read, shown) {
            (Ok(read), Ok(shown)) => assert_eq!(read, format!("{shown} {shown}")),
            (Err(error), Err(part)) => {
                let error = error.to_string();
                assert!(error.contains(part) && !error.contains("hush"), "{text}: {error}");
            }
            (read, _) => panic!("{text}: {read:?}"),
        }
    }
    assert!(DatabaseUrl::parse("sqlite://x.db").expect("a URL").is_sqlite());
    assert!(!DatabaseUrl::parse("postgres://h/x").expect("a URL").is_sqlite());
}

#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    let home = Home::sqlite().await;
    add(&home.store, "http://h:1", 0).await;
    for file in std::fs::read_dir(home.folder.path()).expect("a folder") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_reported_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("broken.db");
    std::fs::write(&broken, "this is no database, but it is long enough to be taken for one ".repeat(20))
        .expect("written");
    let server = Postgres::shared().await.expect("PostgreSQL");
    let right = server.database().await.expect("a database");
    let (before, after) = right.rsplit_once('@').expect("a password");
    let wrong = format!("{before}x@{after}");
    for (url, part) in [
        (format!("sqlite://{}/none/holdfast.db", folder.path().display()), "make its folder first"),
        (format!("sqlite://{}", folder.path().display()), "cannot be opened"),
        (format!("sqlite://{}", broken.display()), "not a database"),
        ("postgres://me:hush@127.0.0.1:1/x".to_owned(), "refused"),
        (wrong, "password authentication failed"),
    ] {
        let started = Instant::now();
        let url = DatabaseUrl::parse(&url).expect("a URL");
        let error = Store::open(&url, vault(KEY)).await.expect_err("not there").to_string();
        assert!(error.contains(part) && !error.contains("hush"), "{url}: {error}");
        assert!(started.elapsed() < Duration::from_secs(6), "{url}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn tls_is_used_and_checked() {
    let server = Postgres::shared().await.expect("PostgreSQL");
    let plain = server.database().await.expect("a database");
    let tls = server.tls_url(&plain).expect("a URL");
    let url = DatabaseUrl::parse(&tls).expect("a URL");
    let store = Store::open(&url, vault(KEY)).await.expect("opened");
    add(&store, "http://h:1", 0).await;
    let encrypted = server.sql("SELECT COUNT(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'holdfast'");
    assert_ne!(encrypted.await.expect("a query"), "0");

    // Signed by an authority of our own, which nobody else trusts; and a name that is not in the certificate.
    let (base, _) = tls.split_once("&sslrootcert").expect("an authority");
    for wrong in [base.to_owned(), tls.replacen("localhost", "127.0.0.2", 1)] {
        let url = DatabaseUrl::parse(&wrong).expect("a URL");
        let error = Store::open(&url, vault(KEY)).await.expect_err("not trusted");
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
    let url = DatabaseUrl::parse(&format!("{plain}?sslmode=require")).expect("a URL");
    Store::open(&url, vault(KEY)).await.expect("encrypted, whoever signed");
}
