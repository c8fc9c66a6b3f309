//! Joining parts of one stream exactly: nothing missing, nothing twice.
//!
//! Each part begins some segments before the end of the one before, so the same coded frames stand at the end of one
//! and at the beginning of the next. ffmpeg's concat demuxer doubles such an overlap and hides a gap (measured), so
//! this is done here, packet by packet, without touching a coded byte:
//!
//! 1. [`Scan`] reads a part: per elementary stream the last PES packets (decoding time and hash), and which of the
//!    previous part's last ones it holds too.
//! 2. If it holds some of them, bytes and all, the two are one timeline and overlap. Then the earlier part gives up its
//!    very last PES packet of each stream (it may be cut short) if the later one has it, and the later one leaves out
//!    its head: everything up to the place where it holds what the earlier one kept last. What comes after that is
//!    new whatever its time, for timestamps may jump back later in a part (EXT-X-DISCONTINUITY).
//! 3. If it holds none, nothing is left out: the time between stays a gap in the timestamps, as it was. Only a PES
//!    packet that the earlier file ended in the middle of is dropped.
//!
//! A part in another quality holds none of those bytes, yet shows the same: the variants of a stream have one clock (RFC
//! 8216, section 6.2.4). Whoever recorded it says so (`aligned`); then time decides, and the later part leaves out what the
//! earlier one reaches. Segments begin at the same times in all variants, so that is where a picture stands by itself.
//!
//! A stream that was put together by an ffmpeg of Streamlink's (separate sound) packs its sound frames differently in
//! every part, so that no two of its PES packets are the same: [`Kept::mismatched`] tells, and the parts are first to
//! be written with one frame in each.
//!
//! Timestamps stay as they are; continuity counters are written anew, so that the file reads as one.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::packets::{Header, PACKET, Packets, PesStart, difference};

/// So many of the last PES packets of a stream are compared with the next part.
const COMPARED: usize = 24;
/// Times that differ by no more are the same: sound frames at 44,100 Hz do not last a whole number of ticks.
const SAME: i64 = 3;
const BUFFER: usize = 1 << 20;

/// What a splice wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// PES packets by elementary stream.
    pub(crate) pes: BTreeMap<u16, u64>,
    /// How many of the junctions were overlaps that have been cut.
    pub(crate) overlaps: usize,
    /// In some overlap a stream did not match though another did: it may hold something twice.
    pub(crate) mismatched: bool,
}

/// One PES packet at the end of a part.
#[derive(Clone, Copy, Debug)]
struct Tail {
    dts: i64,
    hash: u64,
    /// The part it is in, the number of the packet it begins in, and how many of its stream come before it there.
    part: usize,
    begins: u64,
    index: u64,
}

/// Where a part holds one of the previous part's last PES packets, and what it is there.
#[derive(Clone, Copy, Debug)]
struct Common {
    here: Tail,
    same: bool,
}

/// How far the search for the previous part's last PES packets has come in one stream.
#[derive(Clone, Copy, Debug, Default)]
struct Search {
    /// One was found, bytes and all.
    matched: bool,
    /// Something was met that is not within their time.
    left: bool,
    last: Option<i64>,
}

/// What one elementary stream of a part is.
#[derive(Debug, Default)]
struct Stream {
    pes: u64,
    /// The last ones that say their time, oldest first.
    tail: VecDeque<Tail>,
    hasher: DefaultHasher,
    open: bool,
}

/// One part, as far as the junctions with its neighbours need it.
#[derive(Debug, Default)]
struct Scan {
    /// Which part it is.
    number: usize,
    streams: BTreeMap<u16, Stream>,
    /// Which of the previous part's last PES packets are here too: by stream and the time they have there.
    common: HashMap<(u16, i64), Common>,
    searches: HashMap<u16, Search>,
    /// The stream of the last whole packet, if the file ends within a packet.
    cut_short: Option<u16>,
}

/// What is left out of one part, by stream.
#[derive(Debug, Default)]
struct Cut {
    /// What an earlier part has.
    head: HashMap<u16, Head>,
    /// Everything from this PES packet on: a later part has it whole, or nobody.
    tail: HashMap<u16, Tail>,
}

/// The head of a stream that an earlier part has.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// It goes up to this PES packet, itself included …
    found: Option<Tail>,
    /// … and on to this time, where the last ones that were kept are not here themselves.
    until: i64,
}

impl Head {
    fn holds(&self, begins: u64) -> bool {
        self.found.is_some_and(|found| begins <= found.begins)
    }

    /// Whether a PES packet after the place that was found repeats the earlier part; only asked until one does not.
    fn repeats_by_time(&self, dts: i64) -> bool {
        self.found.is_none_or(|found| difference(dts, found.dts) > 0) && difference(dts, self.until) <= SAME
    }
}

/// Writes the parts, in order, as one file. The `aligned` ones, by number, show what the one before shows in another quality.
///
/// # Errors
/// The file system's, or [`io::ErrorKind::Interrupted`] once `cancel` is set.
pub(crate) fn splice(
    parts: &[PathBuf],
    aligned: &[usize],
    to: &Path,
    cancel: &AtomicBool,
) -> io::Result<Kept> {
    let mut cuts: Vec<Cut> = parts.iter().map(|_| Cut::default()).collect();
    let mut kept = Kept::default();
    let mut before: Option<Scan> = None;
    let mut found = Vec::with_capacity(parts.len());
    for (number, part) in parts.iter().enumerate() {
        let mut scan = Scan::of(part, number, before.as_ref(), cancel)?;
        found.push(scan.streams.iter().map(|(pid, stream)| (*pid, stream.pes)).collect());
        // A part that was killed at its first bytes says nothing of the ones around it.
        if scan.streams.is_empty() && before.is_some() {
            continue;
        }
        if let Some(before) = before {
            junction(before, &mut scan, aligned.contains(&number), &mut cuts, &mut kept);
        }
        before = Some(scan);
    }
    if let Some(last) = &before {
        last.drop_cut_short(&mut cuts);
    }
    let to = BufWriter::with_capacity(BUFFER, File::create(to)?);
    let mut writer = Writer { to, counters: HashMap::new(), kept, by_time: BTreeMap::new() };
    for (number, (part, cut)) in parts.iter().zip(&cuts).enumerate() {
        writer.copy(part, number == 0, cut, cancel)?;
    }
    writer.to.flush()?;
    writer.to.get_ref().sync_all()?;
    let due = due(&found, &cuts, &writer.by_time);
    if due != writer.kept.pes {
        let text = format!("of {due:?} access units {:?} were written", writer.kept.pes);
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(writer.kept)
}

/// How many PES packets have to be written: all that the scans found, without the heads and tails that are left out.
fn due(found: &[BTreeMap<u16, u64>], cuts: &[Cut], by_time: &BTreeMap<u16, u64>) -> BTreeMap<u16, u64> {
    let mut due = BTreeMap::<u16, u64>::new();
    for (streams, cut) in found.iter().zip(cuts) {
        for (pid, pes) in streams {
            let head = cut.head.get(pid).and_then(|head| head.found).map_or(0, |found| found.index + 1);
            let end = cut.tail.get(pid).map_or(*pes, |tail| tail.index);
            *due.entry(*pid).or_default() += end.saturating_sub(head);
        }
    }
    for (pid, pes) in by_time {
        due.entry(*pid).and_modify(|due| *due = due.saturating_sub(*pes));
    }
    due.retain(|_, pes| *pes > 0);
    due
}

/// Counts the PES packets of a file by elementary stream.
///
/// # Errors
/// As [`splice`].
pub(crate) fn count(path: &Path, cancel: &AtomicBool) -> io::Result<BTreeMap<u16, u64>> {
    let scan = Scan::of(path, 0, None, cancel)?;
    Ok(scan.streams.into_iter().map(|(pid, stream)| (pid, stream.pes)).collect())
}

fn open(path: &Path) -> io::Result<Packets<BufReader<File>>> {
    Ok(Packets::new(BufReader::with_capacity(BUFFER, File::open(path)?)))
}

fn check(number: u64, cancel: &AtomicBool) -> io::Result<()> {
    if number.is_multiple_of(4096) && cancel.load(Ordering::Relaxed) {
        return Err(io::ErrorKind::Interrupted.into());
    }
    Ok(())
}

impl Scan {
    fn of(path: &Path, part: usize, before: Option<&Self>, cancel: &AtomicBool) -> io::Result<Self> {
        let (mut scan, mut packets) = (Self { number: part, ..Self::default() }, open(path)?);
        let wanted = before.map(Self::tails).unwrap_or_default();
        let (mut packet, mut number, mut last_pid) = ([0; PACKET], 0, None);
        while packets.read(&mut packet)? {
            check(number, cancel)?;
            let header = Header::of(&packet);
            let start = PesStart::of(&packet, header);
            if let Some(start) = start {
                scan.close(header.pid, &wanted);
                let stream = scan.streams.entry(header.pid).or_default();
                let index = stream.pes;
                stream.pes += 1;
                stream.open = start.dts.is_some();
                if let Some(dts) = start.dts {
                    stream.tail.push_back(Tail { dts, hash: 0, part, begins: number, index });
                    if stream.tail.len() > COMPARED {
                        stream.tail.pop_front();
                    }
                }
            }
            if let Some(stream) = scan.streams.get_mut(&header.pid)
                && header.has_payload
            {
                let head = start.map_or(0, |start| start.head);
                stream.hasher.write(packet.get(header.payload + head..).unwrap_or_default());
                last_pid = Some(header.pid);
            }
            number += 1;
        }
        let pids: Vec<u16> = scan.streams.keys().copied().collect();
        for pid in pids {
            scan.close(pid, &wanted);
        }
        scan.cut_short = match packets.remainder {
            0 => None,
            1..4 => last_pid,
            // What it was in the middle of, unless something new had just begun.
            _ => Some(Header::of(&packet)).filter(|header| !header.starts).map(|header| header.pid),
        };
        Ok(scan)
    }

    fn tails(&self) -> HashMap<u16, Vec<Tail>> {
        let tails = |stream: &Stream| stream.tail.iter().copied().collect();
        self.streams.iter().map(|(pid, stream)| (*pid, tails(stream))).collect()
    }

    /// The PES packet of a stream is whole: its hash is known.
    fn close(&mut self, pid: u16, wanted: &HashMap<u16, Vec<Tail>>) {
        let Some(stream) = self.streams.get_mut(&pid) else { return };
        let hash = std::mem::take(&mut stream.hasher).finish();
        if !std::mem::take(&mut stream.open) {
            return;
        }
        let Some(here) = stream.tail.back_mut() else { return };
        here.hash = hash;
        let here = *here;
        if let Some(wanted) = wanted.get(&pid) {
            self.search(pid, here, wanted);
        }
    }

    /// Looks for this PES packet among the previous part's last ones. They stand here in one stretch, so the search is
    /// over where that ends: the same times may come again later, as another timeline.
    fn search(&mut self, pid: u16, here: Tail, wanted: &[Tail]) {
        let search = self.searches.entry(pid).or_default();
        let before = search.last.replace(here.dts);
        if search.matched && search.left {
            return;
        }
        let Some(there) = wanted.iter().find(|tail| difference(tail.dts, here.dts).abs() <= SAME) else {
            let beyond = wanted.last().is_some_and(|last| difference(here.dts, last.dts) > 0);
            let back = before.is_some_and(|before| difference(here.dts, before) < 0);
            search.left |= beyond || back;
            return;
        };
        let key = (pid, there.dts);
        if there.hash == here.hash {
            // Whatever lay before the stretch says nothing about it.
            search.left = false;
            search.matched = true;
            self.common.insert(key, Common { here, same: true });
        } else if search.matched || !search.left {
            self.common.entry(key).or_insert(Common { here, same: false });
        }
    }

    /// Up to where each stream reaches, for a part that begins before that. What is cut short at the end is not there.
    fn reach(&self) -> impl Iterator<Item = (u16, Head)> {
        self.streams.iter().filter_map(|(pid, stream)| {
            let cut_short = usize::from(self.cut_short == Some(*pid));
            let last = stream.tail.iter().rev().nth(cut_short)?;
            Some((*pid, Head { found: None, until: last.dts }))
        })
    }

    /// The PES packet that the file ends in the middle of is of no use, unless a later part has it whole.
    fn drop_cut_short(&self, cuts: &mut [Cut]) {
        if let Some(pid) = self.cut_short
            && let Some(last) = self.streams.get(&pid).and_then(|stream| stream.tail.back())
            && let Some(cut) = cuts.get_mut(last.part)
        {
            cut.tail.entry(pid).or_insert(*last);
        }
    }
}

/// Decides what the two parts leave out. Afterwards `after` stands for both: where it ends
/// before the earlier one does, it is given that one's tail, for the junction with the next part.
fn junction(before: Scan, after: &mut Scan, aligned: bool, cuts: &mut [Cut], kept: &mut Kept) {
    // The last one of a stream may be cut short, so it can only speak for one timeline, not against it.
    let (mut same, mut other) = (0, 0);
    for (pid, stream) in &before.streams {
        for (age, tail) in stream.tail.iter().rev().enumerate() {
            match after.common.get(&(*pid, tail.dts)) {
                Some(common) if common.same => same += 1,
                Some(_) if age > 0 => other += 1,
                _ => {}
            }
        }
    }
    let number = after.number;
    if same <= other {
        before.drop_cut_short(cuts);
        if aligned && let Some(cut) = cuts.get_mut(number) {
            kept.overlaps += 1;
            cut.head.extend(before.reach());
            inherit(before, after, cuts);
        }
        return;
    }
    kept.overlaps += 1;
    kept.mismatched |= before.streams.iter().any(|(pid, stream)| {
        let both = stream.tail.len() > 1 && after.streams.get(pid).is_some_and(|there| there.tail.len() > 1);
        both && !stream.tail.iter().any(|tail| after.common.contains_key(&(*pid, tail.dts)))
    });
    for (pid, stream) in &before.streams {
        let Some(last) = stream.tail.back() else { continue };
        let (mut until, mut kept) = (Some(last.dts), stream.tail.len());
        if after.common.contains_key(&(*pid, last.dts)) {
            if let Some(cut) = cuts.get_mut(last.part) {
                cut.tail.insert(*pid, *last);
            }
            until = stream.tail.iter().rev().nth(1).map(|tail| tail.dts);
            kept -= 1;
        }
        let common = stream.tail.iter().take(kept).filter_map(|tail| after.common.get(&(*pid, tail.dts)));
        let found =
            common.filter(|common| common.same).map(|common| common.here).max_by_key(|here| here.begins);
        if let (Some(until), Some(cut)) = (until, cuts.get_mut(number)) {
            cut.head.insert(*pid, Head { found, until });
        }
    }
    before.drop_cut_short(cuts);
    inherit(before, after, cuts);
}

/// Where the later part ends before the earlier one does, it is given that one's tail.
fn inherit(before: Scan, after: &mut Scan, cuts: &[Cut]) {
    let number = after.number;
    for (pid, stream) in before.streams {
        let Some(last) = stream.tail.back().map(|tail| tail.dts) else { continue };
        let later = after.streams.entry(pid).or_default();
        let head = cuts.get(number).and_then(|cut| cut.head.get(&pid));
        let adds_nothing =
            |tail: &Tail| head.is_some_and(|head| head.holds(tail.begins) || head.repeats_by_time(tail.dts));
        if later.tail.back().is_none_or(adds_nothing) {
            later.tail = stream.tail;
            if after.cut_short == Some(pid) {
                after.cut_short = None;
            }
            continue;
        }
        // A short part is compared together with what comes before it.
        let first = later.tail.front().map_or(last, |tail| tail.dts);
        for tail in stream.tail.iter().rev().filter(|tail| difference(tail.dts, first) < 0) {
            if later.tail.len() < COMPARED {
                later.tail.push_front(*tail);
            }
        }
    }
}

struct Writer {
    to: BufWriter<File>,
    counters: HashMap<u16, u8>,
    kept: Kept,
    /// PES packets that were left out for their time alone.
    by_time: BTreeMap<u16, u64>,
}

impl Writer {
    fn copy(&mut self, part: &Path, first: bool, cut: &Cut, cancel: &AtomicBool) -> io::Result<()> {
        let mut packets = open(part)?;
        // By stream: whether the PES packet it is in is written. A part that begins within one leaves its rest out.
        let mut writing: HashMap<u16, bool> = HashMap::new();
        // The streams that are beyond their head: times no longer count.
        let mut beyond = HashSet::new();
        let (mut packet, mut number) = ([0; PACKET], 0);
        while packets.read(&mut packet)? {
            check(number, cancel)?;
            let header = Header::of(&packet);
            if let Some(start) = PesStart::of(&packet, header) {
                let head = cut.head.get(&header.pid).filter(|_| !beyond.contains(&header.pid));
                let held = head.is_some_and(|head| head.holds(number));
                let by_time = !held
                    && head.is_some_and(|head| match start.dts {
                        Some(dts) => head.repeats_by_time(dts),
                        None => head.found.is_none() && !writing.get(&header.pid).copied().unwrap_or(false),
                    });
                let repeated = held || by_time;
                if !repeated {
                    beyond.insert(header.pid);
                }
                let given_up = cut.tail.get(&header.pid).is_some_and(|from| number >= from.begins);
                if by_time && !given_up {
                    *self.by_time.entry(header.pid).or_default() += 1;
                }
                let keep = !repeated && !given_up;
                writing.insert(header.pid, keep);
                if keep {
                    *self.kept.pes.entry(header.pid).or_default() += 1;
                }
            }
            let keep = match writing.get(&header.pid) {
                Some(keep) => *keep,
                None => first || !self.kept.pes.contains_key(&header.pid),
            };
            if keep {
                self.write(&mut packet, header)?;
            }
            number += 1;
        }
        Ok(())
    }

    /// Writes a packet under the next number of its stream.
    fn write(&mut self, packet: &mut [u8; PACKET], header: Header) -> io::Result<()> {
        if header.pid != 0x1fff {
            let counter = self.counters.entry(header.pid).or_insert(0x0f);
            if header.has_payload {
                *counter = (*counter + 1) & 0x0f;
            }
            packet[3] = packet[3] & 0xf0 | *counter;
        }
        self.to.write_all(packet)
    }
}

#[cfg(test)]
#[path = "splice_tests.rs"]
pub(crate) mod tests;
