//! Where things live. Test binaries of other crates need the `testkit` binary and the generated media without
//! knowing the machine, so both are found from the running executable: it sits somewhere under cargo's target
//! directory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};

/// Cargo's target directory, found by walking up from the running executable.
pub fn target_dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let exe = std::env::current_exe().expect("a running process knows its executable");
        exe.ancestors()
            .find(|dir| dir.join("CACHEDIR.TAG").is_file())
            .map_or_else(|| std::env::temp_dir().join("holdfast-testkit"), Path::to_path_buf)
    })
}

/// The `testkit` binary of the running profile; built first when it is missing or older than its sources.
pub fn testkit_bin() -> Result<PathBuf> {
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut found = FOUND.lock().expect("no holder of this lock panics");
    if let Some(path) = &*found {
        return Ok(path.clone());
    }
    let profile_dir = profile_dir()?;
    let bin = profile_dir.join("testkit");
    if is_stale(&bin) {
        build(&profile_dir)?;
        ensure!(bin.is_file(), "cargo built testkit, but not at {}", bin.display());
    }
    *found = Some(bin.clone());
    Ok(bin)
}

fn profile_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("a running process knows its executable")?;
    match exe.ancestors().find(|dir| dir.parent() == Some(target_dir())) {
        Some(dir) => Ok(dir.to_path_buf()),
        None => bail!("{} is not under a cargo target directory", exe.display()),
    }
}

fn is_stale(bin: &Path) -> bool {
    let Ok(built) = bin.metadata().and_then(|m| m.modified()) else { return true };
    newest(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).is_some_and(|source| source > built)
}

fn newest(dir: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(dir).ok()?;
    entries
        .flatten()
        .filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            if meta.is_dir() { newest(&entry.path()) } else { meta.modified().ok() }
        })
        .max()
}

fn build(profile_dir: &Path) -> Result<()> {
    let profile = profile_dir.file_name().and_then(|name| name.to_str()).unwrap_or("debug");
    let profile = if profile == "debug" { "dev" } else { profile };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "holdfast-testkit", "--bin", "testkit", "--profile", profile])
        .arg("--target-dir")
        .arg(target_dir())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .context("cargo is needed to build the testkit binary")?;
    ensure!(status.success(), "cargo could not build the testkit binary");
    Ok(())
}
