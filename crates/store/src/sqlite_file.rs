//! The file of SQLite: made for its owner only, and refused with a reason where it cannot be.

use std::fs::{Metadata, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Makes the file if it is not there, with mode 0600 (SQLite gives its side files the same mode), and sees to it that
/// it can be written.
pub(crate) fn prepare(file: &Path) -> Result<(), StoreError> {
    let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file);
    let advice = match opened {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => "make its folder first".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(StoreError::unavailable(format!("the file {} cannot be opened: {advice}", file.display())))
}

/// Which file it is: a name can come to mean another one.
#[derive(Clone, Debug)]
pub(crate) struct SqliteFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SqliteFile {
    /// The file that has this name now.
    pub(crate) fn opened(path: &Path) -> Option<Self> {
        let meta = path.metadata().ok()?;
        Some(Self { path: path.to_owned(), device: meta.dev(), inode: meta.ino() })
    }

    /// Fails if the name means no file any more, or another.
    pub(crate) fn is_still_there(&self) -> Result<(), StoreError> {
        let same = |meta: &Metadata| (meta.dev(), meta.ino()) == (self.device, self.inode);
        if self.path.metadata().is_ok_and(|meta| same(&meta)) {
            return Ok(());
        }
        Err(StoreError::unavailable(format!(
            "the file {} was deleted or replaced while it was in use: put a backup in its place and start Holdfast again",
            self.path.display()
        )))
    }
}
