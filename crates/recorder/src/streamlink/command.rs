//! The command: arguments that anyone may see, and a file for what nobody may.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use holdfast_model::Secret;
use tempfile::TempDir;
use tokio::process::Command;

use super::environment::environment;
use crate::mask::mask_url;
use crate::options::StreamlinkOptions;
use crate::tools::Tools;

/// Options that ride out an outage: with the defaults a proxy that is away for 8 s ends the recording (measured).
const OUTAGE: &[(&str, &str)] = &[
    // 20 target durations without a new segment, then it ends and we look for ourselves (default 3).
    ("stream-segmented-queue-deadline", "20"),
    // Without any byte for 3 min it ends (default 60 s).
    ("stream-timeout", "180"),
    // With the limit below that makes 19 s of silence at most, three tries (default 3, four tries): a Streamlink that is
    // silent for 21 s though nothing is in its way hangs (`session/stall.rs`).
    ("hls-playlist-reload-attempts", "2"),
    // The gateway answers a dial within 5.5 s; what takes longer is dead.
    ("http-timeout", "6"),
    // It waits 0.3, 0.6, 1.2 … s between them, 19 s in all: longer than an outage of 10 s, and short enough that one
    // segment that the site has lost does not cost those behind it (with 10 it was a minute: measured).
    ("stream-segment-attempts", "6"),
    // As for the playlist (default 10 s): what is silent for so long is dead, and the next try has a way of its own.
    ("stream-segment-timeout", "6"),
];

/// Stands before a user's token.
const TOKEN: &str = "twitch-api-header=Authorization=OAuth ";

/// What Streamlink is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Record, beginning this many segments before the live edge.
    Record {
        /// `--hls-live-edge`, at least 1.
        live_edge: u64,
    },
    /// Only say which streams there are (`--json`).
    Resolve,
}

/// One run of Streamlink.
#[derive(Clone, Debug)]
pub(crate) struct Job<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) url: &'a str,
    pub(crate) quality: &'a str,
    pub(crate) proxy: &'a Secret,
    pub(crate) options: &'a StreamlinkOptions,
    /// Of a Twitch user.
    pub(crate) token: Option<&'a Secret>,
    pub(crate) purpose: Purpose,
}

/// The files of one run: the configuration and the empty homes. They go when this is dropped.
#[derive(Debug)]
pub(crate) struct ChildFiles {
    directory: TempDir,
}

impl ChildFiles {
    fn config(&self) -> PathBuf {
        self.directory.path().join("streamlink.conf")
    }

    /// The directory that holds them all.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    fn empty(&self) -> PathBuf {
        self.directory.path().join("home")
    }
}

impl Job<'_> {
    /// Writes the files (0600 in a 0700 directory) and builds the command.
    pub(crate) fn prepare(&self) -> io::Result<(Command, ChildFiles)> {
        let files = ChildFiles { directory: tempfile::Builder::new().prefix("holdfast-").tempdir()? };
        std::fs::create_dir(files.empty())?;
        let mut config = OpenOptions::new().write(true).create_new(true).mode(0o600).open(files.config())?;
        config.write_all(self.config()?.as_bytes())?;
        let mut command = Command::new(&self.tools.streamlink);
        command.arg("--config").arg(files.config()).args(self.arguments());
        command.env_clear().envs(environment(env::vars_os(), &files.empty()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok((command, files))
    }

    /// The command as a person would type it, passwords masked.
    pub(crate) fn shown(&self) -> String {
        let mut words = vec![self.tools.streamlink.display().to_string()];
        words.extend(self.arguments());
        words.extend(self.options.iter().map(|(name, value)| mask_url(&format!("--{name}={value}"))));
        if self.token.is_some() {
            words.push(format!("--{TOKEN}***"));
        }
        words.push(format!("--http-proxy {}", mask_url(self.proxy.expose())));
        words.push(mask_url(self.url));
        words.push(self.quality.to_owned());
        words.join(" ")
    }

    /// Everything of ours that is no secret. What a person chose may be one, and stands in the file.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--webbrowser=no".to_owned(), "--http-timeout=6".to_owned()];
        match self.purpose {
            Purpose::Resolve => arguments.push("--json".to_owned()),
            Purpose::Record { live_edge } => {
                arguments.truncate(1);
                arguments.extend(["--stdout", "--loglevel=debug"].map(str::to_owned));
                arguments.push("--logformat=[{threadName}][{name}][{levelname}] {message}".to_owned());
                arguments.extend(OUTAGE.iter().map(|(name, value)| format!("--{name}={value}")));
                arguments.push(format!("--hls-live-edge={}", live_edge.max(1)));
                // Separate sound is put together by ffmpeg: without this every part would begin at zero again,
                // and overlaps could not be told from gaps.
                arguments.push("--ffmpeg-copyts".to_owned());
            }
        }
        if let Some(ffmpeg) = &self.tools.ffmpeg {
            arguments.push(format!("--ffmpeg-ffmpeg={}", ffmpeg.display()));
        }
        arguments
    }

    fn config(&self) -> io::Result<String> {
        let mut lines = vec![
            ("http-proxy", self.proxy.expose().to_owned()),
            ("url", self.url.to_owned()),
            ("default-stream", self.quality.to_owned()),
        ];
        lines.extend(self.options.iter().map(|(name, value)| (name, value.to_owned())));
        if let (Some(token), Some((name, value))) = (self.token, TOKEN.split_once('=')) {
            lines.push((name, format!("{value}{}", token.expose())));
        }
        let mut text = String::new();
        for (name, value) in lines {
            // Two of the characters that end a line for Python are no control characters.
            if value.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
                let problem = format!("the {name} contains control characters");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
            }
            text.push_str(&format!("{name}={value}\n"));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn tools() -> Tools {
        Tools {
            streamlink: "/usr/bin/streamlink".into(),
            ffmpeg: Some("/usr/bin/ffmpeg".into()),
            ffprobe: None,
        }
    }

    #[test]
    fn secrets_stand_in_the_file_and_nowhere_else() {
        let (tools, proxy) = (tools(), Secret::new("http://rec:s3cret@127.0.0.1:1"));
        let options = ["--http-header=Referer=https://site/?key=k3y", "--locale=de_AT"];
        let options = StreamlinkOptions::parse(options).expect("options");
        let token = Secret::new("0auth");
        let job = Job {
            tools: &tools,
            url: "https://u:hidden@site/c?token=t0k",
            quality: "best",
            proxy: &proxy,
            options: &options,
            token: Some(&token),
            purpose: Purpose::Record { live_edge: 7 },
        };
        let (command, files) = job.prepare().expect("prepared");
        let arguments = format!("{:?}", command.as_std().get_args().collect::<Vec<_>>());
        for secret in ["s3cret", "hidden", "t0k", "k3y", "0auth"] {
            assert!(!arguments.contains(secret), "{arguments}");
            assert!(!job.shown().contains(secret), "{}", job.shown());
        }
        let shown = " --http-header=Referer=https://site/?key=*** --locale=de_AT --twitch-api-header=Authorization=OAuth ***";
        assert!(job.shown().contains(shown), "{}", job.shown());
        assert!(job.shown().contains("--http-proxy http://rec:***@127.0.0.1:1"), "{}", job.shown());
        assert!(arguments.contains("--hls-live-edge=7"));
        let config = std::fs::read_to_string(files.config()).expect("there");
        assert!(config.contains("http-proxy=http://rec:s3cret@127.0.0.1:1\n"));
        assert!(
            config.ends_with("\nlocale=de_AT\ntwitch-api-header=Authorization=OAuth 0auth\n"),
            "{config}"
        );
        assert_eq!(files.config().metadata().expect("there").permissions().mode() & 0o777, 0o600);
        let path = files.config();
        drop(files);
        assert!(!path.exists());
    }

    #[test]
    fn a_line_break_cannot_smuggle_an_option_in() {
        let (tools, proxy) = (tools(), Secret::new("http://rec:s@127.0.0.1:1"));
        let options = StreamlinkOptions::default();
        for end in ["\n", "\r", "\u{b}", "\u{c}", "\u{1c}", "\u{85}", "\u{2028}", "\u{2029}"] {
            let smuggled = format!("best{end}player=x");
            let (plain, token) = (Secret::new("t0k"), Secret::new(smuggled.clone()));
            let cases = [
                ("http://h/", &*smuggled, &plain),
                (&smuggled, "best", &plain),
                ("http://h/", "best", &token),
            ];
            for (url, quality, token) in cases {
                let (options, token, purpose) = (&options, Some(token), Purpose::Resolve);
                let job = Job { tools: &tools, url, quality, proxy: &proxy, options, token, purpose };
                assert!(job.prepare().is_err(), "{end:?}");
            }
        }
    }
}
