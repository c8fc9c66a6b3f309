//! Streamlink ended: over, live, or out of reach? Asks until one of them is certain.

use std::time::Duration;

use chrono::Utc;
use tokio::time::Instant;
use tracing::{debug, info};

use super::child_run::Run;
use super::{Backoff, FIRST_ROUTE, Outcome, Session};
use crate::control::Status;
use crate::live::{Absence, Answer, Decision, Exit, Findings, GONE_APART, Word, decide, platforms_word};
use crate::mask::mask_url;

/// Segments that pass while the next Streamlink starts, and some overlap to be sure.
const MARGIN: u64 = 4;

/// Between two questions while nothing answers: soon, since every second may lose a segment.
pub(super) const ASK_AT_MOST_EVERY: Duration = Duration::from_secs(5);

/// What a question came to.
pub(super) struct Asked {
    pub(super) answer: Answer,
    /// The platform should have known, and did not answer.
    pub(super) platform_fails: bool,
    /// Why the platform said nothing.
    pub(super) unsaid: Option<String>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    /// Another part, beginning this many segments before the edge.
    Resume { live_edge: u64 },
    /// The recording proper is done.
    End(Outcome),
}

impl Session {
    pub(super) async fn recover(&mut self, run: &Run, backoff: &mut Backoff) -> Next {
        self.status(
            Status::Recovering,
            Some("Streamlink ended; asking whether the stream goes on".to_owned()),
        );
        let ended = Instant::now();
        let mut absence = Absence::default();
        let mut asking = Backoff::up_to(ASK_AT_MOST_EVERY);
        loop {
            let asked = std::time::Instant::now();
            let Asked { answer, platform_fails, unsaid } = tokio::select! {
                asked = self.ask(&run.exit) => asked,
                () = self.control.soft().cancelled() => return Next::End(self.stopped()),
            };
            let traffic = self.account.traffic();
            let decision = decide(&Findings {
                exit: &run.exit,
                answer: &answer,
                fault_while_asking: traffic.last_failure().is_some_and(|at| at >= asked),
                gone_for: absence.hear(&answer, platform_fails, Instant::now()),
                platform_fails,
                barren: self.barren,
                tired: self.must_give_up(),
                recorded: self.ledger.recorded(),
            });
            self.outage.unsaid(unsaid.as_deref());
            self.tell_decision(&answer, &decision);
            if !matches!(decision, Decision::AskAgain) {
                absence.forget();
            }
            let wait = match decision {
                Decision::Over(why) => {
                    return match self.over(&answer, why, run) {
                        Ok(why) => {
                            backoff.reset();
                            self.over_for_now(why, &answer).await
                        }
                        Err(outcome) => Next::End(outcome),
                    };
                }
                Decision::Live if run.fault && self.must_give_up() => {
                    return Next::End(self.gave_up("the site answers, but no segment comes through"));
                }
                Decision::Live => {
                    let wait = match answer {
                        Answer::Playlist { ended: true, .. } => Duration::ZERO,
                        // The time spent on asking counts.
                        _ => backoff.next().saturating_sub(ended.elapsed()),
                    };
                    if self.pause(wait).await {
                        return Next::End(self.stopped());
                    }
                    return Next::Resume { live_edge: self.live_edge(Some(&answer)) };
                }
                Decision::AskAgain => GONE_APART,
                Decision::Unreachable(why) => {
                    self.outage.unreachable(&why);
                    if self.lacks_a_first_route(traffic.no_route) {
                        return Next::End(self.never_a_route());
                    }
                    if self.must_give_up() {
                        return Next::End(self.gave_up(&why));
                    }
                    let wait = asking.next();
                    self.note(Some(format!("cannot be reached ({why}); next try in {} s", wait.as_secs())));
                    wait
                }
            };
            if self.pause(self.within_patience(wait)).await {
                return Next::End(self.stopped());
            }
        }
    }

    fn tell_decision(&mut self, answer: &Answer, decision: &Decision) {
        let barren = self.barren;
        let certain = matches!(decision, Decision::Live | Decision::Over(_));
        if certain || self.outage.is_news(format!("{answer:?} {decision:?}")) {
            info!(?answer, ?decision, barren, "asked whether the stream goes on");
        } else {
            debug!(?answer, ?decision, barren, "asked whether the stream goes on, as before");
        }
        if certain {
            self.outage.ends();
        }
    }

    /// Asks the platform, and if there is none, or it does not know, the stream itself.
    pub(super) async fn ask(&self, exit: &Exit) -> Asked {
        let word = platforms_word(self.request.platform.as_deref()).await;
        let platform_fails = matches!(word, Word::Failing(_));
        let unsaid = match &word {
            Word::Failing(why) | Word::Unknown(why) => Some(why.clone()),
            Word::Said(_) | Word::Nothing => None,
        };
        let answer = match word {
            // Streamlink may have died before it had everything: the stream may still hold it.
            Word::Said(Answer::SaidOffline) if !exit.clean => match self.asker().ask().await {
                answer @ Answer::Playlist { ended: true, .. } => answer,
                _ => Answer::SaidOffline,
            },
            Word::Said(answer) => answer,
            Word::Failing(_) | Word::Unknown(_) | Word::Nothing => self.asker().ask().await,
        };
        Asked { answer, platform_fails, unsaid }
    }

    /// A wait, cut short where the patience ends.
    fn within_patience(&self, wait: Duration) -> Duration {
        let left = self.request.give_up_after.saturating_sub(self.last_new.elapsed());
        let first = self.routeless.map_or(FIRST_ROUTE, |since| FIRST_ROUTE.saturating_sub(since.elapsed()));
        let wait = wait.min(left.max(Duration::from_millis(200)));
        if self.is_blank() && !first.is_zero() { wait.min(first) } else { wait }
    }

    /// The stream is over, for this reason: well, unless nothing ever came.
    fn over(&mut self, answer: &Answer, why: String, run: &Run) -> Result<String, Outcome> {
        if let Answer::Playlist { ended: true, next, .. } = *answer {
            let blame = self.blame();
            self.ledger.ended_at(next, Utc::now(), &blame);
        }
        if self.meter.bytes() == 0 && self.parts.is_empty() {
            let detail = run.complaint.as_deref().filter(|c| !c.is_empty()).unwrap_or(&why);
            return Err(Outcome::failed(format!(
                "{} was not recorded: {detail}. Is it live, and is the address right?",
                mask_url(&self.request.url)
            )));
        }
        Ok(why)
    }

    /// The stream is over. After a restart it is worth telling that nothing was added.
    pub(super) fn over_with(&self, why: String) -> Outcome {
        if self.resumed && !self.news {
            return Outcome::Over(format!("{why}; nothing new came after the restart"));
        }
        Outcome::Over(why)
    }

    /// How many segments before the edge the next part must begin.
    pub(super) fn live_edge(&self, answer: Option<&Answer>) -> u64 {
        let Some(last) = self.ledger.last_complete() else { return 3 };
        let elapsed = (Utc::now() - last).num_milliseconds().max(0) as f64 / 1000.0;
        let by_clock = (elapsed / self.ledger.usual()).ceil() as u64;
        let by_number = match (answer, self.ledger.recorded()) {
            (Some(Answer::Playlist { next, .. }), Some(recorded))
                if next.saturating_sub(recorded) < 100_000 =>
            {
                next.saturating_sub(recorded)
            }
            _ => 0,
        };
        by_clock.max(by_number) + MARGIN
    }
}
