//! The pool: kept as it was given, whoever edits it.

use holdfast_model::{Health, ProxyId};
use holdfast_store::{NewProxyRow, ProxyEdit, ProxyHealthRow, ProxyTotals, StoreError};

use crate::home::{Home, KEY};
use crate::samples::{add, at, failed_state, new_proxy, url};

/// Every form of a proxy URL.
const URLS: [&str; 7] = [
    "http://h:80",
    "https://user@h:443",
    "http://user:p%40ss%2F%C3%BC@h:8080",
    "socks5://u:p@10.0.0.1:1080",
    "socks5h://u:p@[2001:db8::1]:9050",
    "http://@h:1",
    "http://:only-password@h:1",
];

async fn proxies_are_kept_as_given(home: Home) {
    let mut new: Vec<_> = URLS.iter().map(|text| new_proxy(text, 5)).collect();
    new[3] = NewProxyRow {
        url: url(URLS[3]),
        label: Some("ä label".to_owned()),
        tags: vec!["us".to_owned(), "with, comma".to_owned()],
        priority: u32::MAX,
        enabled: false,
    };
    let added = home.store.add_proxies(&new).await.expect("added");
    for (new, row) in new.iter().zip(&added) {
        assert_eq!(row.url.expose().expose(), new.url.expose().expose());
        assert_eq!((&row.label, &row.tags, row.priority), (&new.label, &new.tags, new.priority));
        assert_eq!((row.enabled, row.auto_disabled, &row.locked), (new.enabled, false, &None));
        assert_eq!((&row.health, row.totals), (&ProxyHealthRow::default(), ProxyTotals::default()));
        assert_eq!(home.store.proxy(row.id).await.as_ref(), Ok(&Some(row.clone())));
    }
    let mut by_priority = added.clone();
    by_priority.sort_by_key(|row| (row.priority, row.id));
    assert_eq!(home.store.proxies().await.as_ref(), Ok(&by_priority));
    home.store.close().await;
    assert_eq!(home.open_with(KEY).await.expect("opened again").proxies().await, Ok(by_priority));
    assert_eq!(
        home.store.proxies().await.map_err(|error| matches!(error, StoreError::Unavailable(_))),
        Err(true)
    );
}

async fn edits_change_what_they_name(home: Home) {
    let old = add(&home.store, "http://u:p@h:1", 3).await;
    home.store.save_states(&[failed_state(old.id)]).await.expect("saved");
    home.sql("UPDATE proxy_settings SET bytes_up = 7, total_recordings = 2").await.expect("edited");

    let edit = ProxyEdit {
        label: Some(Some("x".to_owned())),
        tags: Some(vec!["t".to_owned()]),
        ..ProxyEdit::default()
    };
    let row = home.store.edit_proxy(old.id, &edit).await.expect("edited").expect("there");
    assert_eq!(
        (row.label.as_deref(), row.tags.as_slice(), row.priority),
        (Some("x"), ["t".to_owned()].as_slice(), 3)
    );
    assert_eq!((&row.health, row.auto_disabled), (&failed_state(old.id).health, true));
    assert!(row.updated_at > old.updated_at);

    let same = ProxyEdit {
        url: Some(old.url.clone()),
        label: Some(None),
        priority: Some(0),
        ..ProxyEdit::default()
    };
    let row = home.store.edit_proxy(old.id, &same).await.expect("edited").expect("there");
    assert_eq!(
        (row.health.status, row.label, row.priority),
        (Health::Failed, None, 0),
        "the same URL is no change"
    );

    let enable = ProxyEdit { enabled: Some(true), ..ProxyEdit::default() };
    let row = home.store.edit_proxy(old.id, &enable).await.expect("edited").expect("there");
    assert_eq!((row.enabled, row.auto_disabled, row.health.consecutive_failures), (true, false, 0));
    assert_eq!(row.health.status, Health::Failed);

    let other = ProxyEdit { url: Some(url("http://u:q@h:1")), ..ProxyEdit::default() };
    let row = home.store.edit_proxy(old.id, &other).await.expect("edited").expect("there");
    assert_eq!(row.health, ProxyHealthRow::default(), "another password is another proxy");
    assert_eq!((row.totals.bytes_up, row.totals.total_recordings), (7, 2));
    assert_eq!(row.url.expose().expose(), "http://u:q@h:1");
    assert_eq!(home.store.proxy(old.id).await, Ok(Some(row)));
    assert_eq!(home.store.edit_proxy(ProxyId(99), &enable).await, Ok(None));
}

async fn ids_are_never_used_again(home: Home) {
    let first = add(&home.store, "http://h:1", 0).await;
    let second = add(&home.store, "http://h:2", 0).await;
    assert_eq!(home.store.remove_proxy(second.id).await, Ok(true));
    assert_eq!(home.store.remove_proxy(second.id).await, Ok(false));
    assert_eq!(home.store.proxy(second.id).await, Ok(None));
    let third = add(&home.store, "http://h:2", 0).await;
    assert!(third.id > second.id && second.id > first.id, "{} {} {}", first.id, second.id, third.id);
}

async fn reordering_gives_new_priorities(home: Home) {
    let new: Vec<_> = (1..=4).map(|port| new_proxy(&format!("http://h:{port}"), 9)).collect();
    let ids: Vec<_> = home.store.add_proxies(&new).await.expect("added").iter().map(|row| row.id).collect();
    let wanted = [ids[2], ids[0], ids[3], ids[1]];
    home.store.reorder(&wanted).await.expect("reordered");
    let rows = home.store.proxies().await.expect("listed");
    assert_eq!(
        rows.iter().map(|row| (row.id, row.priority)).collect::<Vec<_>>(),
        wanted.into_iter().zip(0..).collect::<Vec<_>>()
    );
}

async fn states_are_written_whole(home: Home) {
    let proxy = add(&home.store, "http://h:1", 0).await;
    let states = [failed_state(ProxyId(99)), failed_state(proxy.id)];
    home.store.save_states(&states).await.expect("saved, though one is gone");
    home.store.save_states(&states).await.expect("saved twice");
    let row = home.store.proxy(proxy.id).await.expect("read").expect("there");
    assert_eq!((&row.health, row.enabled, row.auto_disabled), (&states[1].health, false, true));
    assert_eq!(home.store.proxies().await.expect("listed").len(), 1);
}

async fn rows_edited_by_hand_are_read(home: Home) {
    let proxy = add(&home.store, "http://u:p@h:1", 4).await;
    home.sql(
        "UPDATE proxy_settings SET consecutive_failures = 3, health_status = 'nonsense', total_recordings = -5, \
         bytes_up = -1, priority = -7, response_time_ms = 99999999999, tags = 'us, fast', \
         last_health_check = '2026-01-02 03:04:05+00:00', label = 'mine'",
    )
    .await
    .expect("edited");
    let row = home.store.proxy(proxy.id).await.expect("read").expect("there");
    assert_eq!((row.health.consecutive_failures, row.health.status), (3, Health::Unknown));
    assert_eq!((row.totals, row.priority), (ProxyTotals::default(), 0));
    assert_eq!(
        (row.health.response_time_ms, row.tags.as_slice()),
        (Some(u32::MAX), ["us".to_owned(), "fast".to_owned()].as_slice())
    );
    let time = row.health.last_health_check.expect("a time");
    assert_eq!(time.to_rfc3339(), "2026-01-02T03:04:05+00:00");

    home.sql("UPDATE proxy_settings SET health_status = 'FAILED', consecutive_failures = -1")
        .await
        .expect("edited");
    let row = home.store.proxy(proxy.id).await.expect("read").expect("there");
    assert_eq!((row.health.status, row.health.consecutive_failures), (Health::Failed, 0));

    for nonsense in ["priority = 'high'", "enabled = 'maybe'", "last_health_check = 'yesterday-ish'"] {
        let edit = format!("UPDATE proxy_settings SET {nonsense}");
        home.sql(&edit).await.expect_err("what cannot be read again is refused at once");
    }
    assert_eq!(home.store.proxies().await.map(|rows| rows.len()), Ok(1));
}

/// How many passwords lie in plain text.
async fn in_plain_text(home: &Home) -> i64 {
    home.number("SELECT COUNT(*) AS n FROM proxy_settings WHERE proxy_url LIKE '%by%hand%'").await
}

async fn a_row_written_by_hand_is_a_proxy(home: Home) {
    home.sql("INSERT INTO proxy_settings (proxy_url) VALUES ('http://u:by%20hand@h:3128')")
        .await
        .expect("written");
    assert_eq!(in_plain_text(&home).await, 1);
    for _ in 0..2 {
        let rows = home.store.proxies().await.expect("listed");
        assert_eq!(rows[0].url.expose().expose(), "http://u:by%20hand@h:3128");
        assert_eq!((rows[0].enabled, rows[0].health.status, rows[0].priority), (true, Health::Unknown, 0));
        assert!(rows[0].created_at > at(0));
        assert_eq!(in_plain_text(&home).await, 0, "it is sealed as soon as it is read");
    }
    let id = home.store.proxies().await.expect("listed")[0].id;
    home.sql("UPDATE proxy_settings SET proxy_url = 'socks5://u:another-by-hand@h:1'")
        .await
        .expect("written");
    for _ in 0..2 {
        let row = home.store.proxy(id).await.expect("read").expect("there");
        assert_eq!(row.url.expose().expose(), "socks5://u:another-by-hand@h:1");
        assert_eq!(in_plain_text(&home).await, 0);
    }
}

async fn an_address_that_is_none_locks_its_row_only(home: Home) {
    let broken = add(&home.store, "http://u:p@h:1", 0).await;
    let other = add(&home.store, "http://h:2", 1).await;
    home.sql("UPDATE proxy_settings SET proxy_url = 'no-scheme:hush@h' WHERE id = 1").await.expect("written");
    let rows = home.store.proxies().await.expect("listed");
    assert_eq!((rows.len(), rows[0].id, &rows[1]), (2, broken.id, &other));
    let why = rows[0].locked.as_deref().expect("locked");
    assert!(why.contains("proxy_settings") && why.contains("no scheme") && !why.contains("hush"), "{why}");
    assert_eq!(rows[0].url.host(), "unusable.invalid");

    let edit = ProxyEdit { url: Some(broken.url.clone()), ..ProxyEdit::default() };
    let row = home.store.edit_proxy(broken.id, &edit).await.expect("edited").expect("there");
    assert_eq!((row.url, row.locked), (broken.url, None));
}

on_both!(
    proxies_are_kept_as_given,
    edits_change_what_they_name,
    ids_are_never_used_again,
    reordering_gives_new_priorities,
    states_are_written_whole,
    rows_edited_by_hand_are_read,
    a_row_written_by_hand_is_a_proxy,
    an_address_that_is_none_locks_its_row_only,
);
