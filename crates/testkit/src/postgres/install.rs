//! The PostgreSQL of this machine: its programs, the user it may run as, and a data directory made once and copied
//! from then on (initdb takes a second or two of a core, a copy a twentieth of that).

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::Ca;

/// What every program of PostgreSQL is given: messages that can be read, and no service file of a person.
pub(super) const ENVIRONMENT: [(&str, &str); 4] =
    [("LC_ALL", "C"), ("PGSERVICEFILE", "/dev/null"), ("PGPASSFILE", "/dev/null"), ("TZ", "UTC")];

/// What the server writes nothing to: a test's data need not outlive a power cut.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 32MB
fsync = off
synchronous_commit = off
full_page_writes = off
ssl = on
log_min_messages = warning
";

/// A superuser only by the socket in a directory that is closed to others; everybody else needs a password.
const WHO_MAY: &str = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// Where PostgreSQL is and how it is run.
#[derive(Debug)]
pub(super) struct Install {
    bin: PathBuf,
    /// User and group, when this process is root: PostgreSQL refuses to run as root.
    user: Option<(u32, u32)>,
}

impl Install {
    /// The installation, found once.
    pub(super) fn get() -> Result<&'static Self> {
        static FOUND: Mutex<Option<&'static Install>> = Mutex::new(None);
        let mut found = FOUND.lock().expect("no holder of this lock panics");
        if let Some(install) = *found {
            return Ok(install);
        }
        let bin = find_bin().context(
            "PostgreSQL's server programs are needed on PATH or in /usr/lib/postgresql/*/bin: run scripts/setup.sh test",
        )?;
        let user = if rustix::process::geteuid().is_root() { Some(unprivileged_user()?) } else { None };
        Ok(found.insert(Box::leak(Box::new(Self { bin, user }))))
    }

    /// One of its programs.
    pub(super) fn bin(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// A command that runs as the user PostgreSQL may run as.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.envs(ENVIRONMENT).current_dir("/").stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            // Its other groups are dropped by the standard library when the user is set by root.
            command.gid(group).uid(user);
        }
        command
    }

    /// A new directory with a data directory `data`, owned by the user PostgreSQL runs as.
    pub(super) fn fresh_home(&self) -> Result<TempDir> {
        let home = self.closed_dir()?;
        let data = home.path().join("data");
        copy(&self.template()?, &data)?;
        // Written over what initdb made, so the owner stays.
        let settings = fs::read_to_string(data.join("postgresql.conf"))? + SETTINGS;
        fs::write(data.join("postgresql.conf"), settings)?;
        fs::write(data.join("pg_hba.conf"), WHO_MAY)?;
        self.write_certificate(&data)?;
        Ok(home)
    }

    fn closed_dir(&self) -> Result<TempDir> {
        let dir = tempfile::Builder::new().prefix("holdfast-pg").tempdir()?;
        self.give(dir.path(), 0o700)?;
        Ok(dir)
    }

    /// The data directory that all are copied from. Safe when several processes race.
    fn template(&self) -> Result<PathBuf> {
        let output = self.command(&self.bin("postgres")).arg("--version").output()?;
        let version = String::from_utf8_lossy(&output.stdout);
        let version: String =
            version.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.')).take(12).collect();
        let user = self.user.map_or(rustix::process::geteuid().as_raw(), |(user, _)| user);
        let kept = crate::target_dir().join(format!("testkit-postgres-{version}-{user}"));
        if !kept.join("PG_VERSION").is_file() {
            self.make_template(&kept).context("making a data directory for PostgreSQL")?;
        }
        Ok(kept)
    }

    fn make_template(&self, kept: &Path) -> Result<()> {
        // Not made where it is kept: that user may not be able to reach this checkout at all.
        let work = self.closed_dir()?;
        let data = work.path().join("data");
        let output = self
            .command(&self.bin("initdb"))
            .args(["--no-sync", "--username=postgres", "--encoding=UTF8", "--locale=C", "--auth=trust"])
            .arg("--pgdata")
            .arg(&data)
            .output()?;
        ensure!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
        let parent = kept.parent().context("the target directory has a parent")?;
        let fresh = tempfile::Builder::new().prefix(".testkit-postgres").tempdir_in(parent)?;
        copy(&data, &fresh.path().join("data"))?;
        match fs::rename(fresh.path().join("data"), kept) {
            // Another process won.
            Err(_) if kept.join("PG_VERSION").is_file() => Ok(()),
            outcome => outcome.with_context(|| format!("moving it to {}", kept.display())),
        }
    }

    fn write_certificate(&self, data: &Path) -> Result<()> {
        let (certificate, key) = Ca::shared()?.leaf_pem(&[])?;
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            fs::write(data.join(name), text)?;
            self.give(&data.join(name), 0o600)?;
        }
        Ok(())
    }

    fn give(&self, path: &Path, mode: u32) -> Result<()> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        match self.user {
            Some((user, group)) => Ok(chown(path, Some(user), Some(group))?),
            None => Ok(()),
        }
    }
}

/// A copy with owners and modes.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let output = Command::new("cp").arg("-a").arg(from).arg(to).output().context("cp is needed on PATH")?;
    ensure!(output.status.success(), "cp failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The directory of the server's programs: on PATH, else the newest of Debian's.
fn find_bin() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<_> = debian.map(|entry| entry.path()).collect();
    debian.sort_by_key(|dir| {
        dir.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u32>().ok())
    });
    let debian = debian.into_iter().rev().map(|dir| dir.join("bin"));
    // A link on PATH may be to initdb alone: the others are beside what it points to.
    std::env::split_paths(&on_path).chain(debian).find_map(|dir| {
        let real = fs::canonicalize(dir.join("initdb")).ok()?;
        let dir = real.parent()?;
        ["postgres", "psql"].iter().all(|name| dir.join(name).is_file()).then(|| dir.to_path_buf())
    })
}

/// Debian's own user for it, else nobody.
fn unprivileged_user() -> Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    for wanted in ["postgres", "nobody"] {
        for line in users.lines() {
            let fields: Vec<_> = line.split(':').collect();
            if let [name, _, user, group, ..] = fields[..]
                && name == wanted
            {
                return Ok((user.parse()?, group.parse()?));
            }
        }
    }
    bail!("PostgreSQL refuses to run as root, and /etc/passwd has neither 'postgres' nor 'nobody'")
}
