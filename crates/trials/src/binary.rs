//! Finds the programs under trial.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use holdfast_testkit::target_dir;

/// The `holdfast` binary of the running profile, built if its sources are newer; or the one that `HOLDFAST_BINARY` names.
///
/// # Panics
/// If it does not build: there is nothing to try then.
pub fn holdfast() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(given) = std::env::var_os("HOLDFAST_BINARY") {
            return PathBuf::from(given);
        }
        let release = !cfg!(debug_assertions);
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--package", "holdfast", "--bin", "holdfast"]);
        cargo.args(release.then_some("--release")).current_dir(root());
        assert!(cargo.status().expect("cargo runs").success(), "the holdfast binary does not build");
        target_dir().join(if release { "release" } else { "debug" }).join("holdfast")
    })
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate is two folders below the root")
}

/// Streamlink as the set-up installs it, else the one on PATH.
pub(crate) fn streamlink() -> PathBuf {
    let installed = root().join(".venv/bin/streamlink");
    if installed.is_file() { installed } else { PathBuf::from("streamlink") }
}
