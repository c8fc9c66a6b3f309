//! After the last byte: the file is finished and the balance drawn.

use std::path::{Path, PathBuf};

use chrono::Utc;
use tracing::{error, info, warn};

use super::{Outcome, Session};
use crate::about::About;
use crate::control::{Control, Status, StopCause};
use crate::join::span::play_time_after;
use crate::join::{JoinError, finished_before, join, thumbnail};
use crate::ledger::loss;
use crate::mask::mask_url;
use crate::output::{Container, Output};
use crate::summary::{Ended, Summary};
use crate::tools::Tools;

/// So many parts are named in an error.
const NAMED: usize = 5;

/// Joins the parts of a recording that was left in [`Status::Finalizing`], also if the run before was killed in the
/// middle of joining: what it left half done is done again, and a file that it had finished is known again, its
/// remaining parts removed. `about` is what the file is to say of itself. Answers where the file is: under the next free
/// name, if something else has taken the one it was to have. Tell [`crate::settled`] when that is stored.
///
/// # Errors
/// [`JoinError`]; the parts are then as they were.
pub async fn finish_parts(
    output: &Output,
    parts: &[PathBuf],
    about: &About,
    tools: &Tools,
    control: &Control,
) -> Result<PathBuf, JoinError> {
    if let Some(finished) = finished_before(output, parts) {
        info!(output = %finished.display(), "the parts had been joined before");
        return Ok(finished);
    }
    Box::pin(join(output, parts, about, tools, control)).await
}

impl Session {
    pub(super) async fn finish(mut self, outcome: Outcome) -> Summary {
        if outcome == Outcome::Stopped(StopCause::HandedOver) {
            // The next run finds out what is missing.
            self.account.close(stop_reason(StopCause::HandedOver));
            return self.summary(outcome, None, false, None);
        }
        if matches!(outcome, Outcome::Stopped(_)) {
            let traffic = self.account.traffic();
            let route_dead = traffic.no_route || traffic.last_fault > traffic.last_success;
            let blame = self.blame();
            self.ledger.stopped_at(chrono::Utc::now(), &blame, route_dead);
        }
        self.account.close("the recording ended");
        self.observer.update(|progress| progress.ended = Some(outcome.ended()));
        self.status(Status::Finalizing, None);
        for gap in self.ledger.announce_rest() {
            self.observer.event(holdfast_model::Event::Gap { recording: self.request.id, gap });
        }
        let paths: Vec<PathBuf> = self.parts.iter().map(|part| part.path.clone()).collect();
        let mut left = false;
        let joined = match paths.as_slice() {
            [] => self.finished.take().map(Ok),
            paths => Some(self.join(paths).await.map_err(|problem| {
                left = matches!(problem, JoinError::Left);
                format!("{problem} ({})", named(paths))
            })),
        };
        if let Some(Err(_)) = &joined {
            // Half a packet at the end of one may have been cut off.
            for part in &mut self.parts {
                part.bytes = part.path.metadata().map_or(part.bytes, |meta| meta.len());
            }
        }
        let picture = match &joined {
            Some(Ok(file)) if self.request.thumbnail => {
                let output = self.request.output.moved_to(file.clone());
                Box::pin(thumbnail(&output, &self.request.tools, &self.control)).await
            }
            _ => None,
        };
        let measured = match &joined {
            Some(Ok(file)) if self.unmarked => play_time(file).await,
            _ => None,
        };
        let mut summary = self.summary(outcome, joined, left, measured);
        summary.thumbnail = picture;
        summary
    }

    async fn join(&self, parts: &[PathBuf]) -> Result<PathBuf, JoinError> {
        let about = self.about();
        Box::pin(join(&self.request.output, parts, &about, &self.request.tools, &self.control)).await
    }

    fn about(&self) -> About {
        let first = self.parts.first().map_or(self.started_at, |part| part.started_at);
        About {
            title: None,
            channel: self.request.channel.clone(),
            started_at: Some(first),
            url: Some(mask_url(&self.request.url)),
            chapters: self.story.chapters().to_vec(),
            aligned: self.aligned.clone(),
        }
    }

    fn summary(
        &mut self,
        outcome: Outcome,
        joined: Option<Result<PathBuf, String>>,
        left: bool,
        measured: Option<f64>,
    ) -> Summary {
        let (output, problem) = match joined {
            Some(Ok(path)) => (Some(path), None),
            Some(Err(problem)) => (None, Some(problem)),
            None => (None, None),
        };
        let ended = outcome.ended();
        let (reason, failure, stopped_by, no_route) = match outcome {
            Outcome::Over(reason) => (reason, None, None, false),
            Outcome::Stopped(cause @ (StopCause::Disk | StopCause::Defect)) => {
                let why = stop_reason(cause);
                let error = format!("the recording was stopped: {why}");
                (why.to_owned(), Some(error), Some(cause), false)
            }
            Outcome::Stopped(cause) => (stop_reason(cause).to_owned(), None, Some(cause), false),
            Outcome::Failed { error, no_route } => (error.clone(), Some(error), None, no_route),
        };
        let status = match ended {
            _ if left => Status::Finalizing,
            _ if stopped_by == Some(StopCause::HandedOver) => Status::Interrupted,
            Ended::StreamEnded => Status::Completed,
            Ended::Stopped => Status::Stopped,
            Ended::Failed => Status::Failed,
        };
        let problems = self.problems.drain(..).chain(problem).reduce(|all, next| format!("{all}. {next}"));
        let error = match (failure, problems) {
            (Some(failure), Some(problem)) => Some(format!("{failure}. Besides, {problem}")),
            (failure, problem) => failure.or(problem),
        };
        match &error {
            Some(error) => error!("{error}"),
            None if status == Status::Interrupted => info!(reason, "the recording goes on at the next start"),
            None => info!(reason, "the recording is finished"),
        }
        let gaps = self.ledger.gaps();
        let traffic = self.account.traffic();
        let bytes = match &output {
            Some(path) => path.metadata().map(|meta| meta.len()).unwrap_or_default(),
            None => self.parts.iter().map(|part| part.bytes).sum(),
        };
        let (segments_lost, seconds_lost) = loss(&gaps);
        let lost = || gaps.iter().filter(|gap| gap.cause.is_loss());
        if lost().next().is_some() {
            warn!(gaps = lost().count(), "segments are missing from the recording");
        }
        let summary = Summary {
            recording_id: self.request.id,
            url: mask_url(&self.request.url),
            output,
            thumbnail: None,
            bytes,
            // A sum may be -0.0, which JSON would show.
            duration_s: measured.unwrap_or_else(|| self.duration()) + 0.0,
            segments_lost,
            seconds_lost: seconds_lost + 0.0,
            estimated: lost().any(|gap| gap.estimated),
            failovers: traffic.failovers,
            routes: traffic.routes,
            gaps,
            parts: self.parts.clone(),
            chapters: self.story.chapters().to_vec(),
            ended,
            reason,
            status,
            error,
            started_at: self.started_at,
            ended_at: Utc::now(),
            stopped_by,
            no_route,
        };
        self.report();
        self.observer.update(|progress| progress.status = status);
        summary
    }

    /// Play time: by the segments where there are any, else by the clock.
    fn duration(&self) -> f64 {
        let media = self.ledger.media_seconds();
        if media > 0.0 {
            return media;
        }
        self.parts.iter().fold(0.0, |sum, part| sum + part.seconds())
    }
}

/// The play time of a finished transport stream; `None` for other containers and for what cannot be read.
async fn play_time(file: &Path) -> Option<f64> {
    if Container::of(file) != Some(Container::Ts) {
        return None;
    }
    let file = file.to_owned();
    let measured = tokio::task::spawn_blocking(move || play_time_after(&file, 0)).await.ok()?;
    measured.ok().filter(|seconds| *seconds > 0.0)
}

/// The parts, for people; not all of a hundred.
fn named(parts: &[PathBuf]) -> String {
    let shown: Vec<_> = parts.iter().take(NAMED).map(|part| part.display().to_string()).collect();
    let more = parts.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let what = if parts.len() == 1 { "the part" } else { "the parts" };
    format!("{what}: {}{more}", shown.join(", "))
}

fn stop_reason(cause: StopCause) -> &'static str {
    match cause {
        StopCause::Duration => "the wanted duration was reached",
        StopCause::Interrupt => "it was interrupted",
        StopCause::Terminate => "the program was told to end",
        StopCause::Request => "somebody stopped it",
        StopCause::Disk => "the disk is nearly full",
        StopCause::Defect => "a defect of holdfast, told in its log; please report it",
        StopCause::HandedOver => "the server was stopped",
    }
}
