//! PostgreSQL for tests: reached by password and by TLS, taken away and given back, and gone with its process.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use holdfast_testkit::Postgres;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::client::{PATIENCE, silent};

#[tokio::test]
async fn databases_of_the_shared_server_are_apart() {
    let server = Postgres::shared().await.unwrap();
    let (one, two) = (server.database().await.unwrap(), server.database().await.unwrap());
    assert!(one.starts_with("postgres://") && one.contains("@127.0.0.1:"), "{one}");
    server.sql_in(&one, "CREATE TABLE t (x int); INSERT INTO t VALUES (1)").await.unwrap();
    assert_eq!(server.sql_in(&one, "SELECT x FROM t").await.unwrap(), "1");
    let missing = server.sql_in(&two, "SELECT x FROM t").await.unwrap_err();
    assert!(missing.to_string().contains("does not exist"), "{missing}");
    let wrong = one.replacen(":pg", ":no", 1);
    let refused = server.sql_in(&wrong, "SELECT 1").await.unwrap_err();
    assert!(refused.to_string().contains("password authentication failed"), "{refused}");
    let again = Postgres::shared().await.unwrap();
    assert_eq!(again.pid(), server.pid());
}

#[tokio::test]
async fn tls_is_verified() {
    let server = Postgres::shared().await.unwrap();
    let plain = server.database().await.unwrap();
    let ask = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let tls = server.tls_url(&plain).unwrap();
    assert_eq!(server.sql_in(&tls, ask).await.unwrap(), "t");
    let off = format!("{plain}?sslmode=disable");
    assert_eq!(server.sql_in(&off, ask).await.unwrap(), "f");
    // Another authority: the certificate of nobody.
    let other = tempfile::tempdir().unwrap();
    let other = holdfast_testkit::Ca::load_or_create(&other.path().join("ca")).unwrap().pem_path();
    let stranger = format!("{}{}", tls.split("sslrootcert=").next().unwrap(), "sslrootcert=");
    let stranger = stranger + other.to_str().unwrap();
    let refused = server.sql_in(&stranger, ask).await.unwrap_err();
    assert!(refused.to_string().contains("certificate verify failed"), "{refused}");
}

#[tokio::test]
async fn stopped_started_again_frozen_and_thawed() {
    let mut server = Postgres::start().await.unwrap();
    let url = server.database().await.unwrap();
    server.sql_in(&url, "CREATE TABLE t (x int); INSERT INTO t VALUES (7)").await.unwrap();
    server.stop().await.unwrap();
    let away = server.sql_in(&url, "SELECT 1").await.unwrap_err();
    assert!(away.to_string().contains("refused"), "{away}");
    server.start_again().await.unwrap();
    assert_eq!(server.sql_in(&url, "SELECT x FROM t").await.unwrap(), "7");

    server.freeze().unwrap();
    assert!(silent(server.sql_in(&url, "SELECT 1")).await);
    server.thaw().unwrap();
    assert_eq!(server.sql_in(&url, "SELECT x FROM t").await.unwrap(), "7");
}

/// Started by the test below in a process of its own, to be killed.
#[tokio::test]
#[ignore = "a part of dies_with_its_process"]
async fn stays_up() {
    let server = Postgres::start().await.unwrap();
    server.freeze().unwrap();
    let home = server.sql("SHOW data_directory");
    assert!(silent(home).await);
    println!("\nserver {}", server.pid().unwrap());
    // Long enough to be killed; short enough not to be waited for, should somebody run it by hand.
    tokio::time::sleep(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn dies_with_its_process() {
    let mut victim = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "postgres::stays_up"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let pid: u32 = loop {
        let line = lines.next_line().await.unwrap().expect("it says who its server is");
        if let Some(pid) = line.strip_prefix("server ") {
            break pid.parse().unwrap();
        }
    };
    let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let data = arguments.split('\0').skip_while(|word| *word != "-D").nth(1).unwrap().to_owned();
    assert!(Path::new(&data).join("PG_VERSION").is_file());
    victim.kill().await.unwrap();
    gone(&format!("/proc/{pid}")).await;
    gone(Path::new(&data).parent().unwrap().to_str().unwrap()).await;
}

/// Waits for a path to go; there is no signal for it.
async fn gone(path: &str) {
    let deadline = Instant::now() + PATIENCE;
    while Path::new(path).exists() {
        assert!(Instant::now() < deadline, "{path} is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
