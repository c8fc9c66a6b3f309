//! The ledger on stories told in a few words: `q5` queued, `c5` complete, `f5` failed, `d5` an advertisement,
//! `w5` the playlist ends with it, `P` a part starts, `E` it ends, `K` it is killed, `+9` nine seconds pass.

use super::*;

fn tell(story: &str) -> Ledger {
    let mut ledger = Ledger::default();
    let mut now = DateTime::<Utc>::UNIX_EPOCH;
    let blame = Blame { cause: GapCause::Route, via: None };
    for word in story.split_whitespace() {
        let (verb, rest) = word.split_at(1);
        let (track, rest) = rest.strip_prefix('a').map_or((Track::Main, rest), |rest| (Track::Audio, rest));
        let number: u64 = rest.parse().unwrap_or_default();
        let line = match verb {
            "q" => LogLine::Queued { track, number, duration: 2.0 },
            "c" => LogLine::Complete { track, number },
            "d" => LogLine::Discarded { track, number },
            "f" => LogLine::Failed { track, number, reason: String::new() },
            "w" => LogLine::Window { first: 0, last: number },
            "P" => {
                ledger.part_starts();
                continue;
            }
            "E" | "K" => {
                ledger.part_ends(verb == "K", now, &blame);
                continue;
            }
            "+" => {
                now += TimeDelta::milliseconds((rest.parse::<f64>().expect("seconds") * 1000.0) as i64);
                continue;
            }
            other => panic!("no such word: {other}"),
        };
        ledger.line(&line, now, &blame);
    }
    ledger
}

fn lost(ledger: &Ledger) -> (u64, f64, usize) {
    let gaps = ledger.gaps();
    (gaps.iter().map(|g| g.segments).sum(), gaps.iter().map(|g| g.seconds).sum(), gaps.len())
}

#[test]
fn what_never_completes_is_lost_and_nothing_else() {
    for (story, expected, media) in [
        // Nothing missing; what lies before the first segment was never due.
        ("P q5 q6 c5 c6 E", (0, 0.0, 0), 4.0),
        // Given up, in two runs.
        ("P q5 q6 q7 q8 c5 f6 c7 f8 E", (2, 4.0, 2), 4.0),
        // Left the playlist unseen.
        ("P q5 c5 q9 c9 E", (3, 6.0, 1), 4.0),
        // In flight when the child died, and brought by the next part: overlap is no loss and no gain.
        ("P q5 q6 c5 E +1 P q4 q5 q6 q7 c4 c5 c6 c7 E", (0, 0.0, 0), 8.0),
        // Never brought.
        ("P q5 q6 c5 E +30 P q10 c10 E", (4, 8.0, 1), 4.0),
        // An advertisement is no loss.
        ("P q5 c5 q6 d6 q7 c7 E", (0, 0.0, 0), 4.0),
        // Sound alone lost; sound and picture lost together are one loss.
        ("P q5 qa5 c5 ca5 qa6 q6 c6 fa6 E", (1, 2.0, 1), 4.0),
        ("P q5 qa5 c5 ca5 qa6 q6 f6 fa6 q7 c7 E", (1, 2.0, 1), 4.0),
        // Killed right after a completion: its bytes may be missing, so the next part must bring it.
        ("P q5 c5 +3 q6 c6 +0.1 K", (1, 2.0, 1), 2.0),
        ("P q5 c5 +3 q6 c6 +0.1 K P q6 c6", (0, 0.0, 0), 4.0),
        ("P q5 c5 +3 q6 c6 +0.3 K", (0, 0.0, 0), 4.0),
    ] {
        let ledger = tell(story);
        assert_eq!(lost(&ledger), expected, "{story}");
        assert!((ledger.media_seconds() - media).abs() < 1e-9, "{story}: {}", ledger.media_seconds());
    }
}

#[test]
fn a_new_numbering_is_taken_from_the_clock() {
    let lower = tell("P q5000 c5000 E +20 P q3 c3 E");
    assert_eq!(lost(&lower), (9, 18.0, 1));
    assert!(lower.gaps().iter().all(|g| g.estimated));
    assert_eq!(lower.recorded(), Some(4));
    let covered = tell("P q50 c50 E +8 P w9 q3 q4 q5 q6 c3 c4 c5 c6 E");
    assert_eq!(lost(&covered), (0, 0.0, 0), "what the playlist held reaches back far enough");
    assert_eq!(covered.recorded(), Some(7));
    let partly = tell("P q50 c50 E +20 P w9 q3 c3 E");
    assert_eq!(lost(&partly), (3, 6.0, 1));
    let higher = tell("P q5 c5 E +2 P q90000 c90000 E");
    assert_eq!(lost(&higher), (0, 0.0, 0));
    let on_time = tell("P q5 c5 E +40 P q25 c25 E");
    assert_eq!(lost(&on_time), (19, 38.0, 1));
    assert!(on_time.gaps().iter().all(|g| !g.estimated));
}

/// Stops a recording so many seconds after the beginning of its story.
fn stop(story: &str, seconds: i64, route_dead: bool) -> Ledger {
    let mut ledger = tell(story);
    let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
    ledger.stopped_at(now, &Blame { cause: GapCause::Route, via: None }, route_dead);
    ledger
}

#[test]
fn what_had_just_been_queued_when_somebody_stopped_is_no_loss() {
    let story = "P q5 c5 f6 q7 f7 q8 c8 q9 q10 f10 E";
    assert_eq!(lost(&stop(story, 5, false)), (2, 4.0, 1));
    assert_eq!(
        lost(&stop(story, 10, true)),
        (2, 4.0, 1),
        "an outage of less than three segments says nothing"
    );
}

#[test]
fn what_had_waited_for_long_when_somebody_stopped_is_lost() {
    assert_eq!(lost(&stop("P q5 c5 q6 +2 q7 +20 q8 E", 23, false)), (2, 4.0, 1));
}

#[test]
fn an_outage_until_the_stop_is_lost_by_the_clock() {
    let ledger = stop("P q5 c5 E", 30, true);
    assert_eq!(lost(&ledger), (14, 28.0, 1));
    assert!(ledger.gaps().iter().all(|gap| gap.estimated));
    assert_eq!(lost(&stop("P q5 c5 E", 30, false)), (0, 0.0, 0), "the stream may have paused");
}

#[test]
fn numbers_that_jump_ahead_of_the_clock_are_a_new_numbering() {
    let ledger = tell("P q5 c5 +2 q1700000005 c1700000005 q1700000006 c1700000006 E");
    assert_eq!(lost(&ledger), (0, 0.0, 0));
    assert_eq!(ledger.recorded(), Some(1_700_000_007));
    let late = tell("P q5 c5 +20 q1700000005 c1700000005 E");
    assert_eq!(lost(&late), (9, 18.0, 1));
    assert!(late.gaps().iter().all(|gap| gap.estimated));
    assert_eq!(lost(&tell(&format!("P q5 c5 q{0} c{0} E", u64::MAX))), (0, 0.0, 0));
    let mut ended = tell("P q5 c5 E");
    ended.ended_at(u64::MAX, DateTime::UNIX_EPOCH, &Blame { cause: GapCause::Route, via: None });
    assert_eq!(lost(&ended), (0, 0.0, 0));
    assert_eq!(lost(&tell("P q5 q1700000005 c5 c1700000005 E")), (0, 0.0, 0), "nothing had come before");
    assert_eq!(lost(&tell("P q5 qa5 c5 ca5 qa1700000005 ca1700000005 E")), (0, 0.0, 0), "sound");
    // What was in flight under the old numbers may come or not.
    let came = tell("P q5 q6 c5 q1700000005 c6 c1700000005 E");
    assert_eq!((lost(&came), came.media_seconds()), ((0, 0.0, 0), 6.0));
    assert_eq!(lost(&tell("P q5 q6 c5 q1700000005 f6 c1700000005 E")), (1, 2.0, 1));
    tell(&format!("P w{0} q{0} c{0} E P w{0} q{0} K", u64::MAX));
}

#[test]
fn an_ended_playlist_says_what_was_due() {
    let mut ledger = tell("P q5 c5 q6 E");
    ledger.ended_at(9, DateTime::UNIX_EPOCH, &Blame { cause: GapCause::Route, via: None });
    assert_eq!(lost(&ledger), (3, 6.0, 1));
    let mut nothing = Ledger::default();
    nothing.ended_at(9, DateTime::UNIX_EPOCH, &Blame { cause: GapCause::Route, via: None });
    assert_eq!(lost(&nothing), (0, 0.0, 0));
}

#[test]
fn gaps_are_announced_once_and_only_when_certain() {
    let blame = Blame { cause: GapCause::Route, via: None };
    let mut ledger = tell("P q5 c5 q6 f6");
    assert_eq!(ledger.announce().len(), 0);
    for line in [
        LogLine::Queued { track: Track::Main, number: 7, duration: 2.0 },
        LogLine::Complete { track: Track::Main, number: 7 },
    ] {
        ledger.line(&line, Utc::now(), &blame);
    }
    assert_eq!(ledger.announce().len(), 1);
    assert_eq!(ledger.announce().len(), 0);
}

#[test]
fn ranges_stay_few_and_exact() {
    let mut numbers = Numbers::default();
    for number in [5, 7, 6, 1, 9, 2, 8, 6] {
        numbers.mark_done(number);
    }
    assert_eq!(numbers.done, [1..3, 5..10]);
    numbers.unmark(7);
    assert_eq!(numbers.done, [1..3, 5..7, 8..10]);
    assert!(numbers.is_done(6) && !numbers.is_done(7) && !numbers.is_done(4) && numbers.is_done(9));
}
