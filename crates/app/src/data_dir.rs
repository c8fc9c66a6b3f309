//! The directories of a server: made if they are not there, readable by their owner only, and used by one server at a
//! time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};

/// Makes the directory and takes it for this process, until the answer is dropped.
///
/// # Errors
/// If it cannot be made, or another server uses it.
pub(crate) fn take(directory: &Path) -> Result<File> {
    let name = directory.display();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("the directory {name} cannot be created"))?;
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(directory.join(".holdfast.lock"));
    let lock = lock.with_context(|| format!("the directory {name} cannot be written"))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!(
            "another holdfast uses the directory {name}: stop it, or name another by --data-dir (or --recordings-dir)"
        );
    }
    Ok(lock)
}
