//! Putting what was made in its place, without ever overwriting what somebody else has put there: not what was there when
//! the recording began, and not what came in the very moment of the renaming.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tracing::warn;

use super::{Container, Output, OutputError, Taken, is_free, with_ending};
use crate::template::numbered;

impl Output {
    /// Puts a finished file in its place, atomically, and answers where that is. Another file is replaced only if forced;
    /// else a name that nobody chose gets a number, and one that a person chose is refused.
    pub(crate) fn install(&self, finished: &Path) -> Result<PathBuf, OutputError> {
        let failed = |error| OutputError::Io { path: self.path.clone(), error };
        let moved = match self.if_taken {
            Taken::Replace => fs::rename(finished, &self.path),
            Taken::Refuse | Taken::Number => rename_new(finished, &self.path),
        };
        match moved {
            Ok(()) => Ok(self.path.clone()),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
            Err(_) if self.if_taken == Taken::Number => self.install_numbered(finished),
            Err(_) => Err(OutputError::Taken(self.path.clone())),
        }
    }

    /// Under the next name that is free. Whoever takes that in this very moment has it: then the one after it.
    fn install_numbered(&self, finished: &Path) -> Result<PathBuf, OutputError> {
        let stem = self.path.with_extension("");
        let mut placed = Err(OutputError::Numbers(self.path.clone()));
        numbered(&stem, |candidate| {
            if candidate == stem || !is_free(candidate, &|_| false) {
                return false;
            }
            let path = with_ending(candidate, self.container);
            placed = match rename_new(finished, &path) {
                Ok(()) => Ok(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return false,
                Err(error) => Err(OutputError::Io { path, error }),
            };
            true
        });
        let path = placed?;
        let (taken, path_shown) = (self.path.display(), path.display());
        warn!(
            "something else has taken the name {taken} while it was being recorded: the recording is {path_shown}"
        );
        Ok(path)
    }

    /// Whether a file beside this one has a name that [`Self::install`] may have given: ours with a number behind it.
    pub(crate) fn is_numbered(&self, path: &Path) -> bool {
        let stem = |path: &Path| Some(path.file_stem()?.to_string_lossy().into_owned());
        let (Some(own), Some(other)) = (stem(&self.path), stem(path)) else { return false };
        let parted = other.rsplit_once(" (").and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?)));
        let ours = |(name, number): (&str, &str)| {
            own.starts_with(name) && number.bytes().all(|digit| digit.is_ascii_digit())
        };
        Container::of(path) == Some(self.container) && parted.is_some_and(ours)
    }

    /// Gives a hidden file its name beside the finished one, `show.jpg` for `show.mkv`, or the next one that is free.
    pub(crate) fn put_beside(&self, hidden: &Path, extension: &str) -> io::Result<PathBuf> {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let mut number = 1;
        loop {
            let suffix = if number == 1 { String::new() } else { format!(" ({number})") };
            let path = self.path.with_file_name(format!("{stem}{suffix}.{extension}"));
            match rename_new(hidden, &path) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 999 => number += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems (NFS, older FUSE) know no such flag: a hard link is as atomic.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        other => Ok(other?),
    }
}
