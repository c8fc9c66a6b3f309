//! What checks ask for as tokens come and go, without a Twitch that could be reached.

use std::net::SocketAddr;

use super::*;
use holdfast_gateway::probe::Targets as _;
use holdfast_recorder::web_client;
use holdfast_twitch::Credentials;
use http::{HeaderMap, StatusCode};

const USUAL: &str = "https://usual.test/";

/// Whose Twitch cannot be reached.
fn targets(replaceable: bool) -> Targets {
    let usual = vec![CheckTarget::parse(USUAL).expect("valid")];
    let targets = Targets::new(usual, replaceable, &TaskTracker::new(), &CancellationToken::new());
    targets.link(Some((twitch(), "id".to_owned())));
    targets
}

fn twitch() -> Twitch {
    twitch_through(([127, 0, 0, 1], 9).into())
}

fn twitch_through(proxy: SocketAddr) -> Twitch {
    let client = web_client(&Secret::new(format!("http://{proxy}")), false).expect("a client");
    let credentials = Credentials { client_id: "id".to_owned(), client_secret: Secret::new("s") };
    Twitch::new(client, credentials)
}

fn adopt(targets: &Targets, token: &str, replaced: Option<Instant>) {
    let mut state = lock(&targets.state);
    let generation = state.generation;
    assert!(state.adopt(generation, Ok(&Secret::new(token)), replaced));
}

fn asked(targets: &Targets) -> String {
    targets.now().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

async fn refused(targets: &Targets, target: &CheckTarget, status: StatusCode, left: &str) -> Option<String> {
    let name = http::HeaderName::from_static("ratelimit-remaining");
    let headers = HeaderMap::from_iter([(name, left.parse().expect("valid"))]);
    let instead = targets.instead(target, Objection { status, headers: &headers }).await;
    instead.map(|target| target.to_string())
}

#[test]
fn the_api_is_asked_as_long_as_there_is_a_token_for_it() {
    let all = targets(true);
    assert_eq!(asked(&all), USUAL, "not yet");
    adopt(&all, "t0ken-one", None);
    assert_eq!(asked(&all), CheckRequest::URL);
    assert!(!format!("{:?}", all.now()).contains("t0ken-one"));
    let old = lock(&all.state).generation;
    all.link(Some((twitch(), "other".to_owned())));
    assert_eq!(asked(&all), USUAL, "the token was that of other credentials");
    assert!(!lock(&all.state).adopt(old, Ok(&Secret::new("late")), None));
    assert_eq!(asked(&all), USUAL);
    adopt(&all, "t0ken-two", None);
    all.link(None);
    assert_eq!(asked(&all), USUAL, "the credentials are gone");
}

/// How asking for a token went: whether that is told.
fn told(targets: &Targets, got: &Result<(), TwitchError>) -> bool {
    let token = Secret::new("t0ken");
    lock(&targets.state).count(got.as_ref().map(|()| &token))
}

#[test]
fn failures_belong_to_the_credentials_they_came_with() {
    let all = targets(true);
    let away = || Err(TwitchError::Unavailable("away".to_owned()));
    let refused = || Err(TwitchError::Credentials("wrong".to_owned()));
    for (got, news) in [
        (Ok(()), false),
        (away(), false),
        (Ok(()), false),
        (away(), false),
        (refused(), false),
        (away(), true),
        (away(), false),
    ] {
        assert_eq!(told(&all, &got), news, "{got:?}");
    }
    all.link(Some((twitch(), "other".to_owned())));
    assert!(!told(&all, &away()), "the first with these");
    assert!(told(&all, &away()));
    all.link(Some((twitch(), "third".to_owned())));
    assert!(told(&all, &Ok(())), "there is one again");
    assert!(!told(&all, &away()) && told(&all, &away()));
    all.link(None);
    all.link(Some((twitch(), "fourth".to_owned())));
    assert!(!told(&all, &Ok(())), "nobody missed it");
}

#[tokio::test]
async fn a_token_of_old_credentials_is_not_waited_for() {
    // Takes the connection and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let old = twitch_through(silent.local_addr().expect("its address"));
    let all = targets(true);
    all.link(Some((old.clone(), "id".to_owned())));
    all.changed.notified().await;
    let changes = async {
        let connection = silent.accept().await.expect("Twitch is asked");
        all.link(Some((twitch(), "other".to_owned())));
        connection
    };
    let (got, _connection) = timeout(Duration::from_secs(10), async { tokio::join!(all.ask(&old), changes) })
        .await
        .expect("at once");
    assert_eq!(got, None);
}

#[test]
fn what_a_person_named_is_not_replaced() {
    let all = targets(false);
    assert!(all.giver().is_none(), "no token is fetched");
    assert_eq!(asked(&all), USUAL);
}

#[tokio::test]
async fn a_token_that_ended_while_there_is_no_other_leaves_the_usual_address() {
    let all = targets(true);
    adopt(&all, "t0ken-one", None);
    let target = all.now().remove(0);
    assert_eq!(refused(&all, &target, StatusCode::UNAUTHORIZED, "9").await.as_deref(), Some(USUAL));
    // The fetch goes on by itself, and ends with an error.
    timeout(Duration::from_secs(30), async {
        while lock(&all.state).held.is_some() {
            all.changed.notified().await;
        }
    })
    .await
    .expect("the token is dropped");
    assert_eq!(asked(&all), USUAL);
}

#[tokio::test]
async fn a_token_that_somebody_has_replaced_already_is_not_renewed() {
    let all = targets(true);
    adopt(&all, "t0ken-one", None);
    let target = all.now().remove(0);
    adopt(&all, "t0ken-two", None);
    let instead = refused(&all, &target, StatusCode::UNAUTHORIZED, "9").await;
    assert_eq!(instead.as_deref(), Some(CheckRequest::URL));
    assert!(lock(&all.state).held.is_some());
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_is_not_replaced_for_ever() {
    let all = targets(true);
    adopt(&all, "t0ken-one", Some(Instant::now()));
    let target = all.now().remove(0);
    assert_eq!(refused(&all, &target, StatusCode::UNAUTHORIZED, "9").await.as_deref(), Some(USUAL));
    assert_eq!(asked(&all), USUAL, "for a while");
    assert!(lock(&all.state).held.is_some(), "and then it is tried again");
}

#[test]
fn a_new_token_that_is_refused_is_told_once_and_so_is_its_end() {
    let all = targets(true);
    adopt(&all, "t0ken-one", Some(Instant::now()));
    let target = all.now().remove(0);
    let mut state = lock(&all.state);
    assert!(!state.token_taken(&target), "it never was refused");
    // By one proxy after the other, and again when the rest is over.
    let refused =
        [0, 0, 0, 61].map(|later| state.new_token_refused(Utc::now() + chrono::TimeDelta::seconds(later)));
    assert_eq!(refused, [true, false, false, false]);
    assert!(!state.token_taken(&all.usual[0]), "that brings none along");
    assert!(state.token_taken(&target) && !state.token_taken(&target));
    assert!(state.new_token_refused(Utc::now()), "this is another outage");
}

#[tokio::test]
async fn a_limit_is_ours_only_if_our_requests_are_used_up() {
    let all = targets(true);
    adopt(&all, "t0ken-one", None);
    let target = all.now().remove(0);
    for (status, left) in [(StatusCode::TOO_MANY_REQUESTS, "3"), (StatusCode::FORBIDDEN, "0")] {
        assert_eq!(refused(&all, &target, status, left).await, None, "it says that of the proxy's address");
        assert_eq!(asked(&all), CheckRequest::URL);
    }
    let instead = refused(&all, &target, StatusCode::TOO_MANY_REQUESTS, "0").await;
    assert_eq!(instead.as_deref(), Some(USUAL));
    assert_eq!(asked(&all), USUAL, "until the limit ends");
    lock(&all.state).rests_until = Some(Utc::now());
    assert_eq!(asked(&all), CheckRequest::URL);
}

#[test]
fn that_the_api_is_left_alone_is_news_once() {
    let (mut state, now) = (State::default(), Utc::now());
    let seconds = TimeDelta::seconds;
    // By this machine's clock Twitch may take requests again already.
    assert_eq!(state.rest(now, now), Some(now + LEAST_REST));
    for later in 0..5 {
        assert_eq!(
            state.rest(now + seconds(later), now + seconds(later)),
            None,
            "another check hears the same"
        );
    }
    let next = now + seconds(60);
    assert_eq!(state.rest(next + seconds(60), next), Some(next + seconds(60)));
    assert_eq!(state.rest(next + seconds(9), next), None);
    assert_eq!(state.rests_until, Some(next + seconds(60)), "the longer rest counts");
}

#[tokio::test]
async fn checks_that_see_a_new_token_refused_share_one_rest() {
    let all = targets(true);
    adopt(&all, "t0ken-one", Some(Instant::now()));
    let target = all.now().remove(0);
    refused(&all, &target, StatusCode::UNAUTHORIZED, "9").await;
    let until = lock(&all.state).rests_until.expect("it rests");
    assert!(until > Utc::now() + REST / 2, "for a while: {until}");
    refused(&all, &target, StatusCode::TOO_MANY_REQUESTS, "0").await;
    assert!(lock(&all.state).rests_until >= Some(until), "a limit does not end it");
}

#[test]
fn checks_leave_requests_to_others() {
    let (mut budget, start) = (Budget::default(), Instant::now());
    assert_eq!((0..A_MINUTE * 2).filter(|_| budget.spend(start)).count(), A_MINUTE as usize);
    assert!(!budget.spend(start + Duration::from_secs(59)));
    assert!(budget.spend(start + Duration::from_secs(60)));
}
