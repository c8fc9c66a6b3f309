//! Taking over from StreamVault, on a real PostgreSQL with its tables as its migrations make them.

use holdfast_testkit::Postgres;
use serde_json::json;

use crate::run::{Ran, run};
use crate::stand_in::StandIn;

const TABLE: &str = "CREATE TABLE global_settings (id SERIAL PRIMARY KEY, notification_url VARCHAR,
    http_proxy VARCHAR(255), https_proxy VARCHAR(255), proxy_encryption_key VARCHAR)";
const OLD_TABLE: &str = "CREATE TABLE global_settings (id SERIAL PRIMARY KEY, notification_url VARCHAR)";
const PROXY: &str = "http://user:s3cret-p4ss@proxy.example:3128";

/// A StreamVault database, and what is run against it.
struct Vault {
    postgres: &'static Postgres,
    url: String,
}

impl Vault {
    async fn new(sql: &[&str]) -> Self {
        let postgres = Postgres::shared().await.expect("PostgreSQL");
        let vault = Self { postgres, url: postgres.database().await.expect("a database") };
        for sql in sql {
            vault.sql(sql).await;
        }
        vault
    }

    async fn with(http: &str, https: &str) -> Self {
        let row = format!("INSERT INTO global_settings (http_proxy, https_proxy) VALUES ({http}, {https})");
        Self::new(&[TABLE, &row]).await
    }

    async fn sql(&self, sql: &str) -> String {
        self.postgres.sql_in(&self.url, sql).await.expect("good SQL")
    }

    async fn import(&self, server: &StandIn, flags: &[&str]) -> Ran {
        import(server, &self.url, flags).await
    }
}

/// Runs it; the database's password is as secret as the proxies'.
async fn import(server: &StandIn, from: &str, flags: &[&str]) -> Ran {
    let args = [&["import", "streamvault", "--from", from], flags].concat();
    let mut ran = run(&server.url(), &args, "").await;
    let password = from.split("://").nth(1).and_then(|rest| rest.split_once(':')).map(|(_, rest)| rest);
    let password = password.and_then(|rest| rest.split_once('@')).map(|(password, _)| password);
    if let Some(password) = password.filter(|p| p.len() > 5) {
        let decoded = password.replace("%40", "@").replace("%2F", "/").replace("%25", "%");
        for secret in [password, &decoded] {
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "the password is seen: {ran:?}");
        }
    }
    // It stands in the arguments of these tests, and that has to be said.
    let (warning, rest): (Vec<_>, Vec<_>) = ran.err.lines().partition(|line| line.contains("process list"));
    assert_eq!(warning.len(), usize::from(password.is_some()), "{}", ran.err);
    ran.err = rest.join("\n");
    ran
}

#[tokio::test]
async fn both_settings_are_taken_over_once_and_again_changes_nothing() {
    let vault = Vault::with(&format!("'{PROXY}'"), "' socks5h://10.0.0.1 '").await;
    let server = StandIn::start().await;
    let out = vault.import(&server, &[]).await.good();
    assert_eq!(
        out,
        "Added proxy 1: http://user:***@proxy.example:3128 (from http_proxy, priority 0)\n\
         Added proxy 2: socks5h://10.0.0.1:1080 (from https_proxy, priority 0)\n"
    );
    assert_eq!(server.all(), [format!("{PROXY} 0 []"), "socks5h://10.0.0.1:1080 0 []".to_owned()]);
    assert_eq!(server.get(1).expect("is there").1["health_status"], "unknown");

    let again = vault.import(&server, &[]).await.good();
    assert_eq!(again.matches("Already there: ").count(), 2, "{again}");
    assert_eq!(server.all().len(), 2);
}

#[tokio::test]
async fn one_proxy_for_both_is_one_and_a_dry_run_changes_nothing() {
    let vault = Vault::with(&format!("'{PROXY}'"), &format!("'{PROXY}/'")).await;
    let server = StandIn::start().await;
    let would = "Dry run: nothing is changed.\n\
                 Would add http://user:***@proxy.example:3128 (from http_proxy and https_proxy, priority 0)";
    let out = vault.import(&server, &["--dry-run"]).await.good();
    assert_eq!(out, format!("{would}\n"));
    assert_eq!(server.asked(), ["GET /api/proxy/list"]);

    let json = vault.import(&server, &["--json"]).await.json();
    let taken = json!({"columns": ["http_proxy", "https_proxy"], "proxy_id": 1, "result": "added",
        "proxy_url": "http://user:***@proxy.example:3128"});
    assert_eq!(json, json!({"dry_run": false, "encrypted_left_out": 0, "proxies": [taken]}));

    // The server shows no password, so that the other way to be the same is left open.
    let out = vault.import(&server, &["--dry-run"]).await.good();
    let unless = ", unless its password is that of proxy 1, which is the same otherwise\n";
    assert_eq!(out, format!("{would}{unless}"));
    assert_eq!(server.all().len(), 1);
}

#[tokio::test]
async fn settings_without_a_proxy_leave_nothing_to_do() {
    for vault in [
        Vault::with("NULL", "'  '").await,
        Vault::new(&[TABLE]).await,
        Vault::new(&[OLD_TABLE, "INSERT INTO global_settings DEFAULT VALUES"]).await,
    ] {
        let server = StandIn::start().await;
        let out = vault.import(&server, &[]).await.good();
        assert_eq!(out, "StreamVault's settings name no proxy: http_proxy and https_proxy are empty.\n");
        assert_eq!(server.asked().len(), 0);
    }
}

#[tokio::test]
async fn what_cannot_be_taken_over_is_told() {
    let vault = Vault::with("'ftp://user:s3cret-p4ss@h'", "'proxy.example:3128'").await;
    vault.sql("CREATE TABLE proxy_settings (id SERIAL PRIMARY KEY, proxy_url VARCHAR)").await;
    vault.sql("INSERT INTO proxy_settings (proxy_url) VALUES ('gAAAAA'), ('gAAAAB')").await;
    let server = StandIn::start().await;
    let ran = vault.import(&server, &[]).await;
    assert_eq!(
        ran.out,
        "Cannot take over http_proxy: the scheme 'ftp' is not supported: use http, https, socks5 or socks5h\n\
         Added proxy 1: http://proxy.example:3128 (from https_proxy, priority 0)\n\
         StreamVault's own pool has 2 proxies, encrypted with its key: take them over by hand.\n"
    );
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    // What the dry run says of them is exact: there is no password to differ in.
    let dry = vault.import(&server, &["--dry-run"]).await;
    assert!(dry.out.contains("Already there: http://proxy.example:3128 (from https_proxy)"), "{}", dry.out);
}

#[tokio::test]
async fn a_database_that_is_not_streamvault_s_or_not_there_is_told_without_its_password() {
    let server = StandIn::start().await;
    let empty = Vault::new(&[]).await;
    let ran = empty.import(&server, &[]).await;
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("has no table global_settings"), "{}", ran.err);

    let wrong = import(&server, &empty.url.replace("pg%40", "wrong%40"), &[]).await;
    assert_eq!(wrong.status, 1);
    assert!(wrong.err.contains("password authentication failed"), "{}", wrong.err);

    let nobody = import(&server, "postgres://u:s3cret-p4ss@127.0.0.1:1/x", &[]).await;
    assert_eq!(nobody.status, 1);
    assert!(
        nobody.err.starts_with("the StreamVault database at 127.0.0.1:1/x cannot be read: "),
        "{}",
        nobody.err
    );

    for from in ["mysql://h/x", "postgres://h:no/x", "x"] {
        let ran = import(&server, from, &[]).await;
        assert_eq!(ran.status, 2, "{from}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn the_address_may_be_as_streamvault_writes_it_and_over_tls() {
    let vault = Vault::with(&format!("'{PROXY}'"), "NULL").await;
    let server = StandIn::start().await;
    let psycopg = vault.url.replace("postgres://", "postgresql+psycopg://");
    import(&server, &psycopg, &["--dry-run"]).await.good();
    let tls = vault.postgres.tls_url(&vault.url).expect("an authority");
    import(&server, &tls, &[]).await.good();
    assert_eq!(server.all().len(), 1);
}

#[tokio::test]
async fn without_a_server_it_still_tells_what_it_found() {
    let vault = Vault::with(&format!("'{PROXY}'"), "NULL").await;
    let args = ["import", "streamvault", "--from", &vault.url];
    let gone = StandIn::start().await.url();
    for (flags, told) in
        [(&[][..], "Not added: http://user:***@"), (&["--dry-run"], "Would add http://user:***@")]
    {
        let ran = run(&gone, &[&args, flags].concat(), "").await;
        assert_eq!(ran.status, 1);
        assert!(ran.out.contains(told), "{}", ran.out);
        assert!(ran.err.contains("no holdfast server answers"), "{}", ran.err);
    }
}
