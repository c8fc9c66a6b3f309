//! Knowing a finished file again. Between the moment when it is put in its place and the moment when the last part is
//! gone the program may be killed; the next run must neither join again what is joined nor take the finished file for
//! somebody else's.
//!
//! So before the file is put in its place its identity (device, inode, size) is written to a note beside it, which goes
//! after the parts. Renaming keeps all three.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::output::Output;

/// Notes what the finished file will be.
pub(super) fn note(output: &Output, finished: &Path) -> io::Result<()> {
    let mut file = fs::File::create(note_path(output))?;
    file.write_all(identity(finished)?.as_bytes())?;
    file.sync_all()
}

/// The note has done its work, or is wrong.
pub(super) fn forget(output: &Output) {
    let _ = fs::remove_file(note_path(output));
}

/// Whether an earlier run has put the finished file of these parts in its place. If so, what it had no time to remove
/// is removed.
pub(crate) fn finished_before(output: &Output, parts: &[PathBuf]) -> bool {
    let Ok(there) = identity(output.path()) else { return false };
    let left: Vec<&PathBuf> = parts.iter().filter(|part| part.symlink_metadata().is_ok()).collect();
    // A single part is renamed; where that takes a link, it may have both names for a moment.
    let renamed = match left.as_slice() {
        [] => !parts.is_empty(),
        [only] => parts.len() == 1 && identity(only).is_ok_and(|part| part == there),
        _ => false,
    };
    if !renamed && fs::read_to_string(note_path(output)).ok().as_deref() != Some(there.as_str()) {
        return false;
    }
    remove(&left);
    forget(output);
    true
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

fn identity(path: &Path) -> io::Result<String> {
    let meta = path.symlink_metadata()?;
    Ok(format!("{} {} {}\n", meta.dev(), meta.ino(), meta.len()))
}

fn note_path(output: &Output) -> PathBuf {
    let name = output.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    output.path().with_file_name(format!(".{name}.finished"))
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
        // Killed after the first part was removed.
        fs::write(&parts[1], "b").expect("written");
        fs::write(at(".show.ts.joined.ts"), "ab").expect("written");
        note(&output, &at(".show.ts.joined.ts")).expect("noted");
        assert!(!finished_before(&output, &parts), "it is not in its place");
        fs::rename(at(".show.ts.joined.ts"), output.path()).expect("moved");
        assert!(finished_before(&output, &parts));
        assert!(!parts.iter().any(there) && fs::read_dir(directory.path()).expect("readable").count() == 1);
        assert!(finished_before(&output, &parts), "and again");
        assert!(!finished_before(&output, &[]), "nothing says that this is ours");
        // Somebody else's.
        fs::write(&parts[0], "a").expect("written");
        assert!(!finished_before(&output, &parts) && there(&parts[0]));
        // A single part under both names, where renaming takes a link.
        fs::remove_file(output.path()).expect("removed");
        fs::hard_link(&parts[0], output.path()).expect("linked");
        assert!(finished_before(&output, &parts[..1]));
        assert!(!there(&parts[0]) && output.path().is_file());
    }
}
