//! One `holdfast record` under trial: started with the flags a person would use, listened to, stopped, judged.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use holdfast_testkit::{Ca, verify};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::binary;
use crate::log::{Log, PATIENCE, lock};
use crate::processes::Seen;
use crate::scene::{HOST, Scene};

/// How a recording is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordOptions {
    /// Without `--no-direct`.
    pub direct: bool,
    /// The stream and the check target are named by addresses that need no proxy to be reached.
    pub by_address: bool,
}

/// A running `holdfast record`.
pub struct Recording {
    child: Child,
    duration: Duration,
    output: PathBuf,
    log: Log,
    passwords: Vec<String>,
    seen: Arc<Mutex<Seen>>,
}

/// A recording that has ended.
pub struct Finished {
    /// The exit status.
    pub code: Option<i32>,
    /// The `--json` summary.
    pub summary: Value,
    /// Everything it wrote to stderr.
    pub log: String,
    /// The file it was asked to write.
    pub output: PathBuf,
}

impl Recording {
    pub(crate) fn start(
        scene: &Scene,
        name: &str,
        duration: Duration,
        options: RecordOptions,
    ) -> Result<Self> {
        let output = scene.dir.path().join(format!("{name}.ts"));
        let list = scene.proxy_file()?;
        let ca = Ca::shared()?.pem_path();
        let stream = if options.by_address {
            scene.origin.channel_url("127.0.0.1", "live")
        } else {
            format!("https://{HOST}/c/live/live.m3u8")
        };
        let mut command = Command::new(binary::holdfast());
        command.args(["record", &format!("hls://{stream}"), "--json"]);
        if !options.direct {
            command.arg("--no-direct");
        }
        if options.by_address {
            command.args(["--check-url", &format!("{}/check", scene.target.base_url("127.0.0.1"))]);
        }
        command
            .arg("--output")
            .arg(&output)
            .arg("--proxy-file")
            .arg(&list)
            .args(["--log-level", "debug"])
            .arg("--streamlink")
            .arg(binary::streamlink())
            .args(["--duration", &format!("{}s", duration.as_secs())])
            .env("SSL_CERT_FILE", &ca)
            .env("REQUESTS_CA_BUNDLE", &ca)
            // The log tells local time; the storm compares it with its own.
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().context("starting holdfast record")?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let seen = Arc::<Mutex<Seen>>::default();
        let pid = child.id().unwrap_or_default();
        let eyes = Arc::clone(&seen);
        let log = Log::of(stderr, move || lock(&eyes).look(pid));
        Ok(Self { child, duration, output, log, passwords: scene.passwords.clone(), seen })
    }

    /// Waits until its log contains `text`.
    ///
    /// # Errors
    /// If it ends or says nothing of the kind for a minute.
    pub async fn says(&mut self, text: &str) -> Result<()> {
        self.log.says(text).await
    }

    /// What it has written to stderr so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Sends it a signal, such as SIGINT.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        let sent = rustix::process::kill_process(pid.expect("it still runs"), signal);
        sent.expect("a process of ours takes signals");
    }

    /// Its process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for its end and reads what it left. No password of a proxy and no token of a lease may be in anything it
    /// said, nor in the arguments or the environment of a process below it.
    ///
    /// # Errors
    /// If it does not end in time, its summary cannot be read, or a secret leaked.
    pub async fn finish(mut self) -> Result<Finished> {
        let mut stdout = self.child.stdout.take().context("stdout is piped")?;
        let mut text = String::new();
        let ended = async {
            stdout.read_to_string(&mut text).await?;
            self.child.wait().await
        };
        let status = match timeout(self.duration + PATIENCE, ended).await {
            Ok(status) => status?,
            Err(_) => bail!("it did not end in time:\n{}", self.log()),
        };
        self.log.ended().await?;
        let log = self.log.text();
        let seen = std::mem::take(&mut *lock(&self.seen));
        seen.keeps_secrets(&self.passwords, &[("stdout", &text), ("the log", &log)])?;
        let summary: Value =
            serde_json::from_str(&text).with_context(|| format!("its summary is '{text}':\n{log}"))?;
        let recorded = summary["bytes"].as_f64().is_some_and(|bytes| bytes > 0.0);
        ensure!(!recorded || seen.any_token(), "it recorded, but no lease was seen to look for:\n{log}");
        Ok(Finished { code: status.code(), summary, log, output: self.output })
    }
}

impl Finished {
    /// A number of the summary.
    pub fn number(&self, key: &str) -> f64 {
        self.summary[key].as_f64().unwrap_or(f64::NAN)
    }

    /// Judges the file against the source.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub async fn verdict(&self, scene: &Scene) -> Result<verify::Verdict> {
        verify::compare(&self.output, scene.origin.media().frames()).await
    }

    /// Nothing missing, nothing twice, status 0, and a summary that agrees.
    ///
    /// # Errors
    /// What is wrong, with the log.
    pub async fn expect_whole(&self, scene: &Scene, seconds: f64) -> Result<()> {
        let verdict = self.verdict(scene).await.with_context(|| self.story())?;
        ensure!(verdict.is_clean(), "{verdict}\n{}", self.story());
        ensure!(self.code == Some(0), "exit status {:?}\n{}", self.code, self.story());
        ensure!(self.number("segments_lost") == 0.0, "the summary claims a loss\n{}", self.story());
        let length = verify::probe_duration(&self.output).await?;
        ensure!(length >= seconds, "only {length:.1} s of {seconds} were recorded\n{}", self.story());
        ensure!(self.summary["error"].is_null(), "the summary names an error\n{}", self.story());
        Ok(())
    }

    /// Everything there is to say about it, for a failure message.
    pub fn story(&self) -> String {
        format!("{:#}\n{}", self.summary, self.log)
    }
}
