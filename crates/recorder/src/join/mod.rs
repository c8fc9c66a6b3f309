//! From parts to the finished file. One part in the wanted container is renamed; several are spliced ([`splice`]),
//! and ffmpeg only changes the container. The parts go after the new file has been verified and not before; whatever
//! goes wrong leaves them where they are, and says so.

mod ffmpeg;
mod finished;
mod packets;
pub(crate) mod span;
mod splice;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::info;

use crate::control::Control;
use crate::output::{Container, Output, OutputError, directory_of, free_room};
use crate::part::Format;
use crate::tools::Tools;
pub(crate) use finished::finished_before;
#[cfg(test)]
pub(crate) use splice::tests::part as transport_stream;

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

/// Makes one file of the parts, in order, at the place of the output. Whether an earlier run has done so is not asked
/// here ([`finished_before`]): of a new recording it has not, whatever lies there.
///
/// # Errors
/// [`JoinError`]; the parts are then as they were.
pub(crate) async fn join(
    output: &Output,
    parts: &[PathBuf],
    tools: &Tools,
    control: &Control,
) -> Result<(), JoinError> {
    let wanted = match output.container() {
        Container::Ts => Format::Ts,
        Container::Mkv => Format::Mkv,
        Container::Mp4 => Format::Mp4,
    };
    let formats = parts.iter().map(|part| Format::of(part)).collect::<io::Result<Vec<_>>>();
    let formats = formats.map_err(|e| JoinError::Failed(format!("a part cannot be read: {e}")))?;
    if let ([only], [format]) = (parts, formats.as_slice())
        && *format == wanted
    {
        drop_cut_packet(only, wanted);
        output.install(only)?;
        // What may have been noted is noted of the file that was there before.
        finished::forget(output);
        return Ok(());
    }
    let work = Work { output, tools, cancel: Arc::new(AtomicBool::new(false)) };
    // What a run that was killed left takes up room.
    work.clean(parts.len());
    check_room(output, parts, wanted)?;
    let made = tokio::select! {
        made = work.make(parts, &formats, wanted) => made,
        () = control.join_must_end() => Err(JoinError::Left),
    };
    work.cancel.store(true, Ordering::Relaxed);
    let made = made.and_then(|()| work.install(&work.file("joined", wanted)));
    work.clean(parts.len());
    made?;
    finished::remove(parts);
    finished::forget(output);
    info!(output = %output.path().display(), parts = parts.len(), "the parts have been joined");
    Ok(())
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
    tools: &'a Tools,
    cancel: Arc<AtomicBool>,
}

impl Work<'_> {
    /// A file of ours beside the output, for the time of the work.
    fn file(&self, what: &str, format: Format) -> PathBuf {
        let name = self.output.path().file_name().map(|name| name.to_string_lossy().into_owned());
        let name = format!(".{}.{what}.{}", name.unwrap_or_default(), format.extension());
        self.output.path().with_file_name(name)
    }

    /// Puts the joined file in its place, so that a run after this one knows it.
    fn install(&self, joined: &Path) -> Result<(), JoinError> {
        let noted = finished::note(self.output, joined);
        noted.map_err(|e| JoinError::Failed(format!("the joined file cannot be noted: {e}")))?;
        self.output.install(joined).inspect_err(|_| finished::forget(self.output))?;
        Ok(())
    }

    fn clean(&self, parts: usize) {
        for number in 0..parts {
            let _ = fs::remove_file(self.file(&format!("part{number}"), Format::Ts));
        }
        for format in [Format::Ts, Format::Mkv, Format::Mp4] {
            let _ = fs::remove_file(self.file("joined", format));
            let _ = fs::remove_file(self.file("spliced", format));
        }
    }

    /// Leaves the finished file at `self.file("joined", wanted)`.
    async fn make(&self, parts: &[PathBuf], formats: &[Format], wanted: Format) -> Result<(), JoinError> {
        let joined = self.file("joined", wanted);
        if let [only] = parts {
            return self.remux(only, &joined, wanted).await;
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
        if wanted == Format::Ts { Ok(()) } else { self.remux(&spliced, &joined, wanted).await }
    }

    /// Splices, and says whether a stream did not match.
    async fn splice(&self, parts: Vec<PathBuf>, to: PathBuf) -> Result<bool, JoinError> {
        let cancel = Arc::clone(&self.cancel);
        let spliced = tokio::task::spawn_blocking(move || {
            let kept = splice::splice(&parts, &to, &cancel)?;
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

    /// Changes the container and makes sure that nothing was lost on the way.
    async fn remux(&self, from: &Path, to: &Path, wanted: Format) -> Result<(), JoinError> {
        let Some(program) = &self.tools.ffmpeg else {
            return Err(JoinError::NoFfmpeg(self.output.path().to_owned()));
        };
        let name = match wanted {
            Format::Mkv => "matroska",
            Format::Mp4 => "mp4",
            _ => "mpegts",
        };
        let failed = |e: ffmpeg::RunError| JoinError::Failed(e.to_string());
        ffmpeg::remux(program, from, to, name).await.map_err(failed)?;
        let Some(probe) = &self.tools.ffprobe else {
            return Err(JoinError::Failed(
                "ffprobe was not found beside ffmpeg, so nothing can be verified".to_owned(),
            ));
        };
        let (before, after) = (
            ffmpeg::packets(probe, from).await.map_err(failed)?,
            ffmpeg::packets(probe, to).await.map_err(failed)?,
        );
        if before != after || after.is_empty() {
            return Err(JoinError::Failed(format!(
                "ffmpeg did not keep everything (it read {before:?} packets and wrote {after:?})"
            )));
        }
        sync(to).map_err(|e| JoinError::Failed(format!("the joined file cannot be written to the disk: {e}")))
    }
}

fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
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
