//! Who is live, and which channels there are.

use chrono::DateTime;
use holdfast_twitch::{Stream, User};

use crate::stand_in::{StandIn, values};

fn names(all: impl IntoIterator<Item = &'static str>) -> Vec<String> {
    all.into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_live_ones_come_with_title_and_category() {
    let stand_in = StandIn::start().await;
    stand_in.world().live = names(["cool_user", "bare"]);
    let streams = stand_in.twitch.streams(&names(["Cool_User", "bare", "away"])).await.expect("streams");
    let expected = Stream {
        id: "99".to_owned(),
        user_id: "19".to_owned(),
        login: "cool_user".to_owned(),
        display_name: "COOL_USER".to_owned(),
        title: Some("A title".to_owned()),
        category: Some("A game".to_owned()),
        started_at: DateTime::parse_from_rfc3339("2021-03-10T03:18:11Z").expect("a time").to_utc(),
    };
    assert_eq!(streams.get("cool_user"), Some(&expected));
    let bare = &streams["bare"];
    assert_eq!((&bare.title, &bare.category), (&None, &None));
    assert_eq!(streams.len(), 2);
}

#[tokio::test]
async fn any_number_is_asked_for_a_hundred_at_a_time() {
    let stand_in = StandIn::start().await;
    let all: Vec<String> = (0..250).map(|n| format!("channel_{n}")).collect();
    stand_in.world().live = all.clone();
    let twice: Vec<String> = all.iter().cloned().chain(all.iter().map(|name| name.to_uppercase())).collect();
    let streams = stand_in.twitch.streams(&twice).await.expect("streams");
    assert_eq!(streams.len(), 250);
    let asked = stand_in.asked("/helix/streams");
    let sizes: Vec<usize> = asked.iter().map(|asked| values(asked, "user_login").len()).collect();
    assert_eq!(sizes, [100, 100, 50], "each once, in as few requests as can be");
}

#[tokio::test]
async fn names_that_cannot_be_spoil_nothing() {
    let stand_in = StandIn::start().await;
    stand_in.world().live = names(["good"]);
    let mixed = names(["good", "with space", "x&first=1", "", "ünïcode"]);
    assert_eq!(stand_in.twitch.streams(&mixed).await.expect("streams").len(), 1);
    let users = stand_in.twitch.users(&mixed).await.expect("users");
    let good = User { id: "14".to_owned(), login: "good".to_owned(), display_name: "GOOD".to_owned() };
    assert_eq!(users, [good]);
    assert!(stand_in.twitch.users(&names(["with space"])).await.expect("users").is_empty());
    assert!(stand_in.twitch.streams(&[]).await.expect("streams").is_empty());
    assert_eq!(stand_in.asked("/helix/users").len(), 1, "nobody to ask for is no request");
}
