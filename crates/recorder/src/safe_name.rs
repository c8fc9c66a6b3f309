//! Text from strangers as a part of a path: a name that no file system refuses (Windows and its relatives are the
//! strictest), that leads nowhere else, and that is shown as it is.

use unicode_normalization::UnicodeNormalization;

/// The longest name, in bytes of UTF-8. File systems allow 255; parts and files in the making add up to 20 to a name.
pub(crate) const LONGEST: usize = 200;

/// What an empty name becomes.
const UNNAMED: &str = "unnamed";

/// Names of devices, with any ending: Windows refuses them, whatever the case.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// A text in one form (NFC), on one line, without what a name must not hold; at most `limit` bytes.
pub(crate) fn value(text: &str, limit: usize) -> String {
    // Longer than that cannot matter, and whoever sends a book need not have all of it read.
    let text: String = text.chars().take(4 * LONGEST).nfc().filter_map(allowed).collect();
    let mut text = one_line(&text);
    cut(&mut text, limit);
    text
}

/// A whole name, of any text; at most `limit` bytes.
pub(crate) fn component(text: &str, limit: usize) -> String {
    let text = value(text, usize::MAX);
    // What stood between brackets was not known.
    let text = one_line(&text.replace("[]", "").replace("()", ""));
    let mut name = trimmed(&text).to_owned();
    if is_device(&name) {
        name.insert(0, '_');
    }
    cut(&mut name, limit);
    let name = trimmed(&name);
    if name.is_empty() { UNNAMED.to_owned() } else { no_part(name) }
}

/// Shortens a text to so many bytes, at a character.
pub(crate) fn cut(text: &mut String, limit: usize) {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// The character, another in its place, or nothing.
fn allowed(c: char) -> Option<char> {
    match c {
        c if c.is_whitespace() => Some(' '),
        '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*' => Some('_'),
        c if c.is_control() || is_invisible(c) => None,
        c => Some(c),
    }
}

/// Characters that are not seen and change how the rest is: they turn the direction around (`gpj.exe` reads as
/// `exe.jpg`), or are no characters at all. The joiners of Persian and of emoji stay.
fn is_invisible(c: char) -> bool {
    let none = u32::from(c) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c);
    none || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// One space where there were several.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without dots and spaces at the ends: Windows drops those behind, those before hide a file or lead up.
fn trimmed(text: &str) -> &str {
    text.trim_matches(['.', ' '])
}

fn is_device(name: &str) -> bool {
    let base = name.split('.').next().unwrap_or(name).trim_end().to_lowercase();
    let port = |prefix| {
        let number = base.strip_prefix(prefix).map(|rest: &str| rest.chars().collect::<Vec<_>>());
        matches!(number.as_deref(), Some(['0'..='9' | '¹' | '²' | '³']))
    };
    DEVICES.contains(&base.as_str()) || port("com") || port("lpt")
}

/// A name that looks like that of another recording's part would be taken for one.
fn no_part(name: &str) -> String {
    match name.rsplit_once(".part") {
        Some((stem, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{stem}_part{number}")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_still_readable() {
        for (text, name) in [
            ("Just chatting: part 2?", "Just chatting_ part 2_"),
            ("a/b\\c", "a_b_c"),
            ("..", "unnamed"),
            ("../../etc/passwd", "_.._etc_passwd"),
            (" . .hidden . ", "hidden"),
            ("NUL", "_NUL"),
            ("nul.tar.gz", "_nul.tar.gz"),
            ("aux ", "_aux"),
            ("COM1", "_COM1"),
            ("LPT³.x", "_LPT³.x"),
            ("COM10", "COM10"),
            ("console", "console"),
            ("one\ttwo\n\u{0}three", "one two three"),
            ("exe\u{202e}gpj", "exegpj"),
            ("2026 [] ()", "2026"),
            ("e\u{301}te\u{301}", "\u{e9}t\u{e9}"),
            ("日本語 🎮", "日本語 🎮"),
            ("", "unnamed"),
            ("show.part001", "show_part001"),
            ("show.part1x", "show.part1x"),
        ] {
            assert_eq!(component(text, LONGEST), name, "{text:?}");
        }
    }

    #[test]
    fn long_names_are_cut_at_a_character() {
        for limit in 8..20 {
            let name = component(&"日本".repeat(50), limit);
            assert!(name.len() <= limit && name.len() > limit - 3, "{name} in {limit}");
        }
        assert_eq!(component("abcdef . ghijkl", 9), "abcdef");
    }
}
