//! Which files are a recording's own. A row may name what is not: somebody's file that came into the place where the
//! recording's was to go, or whatever was written into the table by hand. What is not what was recorded is neither given
//! out nor deleted.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use holdfast_model::RecordingId;
use holdfast_store::RecordingFull;

use super::Recordings;
use crate::{Engine, Refusal};

impl Recordings {
    /// The files that this recording made, and that are as it left them.
    pub(super) fn files_of<'a>(&'a self, full: &'a RecordingFull) -> Vec<&'a Path> {
        let row = &full.row;
        let whole = is_whole(full);
        let finished = whole.then_some(row.path.as_path());
        // A whole file was made of its parts, which are gone: what has such a name now is another's.
        let parts = full.parts.iter().filter(|part| !whole && is(&part.path, part.bytes));
        let parts = parts.map(|part| part.path.as_path());
        let files = finished.into_iter().chain(parts).chain(row.thumbnail.as_deref());
        let taken: Vec<_> = self.all().iter().map(|active| active.full().row.path).collect();
        // Rather too few than one of a recording that is under way.
        let another =
            |file: &Path| taken.iter().any(|path| path.file_stem().is_some_and(|stem| begins(file, stem)));
        files.filter(|file| self.holds(file) && !another(file)).collect()
    }

    /// Whether a file is below the directory of recordings.
    fn holds(&self, file: &Path) -> bool {
        file.starts_with(&self.directory) && !file.components().any(|piece| piece == Component::ParentDir)
    }

    /// Whether a recording that is under way writes this file, other than this one.
    fn is_of_another(&self, id: RecordingId, file: &Path) -> bool {
        let others = self.all().into_iter().filter(|active| active.id != id);
        others
            .map(|active| active.full())
            .any(|other| other.row.path == file || other.parts.iter().any(|part| part.path == file))
    }

    /// Opens a file of this recording; an error if what is there now is not what was recorded. `bytes`: its size, if that
    /// does not grow any more.
    fn open(&self, full: &RecordingFull, path: &Path, bytes: Option<u64>) -> Result<File, Refusal> {
        let refused = |why: String| Refusal::NotFound(format!("the file of this recording {why}"));
        if !self.holds(path) {
            let (path, directory) = (path.display(), self.directory.display());
            return Err(refused(format!(
                "is said to be {path}, which is none of the recordings below {directory}: was the server started with another --recordings-dir?"
            )));
        }
        let another =
            || refused(format!("is not there: what is now at {} is not what was recorded", path.display()));
        if self.is_of_another(full.row.id, path) {
            return Err(another());
        }
        let gone = |error| refused(format!("cannot be read ({error}): was it moved or deleted?"));
        let seen = path.symlink_metadata().map_err(gone)?;
        if !seen.is_file() || bytes.is_some_and(|bytes| bytes != seen.len()) {
            return Err(another());
        }
        let file = File::open(path).map_err(gone)?;
        // It may have been replaced in this moment, by a link for example.
        let opened = file.metadata().map_err(gone)?;
        if (opened.dev(), opened.ino()) == (seen.dev(), seen.ino()) { Ok(file) } else { Err(another()) }
    }
}

impl Engine {
    /// The picture of a recording, open for reading.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if there is none, [`Refusal::Unavailable`].
    pub async fn recording_thumbnail(&self, id: RecordingId) -> Result<File, Refusal> {
        let full = self.full(id).await?;
        let none = || Refusal::NotFound(format!("there is no picture of recording {}", id.0));
        let path = full.row.thumbnail.as_ref().ok_or_else(none)?;
        self.inner.recordings.open(&full, path, None).map_err(|_| none())
    }

    /// The file of a recording, and where it is: the finished one, or its only part so far. With `part` that one, counted
    /// from 1. It is open for reading, so that it stays what it was found to be.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if there is none (yet, or any more), [`Refusal::Conflict`] if there are several parts and no
    /// file of all of them (yet), [`Refusal::Unavailable`].
    pub async fn recording_file(
        &self,
        id: RecordingId,
        part: Option<usize>,
    ) -> Result<(PathBuf, File), Refusal> {
        let full = self.full(id).await?;
        let recordings = &self.inner.recordings;
        let none = || Refusal::NotFound(format!("recording {} has no such file on the disk", id.0));
        let finished = |full: RecordingFull| {
            if full.row.bytes == 0 {
                return Err(none());
            }
            let file = recordings.open(&full, &full.row.path, Some(full.row.bytes))?;
            Ok((full.row.path, file))
        };
        let (whole, is_over) = (is_whole(&full), full.row.ended_at.is_some());
        let there = || full.parts.iter().filter(|part| part.path.exists()).count();
        let found = match (part, full.parts.as_slice()) {
            // Its parts are gone: what has such a name now is another's.
            (Some(_), _) if whole => None,
            (Some(number), parts) => number.checked_sub(1).and_then(|index| parts.get(index)),
            (None, _) if whole || is_over && there() == 0 => return finished(full),
            (None, [only]) => Some(only),
            (None, []) => None,
            (None, several) => {
                let count = several.len();
                return Err(Refusal::Conflict(format!(
                    "recording {} is in {count} parts that are not one file (yet): ask for ?part=1 to ?part={count}",
                    id.0
                )));
            }
        };
        let found = found.ok_or_else(none)?;
        // What is under way grows with every byte.
        let bytes = recordings.get(id).is_none().then_some(found.bytes);
        let file = recordings.open(&full, &found.path, bytes)?;
        Ok((found.path.clone(), file))
    }
}

/// Whether a recording that is over is one file, which is as it was left.
fn is_whole(full: &RecordingFull) -> bool {
    full.row.ended_at.is_some() && full.row.bytes > 0 && is(&full.row.path, full.row.bytes)
}

fn is(path: &Path, bytes: u64) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() == bytes)
}

/// Whether a file is named as one of a recording with this stem.
fn begins(file: &Path, stem: &OsStr) -> bool {
    let (Some(name), Some(stem)) = (file.file_name().and_then(OsStr::to_str), stem.to_str()) else {
        return false;
    };
    name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'))
}

/// Removes a file; one that is gone already is as good.
pub(super) async fn remove(file: &Path) -> std::io::Result<()> {
    match tokio::fs::remove_file(file).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
