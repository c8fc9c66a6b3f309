//! As much of a media playlist as the test kit's origin writes.

use anyhow::{Context, Result};

/// A segment of it.
pub(super) struct Segment {
    /// Its address, relative to the playlist's.
    pub(super) name: String,
    /// How long it is.
    pub(super) seconds: f64,
}

/// A media playlist.
pub(super) struct Playlist {
    /// The number of the first segment.
    pub(super) first: u64,
    /// EXT-X-TARGETDURATION, in seconds.
    pub(super) target: f64,
    /// Whether nothing more comes.
    pub(super) ended: bool,
    segments: Vec<Segment>,
}

impl Playlist {
    /// Reads it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).context("a playlist that is not text")?;
        let tag = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let (mut segments, mut seconds) = (Vec::new(), 0.0);
        for line in text.lines() {
            if let Some(length) = line.strip_prefix("#EXTINF:") {
                seconds = length.trim_end_matches(',').parse()?;
            } else if !line.starts_with('#') && !line.is_empty() {
                segments.push(Segment { name: line.to_owned(), seconds });
            }
        }
        Ok(Self {
            first: tag("#EXT-X-MEDIA-SEQUENCE:").context("no media sequence")?.parse()?,
            target: tag("#EXT-X-TARGETDURATION:").context("no target duration")?.parse()?,
            ended: tag("#EXT-X-ENDLIST").is_some(),
            segments,
        })
    }

    /// One past the number of the last segment.
    pub(super) fn end(&self) -> u64 {
        self.first + self.segments.len() as u64
    }

    /// Its segments from this number on, with their numbers.
    pub(super) fn from(&self, number: u64) -> impl Iterator<Item = (u64, &Segment)> {
        (self.first..).zip(&self.segments).filter(move |(own, _)| *own >= number)
    }
}
