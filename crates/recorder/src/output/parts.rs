//! The parts of an output: what they are called, and how one is known again after the program was killed.
//!
//! Whoever keeps a list of a recording's parts stores it once a second, and the program may be killed in between. What
//! was begun since is on no list, and a name proves nothing: a person may have put a file there that is called like the
//! next part, and joined it would spoil the recording and be gone. So each part is noted beside the output, with its
//! identity, before its first byte: only what is noted, and still is that file, is ours. The note goes when the list is
//! stored with the end ([`crate::settled`]).

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use tracing::warn;

use super::{Output, OutputError, directory_of, hidden_beside};

impl Output {
    /// A fresh file for the next part, never one that exists: `show.part001.ts` for `show.mkv`.
    pub(crate) fn create_part(&self, extension: &str) -> Result<(PathBuf, File), OutputError> {
        let mut number = 1;
        let (path, file) = loop {
            let path = part_path(&self.path, number, extension);
            match OpenOptions::new().write(true).read(true).create_new(true).open(&path) {
                Ok(file) => break (path, file),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 99_999 => number += 1,
                Err(error) => return Err(OutputError::Io { path, error }),
            }
        };
        if let Err(error) = self.note_part(&path, &file) {
            // Worth less than what is being recorded: that goes on.
            warn!(part = %path.display(), %error, "should the program be killed within a second, this part would not be found again");
        }
        Ok((path, file))
    }

    /// Parts that this recording began after these, in order. Nothing else is one, whatever its name.
    #[must_use]
    pub fn parts_after(&self, named: &[PathBuf]) -> Vec<PathBuf> {
        let latest = named.iter().filter_map(|part| self.part_number(part)).max().unwrap_or(0);
        let mut found: Vec<(u32, PathBuf)> = self
            .noted()
            .into_iter()
            .filter(|(path, identity)| is_the_file(path, identity))
            .filter_map(|(path, _)| Some((self.part_number(&path)?, path)))
            .filter(|(number, _)| *number > latest)
            .collect();
        found.sort();
        found.dedup();
        found.into_iter().map(|(_, path)| path).collect()
    }

    /// Whether this is surely a file that this recording made.
    pub(crate) fn made(&self, part: &Path) -> bool {
        let noted = self.noted();
        noted.iter().any(|(path, noted)| path.file_name() == part.file_name() && is_the_file(part, noted))
    }

    /// Whether anything has the name of a part of this output.
    pub(super) fn has_parts(&self) -> bool {
        let entries = fs::read_dir(directory_of(&self.path)).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| self.part_number(Path::new(&entry.file_name())).is_some())
    }

    /// The number of a part, by its name.
    fn part_number(&self, path: &Path) -> Option<u32> {
        let number = path.file_stem()?.to_str()?.rsplit_once(".part")?.1.parse().ok()?;
        let extension = path.extension()?.to_str()?;
        (part_path(&self.path, number, extension).file_name() == path.file_name()).then_some(number)
    }

    fn note_part(&self, part: &Path, file: &File) -> io::Result<()> {
        let name = part.file_name().unwrap_or_default().to_string_lossy();
        let line = format!("{} {name}\n", identity(&file.metadata()?));
        // Should the power fail, the part is as little on the disk as the note: it is not waited for.
        OpenOptions::new().append(true).create(true).open(note_path(&self.path))?.write_all(line.as_bytes())
    }

    /// What is noted: files beside the output, and their identities.
    fn noted(&self) -> Vec<(PathBuf, String)> {
        let note = fs::read_to_string(note_path(&self.path)).unwrap_or_default();
        let line = |line: &str| {
            let (identity, name) = line.split_once(' ')?;
            let beside = Path::new(name).file_name() == Some(OsStr::new(name));
            beside.then(|| (self.path.with_file_name(name), identity.to_owned()))
        };
        note.lines().filter_map(line).collect()
    }
}

/// The parts of the output that was meant need not be known again.
pub(crate) fn forget_parts(meant: &Path) {
    let _ = fs::remove_file(note_path(meant));
}

/// A link or a directory is no file of ours.
fn is_the_file(path: &Path, noted: &str) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_file() && identity(&meta) == noted)
}

/// What stays the same while a file grows. The number of the device is not in it: on some file systems that is another
/// after a restart of the machine. The time of birth is, where it is known: numbers of files are given out again.
fn identity(meta: &Metadata) -> String {
    let born = meta.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    format!("{}@{}", meta.ino(), born.unwrap_or_default().as_nanos())
}

fn part_path(output: &Path, number: u32, extension: &str) -> PathBuf {
    let stem = output.file_stem().and_then(OsStr::to_str).unwrap_or("recording");
    output.with_file_name(format!("{stem}.part{number:03}.{extension}"))
}

fn note_path(meant: &Path) -> PathBuf {
    hidden_beside(meant, "parts")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_this_recording_made_is_a_part_of_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        let output = Output::resumed(at("show.mkv")).expect("an output");
        let begin = || output.create_part("ts").expect("created").0;
        let first = begin();
        // A person's files: their names neither stop the recording nor are overwritten.
        fs::write(at("show.part002.ts"), "precious").expect("written");
        symlink(&first, at("show.part003.ts")).expect("linked");
        let fourth = begin();
        assert_eq!((&first, &fourth), (&at("show.part001.ts"), &at("show.part004.ts")));
        for name in ["show.part005.ts", "show.part005.clip.ts", "show.part006.txt", "show.part0007.ts"] {
            fs::write(at(name), "").expect("written");
        }
        fs::create_dir(at("show.part008.ts")).expect("created");
        assert_eq!(output.parts_after(&[]), [first.clone(), fourth.clone()]);
        assert_eq!(output.parts_after(std::slice::from_ref(&first)), std::slice::from_ref(&fourth));
        assert_eq!(output.parts_after(&[at("show.part002.ts"), at("show.part004.ts")]), [] as [PathBuf; 0]);
        assert!(output.made(&fourth) && !output.made(&at("show.part002.ts")));
        // It grows, and stays itself.
        fs::write(&fourth, "grown").expect("written");
        assert_eq!(output.parts_after(&[]), [first.clone(), fourth.clone()]);
        // Something else has taken the place of one, and a link to it that of the other.
        fs::rename(&fourth, at("away.ts")).expect("renamed");
        symlink(at("away.ts"), &fourth).expect("linked");
        fs::write(at("other.ts"), "precious").expect("written");
        fs::rename(at("other.ts"), &first).expect("renamed");
        assert_eq!(output.parts_after(&[]), [] as [PathBuf; 0]);
        fs::rename(at("away.ts"), &fourth).expect("back again");
        assert_eq!(output.parts_after(&[]), [fourth]);
        forget_parts(output.path());
        assert_eq!(output.parts_after(&[]), [] as [PathBuf; 0]);
        assert_eq!(fs::read(at("show.part002.ts")).expect("left alone"), b"precious");
    }

    #[test]
    fn a_note_leads_nowhere_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let inside = directory.path().join("inside");
        fs::create_dir(&inside).expect("created");
        let output = Output::resumed(inside.join("show.ts")).expect("an output");
        let other = directory.path().join("show.part001.ts");
        fs::write(&other, "precious").expect("written");
        let identity = identity(&other.metadata().expect("there"));
        let note = format!("{identity} ../show.part001.ts\n{identity} {}\n\nnonsense\n", other.display());
        fs::write(note_path(output.path()), note).expect("written");
        assert_eq!(output.parts_after(&[]), [] as [PathBuf; 0]);
    }
}
