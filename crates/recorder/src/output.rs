//! Where a recording goes: the file a person named or a template, the container by its extension, the parts
//! beside it, and the floor below which the disk is not filled.

mod parts;
mod place;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use holdfast_model::RecordingId;

use crate::safe_name::cut;
use crate::template::{Template, Values, numbered};
pub(crate) use parts::forget_parts;

/// The container of the finished file, told by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// MPEG transport stream: what Streamlink delivers for most sites.
    Ts,
    /// Matroska.
    Mkv,
    /// MP4.
    Mp4,
}

impl Container {
    /// By the extension of a file, in any case.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "ts" => Some(Self::Ts),
            "mkv" => Some(Self::Mkv),
            "mp4" => Some(Self::Mp4),
            _ => None,
        }
    }

    /// Its ending, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Ts => "ts",
            Self::Mkv => "mkv",
            Self::Mp4 => "mp4",
        }
    }
}

/// Why a recording cannot go there.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The extension is none of the three.
    #[error("'{0}' does not end in .ts, .mkv or .mp4: the ending chooses the container")]
    Extension(PathBuf),
    /// The file is there already.
    #[error("{0} exists already and is left alone: choose another name, or --force to replace it")]
    Exists(PathBuf),
    /// Something took the name that a person chose while it was being recorded.
    #[error(
        "something else has taken the name {0} while it was being recorded, and is left alone: move it away and give a single part that name, or make one file of several parts with ffmpeg"
    )]
    Taken(PathBuf),
    /// Every number behind the name is taken, too.
    #[error("{0} and all numbers behind it are taken: choose another template for file names")]
    Numbers(PathBuf),
    /// The directory is missing or not one.
    #[error("the directory {0} does not exist: create it first")]
    Directory(PathBuf),
    /// The disk is nearly full.
    #[error(
        "only {free} MiB are free on the disk of {path}, fewer than the {floor} MiB that must stay free: make room"
    )]
    Full {
        /// The output.
        path: PathBuf,
        /// What is free, in MiB.
        free: u64,
        /// What must stay free, in MiB.
        floor: u64,
    },
    /// The file system refused.
    #[error("cannot write {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// So many bytes of a channel's name are used: with the time, a number, and the ending of a part or of a file in the making
/// they fit into a name.
const LONGEST_CHANNEL: usize = 160;

/// What becomes of a finished file whose name is taken by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// It stays in its parts: a person chose the name.
    Refuse,
    /// It takes the place: a person wants that.
    Replace,
    /// It gets a number, as it would have at the start.
    Number,
}

/// Where a recording goes, checked as far as it can be before the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    path: PathBuf,
    container: Container,
    if_taken: Taken,
    resumed: bool,
}

impl Output {
    /// The file a person named. With `force` an existing file is replaced at the end, when the new one is whole.
    ///
    /// # Errors
    /// [`OutputError`] if the extension is unknown, the file exists, or its directory does not.
    pub fn file(path: impl Into<PathBuf>, force: bool) -> Result<Self, OutputError> {
        let path = path.into();
        let container = Container::of(&path).ok_or_else(|| OutputError::Extension(path.clone()))?;
        let directory = directory_of(&path);
        if !directory.is_dir() {
            return Err(OutputError::Directory(directory.to_owned()));
        }
        if path.is_dir() || (!force && path.symlink_metadata().is_ok()) {
            return Err(OutputError::Exists(path));
        }
        let if_taken = if force { Taken::Replace } else { Taken::Refuse };
        Ok(Self { path, container, if_taken, resumed: false })
    }

    /// The file of a recording that was begun earlier, by a program that was killed: parts beside it that nobody named
    /// are taken up, and the finished file may be there already (then the recording had been finished).
    ///
    /// # Errors
    /// [`OutputError`] if the extension is unknown or the directory does not exist.
    pub fn resumed(path: impl Into<PathBuf>) -> Result<Self, OutputError> {
        let path = path.into();
        let container = Container::of(&path).ok_or_else(|| OutputError::Extension(path.clone()))?;
        let directory = directory_of(&path);
        if !directory.is_dir() {
            return Err(OutputError::Directory(directory.to_owned()));
        }
        Ok(Self { path, container, if_taken: Taken::Number, resumed: true })
    }

    /// A name made of the channel and the local time, in `directory`; a number is added while that name is taken.
    #[must_use]
    pub fn named(directory: &Path, url: &str, now: DateTime<Local>, container: Container) -> Self {
        let stem = directory.join(format!("{} {}", channel_name(url), now.format("%Y-%m-%d %H-%M-%S")));
        let stem = numbered(&stem, |stem| is_free(stem, &|_| false)).unwrap_or(stem);
        Self { path: with_ending(&stem, container), container, if_taken: Taken::Number, resumed: false }
    }

    /// The file that a template names in `directory`; its folders are created. A number is added while the name is taken:
    /// by a file, by parts of another recording, or in the eyes of `taken`, which is asked for recordings that have
    /// begun and written nothing yet (with the path that their output would have).
    ///
    /// # Errors
    /// [`OutputError`] if the folders cannot be created, or 9999 recordings have that name.
    pub fn from_template(
        directory: &Path,
        template: &Template,
        values: &Values,
        container: Container,
        taken: impl Fn(&Path) -> bool,
    ) -> Result<Self, OutputError> {
        let stem = directory.join(template.path(values));
        let folder = directory_of(&stem);
        fs::create_dir_all(folder).map_err(|error| OutputError::Io { path: folder.to_owned(), error })?;
        let free = numbered(&stem, |stem| is_free(stem, &taken));
        let path = with_ending(&free.ok_or_else(|| OutputError::Numbers(stem.clone()))?, container);
        Ok(Self { path, container, if_taken: Taken::Number, resumed: false })
    }

    /// The path with its placeholders filled in ([`Template`] has them; `{name}` is another word for the channel). What
    /// is none of them stays as it is, and so does where the path leads: a person chose it.
    #[must_use]
    pub fn expand(path: &Path, url: &str, now: DateTime<Local>, id: RecordingId) -> PathBuf {
        let values = Values { channel: channel_name(url), title: None, category: None, at: now, id };
        let pieces = path.components().map(|piece| match piece.as_os_str().to_str() {
            Some(text) => values.fill(&text.replace("{name}", "{channel}")).into(),
            None => piece.as_os_str().to_owned(),
        });
        pieces.collect()
    }

    /// The finished file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same, now that the finished file is there.
    pub(crate) fn moved_to(&self, path: PathBuf) -> Self {
        Self { path, ..self.clone() }
    }

    /// Its container.
    #[must_use]
    pub fn container(&self) -> Container {
        self.container
    }

    /// A hidden file of ours beside it, for the time of the work: `.show.mkv.joined.mkv`.
    pub(crate) fn beside(&self, what: &str, extension: &str) -> PathBuf {
        hidden_beside(&self.path, &format!("{what}.{extension}"))
    }

    pub(crate) fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Fails if the disk has less than `floor` bytes left.
    ///
    /// # Errors
    /// [`OutputError::Full`], or [`OutputError::Io`] if the disk cannot be asked.
    pub fn check_room(&self, floor: u64) -> Result<(), OutputError> {
        let free = free_room(directory_of(&self.path))
            .map_err(|error| OutputError::Io { path: self.path.clone(), error })?;
        if free < floor {
            return Err(OutputError::Full { path: self.path.clone(), free: free >> 20, floor: floor >> 20 });
        }
        Ok(())
    }
}

/// Free room for this user on the disk that holds `path`, in bytes.
pub(crate) fn free_room(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The path of a hidden file of ours beside `meant`: `.show.ts.parts` for `show.ts` and `parts`.
pub(crate) fn hidden_beside(meant: &Path, what: &str) -> PathBuf {
    let name = meant.file_name().unwrap_or_default().to_string_lossy();
    meant.with_file_name(format!(".{name}.{what}"))
}

pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Whether a name without its ending is free. Parts do not show for which container they are made.
fn is_free(stem: &Path, taken: &dyn Fn(&Path) -> bool) -> bool {
    let endings = [Container::Ts, Container::Mkv, Container::Mp4];
    let path = with_ending(stem, Container::Ts);
    endings
        .into_iter()
        .map(|container| with_ending(stem, container))
        .all(|path| path.symlink_metadata().is_err() && !taken(&path))
        && !Output { path, container: Container::Ts, if_taken: Taken::Number, resumed: false }.has_parts()
}

fn with_ending(stem: &Path, container: Container) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".");
    name.push(container.extension());
    PathBuf::from(name)
}

/// A file name from a URL: the last piece of its path that says something, else the host.
fn channel_name(url: &str) -> String {
    let mut bare = url;
    // `hls://https://…` has two.
    while let Some((scheme, rest)) = bare.split_once("://")
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    {
        bare = rest;
    }
    let bare = bare.split(['?', '#', ' ']).next().unwrap_or(bare);
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    let piece =
        path.rsplit('/').find(|p| !p.is_empty()).map(|p| p.rsplit_once('.').map_or(p, |(stem, _)| stem));
    let generic = ["playlist", "index", "master", "live", "stream", "chunklist", "media"];
    let name = match piece {
        Some(p) if !generic.contains(&p.to_ascii_lowercase().as_str()) => p.to_owned(),
        _ => host.split(':').next().unwrap_or(host).to_owned(),
    };
    let safe: String = name.chars().filter(|c| c.is_alphanumeric() || "-_. ".contains(*c)).take(80).collect();
    let mut safe = safe.trim_matches(['.', ' ']).to_owned();
    cut(&mut safe, LONGEST_CHANNEL);
    if safe.is_empty() { "recording".to_owned() } else { safe }
}
