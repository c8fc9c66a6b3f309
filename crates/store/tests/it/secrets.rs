//! Passwords and tokens: nowhere in the database, lost with the key and found again with it.

use holdfast_model::Secret;
use holdfast_store::{Batch, ChannelEdit, ProxyEdit, RecordingStatus, ServerSettingsRow};

use crate::home::{Home, KEY, OTHER_KEY};
use crate::samples::{add, event, failed_state, new_channel, recording, url};

async fn a_wrong_key_locks_and_the_right_one_opens(home: Home) {
    let sealed = add(&home.store, "socks5://u:p@h:1", 0).await;
    let open = add(&home.store, "http://h:2", 1).await;
    let row = recording(RecordingStatus::Recording);
    home.store.insert_recording(&row).await.expect("inserted");

    let stranger = home.open_with(OTHER_KEY).await.expect("it opens");
    let rows = stranger.proxies().await.expect("listed");
    let why = rows[0].locked.as_deref().expect("locked");
    assert!(why.contains("cannot be decrypted") && why.contains("enter the proxy's URL"), "{why}");
    assert_eq!(rows[0].url.expose().expose(), "socks5://u@h:1");
    assert_eq!(rows[1], open);
    let read = stranger.recording(row.id).await.expect("read").expect("there").row;
    assert_eq!((read.url.expose(), &read.resume, &read.url_masked), ("", &None, &row.url_masked));

    stranger.save_states(&[failed_state(sealed.id)]).await.expect("saved");
    stranger.update_recording(&read).await.expect("updated");
    let again = home.open_with(KEY).await.expect("opened");
    let rows = again.proxies().await.expect("listed");
    assert_eq!((rows[0].url.expose(), &rows[0].locked), (sealed.url.expose(), &None));
    assert_eq!(again.recording(row.id).await.expect("read").expect("there").row.url, row.url);

    // Entered again, it is sealed with the key of now.
    let edit = ProxyEdit { url: Some(sealed.url.clone()), ..ProxyEdit::default() };
    let edited = stranger.edit_proxy(sealed.id, &edit).await.expect("edited").expect("there");
    assert_eq!((edited.url, edited.locked), (sealed.url, None));
    assert!(again.proxy(sealed.id).await.expect("read").expect("there").locked.is_some());
}

async fn a_password_moved_to_another_row_does_not_open(home: Home) {
    add(&home.store, "http://u:p@h:1", 0).await;
    let mine = add(&home.store, "http://u:q@mine:1", 0).await;
    home.sql("UPDATE proxy_settings SET password_encrypted = (SELECT password_encrypted FROM proxy_settings WHERE id = 1)")
        .await
        .expect("moved");
    assert!(home.store.proxy(mine.id).await.expect("read").expect("there").locked.is_some());
}

/// Writes secrets by every way there is.
async fn write_secrets(home: &Home) {
    let proxy = add(&home.store, "http://u:first-secret@h:1", 0).await;
    let edit = ProxyEdit { url: Some(url("http://u:second-secret@h:1")), ..ProxyEdit::default() };
    home.store.edit_proxy(proxy.id, &edit).await.expect("edited");
    let mut state = failed_state(proxy.id);
    state.health.last_error = Some("http://u:third-secret@h:1 said no".to_owned());
    let mut told = event(1);
    told.message = "Failover: http://u:fourth-secret@h:1".to_owned();
    told.data = serde_json::json!({"from": "http://u:fifth-secret@h:1"});
    let batch = Batch { id: 1, states: vec![state], events: vec![told], ..Batch::default() };
    home.store.commit(&batch).await.expect("committed");
    let mut row = recording(RecordingStatus::Recording);
    row.error = Some("https://u:sixth-secret@stream.test".to_owned());
    home.store.insert_recording(&row).await.expect("inserted");
    home.store.save_progress(&row, &[], &[], &[], &[]).await.expect("saved");
    let channel = home.store.add_channel(&new_channel("somebody")).await.expect("added");
    let token = Some(Some(Secret::new("seventh-secret")));
    let edit = ChannelEdit { user_token: token, ..ChannelEdit::default() };
    home.store.edit_channel(channel.id, &edit).await.expect("edited");
    let settings = ServerSettingsRow {
        twitch_client_secret: Some(Secret::new("eighth-secret")),
        eventsub_secret: Some(Secret::new("ninth-secret")),
        ..ServerSettingsRow::default()
    };
    home.store.save_server_settings(&settings).await.expect("saved");
}

#[tokio::test]
async fn no_secret_is_in_the_bytes_of_the_file() {
    let home = Home::sqlite().await;
    write_secrets(&home).await;
    let mut seen = 0;
    for file in std::fs::read_dir(home.folder.path()).expect("a folder") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("read");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("-secret"), "a secret in plain text");
        seen += text.matches("stream.test").count();
    }
    assert!(seen > 0, "the right files were read");
}

#[tokio::test]
async fn no_secret_is_in_a_dump_or_in_the_server_s_log() {
    let mut server = holdfast_testkit::Postgres::start().await.expect("PostgreSQL");
    let home = Home::on(&server).await;
    server.sql("ALTER SYSTEM SET log_statement = 'all'").await.expect("set");
    server.stop().await.expect("stopped");
    server.start_again().await.expect("started");
    write_secrets(&home).await;
    let file = home.folder.path().join("plain.sql");
    let dumped = std::process::Command::new("pg_dump").arg("--file").arg(&file).arg(&home.plain_url).status();
    assert!(dumped.expect("pg_dump").success());
    let text = std::fs::read_to_string(file).expect("read") + &server.log();
    assert!(!text.contains("-secret"), "a secret in plain text");
    assert!(
        text.contains("COPY public.proxy_settings") && text.contains("INSERT INTO \"proxy_settings\""),
        "{text}"
    );
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let home = Home::sqlite().await;
    write_secrets(&home).await;
    let rows = home.store.proxies().await.expect("listed");
    let recordings = home.store.unfinished_recordings().await.expect("listed");
    let channels = home.store.channels().await.expect("listed");
    let settings = home.store.server_settings().await.expect("read");
    let shown = format!("{:?} {rows:?} {:?} {channels:?} {settings:?}", home.store, recordings[0].row.url);
    assert!(!shown.contains("-secret") && !shown.contains(KEY), "{shown}");
}

on_both!(a_wrong_key_locks_and_the_right_one_opens, a_password_moved_to_another_row_does_not_open);
