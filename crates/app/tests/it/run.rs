//! Runs `holdfast` in a clean world: no variables but those a test names, an empty directory to stand in.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Stands in every password of these tests; must never be shown.
pub(crate) const PASSWORD: &str = "hunter2";

/// No test waits longer for a process that should have ended.
const LIMIT: Duration = Duration::from_secs(60);

/// A command line to run.
pub(crate) struct Run {
    command: Command,
    stdin: String,
    /// Where it stands; files that a test needs go here.
    pub(crate) home: TempDir,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `holdfast` with these arguments.
pub(crate) fn holdfast(args: &[&str]) -> Run {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.args(args).env_clear().current_dir(home.path()).kill_on_drop(true);
    Run { command, stdin: String::new(), home }
}

impl Run {
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn stdin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    pub(crate) fn file(self, name: impl AsRef<Path>, text: &str) -> Self {
        std::fs::write(self.home.path().join(name), text).expect("the directory is ours");
        self
    }

    /// Under a soft limit of so many open files.
    pub(crate) fn open_files(mut self, limit: u32) -> Self {
        let command = self.command.as_std();
        let mut limited = Command::new("/bin/sh");
        limited.args(["-c", &format!("ulimit -Sn {limit} && exec \"$@\""), "sh"]);
        limited.arg(command.get_program()).args(command.get_args());
        limited.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.current_dir(self.home.path()).kill_on_drop(true);
        self.command = limited;
        self
    }

    /// Starts it with its output piped, for tests that talk to it while it runs.
    pub(crate) fn spawn(mut self) -> (tokio::process::Child, TempDir) {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        (self.command.spawn().expect("the binary starts"), self.home)
    }

    /// Runs it to its end. Whatever it says, it never says the password.
    pub(crate) async fn done(mut self) -> Ran {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("piped");
        let text = self.stdin.clone();
        let write = async move {
            // It may end without reading, which closes the pipe.
            let _ = stdin.write_all(text.as_bytes()).await;
        };
        let (output, ()) = tokio::join!(tokio::time::timeout(LIMIT, child.wait_with_output()), write);
        let output = output.expect("it ends in time").expect("its output can be read");
        let ran = Ran {
            status: output.status.code().expect("it ends by itself"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        };
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(PASSWORD), "a password is shown: {ran:?}");
        ran
    }
}
