//! Databases of an earlier version: `earlier/*.sql` are what the release before channels made and wrote, not what this
//! version thinks it was.

use holdfast_model::{ChannelId, ProxyId, RecordingId, Via};
use holdfast_store::{
    ChannelState, EventFilter, Limits, RecordingFull, RecordingStatus, ServerSettingsRow, SettingsRow, Store,
};

use crate::home::{Home, KEY};
use crate::samples::{at, chapter, check, gap, new_channel, part, recording, route, via};

/// The recording in it.
const RECORDING: &str = "018bcfe568f87000800000000000002a";

/// Puts that database in the place of the one of the test.
async fn put_in_place(home: &Home) {
    home.store.close().await;
    let made = if home.url.is_sqlite() {
        for file in std::fs::read_dir(home.folder.path()).expect("a folder") {
            std::fs::remove_file(file.expect("a file").path()).expect("removed");
        }
        std::fs::write(home.folder.path().join("holdfast.db"), []).expect("an empty one");
        include_str!("earlier/sqlite.sql")
    } else {
        home.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.expect("emptied");
        include_str!("earlier/postgres.sql")
    };
    home.sql(made).await.expect("made");
    assert_eq!(home.number("SELECT COUNT(*) AS n FROM seaql_migrations").await, 2, "an earlier one");
}

async fn stored(store: &Store) -> RecordingFull {
    let id = RecordingId(RECORDING.parse().expect("an id"));
    store.recording(id).await.expect("read").expect("there")
}

async fn what_an_earlier_version_stored_is_kept(home: Home) {
    put_in_place(&home).await;
    let store = home.open_with(KEY).await.expect("brought up to date");
    let proxy = store.proxies().await.expect("listed").pop().expect("one");
    assert_eq!((proxy.url.expose().expose(), &proxy.locked), ("http://u:p@h:1", &None));
    assert_eq!(proxy.totals.total_recordings, 1);
    assert_eq!(store.checks(ProxyId(1), None, None, 9).await, Ok(vec![check(ProxyId(1), 1)]));
    let settings = store.settings().await;
    assert_eq!(settings, Ok(SettingsRow { proxy_max_consecutive_failures: 7, ..SettingsRow::default() }));
    let events = store.events(&EventFilter { limit: 9, ..EventFilter::default() }).await.expect("listed");
    assert_eq!(events.iter().map(|event| event.streamer_id).collect::<Vec<_>>(), [Some(ChannelId(1))]);

    let mut row = recording(RecordingStatus::Completed);
    (row.id, row.streamer_id) = (RecordingId(RECORDING.parse().expect("an id")), Some(ChannelId(1)));
    row.ended_at = Some(at(60));
    (row.keep, row.category, row.channel, row.thumbnail) = (false, None, None, None);
    let expected = RecordingFull {
        row,
        routes: vec![route(via(&proxy), 0), route(Via::Direct, 10)],
        gaps: vec![gap(1)],
        parts: vec![part(0), part(1)],
        chapters: Vec::new(),
    };
    assert_eq!(stored(&store).await, expected);
}

async fn what_an_earlier_version_stored_can_be_used(home: Home) {
    put_in_place(&home).await;
    let store = home.open_with(KEY).await.expect("brought up to date");
    // That version had no way to add a channel: this one was written by hand and has no address that could be used.
    let channel = store.channels().await.expect("listed").pop().expect("one");
    assert_eq!((channel.id, channel.username.as_deref()), (ChannelId(1), Some("somebody")));
    assert!(channel.record && channel.locked.is_some() && channel.url.expose().is_empty(), "{channel:?}");
    assert_eq!((channel.limits, channel.streamlink_options.len()), (Limits::default(), 0));
    let state = ChannelState {
        display_name: "Somebody".to_owned(),
        title: Some("Old".to_owned()),
        ..ChannelState::default()
    };
    assert_eq!(channel.state, state);
    assert_eq!(store.server_settings().await, Ok(ServerSettingsRow::default()));

    let added = store.add_channel(&new_channel("other")).await.expect("added");
    assert_eq!(added.id, ChannelId(2), "no id is given twice");
    let mut full = stored(&store).await;
    full.row.keep = true;
    full.row.thumbnail = Some("/recordings/file.jpg".into());
    full.chapters = vec![chapter(0), chapter(1)];
    assert_eq!(store.set_keep(full.row.id, true).await, Ok(true));
    store
        .save_progress(&full.row, &full.routes, &full.gaps, &full.parts, &full.chapters)
        .await
        .expect("saved");
    store.close().await;
    let again = home.open_with(KEY).await.expect("opened a second time");
    assert_eq!(stored(&again).await, full);
    assert_eq!(again.channels().await.map(|rows| rows.len()), Ok(2));
    assert_eq!(home.number("SELECT COUNT(*) AS n FROM seaql_migrations").await, 4);
}

on_both!(what_an_earlier_version_stored_is_kept, what_an_earlier_version_stored_can_be_used);
