//! One recording, from the first look for a route to the finished file.
//!
//! ```text
//! starting ──▶ recording ◀──▶ recovering ──▶ finalizing ──▶ completed | stopped | failed
//! ```
//!
//! **starting**: a route is looked for (10 s, then it fails with "no route"), Streamlink is started and a first byte
//! awaited. **recording**: bytes arrive in a part. The gateway changes routes below us and Streamlink rides it out;
//! we only keep the ledger, tell the gateway of segments that crawl, and watch the disk. **recovering**: Streamlink
//! ended. Its exit code is not believed; the site is asked (`live`). If the stream is over, so is the recording; if
//! it is live, the next part begins after 1, 2, 4 … 30 s, so many segments before the live edge that nothing is
//! missing; if nothing can be reached, it is asked again and again until nothing new has come for `give_up_after`.
//! Over, it may be waited for (`linger`): back within that time, it goes on as the next part.
//! **finalizing**: the parts become one file (`join`). A stop from outside leads there from every state, and whatever
//! was recorded is kept in every case.
//!
//! Two clocks decide about giving up: the first segment must come within `give_up_after` of the start, and later ones
//! within `give_up_after` of the last, while the route or the site is at fault. A stream that merely pauses is not
//! given up by them; it ends by the rules of `live`.
//!
//! After a crash of the whole program a recording begins with what it left (`resume`): its parts and the last mark that
//! was kept. From there on it is as if Streamlink had ended.
//!
//! A program that ends in order may leave it to its next run in the same way (`Control::hand_over`).
//!
//! Left out on purpose: which proxy is used and why (the gateway's business), when to start (the caller's).

mod backoff;
mod child_run;
mod finish;
mod flight;
#[cfg(test)]
mod hostile_tests;
mod linger;
mod meter;
mod outage;
mod quality;
mod recover;
mod resume;
mod stall;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast_model::{Event, GapCause, RouteUse, Via};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{Instrument, info, info_span};

use crate::control::{Control, Observer, Status, StopCause};
use crate::ledger::{Blame, Ledger};
use crate::live::FAULT_EXPLAINS;
use crate::mark::{Mark, Over};
use crate::mask::mask_url;
use crate::ports::{Account, Routes, Traffic};
use crate::request::RecordRequest;
use crate::story::Story;
use crate::summary::{Ended, Part, Summary};
pub use finish::finish_parts;

use backoff::Backoff;
use meter::Meter;
use outage::Outage;
use recover::Next;

/// How long to wait for a first route.
const FIRST_ROUTE: Duration = Duration::from_secs(10);

/// How the recording proper ended; finishing the file comes after.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Over(String),
    Stopped(StopCause),
    Failed { error: String, no_route: bool },
}

impl Outcome {
    fn ended(&self) -> Ended {
        match self {
            Self::Over(_) => Ended::StreamEnded,
            Self::Stopped(StopCause::Disk | StopCause::Defect) | Self::Failed { .. } => Ended::Failed,
            Self::Stopped(_) => Ended::Stopped,
        }
    }

    fn failed(error: impl Into<String>) -> Self {
        Self::Failed { error: error.into(), no_route: false }
    }
}

struct Session {
    request: RecordRequest,
    control: Control,
    observer: Observer,
    account: Arc<dyn Account>,
    ledger: Ledger,
    parts: Vec<Part>,
    /// The part being written.
    writing: Option<Part>,
    meter: Meter,
    started: Instant,
    started_at: DateTime<Utc>,
    first_byte: Option<Instant>,
    /// When something new last came; the start until then.
    last_new: Instant,
    /// Runs in a row that brought nothing new though their route was sound.
    barren: u32,
    /// An earlier run left parts and no mark: what they hold is only known from the finished file.
    unmarked: bool,
    /// Nothing has come yet: since when no dial has found a route.
    routeless: Option<Instant>,
    /// The last Streamlink was killed from outside, or hung and was killed for that, and nothing has arrived since.
    after_kill: bool,
    /// The quality that later parts ask for first: what Streamlink opened first, or better that was offered then.
    opened: Option<String>,
    /// What the last part shows.
    last_opened: Option<String>,
    /// Parts that show what the one before shows, in another quality.
    aligned: Vec<PathBuf>,
    /// How often Streamlink was replaced for a better quality.
    replaced: u32,
    /// It goes on with an earlier run's recording …
    resumed: bool,
    /// … which that run had finished, as this file.
    finished: Option<PathBuf>,
    /// Some run brought something new.
    news: bool,
    /// Where it stands.
    mark: Option<Mark>,
    /// What the broadcast was called so far.
    story: Story,
    /// The stream is over, and nothing new has come since.
    over: Option<Over>,
    /// What was told of its being out of reach.
    outage: Outage,
    /// What went wrong without ending it, in sentences.
    problems: Vec<String>,
}

/// Makes one recording. Returns when the file is finished, or as far finished as it can be.
pub async fn record(
    request: RecordRequest,
    routes: Arc<dyn Routes>,
    control: Control,
    observer: Observer,
) -> Summary {
    let span = info_span!("recording", id = %request.id, url = %mask_url(&request.url));
    let account = routes.open(request.id, &request.tags);
    let session = Session {
        account,
        ledger: Ledger::default(),
        parts: Vec::new(),
        writing: None,
        meter: Meter::default(),
        started: Instant::now(),
        started_at: Utc::now(),
        first_byte: None,
        last_new: Instant::now(),
        barren: 0,
        unmarked: false,
        routeless: None,
        after_kill: false,
        opened: None,
        last_opened: None,
        aligned: Vec::new(),
        replaced: 0,
        resumed: false,
        finished: None,
        news: false,
        mark: None,
        story: Story::default(),
        over: None,
        outage: Outage::default(),
        problems: Vec::new(),
        request,
        control,
        observer,
    };
    Box::pin(session.run(routes)).instrument(span).await
}

impl Session {
    async fn run(mut self, routes: Arc<dyn Routes>) -> Summary {
        let outcome = match self.begin(&*routes).await {
            Some(outcome) => outcome,
            None => self.record_parts().await,
        };
        drop(routes);
        Box::pin(self.finish(outcome)).await
    }

    /// What must be so before anything is recorded, an earlier run's work taken up included; an outcome if it is not.
    async fn begin(&mut self, routes: &dyn Routes) -> Option<Outcome> {
        if let Some(outcome) = self.take_up().await {
            return Some(outcome);
        }
        if self.over.is_some() {
            // Whatever is in the way now: all of it was there before.
            return None;
        }
        if let Err(error) = self.request.output.check_room(self.request.disk_floor) {
            return Some(Outcome::failed(error.to_string()));
        }
        // What was begun is not given up as soon as what was not.
        let patience = if self.resumed { self.request.give_up_after.max(FIRST_ROUTE) } else { FIRST_ROUTE };
        let deadline = self.started + patience;
        let mut asking = Backoff::up_to(recover::ASK_AT_MOST_EVERY);
        let mut reason = "no answer from the gateway".to_owned();
        loop {
            let prepared = tokio::select! {
                prepared = timeout_at(deadline, routes.prepare(&self.request.tags)) => prepared,
                () = self.control.soft().cancelled() => return Some(self.stopped()),
            };
            match prepared {
                Ok(Ok(via)) => {
                    self.observer.update(|p| p.via = Some(via));
                    return None;
                }
                Ok(Err(none)) => {
                    self.note(Some(format!("no route: {}", none.reason)));
                    reason = none.reason;
                }
                Err(_) => {}
            }
            let wait = if self.resumed { asking.next() } else { Duration::from_millis(500) };
            if Instant::now() + wait >= deadline {
                if !self.parts.is_empty() {
                    return Some(self.gave_up(&format!("no route: {reason}")));
                }
                let error = format!(
                    "{} was not recorded: no route in {} s ({reason}). Check the proxies with 'holdfast check', or allow a direct connection",
                    mask_url(&self.request.url),
                    FIRST_ROUTE.as_secs(),
                );
                return Some(Outcome::Failed { error, no_route: true });
            }
            if self.pause(wait).await {
                return Some(self.stopped());
            }
        }
    }

    /// Part after part, until there is an outcome.
    async fn record_parts(&mut self) -> Outcome {
        let mut backoff = Backoff::default();
        let mut live_edge = self.live_edge(None);
        if let Some(over) = self.over.clone() {
            match self.linger(over, Duration::ZERO).await {
                Next::Resume { live_edge: edge } => live_edge = edge,
                Next::End(outcome) => return outcome,
            }
        }
        loop {
            let run = match self.run_child(live_edge).await {
                Ok(run) => run,
                Err(outcome) => return outcome,
            };
            if run.fresh {
                backoff.reset();
            }
            if self.control.cause().is_some() {
                return self.stopped();
            }
            if run.replaced {
                // The stream is live, that is known. Every second counts.
                self.status(
                    Status::Recovering,
                    Some("a better quality is offered; it goes on with that".to_owned()),
                );
                live_edge = self.live_edge(None);
                continue;
            }
            match self.recover(&run, &mut backoff).await {
                Next::Resume { live_edge: edge } => live_edge = edge,
                Next::End(outcome) => return outcome,
            }
            info!(live_edge, parts = self.parts.len(), "the stream is live: recording the next part");
        }
    }

    fn stopped(&self) -> Outcome {
        let cause = self.control.cause().unwrap_or(StopCause::Request);
        match &self.over {
            Some(over) if !matches!(cause, StopCause::Disk | StopCause::Defect | StopCause::HandedOver) => {
                self.over_with(over.reason.clone())
            }
            _ => Outcome::Stopped(cause),
        }
    }

    /// Something came that no run before had.
    fn something_new(&mut self) {
        self.last_new = Instant::now();
        self.over = None;
    }

    /// Waits, and says whether it was stopped meanwhile.
    async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            () = sleep(time) => false,
            () = self.control.soft().cancelled() => true,
        }
    }

    fn status(&mut self, status: Status, note: Option<String>) {
        self.observer.update(|progress| {
            progress.status = status;
            progress.note = note;
        });
        self.report();
    }

    fn note(&self, note: Option<String>) {
        let elapsed = self.started.elapsed();
        self.observer.update(|progress| {
            progress.note = note;
            progress.elapsed = elapsed;
        });
    }

    /// Publishes where things stand, and the gaps that have become certain.
    fn report(&mut self) {
        self.hear();
        let traffic = self.account.traffic();
        let (segments_lost, seconds_lost) = self.ledger.certain_loss();
        let media = Duration::try_from_secs_f64(self.ledger.media_seconds()).unwrap_or_default();
        let elapsed = self.started.elapsed();
        let (bytes, rate) = (self.meter.bytes(), self.meter.rate());
        let mark = self.mark.clone();
        let chapters = self.story.chapters().to_vec();
        let parts: Vec<Part> = self.parts.iter().chain(&self.writing).cloned().collect();
        self.observer.update(|progress| {
            progress.elapsed = elapsed;
            progress.media = media;
            progress.bytes = bytes;
            progress.rate = rate;
            if let Some(via) = traffic.current() {
                progress.via = Some(via.clone());
            }
            progress.failovers = traffic.failovers;
            progress.segments_lost = segments_lost;
            progress.seconds_lost = seconds_lost;
            progress.parts = parts;
            progress.mark = mark;
            progress.chapters = chapters;
        });
        for gap in self.ledger.announce() {
            if gap.cause.is_loss() {
                tracing::warn!(segments = gap.segments, seconds = gap.seconds, cause = %gap.cause, "segments are missing");
            } else {
                info!(segments = gap.segments, seconds = gap.seconds, "advertisements were cut out");
            }
            self.observer.event(Event::Gap { recording: self.request.id, gap });
        }
    }

    /// Who is at fault if something is lost now.
    fn blame(&self) -> Blame {
        let traffic = self.account.traffic();
        let fault = traffic.last_fault.is_some_and(|at| at.elapsed() < FAULT_EXPLAINS);
        if traffic.no_route || fault {
            Blame { cause: GapCause::Route, via: at_fault(&traffic, Utc::now()) }
        } else {
            let cause = if self.after_kill { GapCause::Process } else { GapCause::Origin };
            Blame { cause, via: traffic.current().cloned() }
        }
    }
}

/// The route at fault: the one left last, if a fault ended it and that explains a loss at this time; else the one in
/// use.
fn at_fault(traffic: &Traffic, now: DateTime<Utc>) -> Option<Via> {
    let left = traffic.routes.iter().rev().find_map(|route| Some((route, route.ended_at?)));
    let left = left.filter(|(route, ended)| {
        let lately = (now - *ended).to_std().is_ok_and(|ago| ago < FAULT_EXPLAINS);
        lately && route.reason.as_deref() != Some(RouteUse::BETTER_ROUTE)
    });
    left.map(|(route, _)| &route.via).or_else(|| traffic.current()).cloned()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_route_at_fault_was_left_lately_and_for_a_fault() {
        let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::hours(1);
        let proxy = |n: i64| {
            let url = holdfast_model::ProxyUrl::parse(&format!("http://h{n}:1")).expect("a proxy");
            Via::Proxy(holdfast_model::ProxyId(n), url.masked())
        };
        let route = |n, ended: Option<(i64, &str)>| RouteUse {
            via: proxy(n),
            started_at: DateTime::UNIX_EPOCH,
            ended_at: ended.map(|(ago, _)| now - TimeDelta::seconds(ago)),
            bytes: 0,
            reason: ended.map(|(_, reason)| reason.to_owned()),
        };
        for (routes, expected) in [
            (vec![route(1, Some((5, "refused the connection"))), route(2, None)], Some(1)),
            (vec![route(1, Some((61, "refused the connection"))), route(2, None)], Some(2)),
            (vec![route(1, Some((5, RouteUse::BETTER_ROUTE))), route(2, None)], Some(2)),
            (vec![route(1, Some((5, "refused the connection")))], Some(1)),
            (vec![], None),
        ] {
            let traffic = Traffic { routes, ..Traffic::default() };
            assert_eq!(at_fault(&traffic, now), expected.map(proxy), "{traffic:?}");
        }
    }
}
