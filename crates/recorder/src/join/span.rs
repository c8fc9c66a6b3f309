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

/// The decoding time of a picture that begins here.
fn picture(packet: &[u8; PACKET], header: Header) -> Option<i64> {
    let dts = PesStart::of(packet, header)?.dts?;
    let stream_id = packet.get(header.payload + 3)?;
    (0xe0..=0xef).contains(stream_id).then_some(dts)
}
