//! Changing the container by ffmpeg, writing what the file says of itself, and making sure that nothing was lost on
//! the way.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tracing::info;

use super::JoinError;
use super::ffmpeg::{self, Probed, RunError};
use super::span::turns_back;
use crate::about::About;
use crate::part::Format;
use crate::tools::Tools;

/// Play times that differ by no more, in seconds, are the same: each container measures its own way, and a frame of sound
/// at the end is in one and not in the other.
const SAME: f64 = 2.0;

/// One change of container.
pub(super) struct Remux<'a> {
    pub(super) tools: &'a Tools,
    /// The finished file, for what is said of it.
    pub(super) output: &'a Path,
    /// What to write into it, and the file to hand it over in.
    pub(super) about: Option<(&'a About, PathBuf)>,
}

impl Remux<'_> {
    /// Changes the container of `from`. Afterwards `to` holds every packet of every stream, lasts as long, has every
    /// chapter, and is on the disk.
    pub(super) async fn run(&self, from: &Path, to: &Path, wanted: Format) -> Result<(), JoinError> {
        let Some(program) = &self.tools.ffmpeg else {
            return Err(JoinError::NoFfmpeg(self.output.to_owned()));
        };
        let Some(probe) = &self.tools.ffprobe else {
            let why = "ffprobe was not found beside ffmpeg, so nothing can be verified";
            return Err(JoinError::Failed(why.to_owned()));
        };
        let failed = |e: RunError| JoinError::Failed(e.to_string());
        let before = ffmpeg::probe(probe, from).await.map_err(failed)?;
        let (about, chapters) = self.write_about(before.play_time)?;
        ffmpeg::remux(program, from, to, wanted, about).await.map_err(failed)?;
        let after = ffmpeg::probe(probe, to).await.map_err(failed)?;
        verify(&before, &after, chapters, from).await?;
        sync(to).map_err(|e| JoinError::Failed(format!("the joined file cannot be written to the disk: {e}")))
    }

    /// Writes down what the file is to say; with the number of its chapters.
    fn write_about(&self, play_time: Option<f64>) -> Result<(Option<&Path>, usize), JoinError> {
        let Some((about, path)) = &self.about else { return Ok((None, 0)) };
        let (text, chapters) = about.ffmetadata(play_time);
        fs::write(path, text)
            .map_err(|e| JoinError::Failed(format!("{} cannot be written: {e}", path.display())))?;
        Ok((Some(path), chapters))
    }
}

/// The same packets, the same play time, and every chapter.
async fn verify(before: &Probed, after: &Probed, chapters: usize, from: &Path) -> Result<(), JoinError> {
    if before.packets != after.packets || after.packets.is_empty() {
        let (before, after) = (&before.packets, &after.packets);
        return Err(JoinError::Failed(format!(
            "ffmpeg did not keep everything (it read {before:?} packets and wrote {after:?})"
        )));
    }
    if after.chapters != chapters {
        let found = after.chapters;
        return Err(JoinError::Failed(format!("ffmpeg wrote {found} of {chapters} chapters")));
    }
    let (Some(was), Some(is)) = (before.play_time, after.play_time) else { return Ok(()) };
    if (was - is).abs() <= SAME {
        return Ok(());
    }
    // What ffprobe says of a file whose clock turns back, or of bare fragments of MP4, is a guess.
    let path = from.to_owned();
    let guessed = tokio::task::spawn_blocking(move || {
        Ok::<_, io::Error>(Format::of(&path)? != Format::Ts || turns_back(&path)?)
    });
    let guessed = guessed.await.map_err(|e| JoinError::Failed(e.to_string()))?;
    if !guessed.map_err(|e| JoinError::Failed(format!("{} cannot be read: {e}", from.display())))? {
        return Err(JoinError::Failed(format!(
            "ffmpeg did not keep the time (it read {was:.1} s and wrote {is:.1} s)"
        )));
    }
    info!(was, is, "the play time cannot be compared: the clock of the stream turns back");
    Ok(())
}

fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::join::splice::tests::part;

    fn probed(frames: u64, play_time: Option<f64>, chapters: usize) -> Probed {
        Probed { packets: vec![("video".to_owned(), frames)], play_time, chapters }
    }

    #[tokio::test]
    async fn what_ffmpeg_wrote_is_compared_with_what_it_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        fs::write(at("on.ts"), [part(0..60, 7), part(900..960, 7)].concat()).expect("written");
        fs::write(at("back.ts"), [part(900..960, 7), part(0..60, 7)].concat()).expect("written");
        let before = probed(120, Some(32.0), 0);
        for (after, source, expected) in [
            (probed(120, Some(31.9), 2), "on.ts", None),
            (probed(120, None, 2), "on.ts", None),
            (probed(119, Some(32.0), 2), "on.ts", Some("did not keep everything")),
            (probed(120, Some(32.0), 1), "on.ts", Some("1 of 2 chapters")),
            (probed(120, Some(4.0), 2), "on.ts", Some("did not keep the time")),
            (probed(120, Some(4.0), 2), "back.ts", None),
            (probed(120, Some(4.0), 2), "gone.ts", Some("cannot be read")),
        ] {
            let found = verify(&before, &after, 2, &at(source)).await.err().map(|error| error.to_string());
            let as_expected = match (&found, expected) {
                (Some(found), Some(expected)) => found.contains(expected),
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(as_expected, "{after:?} of {source}: {found:?}");
        }
    }
}
