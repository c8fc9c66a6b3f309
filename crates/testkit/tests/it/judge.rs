//! The judge must convict: a missing segment, a doubled one, a damaged one; and acquit in every container.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use holdfast_testkit::Media;
use holdfast_testkit::verify::{self, Stream, Verdict};
use tokio::process::Command;

async fn source() -> Media {
    Media::ready(120).await.unwrap()
}

/// Joins source segments as a recorder's transport stream would have them.
fn join(media: &Media, segments: &[usize], dir: &Path) -> PathBuf {
    let bytes: Vec<u8> = segments.iter().flat_map(|number| media.segment(*number).unwrap()).collect();
    let file = dir.join("joined.ts");
    std::fs::write(&file, bytes).unwrap();
    file
}

async fn remux(file: &Path, extension: &str) -> PathBuf {
    let out = file.with_extension(extension);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-y", "-copyts", "-i"]).arg(file);
    ffmpeg.args(["-map", "0", "-c", "copy"]).arg(&out).stdin(Stdio::null());
    assert!(ffmpeg.status().await.unwrap().success());
    out
}

async fn verdict_on(segments: &[usize], extension: &str) -> Verdict {
    let (media, dir) = (source().await, tempfile::tempdir().unwrap());
    let mut file = join(&media, segments, dir.path());
    if extension != "ts" {
        file = remux(&file, extension).await;
    }
    verify::compare(&file, media.frames()).await.unwrap()
}

#[tokio::test]
async fn a_whole_run_is_clean_in_every_container() {
    for extension in ["ts", "mkv", "mp4"] {
        let verdict = verdict_on(&[3, 4, 5, 6, 7, 8], extension).await;
        assert!(verdict.is_clean(), "{extension}: {verdict}");
        assert_eq!((verdict.first_segment, verdict.last_segment), (3, 8), "{extension}");
        assert_eq!(verdict.video_frames, 300, "{extension}");
    }
}

#[tokio::test]
async fn a_missing_segment_is_found_in_every_container() {
    for extension in ["ts", "mkv", "mp4"] {
        let verdict = verdict_on(&[3, 4, 6, 7], extension).await;
        assert!(!verdict.is_clean());
        assert_eq!(verdict.segments_missing(), 1, "{extension}: {verdict}");
        assert!(
            verdict.missing.iter().all(|fault| fault.segment == 5 && fault.frames == fault.of),
            "{verdict}"
        );
        assert_eq!(
            verdict.missing.iter().map(|fault| fault.stream).collect::<Vec<_>>(),
            [Stream::Video, Stream::Audio]
        );
        assert!((verdict.seconds_missing - 2.0).abs() < 0.1, "{extension}: {verdict}");
        assert!(verdict.duplicated.is_empty(), "{extension}: {verdict}");
    }
}

#[tokio::test]
async fn a_doubled_segment_is_found() {
    let verdict = verdict_on(&[3, 4, 4, 5], "ts").await;
    assert!(verdict.missing.is_empty() && verdict.foreign == 0, "{verdict}");
    assert!(verdict.duplicated.iter().all(|fault| fault.segment == 4), "{verdict}");
    assert!((verdict.seconds_duplicated - 2.0).abs() < 0.1, "{verdict}");
    assert!(!verdict.is_clean());
}

#[tokio::test]
async fn swapped_segments_are_found() {
    let verdict = verdict_on(&[3, 5, 4, 6], "ts").await;
    assert!(verdict.out_of_order > 0 && !verdict.is_clean(), "{verdict}");
}

#[tokio::test]
async fn half_a_segment_is_found() {
    let (media, dir) = (source().await, tempfile::tempdir().unwrap());
    let half = |number| {
        let whole = media.segment(number).unwrap();
        // Whole packets of 188 bytes.
        whole.slice(..whole.len() / 2 / 188 * 188)
    };
    let file = dir.path().join("half.ts");
    let bytes = [media.segment(3).unwrap(), half(4), media.segment(5).unwrap()].concat();
    std::fs::write(&file, bytes).unwrap();
    let verdict = verify::compare(&file, media.frames()).await.unwrap();
    assert!(verdict.seconds_missing > 0.5 && verdict.seconds_missing < 2.0, "{verdict}");
    assert_eq!(verdict.segments_missing(), 1, "{verdict}");
}

#[tokio::test]
async fn holes_in_the_timestamps() {
    let (media, dir) = (source().await, tempfile::tempdir().unwrap());
    let whole = join(&media, &[3, 4, 5], dir.path());
    assert_eq!(verify::gaps_by_timestamps(&whole).await.unwrap(), []);
    assert!((verify::probe_duration(&whole).await.unwrap() - 6.0).abs() < 0.2);
    // More than ten seconds: what ffmpeg would close by itself when asked without -copyts.
    for gap in [1, 7] {
        let file = join(&media, &[3, 4, 5 + gap, 6 + gap], dir.path());
        for extension in ["ts", "mkv", "mp4"] {
            let file = if extension == "ts" { file.clone() } else { remux(&file, extension).await };
            let holes = verify::gaps_by_timestamps(&file).await.unwrap();
            assert_eq!(holes.len(), 1, "{extension}");
            assert!((holes[0].seconds - 2.0 * gap as f64).abs() < 0.05, "{extension}: {holes:?}");
        }
    }
}

#[tokio::test]
async fn a_recording_of_something_else_is_no_recording() {
    let (media, dir) = (source().await, tempfile::tempdir().unwrap());
    let file = join(&media, &[3, 4], dir.path());
    assert!(verify::compare(&file, &media.frames()[10..]).await.is_err());
}
