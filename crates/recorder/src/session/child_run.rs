//! One run of Streamlink, from its start to its last byte.

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use chrono::Utc;
use futures_util::future::{BoxFuture, FutureExt, OptionFuture};
use holdfast_model::GapCause;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::{debug, info, warn};

use super::quality::Doubt;
use super::stall::{Stall, Trouble};
use super::{FIRST_ROUTE, Outcome, Session};
use crate::control::{Status, StopCause};
use crate::ledger::PartEnd;
use crate::live::{Answer, Asker, Exit};
use crate::mask::{Masker, mask_url};
use crate::ports::Lease;
use crate::session::flight::Flight;
use crate::streamlink::{Job, LogLine, Purpose, Track, parse};
use crate::supervisor::{Child, ChildEvent};
use crate::tools::not_started;

/// A stop waits this long for a segment that is just being written to be whole …
const LAST_SEGMENT: Duration = Duration::from_millis(500);
/// … which it is when no byte has come for this long. (Segments come whole and in one burst.)
const QUIET: Duration = Duration::from_millis(60);

/// How a run ended.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) exit: Exit,
    /// It brought segments, or at least bytes, that no run before had.
    pub(super) fresh: bool,
    /// Its route had a fault while it ran.
    pub(super) fault: bool,
    /// What it last complained of.
    pub(super) complaint: Option<String>,
    /// It was replaced, because it had opened less than is offered.
    pub(super) replaced: bool,
}

/// In so many seconds without a segment no more than this is received, in bytes: three playlists of a long window.
const DRY_SECONDS: usize = 6;
const DRY_BYTES: u64 = 24 * 1024;

/// What is remembered while it runs.
pub(super) struct Watch {
    flight: Flight,
    stall: Stall,
    /// The playlist is being looked at because nothing new came.
    looking: Option<BoxFuture<'static, Answer>>,
    trouble: Option<Trouble>,
    pub(super) doubt: Doubt,
    begun: std::time::Instant,
    bytes: u64,
    pub(super) last_byte: Option<Instant>,
    /// When to make the next mark.
    pub(super) mark_at: Option<Instant>,
    hls: Option<bool>,
    /// Advertisements came, and were cut out.
    cut_out: bool,
    troubled: bool,
    complaint: Option<String>,
    /// What the account had received, second by second.
    received: VecDeque<u64>,
    /// The last line on its stderr.
    last_words: Option<String>,
    /// No other run can do better: the URL or the quality is wrong.
    hopeless: Option<String>,
    no_such_quality: bool,
    disk: Option<String>,
    gave_up: Option<Outcome>,
    interrupt_at: Option<Instant>,
    stopping_since: Option<Instant>,
}

impl Watch {
    fn new() -> Self {
        Self {
            flight: Flight::default(),
            stall: Stall::new(Instant::now()),
            looking: None,
            trouble: None,
            doubt: Doubt::default(),
            begun: std::time::Instant::now(),
            bytes: 0,
            last_byte: None,
            mark_at: None,
            hls: None,
            cut_out: false,
            troubled: false,
            complaint: None,
            received: VecDeque::new(),
            last_words: None,
            hopeless: None,
            no_such_quality: false,
            disk: None,
            gave_up: None,
            interrupt_at: None,
            stopping_since: None,
        }
    }
}

impl Watch {
    /// Notes what was received in all, once a second; true if it was next to nothing lately: playlists, but no segment.
    fn received(&mut self, bytes: u64) -> bool {
        self.received.push_back(bytes);
        if self.received.len() <= DRY_SECONDS {
            return false;
        }
        let before = self.received.pop_front().unwrap_or_default();
        bytes.saturating_sub(before) < DRY_BYTES
    }
}

impl Session {
    /// Runs Streamlink once, beginning `live_edge` segments before the edge.
    pub(super) async fn run_child(&mut self, live_edge: u64) -> Result<Run, Outcome> {
        let lease = self.account.lease();
        let proxy = lease.proxy_url();
        let request = &self.request;
        let masker = Masker::new(&proxy, request.token.as_ref());
        let job = Job {
            tools: &request.tools,
            url: &request.url,
            quality: &self.quality(),
            proxy: &proxy,
            options: &request.options,
            token: request.token.as_ref(),
            purpose: Purpose::Record { live_edge },
        };
        let (command, files) =
            job.prepare().map_err(|e| Outcome::failed(format!("Streamlink could not be prepared: {e}")))?;
        info!(command = %job.shown(), "starting Streamlink");
        let mut child = Child::spawn(command, files, &request.output)
            .map_err(|error| Outcome::failed(not_started(&request.tools.streamlink, &error)))?;
        debug!(pid = child.id(), "Streamlink runs");
        let (begun, begun_std) = (Instant::now(), std::time::Instant::now());
        self.ledger.part_starts();
        let mut watch = Watch::new();
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (soft, hard) = (self.control.soft().clone(), self.control.hard().clone());
        let mut aborted = false;
        let status = loop {
            let interrupt_at =
                watch.interrupt_at.unwrap_or_else(|| begun + Duration::from_secs(86_400 * 365));
            let mark_at = watch.mark_at.unwrap_or(interrupt_at);
            let duration_ends =
                self.duration_ends().unwrap_or_else(|| begun + Duration::from_secs(86_400 * 365));
            tokio::select! {
                event = child.next() => match event {
                    ChildEvent::Opened(part) => self.writing = Some(part),
                    ChildEvent::Bytes(bytes) => self.bytes(bytes, &mut watch),
                    ChildEvent::Line(line) => self.line(&masker.mask(&line), &mut watch, &*lease),
                    ChildEvent::Disk(error) => {
                        warn!(%error, "the part cannot be written");
                        watch.disk = Some(error.to_string());
                        child.kill();
                    }
                    ChildEvent::Exited(status) => break status,
                },
                _ = tick.tick() => {
                    self.tick(&mut watch, &*lease);
                    if watch.gave_up.is_some() {
                        child.interrupt();
                    }
                }
                Some(answer) = OptionFuture::from(watch.looking.as_mut()) => {
                    watch.looking = None;
                    let now = Instant::now();
                    let failed = self.account.traffic().last_failure().map(Instant::from_std);
                    watch.trouble = watch.stall.judge(&answer, watch.flight.wanted(now), failed, now);
                    if let Some(trouble) = watch.trouble {
                        warn!(?trouble, "the playlist goes on without Streamlink: it is replaced");
                        child.kill();
                    }
                }
                Some(offered) = OptionFuture::from(watch.doubt.asking.as_mut()), if watch.stopping_since.is_none() => {
                    if self.compare(offered.as_deref(), &mut watch.doubt) {
                        // As soon as the segment that is being written is whole.
                        watch.interrupt_at = Some(self.settled_at(&watch));
                    }
                }
                () = sleep_until(interrupt_at), if watch.interrupt_at.is_some() => {
                    watch.interrupt_at = None;
                    child.interrupt();
                }
                () = sleep_until(mark_at), if watch.mark_at.is_some() => self.mark_if_settled(&mut watch),
                () = sleep_until(duration_ends), if self.request.duration.is_some() && watch.stopping_since.is_none() => {
                    self.control.stop(StopCause::Duration);
                }
                () = soft.cancelled(), if watch.stopping_since.is_none() => {
                    watch.stopping_since = Some(Instant::now());
                    watch.interrupt_at = Some(self.settled_at(&watch));
                }
                () = hard.cancelled(), if !aborted => {
                    aborted = true;
                    child.kill();
                }
            }
        };
        let part = child.take_part();
        drop(child);
        self.ended(status, part, watch, begun_std)
    }

    /// What to ask for: what was opened first, so that a resumed part fits; else what was wanted.
    fn quality(&self) -> String {
        match &self.opened {
            Some(opened) => format!("{opened},{}", self.request.quality),
            None => self.request.quality.clone(),
        }
    }

    pub(super) fn duration_ends(&self) -> Option<Instant> {
        Some(self.first_byte? + self.request.duration?)
    }

    /// When a stop that has been asked for may go ahead.
    fn settled_at(&self, watch: &Watch) -> Instant {
        let latest = watch.stopping_since.unwrap_or_else(Instant::now) + LAST_SEGMENT;
        let quiet = watch.last_byte.map_or_else(Instant::now, |at| at + QUIET);
        quiet.min(latest)
    }

    fn bytes(&mut self, bytes: u64, watch: &mut Watch) {
        let now = Instant::now();
        if let Some(part) = &mut self.writing {
            part.bytes += bytes;
            part.ended_at = Utc::now();
        }
        if watch.bytes == 0 {
            self.status(Status::Recording, None);
            self.note_quality(watch);
            watch.doubt.flows();
        }
        self.first_byte.get_or_insert(now);
        self.ledger.bytes_came(Utc::now());
        watch.bytes += bytes;
        watch.last_byte = Some(now);
        self.meter.add(bytes);
        if watch.hls != Some(true) {
            self.something_new();
        }
        if watch.interrupt_at.is_some() {
            watch.interrupt_at = Some(self.settled_at(watch));
        }
    }

    /// One line of its log, masked.
    fn line(&mut self, text: &str, watch: &mut Watch, lease: &dyn Lease) {
        let line = parse(text);
        debug!(target: "holdfast_recorder::streamlink", "{text}");
        if !text.trim().is_empty() {
            watch.last_words = Some(text.trim().chars().take(200).collect());
        }
        let blame = match line {
            // Only these can lose something; asking the gateway for every line would be waste.
            LogLine::Queued { .. } | LogLine::Failed { .. } | LogLine::DashFailed { .. } => self.blame(),
            _ => crate::ledger::Blame { cause: GapCause::Origin, via: None },
        };
        let fresh = self.ledger.fresh_in_part();
        self.ledger.line(&line, Utc::now(), &blame);
        if self.ledger.fresh_in_part() > fresh {
            self.something_new();
            self.after_kill = false;
        }
        watch.stall.line(&line, Instant::now());
        if watch.flight.line(&line, Instant::now()) {
            lease.segment_complete();
        }
        match line {
            LogLine::Complete { track: Track::Main, .. } => Self::mark_soon(watch),
            LogLine::Opened { quality, kind } => {
                info!(quality, kind, "Streamlink opened the stream");
                watch.hls = Some(kind.starts_with("hls"));
                self.opened(&quality, watch.begun, &mut watch.doubt);
                self.observer.update(|progress| progress.quality = Some(quality));
            }
            LogLine::NoNewSegments | LogLine::ReadTimeout | LogLine::NoStreams => {
                watch.troubled = true;
                watch.complaint =
                    Some(text.rsplit_once("] ").map_or(text, |(_, message)| message).to_owned());
            }
            LogLine::NoPlugin => {
                let url = mask_url(&self.request.url);
                watch.hopeless =
                    Some(format!("Streamlink does not know how to record {url}: check the address"));
            }
            LogLine::NoSuchQuality { available } => {
                let quality = &self.request.quality;
                watch.complaint = Some(format!("there is no quality '{quality}'; there is: {available}"));
                watch.no_such_quality = true;
            }
            LogLine::Error(message)
            | LogLine::Failed { reason: message, .. }
            | LogLine::DashFailed { reason: message } => {
                warn!("Streamlink: {message}");
                watch.troubled = true;
                watch.complaint.get_or_insert(message);
            }
            LogLine::ReloadFailed { reason } => warn!("Streamlink: reloading the playlist failed: {reason}"),
            LogLine::SequenceGap { at, segments, .. } => {
                warn!(at, segments, "Streamlink: segments left the playlist unseen");
            }
            LogLine::Ads { seconds } => info!(seconds, "an advertisement break has come up"),
            LogLine::CuttingOut => {
                self.note(Some("advertisements are cut out; it goes on after them".to_owned()));
            }
            LogLine::WritingAgain => self.note(None),
            // The stream is there, whatever it shows.
            LogLine::Discarded { .. } => {
                watch.cut_out = true;
                self.last_new = Instant::now();
            }
            _ => {}
        }
    }

    /// Once a second.
    fn tick(&mut self, watch: &mut Watch, lease: &dyn Lease) {
        if let Some(slow) = watch.flight.slow(Instant::now()) {
            lease.segment_slow(slow);
        }
        self.report();
        if watch.stopping_since.is_some() || watch.gave_up.is_some() {
            return;
        }
        if let Err(error) = self.request.output.check_room(self.request.disk_floor) {
            watch.disk = Some(error.to_string());
            self.control.stop(StopCause::Disk);
            return;
        }
        let blame = self.blame().cause;
        let hls = watch.hls == Some(true) && watch.looking.is_none() && watch.trouble.is_none();
        let now = Instant::now();
        let usual = self.ledger.usual();
        let dry = watch.received(self.account.traffic().bytes_down);
        let wanted = watch.flight.wanted(now).filter(|_| dry);
        let stuck = wanted.is_some_and(|(_, since)| watch.stall.is_stuck(since, usual, now));
        let traffic = self.account.traffic();
        // A fault that a dial has overcome since explains what is lost, but no stall.
        let route_dead = traffic.no_route || traffic.last_fault > traffic.last_success;
        let stalled = !route_dead && watch.stall.wants_a_look(self.ledger.usual(), now);
        let silent = !route_dead && watch.stall.is_silent(now);
        if hls && (stuck || stalled || silent) {
            watch.looking = Some(self.asker().ask().boxed());
        }
        self.ask_for_better(&mut watch.doubt, || self.asker());
        if self.lacks_a_first_route(traffic.no_route) {
            watch.gave_up = Some(self.never_a_route());
        } else if blame == GapCause::Route && self.must_give_up() {
            watch.gave_up = Some(self.gave_up("no route works"));
        }
    }

    pub(super) fn asker(&self) -> Asker {
        Asker::new(&self.request, self.account.clone())
    }

    /// Whether nothing has come yet and no dial has found a route for [`FIRST_ROUTE`]. Counted from the first that found
    /// none: a slow machine takes its time to start Streamlink.
    pub(super) fn lacks_a_first_route(&mut self, no_route: bool) -> bool {
        if !no_route || !self.is_blank() {
            self.routeless = None;
            return false;
        }
        self.routeless.get_or_insert_with(Instant::now).elapsed() >= FIRST_ROUTE
    }

    pub(super) fn must_give_up(&self) -> bool {
        self.last_new.elapsed() >= self.request.give_up_after
    }

    pub(super) fn never_a_route(&self) -> Outcome {
        let error = format!(
            "{} was not recorded: no route worked for {} s. Check the proxies with 'holdfast check', or allow a direct connection",
            mask_url(&self.request.url),
            FIRST_ROUTE.as_secs(),
        );
        Outcome::Failed { error, no_route: true }
    }

    pub(super) fn gave_up(&self, why: &str) -> Outcome {
        if let Some(over) = &self.over {
            // It seemed to be back, and was not.
            return self.over_with(over.reason.clone());
        }
        let kept = if !self.is_blank() { "; what was recorded is kept" } else { "" };
        Outcome::failed(format!(
            "{} could not be reached for {} s ({why}){kept}. A longer --give-up-after waits longer",
            mask_url(&self.request.url),
            self.request.give_up_after.as_secs(),
        ))
    }

    /// Draws the balance of the run.
    fn ended(
        &mut self,
        status: std::process::ExitStatus,
        part: Option<crate::part::OpenPart>,
        mut watch: Watch,
        begun: std::time::Instant,
    ) -> Result<Run, Outcome> {
        let stopping = watch.stopping_since.is_some();
        let traffic = self.account.traffic();
        let killed = status.signal().is_some() && !stopping && watch.trouble.is_none();
        let its_own = killed || watch.trouble == Some(Trouble::Hangs);
        self.after_kill |= its_own;
        let mut blame = self.blame();
        if its_own || watch.doubt.replaced {
            blame.cause = GapCause::Process;
        }
        let end = part_end(&status, watch.trouble);
        self.ledger.part_ends(end, Utc::now(), &blame);
        self.writing = None;
        if let Some(part) = part {
            self.parts.push(part.into_part());
        }
        self.mark(chrono::TimeDelta::zero());
        info!(%status, bytes = watch.bytes, complaint = watch.complaint, "Streamlink ended");
        self.report();
        if watch.trouble == Some(Trouble::Renumbered) {
            self.ledger.numbering_begins_anew();
        }
        let fresh = if watch.hls == Some(true) { self.ledger.fresh_in_part() > 0 } else { watch.bytes > 0 };
        self.news |= fresh;
        let fault = traffic.last_failure().is_some_and(|at| at >= begun);
        self.barren = match (fresh || watch.cut_out, fault) {
            (true, _) => 0,
            (false, true) => self.barren,
            (false, false) => self.barren + 1,
        };
        if let Some(error) = watch.disk {
            return Err(Outcome::failed(format!("the recording was stopped: {error}")));
        }
        if let Some(outcome) = watch.gave_up {
            return Err(outcome);
        }
        // A fault on the way makes qualities vanish from the list (measured); without one, there is none.
        if watch.no_such_quality && !fault && self.first_byte.is_none() {
            watch.hopeless = watch.complaint.clone();
        }
        // It never got as far as opening anything, and not for want of a route: what it said last says why.
        if watch.hls.is_none() && !fault && !status.success() && watch.complaint.is_none() {
            let said = watch.last_words.take().unwrap_or_else(|| "nothing".to_owned());
            watch.complaint = Some(format!("Streamlink ended with {status} and said: {said}"));
        }
        if let Some(error) = watch.hopeless {
            let nothing_new = self.resumed && !self.news && !self.parts.is_empty();
            return Err(if nothing_new { self.over_with(error) } else { Outcome::failed(error) });
        }
        let exit = Exit {
            clean: status.success() && !watch.troubled,
            hls: watch.hls,
            fault_before: traffic.last_failure().map(|at| at.elapsed()),
        };
        Ok(Run { exit, fresh, fault, complaint: watch.complaint, replaced: watch.doubt.replaced })
    }
}

/// What the way it ended says of what it had not delivered yet.
fn part_end(status: &std::process::ExitStatus, trouble: Option<Trouble>) -> PartEnd {
    let hung = matches!(trouble, Some(Trouble::Hangs | Trouble::CutOff));
    if hung || status.signal().is_some() { PartEnd::Killed } else { PartEnd::Whole }
}
