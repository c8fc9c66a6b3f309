//! The server's command line: what is refused before anything is touched, and the commands around it.

use crate::run::holdfast;

fn data() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

#[tokio::test]
async fn it_listens_on_this_machine_only() {
    let data = data();
    let dir = data.path().join("data");
    let dir = dir.to_str().expect("text");
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8000", "nonsense"] {
        let ran = holdfast(&["serve", "--listen", listen, "--data-dir", dir]).done().await;
        assert_eq!(ran.status, 2, "{listen}: {}", ran.stderr);
        assert!(ran.stderr.contains("--listen"), "{}", ran.stderr);
    }
    assert!(!std::path::Path::new(dir).exists(), "nothing was touched");
}

#[tokio::test]
async fn the_settings_are_shown_with_their_passwords_masked() {
    let ran = holdfast(&["config", "show", "--keep-checks", "2d", "--gateway-listen", "127.0.0.1:8118"])
        .env(
            "HOLDFAST_DATABASE_URL",
            format!("postgres://holdfast:{}@db.test/holdfast", crate::run::PASSWORD),
        )
        .env("HOLDFAST_AUTH", format!("me:{}", crate::run::PASSWORD))
        .done()
        .await;
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for line in [
        "listen = \"127.0.0.1:8000\"",
        "holdfast:***@db.test",
        "auth = \"me:***\"",
        "keep_checks = \"172800s\"",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains(crate::run::PASSWORD) && !ran.stderr.contains(crate::run::PASSWORD));
}

#[tokio::test]
async fn settings_that_cannot_work_are_told() {
    for (args, word) in [
        (["--database-url", "mysql://db/x"], "--database-url"),
        (["--check-url", "ftp://x/"], "check-url"),
        (["--auth", "me:secret"], "--gateway-listen"),
    ] {
        let ran = holdfast(&[&["config", "check"][..], &args[..]].concat()).done().await;
        assert_eq!(ran.status, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(word), "{args:?}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn a_backup_of_nothing_makes_nothing() {
    let data = data();
    let (dir, file) = (data.path().to_str().expect("text"), data.path().join("copy.db"));
    let ran = holdfast(&["backup", "--data-dir", dir, file.to_str().expect("text")]).done().await;
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("there is no database"), "{}", ran.stderr);
    assert_eq!(
        std::fs::read_dir(data.path()).expect("readable").count(),
        0,
        "neither database nor key nor copy"
    );
}

#[tokio::test]
async fn without_a_server_that_is_said() {
    let ran = holdfast(&["proxy", "list", "--server", "http://127.0.0.1:9"])
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .done()
        .await;
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("no holdfast server answers at http://127.0.0.1:9"), "{}", ran.stderr);
}
