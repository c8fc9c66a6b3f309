//! Columns that line up: every cell cleaned, no blanks at the end of a line, and no room lost to the longest title. On a
//! terminal cells are cut so that lines fit; elsewhere, for scripts and pagers, every cell is whole.

use std::fmt::Write as _;

use crate::text::clean;

/// Which edge of a column is straight.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Words. They may be cut.
    Left,
    /// Numbers.
    Right,
}

/// Without a terminal a longer cell pushes the rest of its own line, and of no other.
const WIDEST: usize = 40;
/// On a terminal no column is cut to less: rather a line that is wrapped than one that says nothing.
const NARROWEST: usize = 16;
/// Between two columns.
const BETWEEN: usize = 2;

/// The rows below their heads, each line ended by a line break, for a terminal of so many columns; `None`: for none.
#[must_use]
pub fn table<const N: usize>(
    heads: [(&str, Edge); N],
    rows: &[[String; N]],
    terminal: Option<usize>,
) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| clean(cell))).collect();
    let titles = heads.map(|(title, _)| title.to_owned());
    let all = || [&titles].into_iter().chain(&rows);
    let mut widths = [0; N];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(row) {
            let length = cell.chars().count();
            if terminal.is_some() || length <= WIDEST {
                *width = (*width).max(length);
            }
        }
    }
    if let Some(columns) = terminal {
        fit(&mut widths, heads.map(|(_, edge)| edge), columns);
    }
    let mut out = String::new();
    for row in all() {
        let mut line = String::new();
        for ((cell, width), (_, edge)) in row.iter().zip(widths).zip(heads) {
            let cell = if terminal.is_some() { cut(cell, width) } else { cell.clone() };
            // Writing into a String cannot fail.
            let _ = match edge {
                Edge::Left => write!(line, "{cell:<width$}{:BETWEEN$}", ""),
                Edge::Right => write!(line, "{cell:>width$}{:BETWEEN$}", ""),
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Takes from the widest column of words until the lines fit.
fn fit<const N: usize>(widths: &mut [usize; N], edges: [Edge; N], columns: usize) {
    while widths.iter().sum::<usize>() + BETWEEN * N.saturating_sub(1) > columns {
        let words = widths.iter_mut().zip(edges).filter(|(_, edge)| *edge == Edge::Left);
        let widest = words.map(|(width, _)| width).max().filter(|width| **width > NARROWEST);
        let Some(widest) = widest else { return };
        *widest -= 1;
    }
}

/// The text, or its beginning and `…`.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: [(&str, Edge); 3] = [("N", Edge::Right), ("NAME", Edge::Left), ("LAST", Edge::Left)];

    #[test]
    fn columns_line_up_and_strangers_cannot_break_them() {
        let rows =
            [["1".into(), "ü\u{1b}".into(), "x\ny".into()], ["100".into(), "abcd".into(), String::new()]];
        for terminal in [None, Some(80)] {
            assert_eq!(table(HEADS, &rows, terminal), "  N  NAME  LAST\n  1  ü     x y\n100  abcd\n");
        }
    }

    #[test]
    fn a_long_cell_is_whole_and_widens_its_own_line_only() {
        let long = "ü".repeat(500);
        let rows = [["1".into(), long.clone(), "a".into()], ["2".into(), "abcdef".into(), "b".into()]];
        let expected = format!("N  NAME    LAST\n1  {long}  a\n2  abcdef  b\n");
        assert_eq!(table(HEADS, &rows, None), expected);
    }

    #[test]
    fn a_terminal_is_filled_and_not_exceeded() {
        let row = |n: &str| [n.to_owned(), "ü".repeat(30), "b".repeat(500)];
        let shown = table(HEADS, &[row("1"), row("12345")], Some(60));
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1..].iter().all(|line| line.chars().count() == 60), "{shown}");
        assert_eq!(lines[2], format!("12345  {}…  {}…", "ü".repeat(25), "b".repeat(24)));
        let narrow = table(HEADS, &[row("12345")], Some(20));
        assert_eq!(
            narrow.lines().last(),
            Some(format!("12345  {}…  {}…", "ü".repeat(15), "b".repeat(15)).as_str())
        );
    }
}
