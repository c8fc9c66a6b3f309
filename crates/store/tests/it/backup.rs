//! Backups: whole while everything goes on, for their owner only, never over another file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use holdfast_model::Secret;
use holdfast_store::{Batch, DatabaseUrl, RecordingStatus, ServerSettingsRow, Store, StoreError};
use holdfast_testkit::Postgres;

use crate::home::{Home, KEY, vault};
use crate::samples::{add, chapter, check, new_channel, recording};

/// The database that a backup holds.
async fn restored(home: &Home, file: &Path) -> Store {
    let url = if home.url.is_sqlite() {
        format!("sqlite://{}", file.display())
    } else {
        let url = Postgres::shared().await.expect("PostgreSQL").database().await.expect("a database");
        let restore = tokio::process::Command::new("pg_restore")
            .args(["--no-owner", "--dbname", &url])
            .arg(file)
            .output();
        let restore = restore.await.expect("pg_restore");
        assert!(restore.status.success(), "{}", String::from_utf8_lossy(&restore.stderr));
        url
    };
    Store::open(&DatabaseUrl::parse(&url).expect("a URL"), vault(KEY)).await.expect("opened")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect()
}

async fn a_backup_while_writing_is_whole(home: Home) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a backup.db");
    let proxy = add(&home.store, "http://u:p@h:1", 0).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (begun, written) = tokio::sync::oneshot::channel::<()>();
    let writer = tokio::spawn({
        let (store, id) = (home.store.clone(), proxy.id);
        async move {
            let (mut stopped, mut begun, mut n) = (stopped, Some(begun), 0);
            while stopped.try_recv().is_err() {
                n += 1;
                let batch = Batch {
                    id: n,
                    checks: vec![check(id, n)],
                    traffic: vec![(id, 1, 1)],
                    ..Batch::default()
                };
                store.commit(&batch).await.expect("committed");
                if n == 20 {
                    begun.take().map(|begun| begun.send(()));
                }
            }
            n
        }
    });
    written.await.expect("writing");
    home.store.backup(&file).await.expect("backed up");
    stop.send(()).expect("still writing");
    let all = writer.await.expect("no panic");

    let copy = restored(&home, &file).await;
    let rows = copy.proxies().await.expect("listed");
    assert_eq!(rows[0].url.expose(), proxy.url.expose());
    let checks = copy.checks(proxy.id, None, None, 10_000).await.expect("listed").len();
    assert!((20..=usize::try_from(all).expect("some")).contains(&checks), "{checks} of {all}");
    assert_eq!(rows[0].totals.bytes_up, checks as u64, "no transaction is torn");
}

async fn a_backup_is_for_its_owner_and_overwrites_nothing(home: Home) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backup");
    home.store.backup(&file).await.expect("backed up");
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&file).expect("read");
    let error = home.store.backup(&file).await.expect_err("there already");
    assert!(matches!(&error, StoreError::Backup(text) if text.contains("exists already")), "{error:?}");
    assert_eq!(std::fs::read(&file).expect("read"), before);
    let nowhere = folder.path().join("none").join("backup");
    let error = home.store.backup(&nowhere).await.expect_err("no folder").to_string();
    assert!(error.contains("cannot be written"), "{error}");
    assert_eq!(files(folder.path()), [file], "nothing else is left");
}

async fn a_backup_has_channels_chapters_and_settings(home: Home) {
    let channel = home.store.add_channel(&new_channel("somebody")).await.expect("added");
    let mut row = recording(RecordingStatus::Completed);
    (row.streamer_id, row.keep) = (Some(channel.id), true);
    home.store.insert_recording(&row).await.expect("inserted");
    home.store.set_keep(row.id, true).await.expect("kept");
    let chapters = vec![chapter(0), chapter(1)];
    home.store.save_progress(&row, &[], &[], &[], &chapters).await.expect("saved");
    let secret = Some(Secret::new("client-secret"));
    let settings = ServerSettingsRow { twitch_client_secret: secret, ..ServerSettingsRow::default() };
    home.store.save_server_settings(&settings).await.expect("saved");

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backup");
    home.store.backup(&file).await.expect("backed up");
    let copy = restored(&home, &file).await;
    assert_eq!(copy.channels().await, Ok(vec![channel]));
    assert_eq!(copy.server_settings().await, Ok(settings));
    let full = copy.recording(row.id).await.expect("read").expect("there");
    assert_eq!((full.row, full.chapters), (row, chapters));
}

on_both!(
    a_backup_while_writing_is_whole,
    a_backup_is_for_its_owner_and_overwrites_nothing,
    a_backup_has_channels_chapters_and_settings,
);

#[tokio::test]
async fn a_backup_that_fails_leaves_no_file_and_no_password() {
    let mut server = Postgres::start().await.expect("PostgreSQL");
    let home = Home::on(&server).await;
    server.stop().await.expect("stopped");
    let folder = tempfile::tempdir().expect("a folder");
    let error =
        home.store.backup(&folder.path().join("backup")).await.expect_err("the server is away").to_string();
    assert!(error.contains("pg_dump failed"), "{error}");
    let (_, rest) = home.plain_url.split_once("://").expect("a URL");
    let (login, _) = rest.split_once('@').expect("a password");
    let (_, password) = login.split_once(':').expect("a password");
    assert!(!error.contains(password), "{error}");
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}
