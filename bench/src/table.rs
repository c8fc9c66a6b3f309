//! Figures as people read them: a table in Markdown, every peer's figure with its ratio to ours.

use std::fmt;

use crate::Kind;

/// Rows under a header.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these columns.
    pub(crate) fn new<const N: usize>(columns: [&str; N]) -> Self {
        Self { rows: vec![columns.map(str::to_owned).to_vec()] }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |c: usize| {
            self.rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(&widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")?;
            if index == 0 {
                for width in &widths {
                    write!(f, "|{}", "-".repeat(width + 2))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// "no more than HAProxy's", and whether it is so.
#[derive(Debug)]
pub(crate) struct Goal {
    what: &'static str,
    ours: Option<f64>,
    theirs: Option<f64>,
}

impl Goal {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, ours: None, theirs: None }
    }

    /// Takes a figure if it is one of the two that matter.
    pub(crate) fn note(&mut self, kind: impl Into<Option<Kind>>, value: f64) {
        match kind.into() {
            Some(Kind::Holdfast) => self.ours = Some(value),
            Some(Kind::Haproxy) => self.theirs = Some(value),
            _ => {}
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(ours), Some(theirs)) = (self.ours, self.theirs) else { return Ok(()) };
        let verdict = if ours <= theirs { "met" } else { "missed" };
        writeln!(f, "goal, {} no more than HAProxy's: {verdict}", self.what)
    }
}

/// "×1.25" of a base; nothing without a base.
pub(crate) fn ratio(value: f64, base: Option<f64>) -> String {
    base.filter(|b| *b > 0.0).map_or_else(String::new, |base| format!(" (×{:.2})", value / base))
}

/// The middle one of several.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value that a share of all does not exceed.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let index = (last as f64 * share).round() as usize;
    values.get(index).copied().unwrap_or(f64::NAN)
}
