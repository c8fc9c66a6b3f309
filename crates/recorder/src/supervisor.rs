//! One child: spawned in its own process group, its output pumped into a part file that we own, its log read line
//! by line, stopped gently and then not.
//!
//! Streamlink writes to a pipe and not to the file: every byte that is counted is on the disk, and a full disk is seen
//! here. A task each reads the two pipes; both end with the child, and dropping [`Child`] kills the whole group, so
//! nothing is left behind, not even a zombie.
//!
//! Should we be killed ourselves, a broken pipe is not enough: without our gateway Streamlink gets nothing to write
//! and lives on for 40 s (measured). So a shell stands guard in its group: it waits for a pipe that only we hold, and
//! when that breaks it removes the child's files and kills the group. (Linux has a signal for the death of a parent,
//! but asking for it takes code between fork and exec, which cannot be written safely.)

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::debug;

use crate::output::{Output, OutputError};
use crate::part::OpenPart;
use crate::streamlink::ChildFiles;
use crate::summary::Part;

/// From SIGINT to SIGKILL: with a segment in retry Streamlink needs 51 s to obey (measured).
const PATIENCE: Duration = Duration::from_secs(4);
/// A log line longer than this is cut: a broken child must not fill our memory.
const LONGEST_LINE: usize = 64 << 10;

/// How much of its output is written at once, at most.
const BUFFER: usize = 128 << 10;
/// How long a byte waits for others before all are written: nobody sees it, and a crash loses no more for it than a moment.
const GATHERING: Duration = Duration::from_millis(50);

/// Waits for the end of its input, then ends everything in its group.
const GUARD: &str = r#"trap "" INT TERM HUP; read -r _; rm -rf -- "$1"; kill -9 0"#;

/// What a child does.
#[derive(Debug)]
pub(crate) enum ChildEvent {
    /// The first byte has come: the part is there, and empty.
    Opened(Part),
    /// This many more bytes are in the part: the system has them, whatever becomes of us.
    Bytes(u64),
    /// A line of its log, unmasked.
    Line(String),
    /// The part could not be written; the child is of no use any more.
    Disk(OutputError),
    /// It ended, and everything it wrote has been reported before.
    Exited(ExitStatus),
}

/// A running child.
#[derive(Debug)]
pub(crate) struct Child {
    process: tokio::process::Child,
    /// Its process group, as long as something of it may be there.
    group: Option<Pid>,
    guard: Option<tokio::process::Child>,
    events: mpsc::Receiver<ChildEvent>,
    tasks: JoinSet<Option<OpenPart>>,
    kill_at: Option<Instant>,
    part: Option<OpenPart>,
    status: Option<ExitStatus>,
    /// Gone when the child is.
    _files: ChildFiles,
}

impl Child {
    /// Starts it. The part is created with its first byte.
    pub(crate) fn spawn(mut command: Command, files: ChildFiles, output: &Output) -> io::Result<Self> {
        let mut process = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let guard = group.and_then(|group| stand_guard(group, &files));
        let (sender, events) = mpsc::channel(256);
        let mut tasks = JoinSet::new();
        if let Some(stdout) = process.stdout.take() {
            tasks.spawn(pump(stdout, output.clone(), sender.clone()));
        }
        if let Some(stderr) = process.stderr.take() {
            tasks.spawn(read_lines(stderr, sender));
        }
        Ok(Self {
            process,
            group,
            guard,
            events,
            tasks,
            kill_at: None,
            part: None,
            status: None,
            _files: files,
        })
    }

    /// The next event; cancel safe. [`ChildEvent::Exited`] is the last.
    pub(crate) async fn next(&mut self) -> ChildEvent {
        loop {
            let kill_at = self.kill_at.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                biased;
                () = sleep_until(kill_at), if self.kill_at.is_some() => self.kill(),
                event = self.events.recv() => match event {
                    Some(event) => return event,
                    None => return self.finish().await,
                },
                status = self.process.wait(), if self.status.is_none() => {
                    self.status = status.ok().or(Some(ExitStatus::default()));
                    // Whoever else of its group still holds the pipes gets a moment to let go.
                    self.kill_at = Some(Instant::now() + Duration::from_millis(500));
                }
            }
        }
    }

    /// The pipes are closed: what remains is the exit status and the part.
    async fn finish(&mut self) -> ChildEvent {
        while let Some(ended) = self.tasks.join_next().await {
            if let Ok(Some(part)) = ended {
                self.part = Some(part);
            }
        }
        if self.status.is_none() && timeout(PATIENCE, self.process.wait()).await.is_err() {
            self.kill();
        }
        let status = match self.status {
            Some(status) => status,
            None => self.process.wait().await.unwrap_or_default(),
        };
        self.status = Some(status);
        // The guard is the last of the group; as long as it stands, nobody else can be given the group's number.
        self.kill();
        self.group = None;
        if let Some(mut guard) = self.guard.take() {
            let _ = guard.wait().await;
        }
        ChildEvent::Exited(status)
    }

    /// The part it wrote, once it has ended; `None` if it wrote nothing.
    pub(crate) fn take_part(&mut self) -> Option<OpenPart> {
        self.part.take()
    }

    /// Asks it to end; kills it if it has not after 4 s.
    pub(crate) fn interrupt(&mut self) {
        if self.kill_at.is_none() && self.status.is_none() {
            self.signal(Signal::INT);
            self.kill_at = Some(Instant::now() + PATIENCE);
        }
    }

    /// Ends it and its whole group now.
    pub(crate) fn kill(&mut self) {
        self.kill_at = None;
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, signal);
        }
    }

    /// Its process number, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process.id()
    }
}

/// Puts a shell into the group that ends it when we are gone. Without a shell there is no guard, and no harm.
fn stand_guard(group: Pid, files: &ChildFiles) -> Option<tokio::process::Child> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", GUARD, "holdfast-guard"]).arg(files.path());
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(group.as_raw_pid()).kill_on_drop(true);
    command.spawn().inspect_err(|error| debug!(%error, "no guard for Streamlink")).ok()
}

impl Drop for Child {
    fn drop(&mut self) {
        // Reaches the whole group, and nobody if it is gone. The runtime reaps the child.
        self.kill();
    }
}

/// Copies the child's output into the part until it ends.
async fn pump(mut from: ChildStdout, output: Output, events: mpsc::Sender<ChildEvent>) -> Option<OpenPart> {
    let mut buffer = vec![0; BUFFER];
    let mut part: Option<(OpenPart, File)> = None;
    loop {
        let read = gather(&mut from, &mut buffer).await;
        if read == 0 {
            break;
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        if part.is_none() {
            match OpenPart::create(&output, bytes) {
                Ok((opened, file)) => {
                    let _ = events.send(ChildEvent::Opened(opened.part().clone())).await;
                    part = Some((opened, File::from_std(file)));
                }
                Err(error) => {
                    let _ = events.send(ChildEvent::Disk(error)).await;
                    break;
                }
            }
        }
        let Some((part, file)) = &mut part else { break };
        let written = write(part, file, bytes).await;
        let event = match written {
            Ok(()) => ChildEvent::Bytes(read as u64),
            Err(error) => ChildEvent::Disk(error),
        };
        let failed = matches!(event, ChildEvent::Disk(_));
        if events.send(event).await.is_err() || failed {
            break;
        }
    }
    let (mut part, _) = part?;
    part.close();
    Some(part)
}

/// What comes within a moment, until the buffer is full; 0 at the end. Streamlink writes 8 KiB at a time, and every write
/// to the file is a way to another thread and back.
async fn gather(from: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> usize {
    let mut gathered = from.read(buffer).await.unwrap_or(0);
    let moment_ends = Instant::now() + GATHERING;
    while let Some(room) = buffer.get_mut(gathered..).filter(|room| gathered > 0 && !room.is_empty()) {
        match timeout_at(moment_ends, from.read(room)).await {
            Ok(Ok(more)) if more > 0 => gathered += more,
            _ => break,
        }
    }
    gathered
}

async fn write(part: &mut OpenPart, file: &mut File, bytes: &[u8]) -> Result<(), OutputError> {
    // Without the flush the bytes would be on their way only, in a buffer that dies with us.
    let written = async { file.write_all(bytes).await.and(file.flush().await) };
    written.await.map_err(|error| part.failed(error))?;
    part.grew(bytes.len() as u64);
    Ok(())
}

async fn read_lines(from: impl AsyncRead + Unpin, events: mpsc::Sender<ChildEvent>) -> Option<OpenPart> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    let mut cut = false;
    loop {
        line.clear();
        let mut limited = (&mut from).take(LONGEST_LINE as u64);
        match limited.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
        // What follows a cut is no line of its own: it could say anything that a line can.
        if std::mem::replace(&mut cut, !line.ends_with(b"\n")) {
            continue;
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !text.is_empty() && events.send(ChildEvent::Line(text)).await.is_err() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pieces_are_gathered_for_a_moment_or_until_there_is_no_room() {
        let (mut theirs, mut ours) = tokio::io::duplex(64);
        let mut buffer = [0; 16];
        let writer = tokio::spawn(async move {
            // The clock stands still but for these pauses.
            for (pause, piece) in
                [(0, "one"), (20, "two"), (20, "three"), (20, "four"), (0, "and more than there is room for")]
            {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                theirs.write_all(piece.as_bytes()).await.expect("there is room");
            }
        });
        let mut all = Vec::new();
        loop {
            let read = gather(&mut ours, &mut buffer).await;
            if read == 0 {
                break;
            }
            all.push(String::from_utf8_lossy(&buffer[..read]).into_owned());
        }
        writer.await.expect("it wrote");
        assert_eq!(all, ["onetwothree", "fourand more tha", "n there is room ", "for"]);
    }

    #[tokio::test]
    async fn the_rest_of_a_line_that_is_cut_is_no_line() {
        let long = "x".repeat(LONGEST_LINE);
        let text = format!("one\n{long}\n{long}[a][b][info] two\n{long}{long}three\nfour\nfive");
        let (sender, mut events) = mpsc::channel(16);
        read_lines(text.as_bytes(), sender).await;
        let mut lines = Vec::new();
        while let Some(ChildEvent::Line(line)) = events.recv().await {
            lines.push(line);
        }
        assert!(lines == ["one", &long, &long, &long, "four", "five"], "{} lines", lines.len());
    }
}
