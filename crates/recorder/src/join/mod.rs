//! From parts to the finished file. One part in the wanted container is renamed if there is nothing to write into it
//! ([`About`]); several are spliced ([`splice`]), and ffmpeg only changes the container and writes. The parts go after the new file has been verified and not before; whatever
//! goes wrong leaves them where they are, and says so.

mod ffmpeg;
mod finished;
mod packets;
mod remux;
pub(crate) mod span;
mod splice;
mod thumbnail;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{info, warn};

use crate::about::About;
use crate::control::Control;
use crate::output::{Container, Output, OutputError, directory_of, free_room};
use crate::part::Format;
use crate::tools::Tools;
pub(crate) use finished::finished_before;
pub use finished::{finished_file, settled};
#[cfg(test)]
pub(crate) use splice::tests::part as transport_stream;

pub use thumbnail::thumbnail;

use remux::Remux;

/// Why the parts were not made one file; they are all still there.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// There was no time: to be resumed.
    #[error("the recording is left in its parts for now: there was no time to join them")]
    Left,
    /// The disk has no room for both.
    #[error("the recording stays in its parts: joining them needs {need} MiB, and {free} MiB are free")]
    Room {
        /// In MiB.
        need: u64,
        /// In MiB.
        free: u64,
    },
    /// ffmpeg is needed and missing.
    #[error(
        "the recording stays in its parts: ffmpeg was not found, and without it they cannot become {0}; install it or give its path with --ffmpeg"
    )]
    NoFfmpeg(PathBuf),
    /// ffmpeg or the splicer failed, or the result was not what it should be.
    #[error("the recording stays in its parts: {0}")]
    Failed(String),
    /// The finished file could not be put in its place.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Makes one file of the parts, in order, at the place of the output or, if that is taken and nobody chose it, at the next
/// one that is free; answers where. Whether an earlier run has done so is not asked
/// here ([`finished_before`]): of a new recording it has not, whatever lies there.
///
/// # Errors
/// [`JoinError`]; the parts are then as they were.
pub(crate) async fn join(
    output: &Output,
    parts: &[PathBuf],
    about: &About,
    tools: &Tools,
    control: &Control,
) -> Result<PathBuf, JoinError> {
    let wanted = match output.container() {
        Container::Ts => Format::Ts,
        Container::Mkv => Format::Mkv,
        Container::Mp4 => Format::Mp4,
    };
    let formats = parts.iter().map(|part| Format::of(part)).collect::<io::Result<Vec<_>>>();
    let formats = formats.map_err(|e| JoinError::Failed(format!("a part cannot be read: {e}")))?;
    let aligned = |part: &PathBuf| about.aligned.iter().any(|path| path.file_name() == part.file_name());
    let aligned = (0..parts.len()).filter(|n| parts.get(*n).is_some_and(aligned)).collect();
    let about = Some(about).filter(|about| wanted != Format::Ts && !about.is_empty());
    let work = Work { output, about, aligned, tools, cancel: Arc::new(AtomicBool::new(false)) };
    // What a run that was killed left takes up room.
    work.clean(parts.len());
    let as_wanted = match (parts, formats.as_slice()) {
        ([only], [format]) if *format == wanted => Some(only),
        _ => None,
    };
    if let Some(only) = as_wanted
        && about.is_none()
    {
        return take(output, only, wanted);
    }
    let made = async {
        check_room(output, parts, wanted)?;
        work.make(parts, &formats, wanted).await
    };
    let made = tokio::select! {
        made = made => made,
        () = control.join_must_end() => Err(JoinError::Left),
    };
    work.cancel.store(true, Ordering::Relaxed);
    if let (Some(only), Err(problem)) = (as_wanted, &made)
        && !matches!(problem, JoinError::Left)
    {
        // It is all there without a title, too.
        warn!("title and chapters are not written into {}: {problem}", output.path().display());
        work.clean(parts.len());
        return take(output, only, wanted);
    }
    let made = made.and_then(|()| work.install(&work.file("joined", wanted)));
    work.clean(parts.len());
    let finished = made?;
    finished::remove(parts);
    info!(output = %finished.display(), parts = parts.len(), "the parts have been joined");
    Ok(finished)
}

/// Makes the only part the finished file.
fn take(output: &Output, only: &Path, wanted: Format) -> Result<PathBuf, JoinError> {
    drop_cut_packet(only, wanted);
    if let Err(error) = finished::note(output, only) {
        // On a full disk, say. What was noted before is noted of another file.
        finished::forget(output);
        warn!(%error, "where the finished file goes cannot be noted: if this program is killed now, it will not be known again");
    }
    Ok(output.install(only).inspect_err(|_| finished::forget(output))?)
}

fn check_room(output: &Output, parts: &[PathBuf], wanted: Format) -> Result<(), JoinError> {
    let size: u64 = parts.iter().filter_map(|part| part.metadata().ok()).map(|meta| meta.len()).sum();
    let copies = if wanted == Format::Ts || parts.len() == 1 { 1 } else { 2 };
    let need = size.saturating_mul(copies).saturating_add(16 << 20);
    let free = free_room(directory_of(output.path())).unwrap_or(u64::MAX);
    if free < need {
        return Err(JoinError::Room { need: need >> 20, free: free >> 20 });
    }
    Ok(())
}

struct Work<'a> {
    output: &'a Output,
    about: Option<&'a About>,
    /// The parts that show what the one before shows, in another quality.
    aligned: Vec<usize>,
    tools: &'a Tools,
    cancel: Arc<AtomicBool>,
}

impl Work<'_> {
    /// A file of ours beside the output, for the time of the work.
    fn file(&self, what: &str, format: Format) -> PathBuf {
        self.output.beside(what, format.extension())
    }

    /// Where ffmpeg finds what to write into the finished file.
    fn about_file(&self) -> PathBuf {
        self.output.beside("about", "txt")
    }

    /// Puts the joined file in its place, so that a run after this one knows it.
    fn install(&self, joined: &Path) -> Result<PathBuf, JoinError> {
        let noted = finished::note(self.output, joined);
        noted.map_err(|e| JoinError::Failed(format!("the joined file cannot be noted: {e}")))?;
        Ok(self.output.install(joined).inspect_err(|_| finished::forget(self.output))?)
    }

    fn clean(&self, parts: usize) {
        for number in 0..parts {
            let _ = fs::remove_file(self.file(&format!("part{number}"), Format::Ts));
        }
        for format in [Format::Ts, Format::Mkv, Format::Mp4] {
            let _ = fs::remove_file(self.file("joined", format));
            let _ = fs::remove_file(self.file("spliced", format));
        }
        let _ = fs::remove_file(self.about_file());
    }

    /// Leaves the finished file at `self.file("joined", wanted)`.
    async fn make(&self, parts: &[PathBuf], formats: &[Format], wanted: Format) -> Result<(), JoinError> {
        let joined = self.file("joined", wanted);
        if let [only] = parts {
            return self.last_remux(only, &joined, wanted).await;
        }
        let mut sources = Vec::with_capacity(parts.len());
        for (number, (part, format)) in parts.iter().zip(formats).enumerate() {
            if *format == Format::Ts {
                sources.push(part.clone());
            } else {
                let converted = self.file(&format!("part{number}"), Format::Ts);
                self.remux(part, &converted, Format::Ts).await?;
                sources.push(converted);
            }
        }
        let spliced = if wanted == Format::Ts { joined.clone() } else { self.file("spliced", Format::Ts) };
        let mismatched = self.splice(sources, spliced.clone()).await?;
        if mismatched && self.tools.ffmpeg.is_some() && formats.contains(&Format::Ts) {
            info!("sound is packed differently in each part: the parts are written anew first");
            let mut sources = Vec::with_capacity(parts.len());
            for (number, part) in parts.iter().enumerate() {
                let converted = self.file(&format!("part{number}"), Format::Ts);
                self.remux(part, &converted, Format::Ts).await?;
                sources.push(converted);
            }
            self.splice(sources, spliced.clone()).await?;
        }
        if wanted == Format::Ts { Ok(()) } else { self.last_remux(&spliced, &joined, wanted).await }
    }

    /// Splices, and says whether a stream did not match.
    async fn splice(&self, parts: Vec<PathBuf>, to: PathBuf) -> Result<bool, JoinError> {
        let (cancel, aligned) = (Arc::clone(&self.cancel), self.aligned.clone());
        let spliced = tokio::task::spawn_blocking(move || {
            let kept = splice::splice(&parts, &aligned, &to, &cancel)?;
            Ok::<_, io::Error>((splice::count(&to, &cancel)?, kept))
        });
        let failed = |why: String| JoinError::Failed(format!("splicing failed: {why}"));
        let (found, kept) =
            spliced.await.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
        if found != kept.pes || found.is_empty() {
            return Err(failed("the spliced file does not hold what was put into it".to_owned()));
        }
        info!(overlaps = kept.overlaps, frames = ?kept.pes, "the parts have been spliced");
        Ok(kept.mismatched)
    }

    /// Changes the container of a part on the way.
    async fn remux(&self, from: &Path, to: &Path, wanted: Format) -> Result<(), JoinError> {
        let (tools, output) = (self.tools, self.output.path());
        Remux { tools, output, about: None }.run(from, to, wanted).await
    }

    /// Makes the finished file of one that holds all.
    async fn last_remux(&self, from: &Path, to: &Path, wanted: Format) -> Result<(), JoinError> {
        let (tools, output) = (self.tools, self.output.path());
        let about = self.about.map(|about| (about, self.about_file()));
        Remux { tools, output, about }.run(from, to, wanted).await
    }
}

/// Shortens a file of packets that ends within one, as it does when we are killed. Harmless if it cannot be done.
fn drop_cut_packet(path: &Path, format: Format) {
    let cut = |file: fs::File| {
        let length = file.metadata()?.len();
        file.set_len(length - length % packets::PACKET as u64)
    };
    if format == Format::Ts
        && let Err(error) = fs::OpenOptions::new().write(true).open(path).and_then(cut)
    {
        info!(path = %path.display(), %error, "the end of the part could not be trimmed");
    }
}
