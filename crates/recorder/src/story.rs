//! The story of a recording: what the broadcast was called, stretch by stretch, and where in the file each begins.

use chrono::{DateTime, Utc};
use holdfast_model::{Chapter, Scene, clean};

/// A stretch shorter than this, in seconds, is none: somebody corrected a title.
const SHORTEST: f64 = 1.0;
/// So many chapters are kept. A site that renames its broadcast more often renames the last one.
const MOST: usize = 500;
/// So many characters of a title are kept; Twitch allows 140.
const LONGEST: usize = 300;

/// The chapters so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Story {
    chapters: Vec<Chapter>,
}

impl Story {
    /// Goes on with what an earlier run kept.
    pub(crate) fn resume(chapters: Vec<Chapter>) -> Self {
        Self { chapters }
    }

    pub(crate) fn chapters(&self) -> &[Chapter] {
        &self.chapters
    }

    /// The broadcast is called so now, `offset_s` seconds into the file; true if that is news. A scene that says nothing is
    /// no change: the platform could not be asked. The first chapter always begins at 0.
    pub(crate) fn tell(&mut self, scene: &Scene, at: DateTime<Utc>, offset_s: f64) -> bool {
        let (title, category) = (tidy(scene.title.as_deref()), tidy(scene.category.as_deref()));
        if title.is_none() && category.is_none() {
            return false;
        }
        let full = self.chapters.len() >= MOST;
        match self.chapters.last_mut() {
            Some(last) if last.title == title && last.category == category => return false,
            Some(last) if full || offset_s - last.offset_s < SHORTEST => {
                (last.title, last.category) = (title, category);
            }
            Some(_) => self.chapters.push(Chapter { at, offset_s, title, category }),
            None => self.chapters.push(Chapter { at, offset_s: 0.0, title, category }),
        }
        // A change that was taken back at once.
        if let [.., before, last] = self.chapters.as_slice()
            && before.title == last.title
            && before.category == last.category
        {
            self.chapters.pop();
        }
        true
    }
}

fn tidy(text: Option<&str>) -> Option<String> {
    let text: String = clean(text?).trim().chars().take(LONGEST).collect();
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(words: &str) -> Scene {
        let (title, category) = words.split_once('/').unwrap_or((words, ""));
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Scene { title: some(title), category: some(category) }
    }

    /// `title/category@offset`, each told in turn, and what became of them.
    fn told(scenes: &[(&str, f64)]) -> Vec<(String, f64)> {
        let mut story = Story::default();
        for (words, offset) in scenes {
            story.tell(&scene(words), DateTime::UNIX_EPOCH, *offset);
        }
        let shown = |text: &Option<String>| text.clone().unwrap_or_default();
        let chapters = story.chapters().iter();
        chapters.map(|c| (format!("{}/{}", shown(&c.title), shown(&c.category)), c.offset_s)).collect()
    }

    #[test]
    fn a_chapter_begins_where_title_or_category_changes() {
        for (scenes, expected) in [
            (
                vec![("a/x", 0.0), ("a/x", 9.0), ("b/x", 20.0), ("b/y", 30.0)],
                vec![("a/x", 0.0), ("b/x", 20.0), ("b/y", 30.0)],
            ),
            // Known only after a while: it was called so from the beginning, as far as anybody knows.
            (vec![("", 0.0), ("a/x", 8.0)], vec![("a/x", 0.0)]),
            // Nothing known is no change.
            (vec![("a/x", 0.0), ("", 8.0), ("a/x", 16.0)], vec![("a/x", 0.0)]),
            // Corrected at once, and taken back at once.
            (vec![("a/x", 0.0), ("b/x", 20.0), ("c/x", 20.5)], vec![("a/x", 0.0), ("c/x", 20.0)]),
            (
                vec![("a/x", 0.0), ("b/x", 20.0), ("a/x", 20.5), ("c/x", 40.0)],
                vec![("a/x", 0.0), ("c/x", 40.0)],
            ),
            // The end of the file was lost in a crash: offsets may fall back.
            (vec![("a/x", 0.0), ("b/x", 20.0), ("c/x", 10.0)], vec![("a/x", 0.0), ("c/x", 20.0)]),
            (vec![("a/", 0.0), ("a/ \n", 9.0)], vec![("a/", 0.0)]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(words, at)| (words.to_owned(), at)).collect();
            assert_eq!(told(&scenes), expected, "{scenes:?}");
        }
    }

    #[test]
    fn a_site_cannot_make_it_grow_without_end() {
        let mut story = Story::default();
        for number in 0..MOST + 9 {
            let title = format!("{number}\u{1b}[2J{}", "x".repeat(LONGEST * 2));
            let scene = Scene { title: Some(title), category: None };
            assert!(story.tell(&scene, DateTime::UNIX_EPOCH, number as f64 * 10.0));
        }
        let chapters = story.chapters();
        assert_eq!(chapters.len(), MOST);
        let last = chapters.last().and_then(|chapter| chapter.title.clone()).expect("a title");
        assert!(last.starts_with(&(MOST + 8).to_string()) && last.chars().count() == LONGEST, "{last}");
        assert!(!last.contains('\u{1b}'));
    }
}
