//! Secrets of channels and of the settings: lost with the key, found again with it, bound to their place.

use holdfast_model::Secret;
use holdfast_store::{ChannelEdit, LockedSecrets, ServerSettingsRow};

use crate::home::{Home, KEY, OTHER_KEY};
use crate::samples::new_channel;

async fn a_wrong_key_locks_and_the_right_one_opens(home: Home) {
    let new = new_channel("somebody");
    let added = home.store.add_channel(&new).await.expect("added");
    assert_eq!(added.locked, None);
    let stranger = home.open_with(OTHER_KEY).await.expect("it opens");
    let row = stranger.channels().await.expect("listed").pop().expect("one");
    let why = row.locked.as_deref().expect("locked");
    assert!(why.contains("address cannot be decrypted") && why.contains("add it again"), "{why}");
    assert!(row.has_token && row.user_token.is_none(), "it is there, though not to be read");

    let edit = ChannelEdit { record: Some(false), ..ChannelEdit::default() };
    stranger.edit_channel(added.id, &edit).await.expect("edited").expect("there");
    stranger.save_channel_states(&[(added.id, row.state)]).await.expect("saved");
    let again = home.store.channels().await.expect("listed").pop().expect("one");
    assert_eq!((&again.url, &again.user_token, &again.locked), (&new.url, &new.user_token, &None));

    // The token alone, entered anew with the key of now: that opens, the address does not.
    let edit = ChannelEdit { user_token: Some(Some(Secret::new("fresh-secret"))), ..ChannelEdit::default() };
    let row = stranger.edit_channel(added.id, &edit).await.expect("edited").expect("there");
    assert_eq!(row.user_token.as_ref().map(Secret::expose), Some("fresh-secret"));
    let row = home.store.channels().await.expect("listed").pop().expect("one");
    let why = row.locked.as_deref().expect("locked");
    assert!(why.contains("token cannot be decrypted") && why.contains("enter the token again"), "{why}");
    assert_eq!((&row.url, &row.user_token, row.has_token), (&new.url, &None, true));
    let edit = ChannelEdit { user_token: Some(None), ..ChannelEdit::default() };
    let row = home.store.edit_channel(added.id, &edit).await.expect("edited").expect("there");
    assert_eq!((row.has_token, row.locked), (false, None), "taken away");
}

async fn locked_settings_survive_being_saved(home: Home) {
    let settings = ServerSettingsRow {
        twitch_client_secret: Some(Secret::new("client-secret")),
        eventsub_secret: Some(Secret::new("eventsub-secret")),
        ..ServerSettingsRow::default()
    };
    home.store.save_server_settings(&settings).await.expect("saved");
    let stranger = home.open_with(OTHER_KEY).await.expect("it opens");
    let mut seen = stranger.server_settings().await.expect("read");
    assert_eq!(seen.locked, LockedSecrets { twitch_client_secret: true, eventsub_secret: true });
    assert_eq!((&seen.twitch_client_secret, &seen.eventsub_secret), (&None, &None));

    seen.channel_check_seconds = 77;
    stranger.save_server_settings(&seen).await.expect("saved");
    let expected = ServerSettingsRow { channel_check_seconds: 77, ..settings };
    assert_eq!(home.store.server_settings().await, Ok(expected), "the right key still opens them");

    // One is entered anew, the other taken away.
    seen.twitch_client_secret = Some(Secret::new("fresh-secret"));
    seen.locked.eventsub_secret = false;
    stranger.save_server_settings(&seen).await.expect("saved");
    let read = stranger.server_settings().await.expect("read");
    assert_eq!(read.locked, LockedSecrets::default());
    let secrets = (read.twitch_client_secret.as_ref().map(Secret::expose), read.eventsub_secret);
    assert_eq!(secrets, (Some("fresh-secret"), None));
    let read = home.open_with(KEY).await.expect("opened").server_settings().await.expect("read");
    assert_eq!(read.locked, LockedSecrets { twitch_client_secret: true, eventsub_secret: false });
}

async fn a_secret_moved_elsewhere_does_not_open(home: Home) {
    home.store.add_channel(&new_channel("somebody")).await.expect("added");
    let mine = home.store.add_channel(&new_channel("mine")).await.expect("added");
    for (column, of) in [("user_token_encrypted", "token"), ("url_encrypted", "address")] {
        let from = format!("(SELECT {column} FROM streamers WHERE id <> {})", mine.id);
        home.sql(&format!("UPDATE streamers SET {column} = {from} WHERE id = {}", mine.id))
            .await
            .expect("moved");
        let row = home.store.channels().await.expect("listed").pop().expect("mine");
        assert_eq!((row.id, row.user_token), (mine.id, None));
        let why = row.locked.expect("locked");
        assert!(why.contains(&format!("its {of}")) || why.contains(&format!("its Twitch {of}")), "{why}");
    }
    let secret = Some(Secret::new("client-secret"));
    let settings = ServerSettingsRow { twitch_client_secret: secret, ..ServerSettingsRow::default() };
    home.store.save_server_settings(&settings).await.expect("saved");
    home.sql("UPDATE server_settings SET eventsub_secret_encrypted = twitch_client_secret_encrypted")
        .await
        .expect("moved");
    let read = home.store.server_settings().await.expect("read");
    assert_eq!((read.eventsub_secret, read.locked.eventsub_secret), (None, true));
    assert_eq!(
        (read.twitch_client_secret, read.locked.twitch_client_secret),
        (settings.twitch_client_secret, false)
    );
}

on_both!(
    a_wrong_key_locks_and_the_right_one_opens,
    locked_settings_survive_being_saved,
    a_secret_moved_elsewhere_does_not_open,
);
