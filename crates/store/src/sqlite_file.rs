//! The file of SQLite: made for its owner only, and refused with a reason where it cannot be.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

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
