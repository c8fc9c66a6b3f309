//! The settings: kept whole, and read as the nearest sensible ones when edited by hand.

use holdfast_store::SettingsRow;

use crate::home::{Home, KEY};

async fn settings_are_kept(home: Home) {
    assert_eq!(home.store.settings().await, Ok(SettingsRow::default()));
    let other = SettingsRow {
        enable_proxy: false,
        proxy_health_check_enabled: false,
        proxy_health_check_interval_seconds: 86_400,
        proxy_max_consecutive_failures: 10,
        fallback_to_direct_connection: false,
    };
    home.store.save_settings(&other).await.expect("saved");
    home.store.save_settings(&other).await.expect("saved twice");
    assert_eq!(home.open_with(KEY).await.expect("opened").settings().await, Ok(other));
    assert_eq!(home.number("SELECT COUNT(*) AS n FROM recording_settings").await, 1);
}

async fn settings_edited_by_hand_are_read(home: Home) {
    for (interval, failures, read) in [(5, 0, (10, 1)), (-1, 99, (10, 10)), (1_000_000, 4, (86_400, 4))] {
        home.sql(&format!(
            "UPDATE recording_settings SET fallback_to_direct_connection = false, \
             proxy_health_check_interval_seconds = {interval}, proxy_max_consecutive_failures = {failures}"
        ))
        .await
        .expect("edited");
        let settings = home.store.settings().await.expect("settings");
        assert!(!settings.fallback_to_direct_connection);
        let figures = (settings.proxy_health_check_interval_seconds, settings.proxy_max_consecutive_failures);
        assert_eq!(figures, read, "{interval}, {failures}");
    }
    let nonsense = "UPDATE recording_settings SET proxy_health_check_interval_seconds = 'often'";
    home.sql(nonsense).await.expect_err("what cannot be read again is refused at once");
    home.sql("DELETE FROM recording_settings").await.expect("deleted");
    assert_eq!(home.store.settings().await, Ok(SettingsRow::default()));
    home.store.save_settings(&SettingsRow::default()).await.expect("made again");
}

on_both!(settings_are_kept, settings_edited_by_hand_are_read);
