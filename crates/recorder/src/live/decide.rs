//! The rules by which a stream is over, live or out of reach. Pure.

use std::time::Duration;

/// Between two answers of "gone" before they are believed.
pub(crate) const GONE_APART: Duration = Duration::from_secs(5);
/// The same while the platform itself fails: part of it may say "no stream" for want of the other part (seen: with the API and
/// the playlists down, Streamlink finds "no playable streams").
const GONE_IN_DOUBT: Duration = Duration::from_secs(60);
/// For how long a fault of the route explains an exit of Streamlink, and a loss.
pub(crate) const FAULT_EXPLAINS: Duration = Duration::from_secs(60);
/// So many resumes in a row without a new segment, and the stream is over.
const BARREN_RESUMES: u32 = 3;

/// How Streamlink ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exit {
    /// Exit code 0, and neither "No new segments" nor "Read timeout" nor any error in its log.
    pub(crate) clean: bool,
    /// It played an HLS stream; `None` if it never opened one.
    pub(crate) hls: Option<bool>,
    /// Between its end and the last fault of its route before that; `None` without a fault.
    pub(crate) fault_before: Option<Duration>,
}

/// What the site said when it was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// A media playlist.
    Playlist {
        /// It carries EXT-X-ENDLIST.
        ended: bool,
        /// The first and the number after the last of its segments.
        first: u64,
        /// See `first`.
        next: u64,
    },
    /// 404, 410, or the page offers no streams.
    Gone(String),
    /// The page offers streams, but none whose playlist can be read.
    Streams,
    /// The platform says that the channel is live …
    SaidLive,
    /// … or that it is not.
    SaidOffline,
    /// Nothing could be reached, or the answer was a failure that passes (5xx, 403, 429 …).
    Unreachable(String),
    /// Reached, and not understood.
    Unclear(String),
}

/// Everything that is known when it has to be decided.
#[derive(Clone, Debug)]
pub(crate) struct Findings<'a> {
    pub(crate) exit: &'a Exit,
    pub(crate) answer: &'a Answer,
    /// The route failed while the question was asked.
    pub(crate) fault_while_asking: bool,
    /// For how long the same has been said, if this answer says that the stream is gone and is not the first to say so.
    pub(crate) gone_for: Option<Duration>,
    /// The platform should know and did not answer.
    pub(crate) platform_fails: bool,
    /// How many runs in a row brought nothing new, the one that just ended included.
    pub(crate) barren: u32,
    /// Nothing new has come for as long as the recording has patience.
    pub(crate) tired: bool,
    /// The number after the highest segment that was recorded.
    pub(crate) recorded: Option<u64>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The stream has ended; why, in words.
    Over(String),
    /// It goes on: record the next part.
    Live,
    /// Ask again in 5 s.
    AskAgain,
    /// Try again later; why, in words.
    Unreachable(String),
}

/// The rules.
pub(crate) fn decide(findings: &Findings<'_>) -> Decision {
    let exit = findings.exit;
    let fault_explains = exit.fault_before.is_some_and(|ago| ago < FAULT_EXPLAINS);
    let clean = exit.clean && !fault_explains;
    let barren = findings.barren >= BARREN_RESUMES;
    let over = |why: &str| Decision::Over(why.to_owned());
    let apart = if findings.platform_fails { GONE_IN_DOUBT } else { GONE_APART };
    let confirmed = |why: &str| match findings.gone_for {
        Some(gone) if gone >= apart => over(why),
        _ => Decision::AskAgain,
    };
    match findings.answer {
        Answer::Playlist { ended: true, next, .. } => match findings.recorded {
            _ if barren || clean => over("the playlist says that the stream has ended"),
            Some(recorded) if *next <= recorded => over("the playlist says that the stream has ended"),
            // Streamlink died before it had everything. A later numbering is not ours to compare.
            _ => Decision::Live,
        },
        Answer::Playlist { .. } | Answer::Streams if barren => {
            over("the stream is still listed, but three tries in a row brought nothing new")
        }
        Answer::Playlist { .. } => Decision::Live,
        Answer::Streams if clean => over("Streamlink came to the end of the stream"),
        Answer::Streams => Decision::Live,
        Answer::Gone(why) if findings.fault_while_asking => Decision::Unreachable(why.clone()),
        Answer::SaidLive if barren && findings.tired => {
            over("the platform says that the channel is live, but nothing new has come for long")
        }
        Answer::SaidLive => Decision::Live,
        // It does not come by the recording's route.
        Answer::SaidOffline => confirmed("the platform says that the channel is offline"),
        Answer::Gone(why) => confirmed(why),
        Answer::Unreachable(_) | Answer::Unclear(_) if clean => {
            over("Streamlink came to the end of the stream")
        }
        Answer::Unclear(_) if exit.hls == Some(false) => {
            over("Streamlink ended, and the site does not say whether more comes")
        }
        Answer::Unreachable(why) | Answer::Unclear(why) => Decision::Unreachable(why.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: Exit = Exit { clean: true, hls: Some(true), fault_before: None };
    const BROKEN: Exit = Exit { clean: false, hls: Some(true), fault_before: None };
    const FAULTY: Exit = Exit { clean: true, hls: Some(true), fault_before: Some(Duration::from_secs(30)) };
    const LONG_AGO: Exit = Exit { clean: true, hls: Some(true), fault_before: Some(Duration::from_secs(61)) };
    const OTHER: Exit = Exit { clean: false, hls: Some(false), fault_before: None };

    #[derive(Debug, PartialEq)]
    enum Kind {
        Over,
        Live,
        AskAgain,
        Unreachable,
    }

    fn kind(exit: &Exit, answer: &Answer, fault: bool, gone_secs: Option<u64>, barren: u32) -> Kind {
        let findings = Findings {
            exit,
            answer,
            fault_while_asking: fault,
            gone_for: gone_secs.map(Duration::from_secs),
            platform_fails: false,
            barren,
            tired: barren >= 9,
            recorded: Some(100),
        };
        match decide(&findings) {
            Decision::Over(_) => Kind::Over,
            Decision::Live => Kind::Live,
            Decision::AskAgain => Kind::AskAgain,
            Decision::Unreachable(_) => Kind::Unreachable,
        }
    }

    #[test]
    fn while_the_platform_fails_gone_is_believed_after_a_minute() {
        let (gone, offline) = (Answer::Gone("no stream".into()), Answer::SaidOffline);
        for (answer, platform_fails, secs, expected) in [
            (&gone, true, 59, Decision::AskAgain),
            (&gone, true, 60, Decision::Over("no stream".into())),
            (&gone, false, 5, Decision::Over("no stream".into())),
            (&offline, false, 4, Decision::AskAgain),
        ] {
            let findings = Findings {
                exit: &BROKEN,
                answer,
                fault_while_asking: false,
                gone_for: Some(Duration::from_secs(secs)),
                platform_fails,
                barren: 0,
                tired: false,
                recorded: Some(100),
            };
            assert_eq!(decide(&findings), expected, "{secs} s");
        }
    }

    #[test]
    fn every_rule_of_the_end() {
        let ended = |next| Answer::Playlist { ended: true, first: next - 8, next };
        let open = |next| Answer::Playlist { ended: false, first: next - 8, next };
        let gone = Answer::Gone("404".into());
        let dead = Answer::Unreachable("refused".into());
        let unclear = Answer::Unclear("?".into());
        for (exit, answer, fault, gone_for, barren, expected) in [
            // ENDLIST: over, unless something is still to be had.
            (&BROKEN, ended(100), false, None, 0, Kind::Over),
            (&BROKEN, ended(103), false, None, 0, Kind::Live),
            (&FAULTY, ended(103), false, None, 0, Kind::Live),
            (&CLEAN, ended(103), false, None, 0, Kind::Over),
            (&BROKEN, ended(103), false, None, 3, Kind::Over),
            (&FAULTY, ended(100), true, None, 0, Kind::Over),
            // A playlist that goes on is live, whatever Streamlink thought, but not for ever.
            (&CLEAN, open(103), false, None, 0, Kind::Live),
            (&BROKEN, open(100), false, None, 2, Kind::Live),
            (&BROKEN, open(100), false, None, 3, Kind::Over),
            // Gone must be heard twice, 5 s apart, by a good route.
            (&BROKEN, gone.clone(), false, None, 0, Kind::AskAgain),
            (&BROKEN, gone.clone(), false, Some(4), 0, Kind::AskAgain),
            (&BROKEN, gone.clone(), false, Some(5), 0, Kind::Over),
            (&BROKEN, gone.clone(), true, Some(9), 0, Kind::Unreachable),
            (&CLEAN, gone, false, None, 0, Kind::AskAgain),
            // Out of reach is not over, unless it had ended well before.
            (&BROKEN, dead.clone(), true, None, 0, Kind::Unreachable),
            (&BROKEN, dead.clone(), true, None, 9, Kind::Unreachable),
            (&FAULTY, dead.clone(), true, None, 0, Kind::Unreachable),
            (&CLEAN, dead.clone(), true, None, 0, Kind::Over),
            (&LONG_AGO, dead.clone(), false, None, 0, Kind::Over),
            // The platform's word: offline twice, whatever the route did; live for as long as there is patience.
            (&CLEAN, Answer::SaidOffline, false, None, 0, Kind::AskAgain),
            (&FAULTY, Answer::SaidOffline, true, Some(4), 0, Kind::AskAgain),
            (&FAULTY, Answer::SaidOffline, true, Some(5), 0, Kind::Over),
            (&CLEAN, Answer::SaidLive, false, None, 8, Kind::Live),
            (&CLEAN, Answer::SaidLive, false, Some(9), 9, Kind::Over),
            // Not HLS.
            (&OTHER, Answer::Streams, false, None, 0, Kind::Live),
            (&OTHER, Answer::Streams, false, None, 3, Kind::Over),
            (&CLEAN, Answer::Streams, false, None, 0, Kind::Over),
            (&FAULTY, Answer::Streams, false, None, 0, Kind::Live),
            (&OTHER, unclear.clone(), false, None, 0, Kind::Over),
            (&OTHER, dead, true, None, 0, Kind::Unreachable),
            (&BROKEN, unclear, false, None, 0, Kind::Unreachable),
        ] {
            let found = kind(exit, &answer, fault, gone_for, barren);
            assert_eq!(
                found, expected,
                "{exit:?} {answer:?} fault {fault} gone {gone_for:?} barren {barren}"
            );
        }
    }
}
