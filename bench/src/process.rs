//! Processes under test: started, looked at through `/proc`, and killed by their id.

use std::fs;
use std::process::{Child, Command};

use anyhow::{Context, Result, ensure};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getrlimit, kill_process, setrlimit, waitid,
};

/// The kernel's unit of CPU time in `/proc`: USER_HZ, 100 on every platform Linux has today.
const TICKS_PER_SECOND: f64 = 100.0;

/// A child that does not outlive its owner.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_owned();
        let child = command.spawn().with_context(|| format!("starting {}", program.display()))?;
        Ok(Self(child))
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// The child itself, for its pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid()?, signal).context("signalling a child")
    }

    /// False once it has ended.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// CPU seconds used so far, user and system.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(self.id())
    }

    /// Memory it holds, in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        resident_kib(self.id())
    }

    /// That part of it which is in no file, in KiB.
    pub(crate) fn anonymous_kib(&self) -> Result<u64> {
        status_kib(self.id(), "RssAnon:")
    }

    /// Waits for its end; returns the CPU seconds it used in all, and whether its status was 0. Blocks.
    pub(crate) fn wait(mut self) -> Result<(f64, bool)> {
        // Not reaped yet, a zombie still shows its times.
        waitid(WaitId::Pid(self.pid()?), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
        let cpu = self.cpu_seconds()?;
        Ok((cpu, self.0.wait()?.success()))
    }

    fn pid(&self) -> Result<Pid> {
        Pid::from_raw(self.id().cast_signed()).context("a child has an id")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// CPU seconds that a process has used so far, user and system.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    // The name in brackets may hold spaces; utime and stime are the 14th and 15th field, see proc_pid_stat(5).
    let (_, after) = stat.rsplit_once(')').context("no name in stat")?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    ensure!(fields.len() > 12, "stat is too short");
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / TICKS_PER_SECOND)
}

/// CPU seconds that all cores of this machine have been busy for so far.
pub(crate) fn busy_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
    let line = stat.lines().next().and_then(|line| line.strip_prefix("cpu ")).context("no cpu in stat")?;
    let fields = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    ensure!(fields.len() > 7, "stat is too short");
    // All but idle and iowait, and without the guests, which user holds already: see proc_stat(5).
    Ok((fields[..3].iter().sum::<f64>() + fields[5..8].iter().sum::<f64>()) / TICKS_PER_SECOND)
}

/// Memory that a process holds, in KiB.
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    status_kib(pid, "VmRSS:")
}

fn status_kib(pid: u32, field: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let line = status.lines().find_map(|l| l.strip_prefix(field));
    let line = line.with_context(|| format!("no {field} in {path}"))?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// Takes as many open files as the system allows; children inherit it.
///
/// # Errors
/// If the limit cannot be set.
pub fn raise_file_limit() -> Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}
