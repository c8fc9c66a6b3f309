//! The ledger on stories told in a few words: `q5` queued, `c5` complete and delivered, `s5` complete and still inside,
//! `.` some other line, `f5` failed, `d5` an advertisement,
//! `w5` the playlist ends with it, `P` a part starts, `E` it ends, `K` it is killed, `+9` nine seconds pass, `A` it had
//! ended and is back, `G` it was gone and is back, `!` what is certain is told.

use super::*;
use crate::mark::Mark;

fn tell(story: &str) -> Ledger {
    telling(story).0
}

/// The ledger, and what was told on the way.
fn telling(story: &str) -> (Ledger, Vec<Gap>) {
    let (mut ledger, mut told) = (Ledger::default(), Vec::new());
    let mut now = DateTime::<Utc>::UNIX_EPOCH;
    let blame = Blame { cause: GapCause::Route, via: None };
    for word in story.split_whitespace() {
        let (verb, rest) = word.split_at(1);
        let (track, rest) = rest.strip_prefix('a').map_or((Track::Main, rest), |rest| (Track::Audio, rest));
        let number: u64 = rest.parse().unwrap_or_default();
        let line = match verb {
            "q" => LogLine::Queued { track, number, duration: 2.0 },
            "c" => {
                ledger.bytes_came(now);
                LogLine::Complete { track, number }
            }
            "s" => LogLine::Complete { track, number },
            "." => LogLine::Other,
            "d" => LogLine::Discarded { track, number },
            "f" => LogLine::Failed { track, number, reason: String::new() },
            "w" => LogLine::Window { first: 0, last: number },
            "P" => {
                ledger.part_starts();
                continue;
            }
            "A" | "G" => {
                ledger.was_away(if verb == "A" { Away::Ended } else { Away::Unseen });
                continue;
            }
            "E" | "K" => {
                let end = if verb == "E" { PartEnd::Whole } else { PartEnd::Killed };
                ledger.part_ends(end, now, &blame);
                continue;
            }
            "+" => {
                now += TimeDelta::milliseconds((rest.parse::<f64>().expect("seconds") * 1000.0) as i64);
                continue;
            }
            "!" => {
                told.extend(ledger.announce());
                continue;
            }
            other => panic!("no such word: {other}"),
        };
        ledger.line(&line, now, &blame);
    }
    (ledger, told)
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
        ("P q5 q6 c5 E +1 P q4 q5 q6 q7 c4 c5 c6 c7 E", (0, 0.0, 0), 6.0),
        // Given up before the end of its part: joining does not take it from the next one.
        ("P q5 q6 q7 c5 f6 c7 E +1 P q5 q6 q7 q8 c5 c6 c7 c8 E", (1, 2.0, 1), 6.0),
        // Never brought.
        ("P q5 q6 c5 E +30 P q10 c10 E", (4, 8.0, 1), 4.0),
        // Sound alone lost; sound and picture lost together are one loss.
        ("P q5 qa5 c5 ca5 qa6 q6 c6 fa6 E", (1, 2.0, 1), 4.0),
        ("P q5 qa5 c5 ca5 qa6 q6 f6 fa6 q7 c7 E", (1, 2.0, 1), 4.0),
        // Killed right after a completion: its bytes may be missing, so the next part must bring it.
        ("P q5 c5 +3 q6 c6 +0.1 K", (1, 2.0, 1), 2.0),
        ("P q5 c5 +3 q6 c6 +0.1 K P q6 c6", (0, 0.0, 0), 4.0),
        ("P q5 c5 +3 q6 c6 +0.3 K", (0, 0.0, 0), 4.0),
        // It hung some time after the completion: its bytes had come with it.
        ("P q5 c5 +3 q6 c6 +30 K", (0, 0.0, 0), 4.0),
        // Its output stood still while its workers went on.
        ("P q5 c5 +2 q6 s6 +2 q7 s7 +2 q8 s8 +1 . +30 K", (3, 6.0, 1), 2.0),
        ("P q5 s5 +1 . K", (1, 2.0, 1), 0.0),
        ("P q5 c5 +2 q6 s6 +2 q7 s7 +2 q8 c8 +1 . +30 K", (0, 0.0, 0), 8.0),
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
fn gaps_are_told_once_and_only_when_certain() {
    for (story, segments) in [
        ("P q5 c5 q6 f6 +1 !", 0),
        ("P q5 c5 q6 f6 q7 c7 !", 0),
        ("P q5 c5 q6 f6 q7 c7 +0.2 !", 0),
        ("P q5 c5 q6 f6 q7 c7 +0.2 . ! !", 1),
        // One that is certain goes before one that is not.
        ("P q5 c5 q6 f6 q7 c7 +2 q8 f8 q9 c9 !", 1),
        ("P q5 c5 q6 f6 q7 c7 E !", 1),
        // Killed right after a completion: that one is lost as well, and told like the rest.
        ("P q5 c5 +3 q6 c6 ! +0.1 K ! +30 P q10 c10 +1 . ! !", 4),
        ("P q5 c5 +3 q6 f6 q7 c7 ! +0.1 K ! +30 P q10 c10 +1 . !", 4),
        // So are those that its output stood still for: nothing behind it was told before.
        ("P q5 c5 +2 q6 s6 +2 q7 f7 q8 s8 +1 . ! +30 K ! +2 P q12 c12 +1 . !", 6),
        // What was told under the old numbers is not told again under the new ones.
        ("P q50 c50 q51 f51 q52 c52 +1 . ! E P w4 q3 c3 +1 . !", 1),
        ("P q50 c50 q51 f51 q52 c52 +1 . ! q53 f53 E P w4 q3 f3 q4 c4 +1 . !", 3),
        ("P q50 c50 q51 f51 q52 c52 +1 . ! E +20 P w4 q3 c3 +1 . ! E +1 P q4 f4 q5 c5 +1 . !", 11),
    ] {
        let (mut ledger, told) = telling(story);
        assert_eq!(told.iter().map(|gap| gap.segments).sum::<u64>(), segments, "{story}");
        let rest = ledger.announce_rest();
        let all = told.iter().chain(&rest).map(|gap| gap.segments).sum::<u64>();
        assert_eq!(all, lost(&ledger).0, "{story}");
    }
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

fn at(seconds: f64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds((seconds * 1000.0) as i64)
}

#[test]
fn only_what_has_drained_is_certain() {
    let lag = TimeDelta::milliseconds(200);
    for (story, now, expected) in [
        ("P q5 c5", 0.1, None),
        ("P q5 c5", 0.2, Some((6, 0.0, 2.0, 0))),
        ("P q5 c5 +2 q6 c6", 2.1, Some((6, 0.0, 2.0, 0))),
        // A burst: all of it is in doubt.
        ("P q5 c5 +2 q6 q7 q8 c6 c7 +0.1 c8", 2.15, Some((6, 0.0, 2.0, 0))),
        ("P q5 c5 +2 q6 q7 q8 c6 c7 +0.1 c8", 2.25, Some((8, 2.0, 6.0, 0))),
        // What is queued or failed at the end is the next run's to fetch; what failed before is lost.
        ("P q5 q6 q7 q8 c5 f6 c7 f8", 9.0, Some((8, 0.0, 4.0, 1))),
        ("P q5 q6 c5 K P", 0.1, None),
        // Sound of its own: the mixer may hold a segment back.
        ("P q5 qa5 c5 ca5 +2 q6 c6 qa6 ca6", 4.0, None),
        ("P q5 qa5 c5 ca5 +2 q6 c6 qa6 ca6", 6.0, Some((6, 0.0, 2.0, 0))),
    ] {
        let stand = tell(story).stand(at(now), lag);
        let found = stand
            .map(|s| (s.next, (s.at - at(0.0)).num_milliseconds() as f64 / 1000.0, s.media, s.gaps.len()));
        assert_eq!(found, expected, "{story} at {now}");
    }
}

fn resumed(after: f64) -> Ledger {
    let gap =
        Gap { at: at(-9.0), segments: 1, seconds: 2.0, cause: GapCause::Origin, via: None, estimated: false };
    let mark = Mark {
        next: 50,
        at: at(0.0),
        usual: 2.0,
        media: 98.0,
        quality: None,
        aligned: Vec::new(),
        part: "x.part001.ts".into(),
        bytes: 1,
        gaps: vec![gap],
        before_content: 0.0,
        chapters: Vec::new(),
        over: None,
    };
    Ledger::resume(&mark, at(after))
}

#[test]
fn an_earlier_run_is_gone_on_with() {
    let blame = Blame { cause: GapCause::Route, via: None };
    // Seconds of nothing, the first number that came then, what is lost beside the gap that was known, and by whom.
    for (down, first, process, route) in
        [(6.0, 48, 0, 0), (6.0, 50, 0, 0), (60.0, 70, 20, 0), (20.0, 75, 10, 15)]
    {
        let mut ledger = resumed(down);
        ledger.part_starts();
        let mut now = at(down + (first as f64 - 50.0 - down / 2.0).max(0.0) * 2.0);
        assert_eq!(ledger.announce(), [], "known gaps are not told again");
        for number in first..first + 5 {
            for line in [
                LogLine::Queued { track: Track::Main, number, duration: 2.0 },
                LogLine::Complete { track: Track::Main, number },
            ] {
                ledger.line(&line, now, &blame);
            }
            ledger.bytes_came(now);
            now += TimeDelta::seconds(2);
            ledger.line(&LogLine::Other, now, &blame);
        }
        let lost_by =
            |cause| -> u64 { ledger.gaps().iter().filter(|g| g.cause == cause).map(|g| g.segments).sum() };
        assert_eq!(
            (lost_by(GapCause::Process), lost_by(GapCause::Route)),
            (process, route),
            "{down} s, {first}"
        );
        assert_eq!(lost_by(GapCause::Origin), 1, "the gap that was known stays");
        let new = (first + 5 - first.max(50)) as f64;
        assert!((ledger.media_seconds() - 98.0 - new * 2.0).abs() < 1e-9, "{}", ledger.media_seconds());
        assert_eq!(ledger.announce().iter().map(|g| g.segments).sum::<u64>(), process + route);
    }
}

#[test]
fn a_stream_that_ended_meanwhile_says_what_was_due() {
    let mut ledger = resumed(20.0);
    ledger.ended_at(53, at(20.0), &Blame { cause: GapCause::Origin, via: None });
    assert_eq!(lost(&ledger), (4, 8.0, 2));
}

/// What was cut out, in all and by runs: segments, seconds, runs. What was lost has to be nothing.
fn cut_out(ledger: &Ledger) -> (u64, f64, usize) {
    let gaps = ledger.gaps();
    assert_eq!(loss(&gaps), (0, 0.0), "{gaps:?}");
    (gaps.iter().map(|g| g.segments).sum(), gaps.iter().map(|g| g.seconds).sum(), gaps.len())
}

#[test]
fn advertisements_are_gaps_and_no_loss() {
    for (story, expected, media, absent) in [
        ("P q5 c5 q6 d6 q7 c7 E", (1, 2.0, 1), 4.0, 2.0),
        // Before anything came: the file begins after them.
        ("P q5 d5 q6 d6 q7 c7 q8 d8 q9 c9 E", (3, 6.0, 2), 4.0, 2.0),
        // Nothing but advertisements.
        ("P q5 d5 q6 d6 E", (2, 4.0, 1), 0.0, 4.0),
        // The next part shows what the one before had cut out at its end …
        ("P q5 c5 q6 d6 q7 d7 E +1 P q6 q7 q8 c6 c7 c8 E", (0, 0.0, 0), 8.0, 0.0),
        // … but joining takes nothing from before the end of the one before.
        ("P q5 c5 q6 d6 q7 c7 E +1 P q6 q7 q8 c6 c7 c8 E", (1, 2.0, 1), 6.0, 2.0),
        // An advertisement where the part before has the broadcast takes nothing away.
        ("P q5 c5 q6 c6 E +1 P q5 d5 q6 d6 q7 d7 q8 c8 E", (1, 2.0, 1), 6.0, 2.0),
        // What was in flight when the child died is shown as an advertisement by the next.
        ("P q5 q6 c5 E +1 P q5 q6 q7 d5 d6 c7 E", (1, 2.0, 1), 4.0, 2.0),
    ] {
        let ledger = tell(story);
        assert_eq!(cut_out(&ledger), expected, "{story}");
        assert!((ledger.media_seconds() - media).abs() < 1e-9, "{story}: {}", ledger.media_seconds());
        // A trailing one is no hole in the file.
        let hole = if media > 0.0 { absent } else { 0.0 };
        assert!((ledger.absent_seconds() - hole).abs() < 1e-9, "{story}: {}", ledger.absent_seconds());
    }
    let failed_before = tell("P q5 q6 q7 c5 f6 c7 E +1 P q5 q6 q7 q8 d5 d6 d7 c8 E");
    assert_eq!(lost(&failed_before), (1, 2.0, 1), "a hole in an earlier part stays a loss");
    assert_eq!(loss(&failed_before.gaps()), (1, 2.0));
}

#[test]
fn a_break_is_told_once_when_it_is_over() {
    let mut ledger = tell("P q5 c5 q6 d6 q7 d7");
    assert_eq!((ledger.announce().len(), ledger.certain_loss()), (0, (0, 0.0)));
    let (now, blame) = (at(30.0), Blame { cause: GapCause::Origin, via: None });
    for line in [
        LogLine::Queued { track: Track::Main, number: 8, duration: 2.0 },
        LogLine::Complete { track: Track::Main, number: 8 },
    ] {
        ledger.line(&line, now, &blame);
    }
    ledger.bytes_came(now);
    ledger.line(&LogLine::Other, at(31.0), &blame);
    let told: Vec<_> = ledger.announce().iter().map(|gap| (gap.cause, gap.segments)).collect();
    assert_eq!(told, [(GapCause::Ads, 2)]);
    assert_eq!((ledger.announce_rest().len(), ledger.certain_loss()), (0, (0, 0.0)));
    // In the middle of one somebody stops: what was cut out is told, and is no loss.
    let mut ledger = tell("P q5 c5 q6 d6 q7 d7");
    ledger.stopped_at(at(1.0), &blame, false);
    assert_eq!((cut_out(&ledger), ledger.announce_rest().len()), ((2, 4.0, 1), 1));
}

#[test]
fn advertisements_survive_a_crash() {
    let ledger = tell("P q5 d5 q6 c6 q7 d7 q8 c8 +1 q9 d9 E");
    let stand = ledger.stand(at(9.0), DRAINED).expect("it stands");
    let mark = Mark {
        next: stand.next,
        at: stand.at,
        usual: ledger.usual(),
        media: stand.media,
        quality: None,
        aligned: Vec::new(),
        part: "x.part001.ts".into(),
        bytes: 1,
        gaps: stand.gaps,
        before_content: ledger.before_content(),
        chapters: Vec::new(),
        over: None,
    };
    let resumed = Ledger::resume(&mark, at(9.0));
    assert_eq!(cut_out(&resumed), cut_out(&ledger));
    // The hole at 7, and the one at 9 that is one as soon as anything follows.
    assert!((resumed.absent_seconds() - 4.0).abs() < 1e-9, "{}", resumed.absent_seconds());
}

#[test]
fn a_real_twitch_log_is_read() {
    // Captured from Streamlink's Twitch plugin: advertisements as 0 to 5 and 9 to 11 of 15 segments of 2 s.
    let mut ledger = Ledger::default();
    ledger.part_starts();
    let blame = Blame { cause: GapCause::Origin, via: None };
    let mut told = Vec::new();
    for (number, line) in include_str!("twitch_ads.log").lines().enumerate() {
        ledger.line(&crate::streamlink::parse(line), at(number as f64 * 0.1), &blame);
        told.extend(ledger.announce());
    }
    ledger.part_ends(PartEnd::Whole, at(30.0), &blame);
    told.extend(ledger.announce_rest());
    let found: Vec<_> = told.iter().map(|gap| (gap.cause, gap.segments, gap.seconds)).collect();
    assert_eq!(found, [(GapCause::Ads, 6, 12.0), (GapCause::Ads, 3, 6.0)]);
    assert_eq!(ledger.gaps(), told);
    assert_eq!((cut_out(&ledger), ledger.certain_loss()), ((9, 18.0, 2), (0, 0.0)));
    assert!((ledger.media_seconds() - 12.0).abs() < 1e-9 && (ledger.absent_seconds() - 6.0).abs() < 1e-9);
}

#[test]
fn what_was_not_broadcast_is_no_loss() {
    for (story, expected, media) in [
        // Another broadcast, with numbers below or far above; what follows in it counts.
        ("P q5000 c5000 E +200 A P w3 q1 q2 c1 c2 E", (0, 0.0, 0), 6.0),
        ("P q5000 c5000 E +200 G P w3 q1 q2 c1 c2 E", (0, 0.0, 0), 6.0),
        ("P q5 c5 E +200 G P w90009 q90000 q90001 c90000 c90001 E", (0, 0.0, 0), 6.0),
        ("P q5000 c5000 E +200 A P w3 q1 q2 q3 c1 f2 c3 E", (1, 2.0, 1), 6.0),
        // What was missing before is still missing.
        ("P q5000 q5001 c5000 f5001 E +200 A P w3 q1 c1 E", (1, 2.0, 1), 4.0),
        // Nothing came of the new one at first, and then it was numbered anew once more.
        ("P q5000 c5000 E +200 A P w3 q1 E +2 P w90009 q90000 c90000 E", (1, 2.0, 1), 4.0),
        // A playlist that had ended goes on: at once, or with numbers by the clock. Sound of its own too.
        ("P q5 c5 E +60 A P q6 c6 E", (0, 0.0, 0), 4.0),
        ("P q5 qa5 c5 ca5 E +60 A P q36 qa36 c36 ca36 E", (0, 0.0, 0), 4.0),
        ("P q5 c5 E +60 A P q36 q37 q38 c36 f37 c38 E", (1, 2.0, 1), 6.0),
        // It was only not to be had: what has left the playlist since was broadcast.
        ("P q5 c5 E +60 G P q36 c36 E", (30, 60.0, 1), 4.0),
        ("P q5 c5 E +20 G P q4 q5 q6 q7 c4 c5 c6 c7 E", (0, 0.0, 0), 6.0),
        // It counts for the first part that shows a number, and for no other.
        ("P q5 c5 E +60 A P E P q36 c36 E", (0, 0.0, 0), 4.0),
        ("P q5 c5 E +60 A P q36 c36 E +20 P q46 c46 E", (9, 18.0, 1), 6.0),
        ("P q5000 c5000 E +200 A P w3 q1 c1 E +20 P w90000 q90000 c90000 E", (9, 18.0, 1), 6.0),
    ] {
        let ledger = tell(story);
        assert_eq!(lost(&ledger), expected, "{story}");
        assert!((ledger.media_seconds() - media).abs() < 1e-9, "{story}: {}", ledger.media_seconds());
    }
}
