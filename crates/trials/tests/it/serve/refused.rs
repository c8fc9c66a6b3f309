//! Twitch refuses our credentials: a secret that was changed, or tokens that its API does not take. Its channels are recorded
//! all the same, and a person is told what to do, once.

use holdfast_testkit::twitch::{Forgery, Glitch, Topic};
use holdfast_trials::{Database, eventually};
use serde_json::{Value, json};

use super::Play;
use super::channels::{PATIENCE, ended, is_recording, streamer, until};
use super::twitch::{all_pass, play, twitch};

const REFUSED: &str = "Twitch refuses the credentials of the settings";
const TAKEN: &str = "Twitch takes the credentials again";

/// Waits until a notice begins so; how many there are.
async fn told(play: &Play, words: &str) -> usize {
    let found = eventually(words, PATIENCE, async || {
        let notices = play.events("notice").await;
        let of_it = notices.iter().filter(|n| n["message"].as_str().is_some_and(|m| m.starts_with(words)));
        Ok(Some(of_it.count()).filter(|count| *count > 0))
    });
    found.await.unwrap_or_else(|e| panic!("{e:?}\n{}", play.server.story()))
}

/// How often a token was asked for.
fn fetches(play: &Play) -> usize {
    twitch(play).asked("id.twitch.tv").iter().filter(|asked| asked.path == "/oauth2/token").count()
}

async fn enters(play: &Play, secret: &str) -> u16 {
    let settings = json!({ "twitch_client_secret": secret }).to_string();
    play.server.call("PUT", "/api/settings", &settings).await.expect("answered").status
}

/// Whether its name and category are as Twitch says: Streamlink does not ask while it records.
async fn is_called(play: &Play, id: i64, title: &str) {
    until(play, id, title, |now| now["title"] == title).await;
}

#[tokio::test]
async fn a_secret_that_was_changed_stops_no_recording() {
    let (play, alice) = play(Database::Sqlite, json!({ "channel_check_seconds": 10 })).await;
    twitch(&play).add_channel("bob", "Bob");
    let bob = play.server.post("/api/streamers", &json!({ "username": "bob" })).await.expect("added");
    let bob = bob["id"].as_i64().expect("an id");
    twitch(&play).set_client_secret("r0tatedsecret");
    twitch(&play).revoke_tokens();
    let before = fetches(&play);
    twitch(&play).go_live("alice", "Seen by Streamlink", "Chess");
    let recording = is_recording(&play, alice).await;
    is_called(&play, alice, "Seen by Streamlink").await;
    // The other is looked at as well, and nobody says that it could not be.
    let looked = streamer(&play, bob).await["last_checked_at"].clone();
    let seen = until(&play, bob, "it is looked at", |now| now["last_checked_at"] != looked).await;
    assert_eq!((&seen["status"], &seen["last_error"]), (&json!("offline"), &Value::Null), "{seen:#}");
    assert_eq!(told(&play, REFUSED).await, 1, "{}", play.server.story());
    let shown = play.server.get("/api/settings").await.expect("the settings");
    let message = shown["twitch"]["message"].as_str().expect("words");
    assert!(message.contains("client secret") && message.contains("Streamlink"), "{shown:#}");
    all_pass(&play).await;
    // However many look and check; a minute later it would be asked once more.
    assert!((1..=2).contains(&(fetches(&play) - before)), "{} fetches", fetches(&play) - before);

    assert_eq!(enters(&play, "an0therwrong").await, 400);
    assert_eq!(enters(&play, "r0tatedsecret").await, 200);
    assert_eq!(told(&play, TAKEN).await, 1);
    twitch(&play).set_title("alice", "Seen by Twitch");
    is_called(&play, alice, "Seen by Twitch").await;
    twitch(&play).go_offline("alice");
    let whole = ended(&play, &recording).await;
    assert_eq!((&whole["status"], &whole["segments_lost"]), (&json!("completed"), &json!(0)), "{whole:#}");
    assert_eq!((told(&play, REFUSED).await, told(&play, TAKEN).await), (1, 1), "{}", play.server.story());
    assert!(play.events("proxy_convicted").await.is_empty(), "{}", play.server.story());
    play.server.keeps_secrets(&["r0tatedsecret".to_owned(), "an0therwrong".to_owned()], &[]).expect("kept");
}

#[tokio::test]
async fn what_twitch_tells_counts_while_its_api_takes_no_token() {
    // So rarely asked that only a message can start it.
    let more = json!({ "public_url": "https://rec.example.test", "channel_check_seconds": 3600 });
    let (play, alice) = play(Database::Sqlite, more).await;
    let subscribed = tokio::time::timeout(PATIENCE, twitch(&play).subscribed("alice", Topic::Online)).await;
    subscribed.unwrap_or_else(|_| panic!("not subscribed\n{}", play.server.story()));
    let refuses = Glitch::host("api.twitch.tv", 401);
    twitch(&play).glitch(refuses.clone());
    let before = fetches(&play);
    let forged = twitch(&play).forge("alice", Forgery::WrongSignature).await.expect("delivered");
    assert_eq!(forged.status, 403, "{forged:#?}");
    assert_eq!(streamer(&play, alice).await["status"], "offline");
    twitch(&play).go_live("alice", "Told by Twitch", "Chess");
    let answers = twitch(&play).notify_online("alice").await.expect("delivered");
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:#?}");
    let recording = is_recording(&play, alice).await;

    // A person looks, time and again: Twitch is asked for no token, and no trouble is shown.
    for _ in 0..3 {
        let path = format!("/api/streamers/{alice}/check");
        let now = play.server.post(&path, &Value::Null).await.expect("looked at");
        assert_eq!((&now["status"], &now["last_error"]), (&json!("recording"), &Value::Null), "{now:#}");
    }
    assert_eq!(told(&play, REFUSED).await, 1, "{}", play.server.story());
    assert!(fetches(&play) - before <= 3, "{} fetches", fetches(&play) - before);
    all_pass(&play).await;

    // Put right at Twitch, and the same secret entered once more: nobody has to wait for the next try.
    twitch(&play).mend(&refuses);
    let (_, secret) = twitch(&play).credentials();
    assert_eq!(enters(&play, &secret).await, 200);
    assert_eq!(told(&play, TAKEN).await, 1, "{}", play.server.story());
    assert_eq!(told(&play, REFUSED).await, 1, "{}", play.server.story());
    let whole = play.server.stop(&recording).await.expect("stopped");
    assert_eq!(whole["segments_lost"], 0, "{whole:#}");
}
