//! MPEG-TS as far as splicing needs it: packets of 188 bytes, and in them where a PES packet (one access unit, as a
//! rule) begins, with its decoding time.

use std::io::{self, BufRead};

pub(super) const PACKET: usize = 188;
const SYNC: u8 = 0x47;
/// Timestamps have 33 bits and 90,000 ticks a second.
const WRAP: i64 = 1 << 33;

/// Reads packets; whatever is between them is passed over.
pub(super) struct Packets<R> {
    from: R,
    /// Bytes that were no packet, and so went missing.
    pub(super) strays: u64,
    /// Bytes of a packet that the file ended in.
    pub(super) remainder: usize,
}

impl<R: BufRead> Packets<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, strays: 0, remainder: 0 }
    }

    /// The next packet, or false at the end.
    pub(super) fn read(&mut self, packet: &mut [u8; PACKET]) -> io::Result<bool> {
        loop {
            let mut filled = 0;
            while filled < PACKET {
                match self.from.read(packet.get_mut(filled..).unwrap_or_default())? {
                    0 => {
                        self.remainder = filled;
                        return Ok(false);
                    }
                    read => filled += read,
                }
            }
            if packet[0] == SYNC {
                return Ok(true);
            }
            self.find_sync(packet)?;
        }
    }

    /// Passes over bytes until a sync byte; only a broken file gets here.
    fn find_sync(&mut self, packet: &mut [u8; PACKET]) -> io::Result<()> {
        let Some(at) = packet.iter().position(|byte| *byte == SYNC) else {
            self.strays += PACKET as u64;
            return Ok(());
        };
        self.strays += at as u64;
        // Complete the packet that may begin here; its own sync byte has been seen, the next one is checked again.
        packet.copy_within(at.., 0);
        let rest = packet.get_mut(PACKET - at..).unwrap_or_default();
        self.from
            .read_exact(rest)
            .or_else(|e| if e.kind() == io::ErrorKind::UnexpectedEof { Ok(()) } else { Err(e) })?;
        let next_is_sync = self.from.fill_buf()?.first().is_none_or(|byte| *byte == SYNC);
        if !next_is_sync {
            self.strays += PACKET as u64;
        }
        Ok(())
    }
}

/// What one packet is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) pid: u16,
    /// A payload unit starts in it.
    pub(super) starts: bool,
    pub(super) has_payload: bool,
    /// Where the payload begins.
    pub(super) payload: usize,
}

impl Header {
    pub(super) fn of(packet: &[u8; PACKET]) -> Self {
        let control = packet[3] >> 4 & 0b11;
        let adaptation = if control & 0b10 != 0 { 1 + usize::from(packet[4]) } else { 0 };
        Self {
            pid: u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2]),
            starts: packet[1] & 0x40 != 0,
            has_payload: control & 0b01 != 0,
            payload: (4 + adaptation).min(PACKET),
        }
    }
}

/// The beginning of a PES packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PesStart {
    /// When it is to be decoded, in ticks; `None` if it does not say.
    pub(super) dts: Option<i64>,
    /// How long its head is, in bytes from the beginning of the payload.
    pub(super) head: usize,
}

impl PesStart {
    /// `None` if no PES packet begins in this packet (tables, the middle of a PES packet, stuffing).
    pub(super) fn of(packet: &[u8; PACKET], header: Header) -> Option<Self> {
        if !header.starts || !header.has_payload || header.pid == 0 || header.pid == 0x1fff {
            return None;
        }
        let pes = packet.get(header.payload..)?;
        let [0, 0, 1, stream_id, _, _, rest @ ..] = pes else { return None };
        if *stream_id < 0xbc {
            return None;
        }
        // Program stream map, padding, private stream 2 and their like have no optional header.
        if matches!(stream_id, 0xbc | 0xbe | 0xbf | 0xf0..=0xf2 | 0xf8 | 0xff) {
            return Some(Self { dts: None, head: 6 });
        }
        let flags = rest.get(1).copied().unwrap_or_default() >> 6;
        let dts = match flags {
            0b10 => rest.get(3..8).and_then(timestamp),
            0b11 => rest.get(8..13).and_then(timestamp),
            _ => None,
        };
        let head = 9 + rest.get(2).map_or(0, |length| usize::from(*length));
        Some(Self { dts, head })
    }
}

fn timestamp(bytes: &[u8]) -> Option<i64> {
    let &[a, b, c, d, e] = bytes else { return None };
    let high = i64::from(a >> 1 & 0b111) << 30;
    let middle = i64::from(b) << 22 | i64::from(c >> 1) << 15;
    Some(high | middle | i64::from(d) << 7 | i64::from(e >> 1))
}

/// `a - b` on the circle of 33 bits, in ticks: negative if `a` comes first.
pub(super) fn difference(a: i64, b: i64) -> i64 {
    (a - b + WRAP / 2).rem_euclid(WRAP) - WRAP / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_over_the_wrap() {
        assert_eq!(difference(100, 40), 60);
        assert_eq!(difference(5, WRAP - 5), 10);
        assert_eq!(difference(WRAP - 5, 5), -10);
    }

    #[test]
    fn strays_are_passed_over_and_remainders_told() {
        let mut file = vec![0xff; 5];
        for number in 0..3u8 {
            let mut packet = [number; PACKET];
            packet[0] = SYNC;
            file.extend_from_slice(&packet);
        }
        file.extend_from_slice(&[SYNC; 7]);
        let mut packets = Packets::new(io::BufReader::new(file.as_slice()));
        let (mut packet, mut seen) = ([0; PACKET], Vec::new());
        while packets.read(&mut packet).expect("in memory") {
            seen.push(packet[1]);
        }
        assert!(seen.ends_with(&[1, 2]), "{seen:?}");
        assert_eq!(packets.remainder, 7);
    }
}
