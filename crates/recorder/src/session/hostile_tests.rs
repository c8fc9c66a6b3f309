//! Whatever a site makes Streamlink write into its log: nothing that reads it panics.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_model::GapCause;
use proptest::prelude::*;
use tokio::time::Instant;

use super::flight::Flight;
use super::stall::Stall;
use crate::ledger::{Blame, DRAINED, Ledger, PartEnd};
use crate::live::Answer;
use crate::mark::Mark;
use crate::streamlink::parse;

#[derive(Clone, Debug)]
enum Step {
    Line(String),
    /// Milliseconds pass.
    Wait(u64),
    Bytes,
    PartStarts,
    PartEnds(PartEnd),
    Renumbered,
    Ended(u64),
}

const ABSURD: [&str; 9] =
    ["18446744073709551615", "18446744073709551614", "inf", "-inf", "nan", "-1", "1e308", "1e-320", ""];

/// What may stand where a number is wanted.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (0u64..40).prop_map(|n| n.to_string()),
        2 => (0u32..6_000).prop_map(|n| format!("{:.3}", f64::from(n) / 1000.0)),
        1 => any::<u64>().prop_map(|n| n.to_string()),
        1 => any::<f64>().prop_map(|n| format!("{n:.3}")),
        2 => prop::sample::select(ABSURD.as_slice()).prop_map(str::to_owned),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let thread = prop::sample::select(["HLSStreamWorker-0", "HLSStreamWorker-audio-0"].as_slice());
    let message = prop_oneof![
        6 => (number(), number()).prop_map(|(number, duration)| format!(
            "Queuing HLSSegment(num={number}, init=False, discontinuity=False, duration={duration}, title=None)"
        )),
        4 => number().prop_map(|n| format!("Segment {n} complete")),
        1 => number().prop_map(|n| format!("Writing segment {n} to output")),
        1 => number().prop_map(|n| format!("Discarding segment {n}")),
        1 => number().prop_map(|n| format!("Failed to fetch segment {n}: gone")),
        1 => (number(), number())
            .prop_map(|(first, last)| format!("First Sequence: {first}; Last Sequence: {last}")),
        1 => (number(), number()).prop_map(|(n, at)| format!("Sequence gap of {n} segments at position {at}. x")),
        1 => number().prop_map(|n| format!("Detected advertisement break of {n} seconds")),
        1 => Just("DASH segment 1: failed (x)".to_owned()),
        1 => ".*",
    ];
    (thread, message).prop_map(|(thread, message)| format!("[{thread}][stream.hls][debug] {message}"))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => line().prop_map(Step::Line),
        1 => ".*".prop_map(Step::Line),
        4 => (0u64..20_000).prop_map(Step::Wait),
        1 => (0u64..100_000_000_000).prop_map(Step::Wait),
        1 => Just(Step::PartStarts),
        1 => prop_oneof![Just(PartEnd::Whole), Just(PartEnd::Killed)].prop_map(Step::PartEnds),
        4 => Just(Step::Bytes),
        1 => Just(Step::Renumbered),
        1 => prop_oneof![0u64..60, any::<u64>()].prop_map(Step::Ended),
    ]
}

proptest! {
    #[test]
    fn no_log_brings_a_recording_down(steps in prop::collection::vec(step(), 0..40)) {
        let (mut ledger, mut flight) = (Ledger::default(), Flight::default());
        let (mut time, mut now) = (DateTime::<Utc>::UNIX_EPOCH, Instant::now());
        let mut stall = Stall::new(now);
        let blame = Blame { cause: GapCause::Origin, via: None };
        for step in steps {
            match step {
                Step::Line(text) => {
                    let line = parse(&text);
                    ledger.line(&line, time, &blame);
                    flight.line(&line, now);
                    stall.line(&line, now);
                }
                Step::Wait(milliseconds) => {
                    time += TimeDelta::milliseconds(milliseconds as i64);
                    now += Duration::from_millis(milliseconds);
                }
                Step::Bytes => ledger.bytes_came(time),
                Step::PartStarts => ledger.part_starts(),
                Step::PartEnds(end) => ledger.part_ends(end, time, &blame),
                Step::Renumbered => ledger.numbering_begins_anew(),
                Step::Ended(next) => ledger.ended_at(next, time, &blame),
            }
            let (_, lost) = ledger.certain_loss();
            prop_assert!(lost.is_finite() && Duration::try_from_secs_f64(ledger.media_seconds()).is_ok());
            let _ = ledger.announce();
            let _ = flight.slow(now);
            let answer = Answer::Playlist { ended: false, first: 3, next: 9 };
            for failed in [None, Some(now)] {
                let _ = stall.judge(&answer, flight.wanted(now), failed, now);
            }
            let _ = stall.wants_a_look(ledger.usual(), now);
            if let Some(stand) = ledger.stand(time, DRAINED) {
                let (next, at, media, gaps) = (stand.next, stand.at, stand.media, stand.gaps);
                let (usual, quality, part) = (ledger.usual(), None, "show.part001.ts".into());
                let (chapters, before_content) = (Vec::new(), ledger.before_content());
                let mark = Mark { next, at, usual, media, quality, part, bytes: 1, gaps, aligned: Vec::new(), before_content, chapters, over: None };
                let _ = Ledger::resume(&mark, time);
            }
        }
        ledger.stopped_at(time, &blame, true);
        prop_assert!(ledger.gaps().iter().all(|gap| gap.seconds.is_finite()));
        let _ = ledger.announce_rest();
    }
}
