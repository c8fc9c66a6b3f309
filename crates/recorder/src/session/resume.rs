//! Going on after the whole program was killed: what the earlier run left is taken up, and marks are made so that the
//! next one could do the same.

use std::path::PathBuf;

use chrono::{TimeDelta, Utc};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{info, warn};

use super::child_run::Watch;
use super::{Outcome, Session};
use crate::control::Status;
use crate::join::{finished_before, settled};
use crate::ledger::{DRAINED, Ledger};
use crate::mark::Mark;
use crate::part::OpenPart;
use crate::story::Story;

/// A segment is in the file when so long after it was complete no byte has come for as long.
const SETTLED: std::time::Duration = std::time::Duration::from_millis(250);

impl Session {
    /// Takes up what an earlier run left; an outcome if that run had finished the file.
    pub(super) async fn take_up(&mut self) -> Option<Outcome> {
        let named = std::mem::take(&mut self.request.earlier_parts);
        let mark = self.request.resume.take();
        self.resumed = self.request.output.is_resumed() || mark.is_some() || !named.is_empty();
        if !self.resumed {
            // What may have been noted here is about another recording.
            settled(self.request.output.path());
            return None;
        }
        self.finished = finished_before(&self.request.output, &named);
        if self.finished.is_none() {
            self.find_parts(named);
        }
        self.unmarked = mark.is_none() && !self.parts.is_empty();
        self.story = Story::resume(std::mem::take(&mut self.request.earlier_chapters));
        if let Some(mark) = mark {
            self.take_mark(mark).await;
        }
        if self.finished.is_some() {
            return Some(Outcome::Over("it had been finished before the program ended".to_owned()));
        }
        info!(parts = self.parts.len(), mark = ?self.mark, "going on with an earlier recording");
        self.status(Status::Recovering, Some("going on where the program had ended".to_owned()));
        None
    }

    /// The parts that are there: those that were named, and later ones. Without them the rest is still worth having.
    fn find_parts(&mut self, named: Vec<PathBuf>) {
        let output = self.request.output.clone();
        let later = output.parts_after(&named);
        for path in named.into_iter().chain(later) {
            match OpenPart::found(path.clone()) {
                Ok(part) if part.bytes == 0 => {
                    // Created, and killed before the first byte; unless somebody else has put it there.
                    if output.made(&path) {
                        let _ = std::fs::remove_file(&path);
                    }
                }
                Ok(part) => {
                    self.meter.carry(part.bytes);
                    self.parts.push(part);
                }
                Err(error) => {
                    let problem = format!(
                        "an earlier part, {}, cannot be read ({error}): what it held is missing from the file",
                        path.display()
                    );
                    warn!("{problem}");
                    self.problems.push(problem);
                }
            }
        }
    }

    async fn take_mark(&mut self, mark: Mark) {
        let parts: Vec<PathBuf> = self.parts.iter().map(|part| part.path.clone()).collect();
        let kept = mark.clone();
        let mark = spawn_blocking(move || mark.checked(&parts)).await.unwrap_or(kept);
        self.ledger = Ledger::resume(&mark, Utc::now());
        self.opened.clone_from(&mark.quality);
        self.last_opened.clone_from(&mark.quality);
        self.aligned.clone_from(&mark.aligned);
        if !mark.chapters.is_empty() {
            self.story = Story::resume(mark.chapters.clone());
        }
        self.over.clone_from(&mark.over);
        // Until something arrives, a loss is ours.
        self.after_kill = true;
        self.mark = Some(mark);
    }

    /// Makes a mark once everything that is complete has settled; called when `watch.mark_at` has come.
    pub(super) fn mark_if_settled(&mut self, watch: &mut Watch) {
        let quiet_at = watch.last_byte.map(|at| at + SETTLED);
        watch.mark_at = quiet_at.filter(|at| *at > Instant::now());
        if watch.mark_at.is_none() {
            self.mark(DRAINED);
            self.report();
        }
    }

    /// Notes that a segment is complete, and is to be counted when it has settled.
    pub(super) fn mark_soon(watch: &mut Watch) {
        watch.mark_at = Some(Instant::now() + SETTLED);
    }

    /// Makes a mark of what completed `lag` ago or more, if that is anything.
    pub(super) fn mark(&mut self, lag: TimeDelta) {
        let Some(part) = self.writing.as_ref().or(self.parts.last()) else { return };
        let Some(stand) = self.ledger.stand(Utc::now(), lag) else { return };
        self.mark = Some(Mark {
            next: stand.next,
            at: stand.at,
            usual: self.ledger.usual(),
            media: stand.media,
            quality: self.opened.clone(),
            aligned: self.aligned.clone(),
            part: part.path.clone(),
            bytes: part.bytes,
            gaps: stand.gaps,
            before_content: self.ledger.before_content(),
            chapters: self.story.chapters().to_vec(),
            over: self.over.clone(),
        });
    }

    /// Hears what the broadcast is called now. The mark has it at once: a crash loses no chapter.
    pub(super) fn hear(&mut self) {
        let Some(scene) = &self.request.scene else { return };
        let offset = self.position();
        if self.story.tell(&scene.borrow(), Utc::now(), offset) {
            info!(chapters = self.story.chapters().len(), offset, "the broadcast is called something else");
            if let Some(mark) = &mut self.mark {
                mark.chapters = self.story.chapters().to_vec();
            }
        }
    }

    /// How far the file reaches now, in seconds: what is missing keeps its place in it. By the clock where the segments do
    /// not say how long they are.
    fn position(&self) -> f64 {
        let media = self.ledger.media_seconds();
        if media > 0.0 {
            return media + self.ledger.absent_seconds();
        }
        self.parts.iter().chain(&self.writing).fold(0.0, |sum, part| sum + part.seconds())
    }

    /// Nothing has been recorded, now or earlier.
    pub(super) fn is_blank(&self) -> bool {
        self.first_byte.is_none() && self.parts.is_empty()
    }
}
