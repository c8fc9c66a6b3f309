//! Splicing on small files made here: each frame is `(stream, time)`, three packets long, its bytes made from both.

use super::*;

const VIDEO: u16 = 0x100;
const AUDIO: u16 = 0x101;
/// Ticks between frames.
const FRAME: i64 = 3000;

fn packet(pid: u16, starts: bool, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x47, (pid >> 8) as u8 | if starts { 0x40 } else { 0 }, pid as u8, 0x10];
    packet.extend_from_slice(payload);
    packet.resize(PACKET, 0xff);
    packet
}

fn stamp(mark: u8, ticks: i64) -> [u8; 5] {
    let t = ticks.rem_euclid(1 << 33) as u64;
    [
        mark << 4 | (t >> 29) as u8 & 0x0e | 1,
        (t >> 22) as u8,
        (t >> 14) as u8 & 0xfe | 1,
        (t >> 7) as u8,
        (t << 1) as u8 | 1,
    ]
}

/// One frame; `seed` makes the same time hold other bytes.
fn frame(pid: u16, ticks: i64, seed: u8) -> Vec<u8> {
    frame_at(pid, ticks, ticks, seed)
}

/// A frame that is stamped with another time than its bytes are made of.
fn frame_at(pid: u16, ticks: i64, stamped: i64, seed: u8) -> Vec<u8> {
    let mut head = vec![0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10];
    head.extend(stamp(3, stamped + 100));
    head.extend(stamp(1, stamped));
    head.extend([seed, (ticks >> 8) as u8, ticks as u8]);
    let body = [seed ^ ticks as u8; 100];
    [packet(pid, true, &head), packet(pid, false, &body), packet(pid, false, &body)].concat()
}

pub(crate) fn part(frames: std::ops::Range<i64>, seed: u8) -> Vec<u8> {
    let mut bytes = packet(0, true, &[0, 0, 0xb0, 13]);
    for number in frames {
        bytes.extend(frame(VIDEO, number * FRAME, seed));
        bytes.extend(frame(AUDIO, number * FRAME + 500, seed));
    }
    bytes
}

/// Splices and reads back the numbers of the frames of each stream.
fn spliced(parts: &[Vec<u8>]) -> (Vec<i64>, Vec<i64>, Kept) {
    spliced_aligned(parts, &[])
}

fn spliced_aligned(parts: &[Vec<u8>], aligned: &[usize]) -> (Vec<i64>, Vec<i64>, Kept) {
    let directory = tempfile::tempdir().expect("a directory");
    let paths: Vec<_> = (0..parts.len()).map(|n| directory.path().join(format!("{n}.ts"))).collect();
    for (path, bytes) in paths.iter().zip(parts) {
        std::fs::write(path, bytes).expect("written");
    }
    let joined = directory.path().join("joined.ts");
    let kept = splice(&paths, aligned, &joined, &AtomicBool::new(false)).expect("spliced");
    assert_eq!(
        count(&joined, &AtomicBool::new(false)).expect("counted"),
        kept.pes,
        "the file is what was kept"
    );
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    let (mut packets, mut packet) = (open(&joined).expect("there"), [0; PACKET]);
    let (mut counters, mut sizes) = (HashMap::<u16, u8>::new(), HashMap::<u16, usize>::new());
    while packets.read(&mut packet).expect("read") {
        let header = Header::of(&packet);
        let counter = packet[3] & 0x0f;
        if let Some(last) = counters.insert(header.pid, counter) {
            assert_eq!(counter, (last + 1) & 0x0f, "continuity of {:#x}", header.pid);
        }
        *sizes.entry(header.pid).or_default() += 1;
        if let Some(dts) = PesStart::of(&packet, header).and_then(|start| start.dts) {
            let frames = if header.pid == VIDEO { &mut video } else { &mut audio };
            frames.push(difference(dts, 0).div_euclid(FRAME));
        }
    }
    assert_eq!(
        sizes.get(&VIDEO).copied().unwrap_or(0),
        video.len() * 3,
        "no part of a frame without the rest"
    );
    (video, audio, kept)
}

#[test]
fn an_overlap_is_cut_exactly() {
    let (video, audio, kept) = spliced(&[part(0..50, 7), part(40..90, 7), part(85..120, 7)]);
    assert_eq!(video, Vec::from_iter(0..120));
    assert_eq!(audio, Vec::from_iter(0..120));
    assert_eq!(kept.overlaps, 2);
}

#[test]
fn a_frame_cut_short_is_taken_from_the_next_part() {
    for cut in [1, 100, PACKET, PACKET + 17, 2 * PACKET, 3 * PACKET + 5, 4 * PACKET, 5 * PACKET + 180] {
        let mut first = part(0..50, 7);
        first.truncate(first.len() - cut);
        let (video, audio, _) = spliced(&[first, part(30..90, 7)]);
        assert_eq!(video, Vec::from_iter(0..90), "{cut} bytes cut off");
        assert_eq!(audio, Vec::from_iter(0..90), "{cut} bytes cut off");
    }
}

#[test]
fn a_gap_stays_a_gap() {
    let (video, _, kept) = spliced(&[part(0..50, 7), part(60..90, 7)]);
    assert_eq!(video, Vec::from_iter((0..50).chain(60..90)));
    assert_eq!(kept.overlaps, 0);
    let (touching, _, _) = spliced(&[part(0..50, 7), part(50..90, 7)]);
    assert_eq!(touching, Vec::from_iter(0..90));
}

#[test]
fn a_frame_cut_short_before_a_gap_is_dropped() {
    let mut first = part(0..50, 7);
    first.truncate(first.len() - 20);
    let (video, audio, _) = spliced(&[first, part(60..90, 7)]);
    assert_eq!(video.len(), 80);
    assert_eq!(audio.len(), 79);
}

#[test]
fn the_same_times_with_other_content_are_another_timeline() {
    let (video, _, kept) = spliced(&[part(0..50, 7), part(0..50, 9)]);
    assert_eq!(video, Vec::from_iter((0..50).chain(0..50)));
    assert_eq!(kept.overlaps, 0);
}

#[test]
fn the_whole_stream_again_adds_only_its_end() {
    let (video, audio, _) = spliced(&[part(0..500, 7), part(0..510, 7)]);
    assert_eq!(video, Vec::from_iter(0..510));
    assert_eq!(audio, Vec::from_iter(0..510));
}

#[test]
fn times_that_jump_back_later_are_kept() {
    let range = |range: std::ops::Range<i64>| range.collect::<Vec<_>>();
    let two = |a: Vec<u8>, b: Vec<u8>| [a, b].concat();
    for (name, parts, expected) in [
        (
            "after the overlap",
            vec![part(0..50, 7), two(part(40..90, 7), part(0..30, 9))],
            [range(0..90), range(0..30)].concat(),
        ),
        (
            "over the same times again",
            vec![part(0..50, 7), two(part(40..90, 7), part(0..95, 9))],
            [range(0..90), range(0..95)].concat(),
        ),
        (
            "right at the end of the overlap",
            vec![part(0..50, 7), two(part(40..50, 7), part(0..30, 9))],
            [range(0..50), range(0..30)].concat(),
        ),
        (
            "before the end of the overlap",
            vec![part(0..50, 7), two(part(40..48, 7), part(0..60, 9))],
            [range(0..50), range(0..60)].concat(),
        ),
        (
            "within the overlap",
            vec![two(part(0..50, 7), part(0..30, 9)), two(part(20..50, 7), part(0..60, 9))],
            [range(0..50), range(0..60)].concat(),
        ),
        (
            "within what is compared",
            vec![two(part(0..50, 7), part(0..5, 9)), two(part(40..50, 7), part(0..60, 9))],
            [range(0..50), range(0..60)].concat(),
        ),
        (
            "and a third part goes on from there",
            vec![part(0..50, 7), two(part(40..90, 7), part(0..30, 9)), part(20..60, 9)],
            [range(0..90), range(0..60)].concat(),
        ),
    ] {
        let (video, audio, _) = spliced(&parts);
        assert_eq!(video, expected, "{name}");
        assert_eq!(audio, expected, "{name}");
    }
}

#[test]
fn an_overlap_over_the_wrap_is_cut() {
    let wrap = (1 << 33) / FRAME;
    let (video, _, kept) = spliced(&[part(wrap - 30..wrap + 5, 7), part(wrap - 5..wrap + 30, 7)]);
    assert_eq!(video.len(), 60);
    assert_eq!(kept.overlaps, 1);
}

#[test]
fn a_part_within_the_one_before_adds_nothing() {
    for middle in [20..50, 20..48, 49..50, 30..31] {
        let (video, audio, _) = spliced(&[part(0..50, 7), part(middle.clone(), 7), part(45..60, 7)]);
        assert_eq!(video, Vec::from_iter(0..60), "{middle:?}");
        assert_eq!(audio, Vec::from_iter(0..60), "{middle:?}");
    }
}

/// Sound packed differently: frames of twice the length, shifted against the other part's.
fn repacked(frames: std::ops::Range<i64>, shift: i64) -> Vec<u8> {
    let mut bytes = packet(0, true, &[0, 0, 0xb0, 13]);
    for number in frames {
        bytes.extend(frame(VIDEO, number * FRAME, 7));
        if number % 2 == shift {
            bytes.extend(frame(AUDIO, number * FRAME + 500, 7));
        }
    }
    bytes
}

#[test]
fn sound_that_is_packed_differently_is_told() {
    let (video, _, kept) = spliced(&[repacked(0..50, 0), repacked(30..90, 1)]);
    assert_eq!(video, Vec::from_iter(0..90));
    assert!(kept.mismatched);
    let (_, audio, kept) = spliced(&[repacked(0..50, 0), repacked(30..90, 0)]);
    assert_eq!(audio, Vec::from_iter((0..90).step_by(2)));
    assert!(!kept.mismatched);
}

#[test]
fn times_a_tick_apart_are_the_same() {
    let later: Vec<u8> = (30..90)
        .flat_map(|n| {
            [frame(VIDEO, n * FRAME, 7), frame_at(AUDIO, n * FRAME + 500, n * FRAME + 501, 7)].concat()
        })
        .collect();
    let (video, audio, kept) = spliced(&[part(0..50, 7), later]);
    assert_eq!((video, audio), (Vec::from_iter(0..90), Vec::from_iter(0..90)));
    assert!(!kept.mismatched);
}

#[test]
fn it_can_be_cancelled() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.ts");
    std::fs::write(&path, part(0..50, 7)).expect("written");
    let error =
        splice(&[path], &[], &directory.path().join("b.ts"), &AtomicBool::new(true)).expect_err("cancelled");
    assert_eq!(error.kind(), io::ErrorKind::Interrupted);
}

#[test]
fn only_the_head_of_a_part_is_compared() {
    // The later part overlaps the one before, and begins another timeline further on.
    let mut later = part(40..90, 1);
    later.extend(part(0..30, 2));
    let (video, audio, _) = spliced(&[part(0..50, 1), later]);
    assert_eq!((video.len(), audio.len()), (120, 120));
}

#[test]
fn a_hole_in_an_earlier_part_is_not_filled_by_a_later_one() {
    // The ledger relies on this: what failed before the end of a part stays lost.
    let first = [part(0..40, 7), part(44..50, 7)].concat();
    let (video, _, kept) = spliced(&[first, part(38..60, 7)]);
    assert_eq!(video, Vec::from_iter((0..40).chain(44..60)));
    assert_eq!(kept.overlaps, 1);
}

#[test]
fn a_part_of_a_few_bytes_parts_nothing() {
    let stump = part(40..90, 7)[..300].to_vec();
    let (video, audio, kept) = spliced(&[part(0..50, 7), stump, part(40..90, 7)]);
    assert_eq!((video, audio), (Vec::from_iter(0..90), Vec::from_iter(0..90)));
    assert_eq!(kept.overlaps, 1);
}

#[test]
fn another_quality_of_the_same_broadcast_goes_on_where_the_first_one_ends() {
    let whole = |end: i64| (Vec::from_iter(0..end), Vec::from_iter(0..end));
    // An overlap far longer than what is compared by bytes, and of the whole part before.
    for (second, third) in [(0..400, 300..500), (250..310, 200..500), (250..290, 200..500)] {
        let parts = [part(0..300, 7), part(second, 9), part(third, 7)];
        let (video, audio, kept) = spliced_aligned(&parts, &[1, 2]);
        assert_eq!(((video, audio), kept.overlaps), (whole(500), 2));
    }
    // What the first ends in the middle of is taken from the second.
    let mut cut = part(0..300, 7);
    cut.truncate(cut.len() - PACKET - 50);
    let (video, audio, _) = spliced_aligned(&[cut, part(280..400, 9)], &[1]);
    assert_eq!((video, audio), whole(400));
    // A hole between them stays one.
    let (video, _, _) = spliced_aligned(&[part(0..300, 7), part(350..400, 9)], &[1]);
    assert_eq!(video, Vec::from_iter((0..300).chain(350..400)));
    // Nobody said that it is the same broadcast: all of it is kept.
    let (video, _, kept) = spliced(&[part(0..300, 7), part(280..400, 9)]);
    assert_eq!((video.len(), kept.overlaps), (420, 0));
    // The bytes say more than whoever recorded it.
    let (video, audio, _) = spliced_aligned(&[part(0..300, 7), part(280..400, 7)], &[1]);
    assert_eq!((video, audio), whole(400));
}
