//! A channel on a site that no proxy reaches, while all of them work.

use holdfast_trials::Database;
use serde_json::{Value, json};

use super::channels::{play, until};

#[tokio::test]
async fn a_site_that_nobody_reaches_is_told_once_and_is_no_lack_of_routes() {
    let wish = json!({ "url": "hls://https://nowhere.invalid/live.m3u8" });
    let (play, id) = play(Database::Sqlite, &wish).await;
    let words = format!("nowhere.invalid:443 could not be reached through {} proxies: ", play.ids.len());
    let seen = until(&play, id, "it was looked at", |now| now["last_error"].is_string()).await;
    for _ in 0..3 {
        play.server.post(&format!("/api/streamers/{id}/check"), &Value::Null).await.expect("looked at");
    }
    let story = play.server.story();
    let why = seen["last_error"].as_str().expect("a sentence");
    assert!(why.contains(&words) && why.contains(&play.masked(0)), "{why}\n{story}");
    assert_eq!(seen["status"], "offline", "{seen:#}\n{story}");
    let log = play.server.log();
    assert!(!log.contains("No route"), "there are three\n{story}");
    let loud = |line: &&str| [" INFO ", " WARN ", " ERROR "].iter().any(|level| line.contains(level));
    let told: Vec<_> = log.lines().filter(loud).filter(|line| line.contains(&words)).collect();
    let [of_the_site, of_the_channel] = told.as_slice() else {
        panic!("each is told once: {told:#?}\n{story}")
    };
    assert!(of_the_site.contains(&format!(" WARN  {words}")), "{of_the_site}");
    assert!(of_the_channel.contains(" WARN  Whether nowhere.invalid is live"), "{of_the_channel}");
    let events = play.server.get("/api/events?limit=500").await.expect("the log");
    let events = events["items"].as_array().expect("a list").clone();
    let about = events.iter().filter(|event| event["message"].as_str().is_some_and(|m| m.contains(&words)));
    assert_eq!(about.count(), 1, "{events:#?}");
    play.all_are("healthy").await;
}
