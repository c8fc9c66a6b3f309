//! Text for a person's terminal. Labels, tags and error texts come from strangers: here they lose what would move
//! the cursor or hide text, and any password in a URL.

use holdfast_model::mask_passwords;

/// The text without control characters and without characters that reverse or hide text, and with `***` in
/// place of the password of any URL. A line break becomes a space.
pub(crate) fn clean(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' => Some(' '),
            c if c.is_control() => None,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => None,
            c => Some(c),
        })
        .collect();
    mask_passwords(&visible).into_owned()
}

/// `1 proxy`, `2 proxies`.
pub(crate) fn proxies(n: usize) -> String {
    if n == 1 { "1 proxy".to_owned() } else { format!("{n} proxies") }
}

/// `123 ms`, or `-` if it was not measured.
pub(crate) fn time(ms: Option<u32>) -> String {
    ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_move_the_cursor_or_hide() {
        for (text, shown) in [
            ("plain – ünïcode 🎉", "plain – ünïcode 🎉"),
            ("\u{1b}[2Jgone\u{7}", "[2Jgone"),
            ("two\nlines\ttab", "two lines tab"),
            ("abc\u{202e}cba", "abccba"),
            ("at http://u:p\u{200b}w@h", "at http://u:***@h"),
        ] {
            assert_eq!(clean(text), shown);
        }
    }
}
