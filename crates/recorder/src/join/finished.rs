//! Knowing a finished file again. Between the moment when it is put in its place and the moment when the last part is
//! gone the program may be killed; the next run must neither join again what is joined nor take the finished file for
//! somebody else's.
//!
//! So before the file is put in its place its identity (device, inode, size) is written to a note beside it. Renaming
//! keeps all three, under whatever name: the one that was meant may have been taken by another file meanwhile. The note
//! goes when whoever keeps a list of recordings has stored how this one ended ([`settled`]).

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::output::{Output, directory_of, forget_parts, hidden_beside};

/// Notes what the finished file will be.
pub(super) fn note(output: &Output, finished: &Path) -> io::Result<()> {
    let mut file = fs::File::create(note_path(output.path()))?;
    file.write_all(identity(finished)?.as_bytes())?;
    file.sync_all()
}

/// The note is wrong: nothing was put in its place.
pub(super) fn forget(output: &Output) {
    let _ = fs::remove_file(note_path(output.path()));
}

/// How the recording ended is stored, with all its parts: neither they nor the finished file need be known again. `meant`:
/// where it was to go.
pub fn settled(meant: &Path) {
    let _ = fs::remove_file(note_path(meant));
    forget_parts(meant);
}

/// The finished file of a recording that was to go to `meant`, if a run that was killed has put it in its place: there, or
/// under another name. Any other file is somebody else's.
#[must_use]
pub fn finished_file(meant: &Path) -> Option<PathBuf> {
    let noted = fs::read_to_string(note_path(meant)).ok()?;
    let is_it = |path: &Path| identity(path).is_ok_and(|found| found == noted);
    if is_it(meant) {
        return Some(meant.to_owned());
    }
    let output = Output::resumed(meant).ok()?;
    let beside = fs::read_dir(directory_of(meant)).ok()?;
    let beside = beside.filter_map(|entry| Some(meant.with_file_name(entry.ok()?.file_name())));
    beside.into_iter().find(|path| output.is_numbered(path) && is_it(path))
}

/// The same, and what that run had no time to remove of its parts is removed.
pub(crate) fn finished_before(output: &Output, parts: &[PathBuf]) -> Option<PathBuf> {
    let finished = finished_file(output.path())?;
    // Where renaming takes a link, a single part may have both names for a moment.
    let left: Vec<&PathBuf> = parts.iter().filter(|part| part.symlink_metadata().is_ok()).collect();
    remove(&left);
    Some(finished)
}

/// Removes parts that are no longer needed.
pub(super) fn remove(parts: &[impl AsRef<Path>]) {
    for part in parts {
        let part = part.as_ref();
        if let Err(error) = fs::remove_file(part) {
            warn!(part = %part.display(), %error, "a part that is no longer needed could not be removed");
        }
    }
}

/// A link or a directory is no file of ours.
fn identity(path: &Path) -> io::Result<String> {
    let meta = path.symlink_metadata()?;
    if !meta.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(format!("{} {} {}\n", meta.dev(), meta.ino(), meta.len()))
}

fn note_path(meant: &Path) -> PathBuf {
    hidden_beside(meant, "finished")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finished_file_is_known_and_no_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        let output = Output::resumed(at("show.ts")).expect("an output");
        let parts = [at("show.part001.ts"), at("show.part002.ts")];
        let there = |path: &PathBuf| path.is_file();
        for name in ["show.ts", "show (2).ts"] {
            // Killed after the first part was removed.
            fs::write(&parts[1], "b").expect("written");
            fs::write(at(".show.ts.joined.ts"), "ab").expect("written");
            note(&output, &at(".show.ts.joined.ts")).expect("noted");
            assert_eq!(finished_before(&output, &parts), None, "it is not in its place");
            fs::rename(at(".show.ts.joined.ts"), at(name)).expect("moved");
            assert_eq!(finished_before(&output, &parts), Some(at(name)));
            assert!(!parts.iter().any(there));
            assert_eq!(finished_before(&output, &parts), Some(at(name)), "and again");
            settled(output.path());
            assert_eq!(finished_before(&output, &parts), None, "nothing says that this is ours");
            fs::remove_file(at(name)).expect("it is all that is left");
        }
        // What a person has renamed is theirs.
        fs::write(at("mine.ts"), "ab").expect("written");
        note(&output, &at("mine.ts")).expect("noted");
        assert_eq!(finished_file(output.path()), None);
        // Somebody else's, also where no part is left.
        note(&output, directory.path()).expect_err("a directory is no file");
        fs::write(output.path(), "precious").expect("written");
        fs::write(&parts[0], "a").expect("written");
        note(&output, &parts[0]).expect("noted");
        assert_eq!(finished_before(&output, &parts), None);
        assert!(there(&parts[0]));
        // A single part under both names, where renaming takes a link.
        fs::hard_link(&parts[0], at("show (2).ts")).expect("linked");
        assert_eq!(finished_before(&output, &parts[..1]), Some(at("show (2).ts")));
        assert!(!there(&parts[0]) && fs::read(output.path()).expect("left alone") == b"precious");
    }
}
