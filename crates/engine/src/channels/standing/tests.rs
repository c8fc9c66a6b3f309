//! Where a channel stands, tried by what is seen of it and when.

use super::*;

fn live(id: &str) -> Sight {
    Sight::Live { id: Some(id.to_owned()), since: None, scene: None }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds)
}

#[test]
fn a_broadcast_is_recorded_once() {
    let (mut channel, now, id) = (Standing::default(), Instant::now(), RecordingId::new());
    assert!(!channel.wants_recording(true, now), "offline");
    assert_eq!(channel.see(live("1"), at(0)), Change::WentLive);
    assert!(channel.wants_recording(true, now));
    assert!(!channel.wants_recording(false, now), "nobody wants it");
    channel.begin();
    assert!(!channel.wants_recording(true, now), "somebody is at it");
    channel.started(id);
    assert_eq!(channel.status(), Status::Recording);
    assert_eq!(channel.see(live("1"), at(1)), Change::Nothing);
    assert!(!channel.wants_recording(true, now));
    assert_eq!(channel.see(Sight::Offline, at(2)), Change::WentOffline);
    assert_eq!(channel.status(), Status::Recording, "it may come back");
    assert!(channel.ended(id, End::Over, true, now));
    assert!(!channel.ended(id, End::Over, true, now), "said before");
    assert_eq!((channel.status(), channel.wants_recording(true, now)), (Status::Offline, false));
    channel.see(live("2"), at(3));
    channel.started(id);
    channel.ended(id, End::Over, true, now);
    assert!(!channel.wants_recording(true, now + AGAIN_AT_MOST), "nobody has seen it live since");
    channel.see(live("2"), at(4));
    assert!(!channel.wants_recording(true, now) && channel.wants_recording(true, now + AGAIN_AFTER));
}

#[test]
fn what_a_person_stopped_is_left_alone_until_the_next_broadcast() {
    let (mut channel, now, id) = (Standing::default(), Instant::now(), RecordingId::new());
    channel.see(live("1"), at(0));
    channel.started(id);
    channel.decline(id, at(0));
    channel.ended(id, End::Stopped, true, now);
    assert_eq!(channel.see(live("1"), at(1)), Change::Nothing);
    assert!(!channel.wants_recording(true, now + AGAIN_AT_MOST));
    assert_eq!(channel.see(live("2"), at(2)), Change::WentLive);
    assert!(channel.wants_recording(true, now));
}

/// After the server has been away from one moment to the other.
fn restarted(channel: &Standing, from: i64) -> Standing {
    let stored = ChannelState {
        live_since: channel.live,
        broadcast_id: channel.broadcast.clone(),
        declined_at: channel.declined,
        last_checked_at: Some(at(from)),
        ..ChannelState::default()
    };
    Standing::remembered(&stored)
}

#[test]
fn a_restart_does_not_bring_back_what_a_person_stopped() {
    let (now, id, day) = (Instant::now(), RecordingId::new(), 86_400);
    let unnamed = || Sight::Live { id: None, since: None, scene: None };
    for (seen, away, seen_again, recorded) in [
        (live("1"), 5, live("1"), false),
        (live("1"), day, live("1"), false),
        (live("1"), 5, live("2"), true),
        (live("1"), 5, unnamed(), false),
        (unnamed(), 5, unnamed(), false),
        // Nothing tells these two apart but the time.
        (unnamed(), day, unnamed(), true),
        (live("1"), day, unnamed(), true),
        (unnamed(), day, live("1"), true),
    ] {
        let mut channel = Standing::default();
        channel.see(seen.clone(), at(0));
        channel.started(id);
        channel.decline(RecordingId::new(), at(1));
        assert_eq!(channel.declined, None, "it is another that is stopped");
        channel.decline(id, at(1));
        // Killed before the recording had ended.
        let mut channel = restarted(&channel, 2);
        assert!(!channel.wants_recording(true, now), "nobody has seen it live since");
        channel.see(seen_again.clone(), at(2 + away));
        let case = format!("{seen:?}, {away} s, {seen_again:?}");
        assert_eq!(channel.wants_recording(true, now), recorded, "{case}");
        // One look of an earlier time is as good as the stop itself.
        let mut again = restarted(&channel, 2 + away);
        again.see(seen_again, at(3 + away));
        assert_eq!(again.wants_recording(true, now), recorded, "{case}, once more");
    }
}

#[test]
fn the_next_broadcast_is_known_by_its_number_however_short_the_pause() {
    let (now, id) = (Instant::now(), RecordingId::new());
    for (offline, restart, again, recorded) in [
        (1, false, "2", true),
        (1, true, "2", true),
        (1, false, "1", false),
        (1, true, "1", false),
        (2, false, "2", true),
    ] {
        let mut channel = Standing::default();
        channel.see(live("1"), at(0));
        channel.started(id);
        channel.decline(id, at(1));
        channel.ended(id, End::Stopped, true, now);
        for _ in 0..offline {
            channel.see(Sight::Offline, at(2));
        }
        let mut channel = if restart { restarted(&channel, 2) } else { channel };
        assert_eq!(channel.see(live(again), at(3)), Change::WentLive);
        let case = format!("{offline} times offline, restarted: {restart}, then {again}");
        assert_eq!(channel.wants_recording(true, now), recorded, "{case}");
    }
}

#[test]
fn the_next_broadcast_is_known_by_its_beginning_where_the_stopped_one_had_no_number() {
    let (now, id) = (Instant::now(), RecordingId::new());
    let unnamed = || Sight::Live { id: None, since: None, scene: None };
    for (since, recorded) in [(0, false), (2, true)] {
        for between in [Sight::Offline, unnamed()] {
            // Begun by hand, before anybody looked.
            let mut channel = Standing::default();
            channel.started(id);
            channel.decline(id, at(1));
            channel.ended(id, End::Stopped, true, now);
            let case = format!("{between:?}, then live since {since}");
            channel.see(between, at(2));
            let change = channel
                .see(Sight::Live { id: Some("1".to_owned()), since: Some(at(since)), scene: None }, at(3));
            assert_eq!(channel.wants_recording(true, now), recorded, "{case}");
            assert!(!recorded || change == Change::WentLive, "{case}: {change:?}");
        }
    }
}

#[test]
fn the_next_broadcast_may_begin_before_the_stopped_recording_has_ended() {
    let (mut channel, now, id) = (Standing::default(), Instant::now(), RecordingId::new());
    channel.see(live("1"), at(0));
    channel.started(id);
    channel.decline(id, at(1));
    channel.see(live("2"), at(2));
    assert!(!channel.wants_recording(true, now), "its recording still runs");
    channel.ended(id, End::Stopped, true, now);
    assert!(channel.wants_recording(true, now));
}

#[test]
fn whoever_wants_the_stopped_broadcast_again_gets_it() {
    let (now, id) = (Instant::now(), RecordingId::new());
    let stopped = || {
        let mut channel = Standing::default();
        channel.see(live("1"), at(0));
        channel.started(id);
        channel.decline(id, at(1));
        channel.ended(id, End::Stopped, true, now);
        assert!(!channel.wants_recording(true, now));
        channel
    };
    let mut channel = stopped();
    channel.wanted();
    assert!(channel.wants_recording(true, now));
    // Begun again by hand, it is tried again when that fails.
    let (mut channel, again) = (stopped(), RecordingId::new());
    channel.started(again);
    channel.ended(again, End::Failed, true, now);
    assert!(channel.wants_recording(true, now + AGAIN_AFTER));
}

#[test]
fn stopped_while_it_is_waited_for_the_next_broadcast_is_recorded() {
    let unnamed = || Sight::Live { id: None, since: None, scene: None };
    for (first, next) in [(live("1"), live("2")), (unnamed(), unnamed()), (live("1"), unnamed())] {
        let (mut channel, now, id) = (Standing::default(), Instant::now(), RecordingId::new());
        channel.see(first.clone(), at(0));
        channel.started(id);
        channel.see(Sight::Offline, at(1));
        channel.see(Sight::Offline, at(2));
        channel.decline(id, at(3));
        channel.ended(id, End::Stopped, true, now);
        assert_eq!(channel.see(next.clone(), at(4)), Change::WentLive);
        assert!(channel.wants_recording(true, now), "{first:?}, {next:?}");
    }
}

#[test]
fn one_false_offline_does_not_bring_back_what_a_person_stopped() {
    let (mut channel, now, id) = (Standing::default(), Instant::now(), RecordingId::new());
    // Begun by hand, before anybody looked.
    channel.started(id);
    channel.decline(id, at(0));
    channel.ended(id, End::Stopped, true, now);
    let unnamed = || Sight::Live { id: None, since: None, scene: None };
    channel.see(unnamed(), at(0));
    assert!(!channel.wants_recording(true, now));
    channel.see(Sight::Offline, at(1));
    channel.see(unnamed(), at(2));
    assert!(!channel.wants_recording(true, now), "seen offline once");
    channel.see(Sight::Offline, at(3));
    channel.see(Sight::Offline, at(4));
    channel.see(unnamed(), at(5));
    assert!(channel.wants_recording(true, now));
}

#[test]
fn failures_are_tried_again_later_and_later() {
    let (mut channel, start) = (Standing::default(), Instant::now());
    channel.see(live("1"), at(0));
    for pause in [10, 20, 40, 80, 160, 300, 300] {
        let id = RecordingId::new();
        channel.started(id);
        channel.ended(id, End::Failed, false, start);
        let due = start + Duration::from_secs(pause);
        assert!(!channel.wants_recording(true, due - Duration::from_millis(1)), "{pause}");
        assert!(channel.wants_recording(true, due), "{pause}");
    }
    channel.see(Sight::Offline, at(1));
    channel.see(live("2"), at(2));
    assert!(channel.wants_recording(true, start));
}

#[test]
fn whoever_waits_for_a_route_is_told_once_and_woken_by_one() {
    let (mut channel, now) = (Standing::default(), Instant::now());
    channel.see(live("1"), at(0));
    channel.begin();
    assert!(channel.no_route("all proxies are down", now));
    assert_eq!(channel.status(), Status::Waiting);
    assert!(!channel.wants_recording(true, now));
    channel.route_appeared();
    assert!(channel.wants_recording(true, now));
    channel.begin();
    assert!(!channel.no_route("all proxies are down", now), "no news");
    assert!(channel.wants_recording(true, now + ROUTE_AGAIN));
    channel.see(Sight::Offline, at(1));
    assert_eq!(channel.status(), Status::Offline);
}

#[test]
fn not_knowing_changes_nothing_but_says_why() {
    let mut channel = Standing::default();
    channel.see(live("1"), at(0));
    let unknown = || Sight::Unknown(Trouble::other("no answer"));
    assert_eq!(channel.see(unknown(), at(1)), Change::Told);
    assert_eq!(channel.see(unknown(), at(2)), Change::Nothing);
    assert_eq!((channel.status(), channel.checked_at), (Status::Live, Some(at(0))));
    let scene = Scene { title: Some("a".to_owned()), category: None };
    let named = Sight::Live { id: None, since: None, scene: Some(scene.clone()) };
    assert_eq!(channel.see(named.clone(), at(3)), Change::Renamed);
    assert_eq!(channel.see(named, at(4)), Change::Nothing);
    assert_eq!(channel.see(live("1"), at(5)), Change::Nothing);
    channel.see(unknown(), at(6));
    assert_eq!((channel.see(live("1"), at(7)), channel.error.as_ref()), (Change::Told, None));
    assert_eq!(channel.scene, scene, "a look that tells no title takes none away");
    channel.see(unknown(), at(8));
    assert_eq!((channel.see(Sight::Outdated, at(9)), channel.error.as_ref()), (Change::Told, None));
    assert_eq!(channel.see(Sight::Outdated, at(9)), Change::Nothing);
    assert_eq!(channel.status(), Status::Live, "more is known than that says");
}
