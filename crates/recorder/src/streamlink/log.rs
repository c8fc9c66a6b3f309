//! Streamlink's log, line by line (8.6, `--loglevel debug`, with the thread's name in front because video and
//! separate sound count their segments alike).

use std::ops::RangeInclusive;

/// How long a segment can be, in seconds: from the least that Streamlink shows to far more than is ever cut.
const SEGMENT_LASTS: RangeInclusive<f64> = 0.001..=3600.0;

/// Which of the playlists of a stream a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Track {
    /// The video, or everything.
    Main,
    /// Separate sound.
    Audio,
}

/// What a line says. Durations in seconds, 0 where they are not known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LogLine {
    /// The playlist held these numbers when the stream was opened.
    Window { first: u64, last: u64 },
    /// A segment is in the playlist and will be fetched.
    Queued { track: Track, number: u64, duration: f64 },
    /// A segment was fetched and is being written.
    Writing { track: Track, number: u64 },
    /// A segment was written whole.
    Complete { track: Track, number: u64 },
    /// A segment was an advertisement and is left out.
    Discarded { track: Track, number: u64 },
    /// A segment is given up.
    Failed { track: Track, number: u64, reason: String },
    /// A segment of a DASH stream is given up; these have no numbers to compare.
    DashFailed { reason: String },
    /// Segments left the playlist before they were seen, from this number on.
    SequenceGap { track: Track, at: u64, segments: u64 },
    /// The playlist could not be fetched this time.
    ReloadFailed { reason: String },
    /// A stream was chosen.
    Opened { quality: String, kind: String },
    /// The playlist stood still for too long.
    NoNewSegments,
    /// No byte came for too long.
    ReadTimeout,
    /// The output ended, for whatever reason.
    StreamEnded,
    /// The page offers no stream.
    NoStreams,
    /// No plugin knows such a URL.
    NoPlugin,
    /// The page offers streams, but not of this quality; with those it offers.
    NoSuchQuality { available: String },
    /// An advertisement break of this length has come up.
    Ads { seconds: f64 },
    /// Nothing is written from here on, for what comes is cut out.
    CuttingOut,
    /// Something is written again.
    WritingAgain,
    /// Any other warning.
    Warning(String),
    /// Any other error.
    Error(String),
    /// Nothing of interest.
    Other,
}

/// Reads one line.
pub(crate) fn parse(line: &str) -> LogLine {
    let Some((thread, level, message)) = split(line) else {
        return console(line);
    };
    let track = if thread.contains("-audio-") { Track::Audio } else { Track::Main };
    known(track, message).unwrap_or_else(|| match level {
        "error" | "critical" => LogLine::Error(message.to_owned()),
        "warning" => LogLine::Warning(message.to_owned()),
        _ => LogLine::Other,
    })
}

/// `[thread][name][level] message`
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let (thread, rest) = line.strip_prefix('[')?.split_once("][")?;
    let (_, rest) = rest.split_once("][")?;
    let (level, message) = rest.split_once("] ")?;
    Some((thread, level, message))
}

fn known(track: Track, message: &str) -> Option<LogLine> {
    let (first, rest) = message.split_once(' ')?;
    match first {
        "Queuing" => queued(track, rest),
        "Writing" => Some(LogLine::Writing { track, number: between(rest, "segment ", " to output")? }),
        "Segment" => Some(LogLine::Complete { track, number: rest.strip_suffix(" complete")?.parse().ok()? }),
        "Discarding" => {
            Some(LogLine::Discarded { track, number: rest.strip_prefix("segment ")?.parse().ok()? })
        }
        "Failed" if rest.starts_with("to fetch segment ") => {
            failed(track, rest.strip_prefix("to fetch segment ")?)
        }
        "Download" => {
            let (number, reason) = rest.strip_prefix("of segment ")?.split_once(" failed: ")?;
            Some(LogLine::Failed { track, number: number.parse().ok()?, reason: reason.to_owned() })
        }
        "Error" if rest.starts_with("while decrypting segment ") => {
            failed(track, rest.strip_prefix("while decrypting segment ")?)
        }
        "Sequence" => {
            let segments = rest.strip_prefix("gap of ")?.split(' ').next()?.parse().ok()?;
            Some(LogLine::SequenceGap { track, at: between(rest, "at position ", ".")?, segments })
        }
        "First" => Some(LogLine::Window {
            first: between(rest, "Sequence: ", ";")?,
            last: rest.rsplit_once("Last Sequence: ")?.1.parse().ok()?,
        }),
        "Reloading" => Some(LogLine::ReloadFailed { reason: rest.strip_prefix("failed: ")?.to_owned() }),
        "Opening" => {
            let (quality, kind) = rest.strip_prefix("stream: ")?.strip_suffix(')')?.rsplit_once(" (")?;
            Some(LogLine::Opened { quality: quality.to_owned(), kind: kind.to_owned() })
        }
        "No" if rest.starts_with("new segments for more than ") => Some(LogLine::NoNewSegments),
        "Stream" if rest == "ended" => Some(LogLine::StreamEnded),
        "Filtering" if rest.starts_with("out segments") => Some(LogLine::CuttingOut),
        "Waiting" if rest.starts_with("for pre-roll ads") => Some(LogLine::CuttingOut),
        "Resuming" if rest == "stream output" => Some(LogLine::WritingAgain),
        "Detected" => Some(LogLine::Ads { seconds: between(rest, "advertisement break of ", " second")? }),
        _ if message.contains(" segment ") && message.contains(": failed (") => {
            Some(LogLine::DashFailed { reason: message.to_owned() })
        }
        _ => None,
    }
}

fn queued(track: Track, rest: &str) -> Option<LogLine> {
    let fields = rest.split_once("Segment(")?.1;
    // The first of its name: behind it stands a title, which may say anything.
    if between::<String>(fields, " init=", ",")? == "True" {
        return None;
    }
    let number = between(fields, "num=", ",")?;
    let duration = between(fields, " duration=", ",").map_or(0.0, segment_duration);
    Some(LogLine::Queued { track, number, duration })
}

/// The duration of a segment in seconds; 0, which is unknown, if it is none that a segment can have. Whoever writes the
/// playlist may claim any number, and sums and clocks are made of what passes here.
pub(crate) fn segment_duration(claimed: f64) -> f64 {
    if SEGMENT_LASTS.contains(&claimed) { claimed } else { 0.0 }
}

fn failed(track: Track, rest: &str) -> Option<LogLine> {
    let (number, reason) = rest.split_once(": ")?;
    Some(LogLine::Failed { track, number: number.parse().ok()?, reason: reason.to_owned() })
}

fn between<T: std::str::FromStr>(text: &str, before: &str, after: &str) -> Option<T> {
    let rest = text.split_once(before)?.1;
    rest.split_once(after).map_or(rest, |(value, _)| value).parse().ok()
}

/// What the command line prints outside its log.
fn console(line: &str) -> LogLine {
    let Some(message) = line.strip_prefix("error: ") else {
        return match line.trim_start().strip_prefix("Available streams: ") {
            Some(available) => LogLine::NoSuchQuality { available: available.to_owned() },
            None => LogLine::Other,
        };
    };
    if message.contains("Read timeout") {
        LogLine::ReadTimeout
    } else if message.starts_with("No playable streams found") {
        LogLine::NoStreams
    } else if message.starts_with("No plugin can handle URL") {
        LogLine::NoPlugin
    } else {
        LogLine::Error(message.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_real_streamlink_are_read() {
        use LogLine::*;
        let main = Track::Main;
        for (line, expected) in [
            (
                "[HLSStreamWorker-0][stream.hls][debug] First Sequence: 0; Last Sequence: 7",
                Window { first: 0, last: 7 },
            ),
            (
                "[HLSStreamWorker-0][stream.segmented][debug] Queuing HLSSegment(num=5, init=False, \
                 discontinuity=False, duration=2.000, title=None, key=None, byterange=None, date=None, map=None, \
                 fileext='ts')",
                Queued { track: main, number: 5, duration: 2.0 },
            ),
            (
                "[HLSStreamWorker-audio-0][stream.segmented][debug] Queuing HLSSegment(num=5, init=False, \
                 discontinuity=False, duration=1.984, title=None, key=None, byterange=None, date=None, map=None, \
                 fileext='ts')",
                Queued { track: Track::Audio, number: 5, duration: 1.984 },
            ),
            (
                "[HLSStreamWriter-0][stream.hls][debug] Writing segment 5 to output",
                Writing { track: main, number: 5 },
            ),
            (
                "[HLSStreamWriter-0][stream.hls][debug] Segment 5 complete",
                Complete { track: main, number: 5 },
            ),
            ("[HLSStreamWriter-0][stream.hls][debug] Segment initialization 5 complete", Other),
            (
                "[HLSStreamWriter-0][stream.hls][debug] Discarding segment 9",
                Discarded { track: main, number: 9 },
            ),
            (
                "[HLSStreamWorker-0][stream.segmented][warning] Sequence gap of 5 segments at position 12. This is \
                 unsupported and will result in incoherent output data.",
                SequenceGap { track: main, at: 12, segments: 5 },
            ),
            (
                "[HLSStreamWorker-0][stream.segmented][warning] Sequence gap of 1 segment at position 8. This is \
                 unsupported and will result in incoherent output data.",
                SequenceGap { track: main, at: 8, segments: 1 },
            ),
            (
                "[HLSStreamWriter-0-executor_0][stream.hls][error] Failed to fetch segment 15: Unable to open URL: \
                 http://127.0.0.1:9911/s15.ts (404 Client Error)",
                Failed {
                    track: main,
                    number: 15,
                    reason: "Unable to open URL: http://127.0.0.1:9911/s15.ts (404 Client Error)".into(),
                },
            ),
            (
                "[HLSStreamWorker-0][stream.hls][warning] Reloading failed: Unable to open URL: http://h/x.m3u8 (x)",
                ReloadFailed { reason: "Unable to open URL: http://h/x.m3u8 (x)".into() },
            ),
            (
                "[MainThread][cli][info] Opening stream: 1080p60 (hls)",
                Opened { quality: "1080p60".into(), kind: "hls".into() },
            ),
            (
                "[HLSStreamWorker-0][stream.segmented][warning] No new segments for more than 40.00s. Stopping...",
                NoNewSegments,
            ),
            ("error: Error when reading from stream: Read timeout, exiting", ReadTimeout),
            ("[MainThread][cli][info] Stream ended", StreamEnded),
            ("error: No playable streams found on this URL: https://h/", NoStreams),
            ("error: No plugin can handle URL: foo", NoPlugin),
            (
                "       Available streams: 360p (worst), 720p (best)",
                NoSuchQuality { available: "360p (worst), 720p (best)".into() },
            ),
            (
                "[HLSStreamWorker-0][plugins.twitch][info] Detected advertisement break of 30 seconds",
                Ads { seconds: 30.0 },
            ),
            (
                "[TwitchHLSStreamWorker-0][plugins.twitch][info] Waiting for pre-roll ads to finish, be patient",
                CuttingOut,
            ),
            (
                "[TwitchHLSStreamWriter-0][stream.hls][info] Filtering out segments and pausing stream output",
                CuttingOut,
            ),
            ("[TwitchHLSStreamWriter-0][stream.hls][info] Resuming stream output", WritingAgain),
            (
                "[TwitchHLSStreamWorker-0][stream.segmented][debug] Queuing TwitchHLSSegment(num=9, init=False, \
                 discontinuity=True, duration=0.000, title='Amazon|123', key=None, byterange=None, \
                 date=2026-01-01T00:00:18.000000Z, map=None, ad=True, prefetch=False, fileext='ts')",
                Queued { track: main, number: 9, duration: 0.0 },
            ),
            ("[HLSStreamWorker-0][stream.hls][debug] Reloading playlist", Other),
            ("[MainThread][cli][error] Something else", Error("Something else".into())),
            ("", Other),
            ("[[[", Other),
        ] {
            assert_eq!(parse(line), expected, "{line}");
        }
    }

    #[test]
    fn a_playlist_cannot_claim_any_duration() {
        for (claimed, read) in [
            ("2.000", 2.0),
            ("3600.000", 3600.0),
            ("0.001", 0.001),
            ("0.000", 0.0),
            ("3600.001", 0.0),
            ("99999999999999991611392.000", 0.0),
            ("inf", 0.0),
            ("nan", 0.0),
            ("-2.000", 0.0),
            ("1e-320", 0.0),
        ] {
            let line = format!(
                "[HLSStreamWorker-0][stream.segmented][debug] Queuing HLSSegment(num=5, init=False, \
                 discontinuity=False, duration={claimed}, title=None)"
            );
            let expected = LogLine::Queued { track: Track::Main, number: 5, duration: read };
            assert_eq!(parse(&line), expected, "{claimed}");
        }
    }

    #[test]
    fn a_title_hides_no_segment() {
        let line = "[HLSStreamWorker-0][stream.segmented][debug] Queuing HLSSegment(num=5, init=False, \
                    discontinuity=False, duration=2.000, title='init=True', key=None)";
        assert_eq!(parse(line), LogLine::Queued { track: Track::Main, number: 5, duration: 2.0 });
    }
}
