//! Channels: stored, changed, removed, their secrets sealed; and the settings that concern them.

use holdfast_model::{ChannelId, RecordingId, Secret};
use holdfast_store::{
    ChannelEdit, ChannelState, FinishedRow, Limits, NewChannelRow, RecordingStatus, ServerSettingsRow,
    StoreError,
};

use crate::home::{Home, OTHER_KEY};
use crate::samples::{at, chapter, new_channel, recording};

async fn a_channel_comes_back_as_it_was_stored(home: Home) {
    let new = new_channel("somebody");
    let added = home.store.add_channel(&new).await.expect("added");
    let other = home.store.add_channel(&new_channel("other")).await.expect("added");
    let state = ChannelState {
        display_name: "Somebody".to_owned(),
        twitch_id: Some("17".to_owned()),
        title: Some("Chess until I win".to_owned()),
        category: Some("Chess".to_owned()),
        live_since: Some(at(0)),
        last_checked_at: Some(at(1)),
        broadcast_id: Some("41".to_owned()),
        declined_at: Some(at(2)),
    };
    let gone = ChannelId(999);
    home.store
        .save_channel_states(&[(added.id, state.clone()), (gone, state.clone())])
        .await
        .expect("stored");
    let rows = home.store.channels().await.expect("read");
    assert_eq!(rows.len(), 2);
    let row = &rows[0];
    assert_eq!((row.id, &row.state), (added.id, &state));
    assert_eq!((&row.url, &row.user_token), (&new.url, &new.user_token));
    assert_eq!((row.limits, &row.container, &row.tags), (new.limits, &new.container, &new.tags));
    assert_eq!(row.streamlink_options, new.streamlink_options);
    assert_eq!(rows[1].state, ChannelState { display_name: "other".to_owned(), ..ChannelState::default() });
    assert!(home.store.add_channel(&new).await.is_err(), "its name is taken");
    assert!(home.store.remove_channel(other.id).await.expect("removed"));
    assert!(!home.store.remove_channel(other.id).await.expect("asked"), "it was gone");
}

async fn an_edit_changes_what_it_names(home: Home) {
    let added = home.store.add_channel(&new_channel("somebody")).await.expect("added");
    let edit = ChannelEdit {
        record: Some(false),
        container: Some(None),
        max_count: Some(Some(3)),
        user_token: Some(None),
        ..ChannelEdit::default()
    };
    let changed = home.store.edit_channel(added.id, &edit).await.expect("changed").expect("there");
    assert!(!changed.record && changed.container.is_none() && changed.user_token.is_none());
    assert_eq!(changed.limits, Limits { max_count: Some(3), ..added.limits });
    assert_eq!((&changed.url, &changed.quality), (&added.url, &added.quality));
    assert_eq!(home.store.edit_channel(ChannelId(999), &edit).await, Ok(None));
}

async fn secrets_of_channels_lie_sealed(home: Home) {
    let added = home.store.add_channel(&new_channel("somebody")).await.expect("added");
    let settings = ServerSettingsRow {
        twitch_client_id: Some("an id".to_owned()),
        twitch_client_secret: Some(Secret::new("client-secret")),
        eventsub_secret: Some(Secret::new("eventsub-secret")),
        channel_check_seconds: 15,
        channel_linger_seconds: 0,
        container: "mp4".to_owned(),
        disk_floor_bytes: 5 << 30,
        ..ServerSettingsRow::default()
    };
    home.store.save_server_settings(&settings).await.expect("stored");
    assert_eq!(home.store.server_settings().await, Ok(settings));
    let plain = "SELECT COUNT(*) AS n FROM streamers WHERE url LIKE '%url-secret%' OR url_encrypted LIKE '%secret%' \
                 OR user_token_encrypted LIKE '%token-secret%'";
    assert_eq!(home.number(plain).await, 0);
    let plain = "SELECT COUNT(*) AS n FROM server_settings WHERE twitch_client_secret_encrypted LIKE '%client-secret%' \
                 OR eventsub_secret_encrypted LIKE '%eventsub-secret%'";
    assert_eq!(home.number(plain).await, 0);
    let other = home.open_with(&"ab".repeat(32)).await.expect("opened with another key");
    let row = other.channels().await.expect("read").pop().expect("one");
    assert!(row.id == added.id && row.url.expose().is_empty() && row.user_token.is_none());
    assert_eq!(other.server_settings().await.expect("read").twitch_client_secret, None);
    other.close().await;
}

async fn recordings_outlive_their_channel(home: Home) {
    let channel = home.store.add_channel(&new_channel("somebody")).await.expect("added");
    let mut row = recording(RecordingStatus::Completed);
    (row.streamer_id, row.ended_at) = (Some(channel.id), Some(at(9)));
    home.store.insert_recording(&row).await.expect("stored");
    let running = recording(RecordingStatus::Recording);
    home.store.insert_recording(&running).await.expect("stored");
    let chapters = [chapter(1), chapter(2)];
    home.store.save_progress(&row, &[], &[], &[], &chapters).await.expect("stored");
    home.store.save_progress(&row, &[], &[], &[], &chapters[..1]).await.expect("stored");
    assert!(home.store.set_keep(row.id, true).await.expect("kept"));
    // The recorder's next word does not undo a person's.
    home.store.save_progress(&row, &[], &[], &[], &chapters).await.expect("stored");
    assert!(home.store.remove_channel(channel.id).await.expect("removed"));
    let kept = home.store.recording(row.id).await.expect("read").expect("there");
    assert_eq!((kept.row.streamer_id, kept.row.channel, kept.row.keep), (None, row.channel, true));
    assert_eq!(kept.chapters, chapters);
    let finished = home.store.finished_recordings().await.expect("read");
    assert_eq!(finished.iter().map(|row| (row.id, row.keep)).collect::<Vec<_>>(), [(row.id, true)]);

    // Added again, it may take over what runs.
    let again = home.store.add_channel(&new_channel("somebody")).await.expect("added");
    assert_eq!(home.store.set_channel(running.id, again.id).await, Ok(true));
    let adopted = home.store.recording(running.id).await.expect("read").expect("there");
    assert_eq!(adopted.row.streamer_id, Some(again.id));
    let theirs = home.store.recording(row.id).await.expect("read").expect("there");
    assert_eq!(theirs.row.streamer_id, None, "another recording is left alone");
    assert_eq!(home.store.set_channel(RecordingId::new(), again.id).await, Ok(false));
    assert!(home.store.set_channel(running.id, channel.id).await.is_err(), "that channel is gone");
}

async fn a_channel_is_added_once(home: Home) {
    let new = new_channel("somebody");
    let added = home.store.add_channel(&new).await.expect("added");
    let by_address = NewChannelRow { username: None, display_name: "Else".to_owned(), ..new.clone() };
    let by_name = NewChannelRow { url: Secret::new("https://other.test/x"), ..new.clone() };
    for twin in [by_address, by_name] {
        let error = home.store.add_channel(&twin).await.expect_err("there already");
        assert!(matches!(error, StoreError::Duplicate(_)), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("somebody (number {})", added.id)) && !text.contains("-secret"),
            "{text}"
        );
    }
    // No name on Twitch is no name that they share.
    for url in ["https://other.test/x", "https://other.test/y"] {
        let other = NewChannelRow { username: None, url: Secret::new(url), ..new.clone() };
        home.store.add_channel(&other).await.expect("another one");
    }
    let new = NewChannelRow { username: None, url: Secret::new("https://other.test/z"), ..new };
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (store, new) = (home.store.clone(), new.clone());
            tokio::spawn(async move { store.add_channel(&new).await })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(_) => added += 1,
            Err(error) => assert!(matches!(error, StoreError::Duplicate(_)), "{error:?}"),
        }
    }
    assert_eq!((added, home.store.channels().await.map(|rows| rows.len())), (1, Ok(4)));
}

async fn many_states_are_written_at_once(home: Home) {
    let mut states = Vec::new();
    // More than one statement takes.
    for n in 0..130 {
        let id = home.store.add_channel(&new_channel(&format!("c{n}"))).await.expect("added").id;
        let title = (n % 2 == 0).then(|| format!("Title {n}"));
        let live_since = (n % 3 == 0).then(|| at(n));
        let display_name = format!("C{n}");
        states.push((id, ChannelState { display_name, title, live_since, ..ChannelState::default() }));
    }
    let early = ChannelState { display_name: "an earlier word".to_owned(), ..states[0].1.clone() };
    let mut said = vec![(states[0].0, early), (ChannelId(999), states[0].1.clone())];
    said.extend(states.iter().cloned());
    for _ in 0..2 {
        home.store.save_channel_states(&said).await.expect("saved, though one is gone");
        let rows = home.store.channels().await.expect("listed");
        assert_eq!(rows.into_iter().map(|row| (row.id, row.state)).collect::<Vec<_>>(), states);
    }
    home.store.save_channel_states(&[]).await.expect("nothing to do");
}

async fn odd_limits_delete_nothing(home: Home) {
    home.store.add_channel(&new_channel("somebody")).await.expect("added");
    for table in ["streamers", "server_settings"] {
        home.sql(&format!("UPDATE {table} SET max_age_days = -1, max_count = -7, max_bytes = 99999999999"))
            .await
            .expect("edited");
    }
    home.sql("UPDATE server_settings SET channel_check_seconds = -5, disk_floor_bytes = -1")
        .await
        .expect("edited");
    let expected = Limits { max_bytes: Some(99_999_999_999), ..Limits::default() };
    assert_eq!(home.store.channels().await.expect("listed")[0].limits, expected);
    let read = home.store.server_settings().await.expect("read");
    assert_eq!((read.limits, read.channel_check_seconds, read.disk_floor_bytes), (expected, 10, 0));
}

async fn the_end_is_stored_after_the_channel_went(home: Home) {
    let channel = home.store.add_channel(&new_channel("somebody")).await.expect("added");
    let mut row = recording(RecordingStatus::Recording);
    row.streamer_id = Some(channel.id);
    home.store.insert_recording(&row).await.expect("inserted");
    assert!(home.store.remove_channel(channel.id).await.expect("removed"));
    // Whoever writes the end took it down before.
    (row.status, row.ended_at) = (RecordingStatus::Completed, Some(at(9)));
    home.store.save_progress(&row, &[], &[], &[], &[chapter(0)]).await.expect("saved all the same");
    home.store.update_recording(&row).await.expect("updated all the same");
    let kept = home.store.recording(row.id).await.expect("read").expect("there").row;
    assert_eq!((kept.status, kept.streamer_id, kept.channel), (row.status, None, row.channel));
}

async fn what_is_over_comes_oldest_first(home: Home) {
    use RecordingStatus::{Completed, Failed, Finalizing, Interrupted, Recording, Stopped};
    let channel = home.store.add_channel(&new_channel("somebody")).await.expect("added");
    let mut expected = Vec::new();
    for (n, status) in (0..).zip([Completed, Recording, Stopped, Finalizing, Failed, Interrupted]) {
        let mut row = recording(status);
        (row.streamer_id, row.started_at) = ((n % 4 == 0).then_some(channel.id), at(n));
        // One that is being finished may know its end before it is over.
        row.ended_at = (status != Recording).then(|| at(n + 10));
        home.store.insert_recording(&row).await.expect("inserted");
        if matches!(status, Recording | Finalizing) {
            continue;
        }
        let keep = status == Stopped;
        assert_eq!(home.store.set_keep(row.id, keep).await, Ok(true));
        let (streamer_id, channel, path, bytes) = (row.streamer_id, row.channel, row.path, row.bytes);
        let (started_at, ended_at) = (at(n), at(n + 10));
        expected.push(FinishedRow {
            id: row.id,
            streamer_id,
            channel,
            path,
            bytes,
            started_at,
            ended_at,
            keep,
        });
    }
    let waiting = recording(Interrupted);
    home.store.insert_recording(&waiting).await.expect("inserted: nobody has finished it");
    assert_eq!(home.store.finished_recordings().await.as_ref(), Ok(&expected));
    let stranger = home.open_with(OTHER_KEY).await.expect("opened");
    assert_eq!(stranger.finished_recordings().await, Ok(expected), "nothing in it is sealed");
    assert_eq!(home.store.set_keep(RecordingId::new(), true).await, Ok(false));
}

on_both!(
    a_channel_comes_back_as_it_was_stored,
    an_edit_changes_what_it_names,
    secrets_of_channels_lie_sealed,
    recordings_outlive_their_channel,
    a_channel_is_added_once,
    many_states_are_written_at_once,
    odd_limits_delete_nothing,
    the_end_is_stored_after_the_channel_went,
    what_is_over_comes_oldest_first,
);
