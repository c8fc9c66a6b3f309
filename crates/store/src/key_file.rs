//! The file that holds the secret key when no variable does: 64 hex digits, readable by its owner only, made once.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use chacha20poly1305::aead::{Generate, Key};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::StoreError;
use crate::vault::{KEY, key_of_hex};

/// Reads the key, or makes a random one and writes it if there is no file.
pub(crate) fn read_or_make(file: &Path) -> Result<[u8; KEY], StoreError> {
    match File::open(file) {
        Ok(open) => read(open, file),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make(file)?;
            // Another process may have been faster: what is in the file counts.
            read(File::open(file).map_err(|error| failed("read", file, &error))?, file)
        }
        Err(error) => Err(failed("read", file, &error)),
    }
}

fn read(open: File, file: &Path) -> Result<[u8; KEY], StoreError> {
    let about = open.metadata().map_err(|error| failed("read", file, &error))?;
    if !about.is_file() {
        return Err(StoreError::Key(format!("{} is not a file", file.display())));
    }
    if about.permissions().mode() & 0o077 != 0 {
        return Err(StoreError::Key(format!(
            "other users can read it: run `chmod 600 '{}'` and start again",
            file.display()
        )));
    }
    let mut text = String::new();
    // More than a key can be is not worth reading.
    open.take(1024).read_to_string(&mut text).map_err(|error| failed("read", file, &error))?;
    key_of_hex(text.trim()).map_err(|_| {
        StoreError::Key(format!(
            "{} does not hold a key (64 hex digits): restore it from a backup, or remove it, and the passwords must be \
             entered again",
            file.display()
        ))
    })
}

/// Writes a new key under a name of its own and then gives it the real name, unless that is taken: so the file is
/// whole or not there, whenever the power goes.
fn make(file: &Path) -> Result<(), StoreError> {
    let key = Key::<XChaCha20Poly1305>::try_generate()
        .map_err(|error| StoreError::Key(format!("the system gives no random numbers: {error}")))?;
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    // Random, so that two that start at once do not take each other's.
    let name: u64 =
        XNonce::try_generate().unwrap_or_default().iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    let draft = file.with_extension(format!("{name:016x}.new"));
    let written = write(&draft, &digits).and_then(|()| match fs::hard_link(&draft, file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let _ = fs::remove_file(&draft);
    written.and_then(|()| sync_folder(file)).map_err(|error| failed("write", file, &error))
}

fn write(draft: &Path, digits: &str) -> std::io::Result<()> {
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    writeln!(open, "{digits}")?;
    open.sync_all()
}

/// Makes a new name in a folder last.
pub(crate) fn sync_folder(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn failed(what: &str, file: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Key(format!("cannot {what} the key file {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret.key");
        let key = read_or_make(&file).expect("made");
        assert_eq!(read_or_make(&file), Ok(key), "and kept");
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no draft is left");

        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("mine");
        let error = read_or_make(&file).expect_err("open to others").to_string();
        assert!(error.contains("chmod 600 '") && error.contains("secret.key"), "{error}");

        let short = folder.path().join("short.key");
        write(&short, "abcd").expect("written");
        let error = read_or_make(&short).expect_err("short").to_string();
        assert!(error.contains("64 hex digits") && !error.contains("abcd"), "{error}");

        let nowhere = folder.path().join("none").join("secret.key");
        let error = read_or_make(&nowhere).expect_err("no folder").to_string();
        assert!(error.contains("cannot write the key file"), "{error}");
    }

    #[test]
    fn ten_that_start_at_once_agree_on_one_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..10).map(|_| scope.spawn(|| read_or_make(&file))).collect();
            all.into_iter().map(|one| one.join().expect("no panic").expect("a key")).collect()
        });
        assert!(keys.iter().all(|key| key == &keys[0]));
    }
}
