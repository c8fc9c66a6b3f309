//! Columns that line up: every cell cleaned, widths from the longest cell, no blanks at the end of a line.

use std::fmt::Write as _;

use crate::text::clean;

/// Which edge of a column is straight.
#[derive(Clone, Copy)]
pub(crate) enum Edge {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// The rows below their heads, each line ended by a line break.
pub(crate) fn table<const N: usize>(heads: [(&str, Edge); N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| clean(cell))).collect();
    let titles = heads.map(|(title, _)| title.to_owned());
    let mut widths = [0; N];
    for row in rows.iter().chain([&titles]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in [&titles].into_iter().chain(&rows) {
        let mut line = String::new();
        for ((cell, width), (_, edge)) in row.iter().zip(widths).zip(heads) {
            // Writing into a String cannot fail.
            let _ = match edge {
                Edge::Left => write!(line, "{cell:<width$}  "),
                Edge::Right => write!(line, "{cell:>width$}  "),
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_strangers_cannot_break_them() {
        let rows =
            [["1".into(), "ü\u{1b}".into(), "x\ny".into()], ["100".into(), "abcd".into(), String::new()]];
        assert_eq!(
            table([("N", Edge::Right), ("NAME", Edge::Left), ("LAST", Edge::Left)], &rows),
            "  N  NAME  LAST\n  1  ü     x y\n100  abcd\n"
        );
    }
}
