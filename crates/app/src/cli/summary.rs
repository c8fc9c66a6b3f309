//! What a recording came to, for a person. (For a program it is the `--json` object, which the recorder's
//! [`Summary`] serialises to by itself.)

use std::fmt::Write as _;
use std::time::Duration;

use holdfast_recorder::{Ended, Summary};

use crate::term::{bytes, clean, clock, count};

/// Several lines: what is in the file, what is missing, and which way it came.
pub(super) fn text(summary: &Summary) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail; the results are passed over.
    let _ = write_text(&mut out, summary);
    out
}

fn write_text(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let played = clock(Duration::from_secs_f64(summary.duration_s.clamp(0.0, 1e9)));
    let head = match (summary.ended, summary.bytes) {
        (Ended::Failed, 0) => "Nothing was recorded".to_owned(),
        (Ended::Failed, n) => format!("Failed after {played} ({})", bytes(n)),
        (_, n) => format!("Recorded {played} ({})", bytes(n)),
    };
    writeln!(out, "{head} of {}", clean(&summary.url))?;
    match &summary.output {
        Some(path) => row(out, "file", &clean(&path.display().to_string()))?,
        None => {
            for part in &summary.parts {
                row(
                    out,
                    "part",
                    &format!("{} ({})", clean(&part.path.display().to_string()), bytes(part.bytes)),
                )?;
            }
        }
    }
    let about = if summary.estimated { "about " } else { "" };
    let places = summary.gaps.iter().filter(|gap| gap.cause.is_loss()).count() as u64;
    row(
        out,
        "missing",
        &match summary.segments_lost {
            0 if summary.seconds_lost <= 0.0 => "nothing".to_owned(),
            n => format!(
                "{about}{:.1} s ({}, in {})",
                summary.seconds_lost,
                count(n, "segment", "segments"),
                count(places, "place", "places"),
            ),
        },
    )?;
    for gap in &summary.gaps {
        let via = gap.via.as_ref().map_or_else(String::new, |via| format!(", via {via}"));
        let at = gap.at.with_timezone(&chrono::Local).format("%H:%M:%S");
        row(out, "", &format!("{at}  {:.1} s, cause: {}{via}", gap.seconds, gap.cause))?;
    }
    row(out, "failovers", &summary.failovers.to_string())?;
    let last = summary.routes.len().saturating_sub(1);
    for (index, route) in summary.routes.iter().enumerate() {
        let end = route.ended_at.unwrap_or(summary.ended_at);
        let held = (end - route.started_at).to_std().unwrap_or_default();
        // The last one ended because everything did.
        let reason = route.reason.as_ref().filter(|_| index < last);
        let reason = reason.map_or_else(String::new, |reason| format!(", then {}", clean(reason)));
        let line = format!("{}  {}, {}{reason}", route.via, clock(held), bytes(route.bytes));
        row(out, if index == 0 { "routes" } else { "" }, &line)?;
    }
    row(out, "ended", &clean(&summary.reason))?;
    if let Some(error) = &summary.error {
        row(out, "error", &clean(error))?;
    }
    Ok(())
}

fn row(out: &mut String, name: &str, value: &str) -> std::fmt::Result {
    writeln!(out, "  {name:<10} {value}")
}
