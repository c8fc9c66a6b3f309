//! How much play time lies behind a place in a part, told by the timestamps of its pictures.

use std::io;
use std::path::Path;

use super::packets::{Header, PACKET, Packets, PesStart, difference};
use crate::mark::open_near;

/// The last picture before the place lies no further back than this, in bytes.
const BACK: u64 = 4 << 20;
/// Ticks of the clock in a second.
const SECOND: i64 = 90_000;

/// Seconds from the last picture before `offset` to the last one of the file, jumps of the clock left out. 0 if there
/// is none: less is always on the safe side.
///
/// # Errors
/// The file system's.
pub(crate) fn play_time_after(path: &Path, offset: u64) -> io::Result<f64> {
    let (from, mut at) = open_near(path, offset, BACK, PACKET as u64)?;
    let mut packets = Packets::new(from);
    let (mut packet, mut last, mut ticks, mut step) = ([0; PACKET], None::<(u16, i64)>, 0, 0);
    while packets.read(&mut packet)? {
        let header = Header::of(&packet);
        if let Some(dts) = picture(&packet, header)
            && last.is_none_or(|(pid, _)| pid == header.pid)
        {
            let since = last.map_or(0, |(_, last)| difference(dts, last));
            if at + packets.strays >= offset && (1..=SECOND).contains(&since) {
                (ticks, step) = (ticks + since, since);
            }
            last = Some((header.pid, dts));
        }
        at += PACKET as u64;
    }
    // The file ends within a packet: its last picture is not whole.
    if packets.remainder > 0 {
        ticks -= step;
    }
    Ok(ticks as f64 / SECOND as f64)
}

/// Whether the clock of the pictures turns back somewhere in a file: an encoder was started again.
///
/// # Errors
/// The file system's.
pub(crate) fn turns_back(path: &Path) -> io::Result<bool> {
    let (from, _) = open_near(path, 0, 0, PACKET as u64)?;
    let mut packets = Packets::new(from);
    let (mut packet, mut last) = ([0; PACKET], None::<(u16, i64)>);
    while packets.read(&mut packet)? {
        let header = Header::of(&packet);
        if let Some(dts) = picture(&packet, header)
            && last.is_none_or(|(pid, _)| pid == header.pid)
        {
            if last.is_some_and(|(_, last)| difference(dts, last) < 0) {
                return Ok(true);
            }
            last = Some((header.pid, dts));
        }
    }
    Ok(false)
}

/// The decoding time of a picture that begins here.
fn picture(packet: &[u8; PACKET], header: Header) -> Option<i64> {
    let dts = PesStart::of(packet, header)?.dts?;
    let stream_id = packet.get(header.payload + 3)?;
    (0xe0..=0xef).contains(stream_id).then_some(dts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::join::splice::tests::part;

    #[test]
    fn a_clock_that_turns_back_is_seen() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.ts");
        let wrap = (1 << 33) / 3000;
        for (parts, back) in [
            (vec![part(0..60, 7), part(900..960, 7)], false),
            (vec![part(wrap - 9..wrap + 9, 7)], false),
            (vec![part(900..960, 7), part(0..60, 7)], true),
        ] {
            std::fs::write(&path, parts.concat()).expect("written");
            assert_eq!(turns_back(&path).expect("read"), back);
        }
    }

    #[test]
    fn what_came_after_the_place_is_measured() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.ts");
        // 30 pictures are a second; the clock jumps after 60 and again after 90.
        let (first, second, third) = (part(0..60, 7), part(9_000..9_030, 7), part(0..60, 7));
        let whole = [first.clone(), second.clone(), third].concat();
        for (offset, length, seconds) in [
            (first.len(), first.len(), 0.0),
            (first.len(), first.len() + second.len(), 29.0 / 30.0),
            (0, first.len(), 59.0 / 30.0),
            (first.len() / 2, first.len(), 1.0),
            (first.len(), whole.len(), (29.0 + 59.0) / 30.0),
            (0, first.len() - 100, 58.0 / 30.0),
            (first.len() + 5, first.len(), 0.0),
        ] {
            std::fs::write(&path, &whole[..length]).expect("written");
            let found = play_time_after(&path, offset as u64).expect("read");
            assert!((found - seconds).abs() < 0.04, "{offset} of {length}: {found}, not {seconds}");
        }
        std::fs::write(&path, [7; 1000]).expect("written");
        assert!(play_time_after(&path, 0).expect("read").abs() < 1e-9, "no packets at all");
    }
}
