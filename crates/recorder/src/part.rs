//! A part: the output of one run of Streamlink, in a file of its own beside the finished one.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::output::{Output, OutputError};
use crate::summary::Part;

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// MPEG transport stream.
    Ts,
    /// MP4, whole or in fragments.
    Mp4,
    /// Matroska or WebM.
    Mkv,
    /// Flash video.
    Flv,
    /// AAC without a container.
    Aac,
    /// Something else; ffmpeg may know.
    Other,
}

impl Format {
    /// By the first bytes.
    pub(crate) fn sniff(head: &[u8]) -> Self {
        let at = |offset: usize, magic: &[u8]| head.get(offset..offset + magic.len()) == Some(magic);
        if at(0, &[0x47]) && (head.len() <= 188 || at(188, &[0x47])) {
            Self::Ts
        } else if [b"ftyp", b"moof", b"styp", b"sidx", b"moov", b"free"].iter().any(|kind| at(4, *kind)) {
            Self::Mp4
        } else if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) {
            Self::Mkv
        } else if at(0, b"FLV") {
            Self::Flv
        } else if at(0, b"ID3") || matches!(head, [0xff, second, ..] if second & 0xf6 == 0xf0) {
            Self::Aac
        } else {
            Self::Other
        }
    }

    /// Of a file.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let mut head = Vec::with_capacity(512);
        io::Read::read_to_end(&mut io::Read::take(File::open(path)?, 512), &mut head)?;
        Ok(Self::sniff(&head))
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Ts => "ts",
            Self::Mp4 => "mp4",
            Self::Mkv => "mkv",
            Self::Flv => "flv",
            Self::Aac => "aac",
            Self::Other => "bin",
        }
    }
}

/// A part that is being written, or was.
#[derive(Debug)]
pub(crate) struct OpenPart(Part);

impl OpenPart {
    /// Creates its file, named by what the first bytes are.
    pub(crate) fn create(output: &Output, head: &[u8]) -> Result<(Self, File), OutputError> {
        let (path, file) = output.create_part(Format::sniff(head).extension())?;
        let now = Utc::now();
        Ok((Self(Part { path, started_at: now, ended_at: now, bytes: 0 }), file))
    }

    pub(crate) fn grew(&mut self, bytes: u64) {
        self.0.bytes += bytes;
    }

    pub(crate) fn close(&mut self) {
        self.0.ended_at = Utc::now();
    }

    pub(crate) fn failed(&self, error: io::Error) -> OutputError {
        OutputError::Io { path: self.0.path.clone(), error }
    }

    pub(crate) fn part(&self) -> &Part {
        &self.0
    }

    pub(crate) fn into_part(self) -> Part {
        self.0
    }

    /// A part that an earlier run left behind. What is a link or a directory by now is none.
    pub(crate) fn found(path: PathBuf) -> io::Result<Part> {
        let meta = path.symlink_metadata()?;
        if !meta.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "something else has taken its place"));
        }
        let modified: DateTime<Utc> = meta.modified()?.into();
        let created = meta.created().map_or(modified, DateTime::from);
        Ok(Part { path, started_at: created, ended_at: modified, bytes: meta.len() })
    }
}
