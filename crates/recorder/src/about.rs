//! What the finished file says of itself: title, channel, date, address, and the chapters.

use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat, Utc};
use holdfast_model::{Chapter, clean};

/// What is written into a finished `.mkv` or `.mp4` beside picture and sound. (MPEG-TS has no place for it: into a `.ts`
/// nothing is written.) Nothing here may be secret: files are passed on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// The title; if there is none, that of the first chapter which has one.
    pub title: Option<String>,
    /// The channel, kept as the artist.
    pub channel: Option<String>,
    /// When the recording began, kept as the date.
    pub started_at: Option<DateTime<Utc>>,
    /// The address, passwords and tokens masked (see [`crate::mask_url`]), kept as the comment.
    pub url: Option<String>,
    /// What the broadcast was called, stretch by stretch, in order. Their categories become the description.
    pub chapters: Vec<Chapter>,
    /// Parts that show what the one before shows, in another quality and by the same clock: their overlap is told by time,
    /// for no byte of it is the same. This is for joining; nothing of it is written.
    pub aligned: Vec<PathBuf>,
}

impl About {
    /// There is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { aligned: self.aligned.clone(), ..Self::default() }
    }

    /// All of it in the format that ffmpeg reads (ffmetadata), and how many chapters that holds. Chapters that begin at the
    /// end of the file or later are left out, and the last one ends there. `play_time` in seconds; `None` if unknown.
    pub(crate) fn ffmetadata(&self, play_time: Option<f64>) -> (String, usize) {
        let mut text = ";FFMETADATA1\n".to_owned();
        let title = self.title.as_ref().or_else(|| self.chapters.iter().find_map(|c| c.title.as_ref()));
        let date = self.started_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let tags = [
            ("title", title),
            ("artist", self.channel.as_ref()),
            ("date", date.as_ref()),
            ("comment", self.url.as_ref()),
            ("description", self.categories().as_ref()),
        ]
        .map(|(name, value)| value.map(|value| line(name, value)));
        text.extend(tags.into_iter().flatten());
        let end = play_time.map(milliseconds);
        let begin = |chapter: &Chapter| milliseconds(chapter.offset_s);
        let inside = |chapter: &&Chapter| end.is_none_or(|end| begin(chapter) < end);
        let chapters: Vec<&Chapter> = self.chapters.iter().filter(inside).collect();
        for (number, chapter) in chapters.iter().enumerate() {
            let start = begin(chapter);
            let next = chapters.get(number + 1).map(|next| begin(next)).or(end);
            let end = next.unwrap_or(start + 1000).max(start);
            text.push_str(&format!("[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\n"));
            text.push_str(&line("title", &name(chapter)));
        }
        (text, chapters.len())
    }

    /// Every category once, in order.
    fn categories(&self) -> Option<String> {
        let mut categories: Vec<&str> = Vec::new();
        for category in self.chapters.iter().filter_map(|chapter| chapter.category.as_deref()) {
            if !categories.contains(&category) {
                categories.push(category);
            }
        }
        Some(categories.join(", ")).filter(|text| !text.is_empty())
    }
}

fn name(chapter: &Chapter) -> String {
    match (&chapter.title, &chapter.category) {
        (Some(title), Some(category)) => format!("{title} ({category})"),
        (title, category) => title.as_ref().or(category.as_ref()).cloned().unwrap_or_default(),
    }
}

fn milliseconds(seconds: f64) -> u64 {
    // No file lasts for thirty years; ffmpeg must not have to reckon with more.
    (seconds * 1000.0).round().clamp(0.0, 1e12) as u64
}

/// `name=value`, with nothing in the value that means something to ffmpeg.
fn line(name: &str, value: &str) -> String {
    let mut line = format!("{name}=");
    for c in clean(value).chars() {
        if matches!(c, '=' | ';' | '#' | '\\') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chapter(offset_s: f64, title: &str, category: &str) -> Chapter {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Chapter { at: DateTime::UNIX_EPOCH, offset_s, title: some(title), category: some(category) }
    }

    #[test]
    fn it_reads_as_ffmpeg_wants_it() {
        let about = About {
            title: None,
            channel: Some("Some=Channel".into()),
            started_at: Some(DateTime::UNIX_EPOCH),
            url: Some("https://h/x?token=***".into()),
            aligned: Vec::new(),
            chapters: vec![
                chapter(0.0, "", "Chess"),
                chapter(12.5, "#1;\n[CHAPTER] \\o/", "Chess"),
                chapter(60.0, "two", "Go"),
                chapter(99.0, "too late", "Go"),
            ],
        };
        let (text, chapters) = about.ffmetadata(Some(90.25));
        assert_eq!(chapters, 3);
        assert_eq!(
            text,
            ";FFMETADATA1\n\
             title=\\#1\\; [CHAPTER] \\\\o/\n\
             artist=Some\\=Channel\n\
             date=1970-01-01T00:00:00Z\n\
             comment=https://h/x?token\\=***\n\
             description=Chess, Go\n\
             [CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=12500\ntitle=Chess\n\
             [CHAPTER]\nTIMEBASE=1/1000\nSTART=12500\nEND=60000\ntitle=\\#1\\; [CHAPTER] \\\\o/ (Chess)\n\
             [CHAPTER]\nTIMEBASE=1/1000\nSTART=60000\nEND=90250\ntitle=two (Go)\n"
        );
        assert_eq!(about.ffmetadata(None).1, 4);
        assert_eq!(About::default().ffmetadata(Some(1.0)), (";FFMETADATA1\n".to_owned(), 0));
    }

    #[test]
    fn absurd_places_are_borne() {
        for offset in [f64::NAN, f64::INFINITY, -1e300, 1e300] {
            let about =
                About { chapters: vec![chapter(offset, "a", ""), chapter(3.0, "b", "")], ..About::default() };
            assert!(about.ffmetadata(Some(9.0)).1 >= 1, "{offset}");
            assert_eq!(about.ffmetadata(None).1, 2, "{offset}");
        }
    }
}
