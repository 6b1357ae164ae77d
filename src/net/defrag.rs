//! IP fragments put together (RFC 791 section 3.2, RFC 8200 section 4.5, RFC 815).

use std::collections::VecDeque;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::cursor::{Cursor, DecodeStop, Header, finding};
use super::ip::{Addresses, Fragment, protocol};
use super::{ARENA_BASE, Between, DatagramFinding, FragmentLimits, rules, tunnel};
use crate::model::{Endpoint, Finding, PacketRef, Rule, Span, Time, to_u32};

const FRAGMENT: Header = Header::ip("IP fragment");

/// No datagram is longer (RFC 791 section 3.1).
const MAX_DATAGRAM_LEN: usize = 65_535;

/// What a buffered datagram costs beside its bytes.
const OVERHEAD: usize = 64;

/// Which datagram a fragment belongs to. IPv6 does not count the protocol (RFC 8200 section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct DatagramKey {
    addresses: Addresses,
    id: u32,
    protocol: u8,
}

impl DatagramKey {
    fn new(addresses: &Addresses, fragment: &Fragment) -> Self {
        let protocol = if fragment.v6 { protocol::FRAGMENT } else { fragment.protocol };
        Self { addresses: *addresses, id: fragment.id, protocol }
    }
}

/// A datagram of which fragments have come.
#[derive(Debug)]
struct Datagram {
    /// Its place in the order of arrival.
    serial: u64,
    /// The packet of the fragment that came first.
    packet: PacketRef,
    /// What it carries, as its first fragment says.
    protocol: u8,
    bytes: Vec<u8>,
    /// The ranges that fragments have claimed: in order, apart from each other.
    have: Vec<(usize, usize)>,
    /// Its length, once the last fragment has come.
    total: Option<usize>,
    /// From here on bytes may be missing, because a fragment was cut by the capture.
    cut: usize,
    /// A datagram whose fragments contradict each other is reported once.
    reported: bool,
    /// That report: it waits until the datagram says whose it is.
    conflict: Option<Box<Finding>>,
    /// Where the finished datagram lies, so that copies of its fragments are known for what they are.
    finished: Option<Span>,
}

impl Datagram {
    /// Puts `bytes`, which claim to be `start..end`, where nothing is yet. Fails with the place
    /// of the first byte that is there and differs, and where the copy that is there ends.
    fn put(&mut self, start: usize, end: usize, bytes: &[u8]) -> Result<(), (usize, usize)> {
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let captured_end = start + bytes.len().min(end - start);
        let readable = self.cut;
        let mut differs = None;
        let (mut at, mut from) = (start, 0);
        // Alternately a hole and a range that is there.
        while at < end {
            let next = self.have.get(from).copied().unwrap_or((usize::MAX, usize::MAX));
            if next.1 <= at {
                from += 1;
                continue;
            }
            let hole_end = end.min(next.0);
            if at < hole_end {
                let piece = at..hole_end.min(captured_end).max(at);
                if piece.end < hole_end {
                    self.cut = self.cut.min(piece.end);
                }
                copy(&mut self.bytes, piece.clone(), bytes, start);
                at = hole_end;
            } else {
                let stop = end.min(next.1);
                let seen = at..stop.min(captured_end).min(readable).max(at);
                let there = self.bytes.get(seen.clone()).unwrap_or_default();
                let new = bytes.get(seen.start - start..seen.end - start).unwrap_or_default();
                if there != new && differs.is_none() {
                    differs =
                        there.iter().zip(new).position(|(a, b)| a != b).map(|at| (seen.start + at, seen.end));
                }
                at = stop;
            }
        }
        self.note(start, end);
        differs.map_or(Ok(()), Err)
    }

    /// Adds `start..end` to the ranges.
    fn note(&mut self, start: usize, end: usize) {
        let first = self.have.partition_point(|range| range.1 < start);
        let last = self.have.partition_point(|range| range.0 <= end);
        let merged = self.have.get(first..last).unwrap_or_default();
        let start = merged.first().map_or(start, |range| range.0.min(start));
        let end = merged.last().map_or(end, |range| range.1.max(end));
        self.have.splice(first..last, [(start, end)]);
    }

    /// Whether every byte up to the end has come.
    fn is_whole(&self) -> bool {
        matches!((self.total, self.have.as_slice()), (Some(total), [(0, end)]) if *end == total)
    }

    /// Whether a fragment is a copy of one of a finished datagram; `None` while this one is under way.
    fn repeats(&self, start: usize, end: usize, bytes: &[u8], arena: &Arena) -> Option<bool> {
        let Some(there) = arena.get(self.finished?) else { return Some(false) };
        let there = there.get(start..).unwrap_or_default();
        let common = there.len().min(bytes.len());
        Some(self.total.is_some_and(|total| end <= total) && there.get(..common) == bytes.get(..common))
    }

    /// The ports of its TCP segment, with the addresses around it, if its first fragment has come.
    fn between(&self, addresses: &Addresses) -> Option<Between> {
        let first = self.have.first().filter(|range| range.0 == 0).map_or(0, |range| range.1.min(self.cut));
        let [a, b, c, d] = *self.bytes.get(..first)?.first_chunk::<4>()?;
        let [from, to] = [[a, b], [c, d]].map(u16::from_be_bytes);
        let Addresses { source, destination } = *addresses;
        (self.protocol == protocol::TCP)
            .then_some((Endpoint { ip: source, port: from }, Endpoint { ip: destination, port: to }))
    }

    /// UDP between ports that carry no packets: nobody will miss it.
    fn is_plain_udp(&self) -> bool {
        self.protocol == protocol::UDP
            && self.have.first().is_some_and(|range| range.0 == 0)
            && matches!(self.bytes.as_slice(), [a, b, c, d, ..] if !tunnel::is_tunnel(
                u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
    }
}

/// Copies the part `piece` of what starts at `start`.
fn copy(to: &mut [u8], piece: std::ops::Range<usize>, bytes: &[u8], start: usize) {
    if let (Some(to), Some(from)) =
        (to.get_mut(piece.clone()), bytes.get(piece.start - start..piece.end - start))
    {
        to.copy_from_slice(from);
    }
}

/// A datagram that has been put together.
#[derive(Debug)]
pub(super) struct Whole {
    /// Its payload, as far as it was captured.
    pub(super) bytes: Vec<u8>,
    /// How long its payload was on the wire.
    pub(super) claim: usize,
    /// What it carries.
    pub(super) protocol: u8,
    /// That its fragments contradict each other.
    pub(super) conflict: Option<Box<Finding>>,
}

/// The datagrams under way, within bounds of memory, number and age.
#[derive(Debug)]
pub(super) struct Fragments {
    limits: FragmentLimits,
    datagrams: HashMap<DatagramKey, Datagram, RandomState>,
    /// Keys in the order in which datagrams began, with their serial numbers: a key may come again.
    order: VecDeque<(DatagramKey, u64)>,
    serial: u64,
    /// Bytes of memory that the buffers take.
    held: usize,
}

impl Fragments {
    pub(super) fn new(limits: &FragmentLimits) -> Self {
        Self { limits: *limits, datagrams: HashMap::default(), order: VecDeque::new(), serial: 0, held: 0 }
    }

    /// Takes the fragment at the cursor; gives the datagram that it completes.
    pub(super) fn add(
        &mut self,
        packet: &PacketRef,
        addresses: &Addresses,
        fragment: &Fragment,
        cursor: &Cursor<'_>,
        arena: &Arena,
        findings: &mut Vec<DatagramFinding>,
    ) -> Result<Option<Whole>, DecodeStop> {
        let start = usize::from(fragment.offset);
        let end = start.saturating_add(cursor.claim);
        // Only the last fragment may end anywhere.
        if end > MAX_DATAGRAM_LEN || start == end || fragment.more && end % 8 != 0 {
            return Err(cursor.wrong(FRAGMENT));
        }
        self.expire(packet.time, findings);
        let key = DatagramKey::new(addresses, fragment);
        match self.datagrams.get(&key).and_then(|datagram| datagram.repeats(start, end, cursor.bytes, arena))
        {
            Some(true) => return Ok(None),
            // The sender has come round to the same number again.
            Some(false) => {
                self.datagrams.remove(&key);
                self.held = self.held.saturating_sub(OVERHEAD);
            }
            None => {}
        }
        if !self.datagrams.contains_key(&key) {
            while self.order.len() >= self.limits.datagrams.max(1) {
                self.give_up_oldest(findings);
            }
        }
        let mut entry = match self.datagrams.entry(key) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => {
                self.serial += 1;
                self.order.push_back((key, self.serial));
                self.held += OVERHEAD;
                entry.insert_entry(Datagram {
                    serial: self.serial,
                    packet: *packet,
                    protocol: fragment.protocol,
                    bytes: Vec::new(),
                    have: Vec::new(),
                    total: None,
                    cut: usize::MAX,
                    reported: false,
                    conflict: None,
                    finished: None,
                })
            }
        };
        let datagram = entry.get_mut();
        if start == 0 {
            datagram.protocol = fragment.protocol;
        }
        let known_end = datagram.have.last().map_or(0, |range| range.1);
        let fits = match datagram.total {
            Some(total) => end <= total && (fragment.more || end == total),
            None => fragment.more || known_end <= end,
        };
        let before = datagram.bytes.capacity();
        let put = if fits {
            if !fragment.more {
                datagram.total = Some(end);
            }
            datagram.put(start, end, cursor.bytes)
        } else {
            Ok(())
        };
        self.held += datagram.bytes.capacity() - before;
        if (!fits || put.is_err()) && !datagram.reported {
            datagram.reported = true;
            let what = if fits { "carry other bytes than" } else { "reach beyond the end that" };
            let readings = put.err().map_or_else(String::new, |(at, end)| {
                let first = datagram.bytes.get(at..end).unwrap_or_default();
                readings(at, first, cursor.bytes.get(at - start..).unwrap_or_default())
            });
            let text = format!(
                "{}: bytes {start} to {end} {what} an earlier fragment, first seen in packet {}{readings}",
                name(&key),
                datagram.packet.number
            );
            datagram.conflict = Some(Box::new(finding(&rules::IP_FRAGMENT_OVERLAP, packet, text)));
        }
        if datagram.is_whole() {
            let mut bytes = std::mem::take(&mut datagram.bytes);
            self.held = self.held.saturating_sub(bytes.capacity());
            datagram.have = Vec::new();
            let claim = datagram.total.unwrap_or(bytes.len());
            bytes.truncate(claim.min(datagram.cut));
            datagram.finished = Some(Span::default());
            let (protocol, conflict) = (datagram.protocol, datagram.conflict.take());
            return Ok(Some(Whole { bytes, claim, protocol, conflict }));
        }
        while self.held > self.limits.bytes && !self.order.is_empty() {
            self.give_up_oldest(findings);
        }
        Ok(None)
    }

    /// Remembers where the datagram lies that `fragment` has completed.
    pub(super) fn finish(&mut self, addresses: &Addresses, fragment: &Fragment, span: Span) {
        if let Some(datagram) = self.datagrams.get_mut(&DatagramKey::new(addresses, fragment)) {
            datagram.finished = Some(span);
        }
    }

    /// Gives every datagram up that is still under way.
    pub(super) fn end(&mut self, findings: &mut Vec<DatagramFinding>) {
        while !self.order.is_empty() {
            self.give_up_oldest(findings);
        }
    }

    /// Gives up what is too old, also when the capture's clock went back.
    fn expire(&mut self, now: Time, findings: &mut Vec<DatagramFinding>) {
        while let Some((key, serial)) = self.order.front() {
            let datagram = self.datagrams.get(key).filter(|datagram| datagram.serial == *serial);
            let age = datagram.map_or(i64::MAX, |datagram| now.since(datagram.packet.time).0);
            if age.unsigned_abs() <= self.limits.age.0.unsigned_abs() {
                return;
            }
            self.give_up_oldest(findings);
        }
    }

    fn give_up_oldest(&mut self, findings: &mut Vec<DatagramFinding>) {
        let Some((key, serial)) = self.order.pop_front() else { return };
        let Entry::Occupied(entry) = self.datagrams.entry(key) else { return };
        if entry.get().serial != serial {
            return;
        }
        let mut datagram = entry.remove();
        let between = datagram.between(&key.addresses);
        findings.extend(datagram.conflict.take().map(|conflict| (*conflict, between)));
        self.held = self.held.saturating_sub(OVERHEAD + datagram.bytes.capacity());
        if datagram.finished.is_some() || datagram.is_plain_udp() {
            return;
        }
        let came: usize = datagram.have.iter().map(|range| range.1 - range.0).sum();
        let of = match datagram.total {
            Some(total) => format!("of {total} bytes"),
            None => "bytes, and the last fragment not,".into(),
        };
        let text = format!("{}: {came} {of} were captured", name(&key));
        let rule: &'static Rule = &rules::IP_FRAGMENT_INCOMPLETE;
        findings.push((finding(rule, &datagram.packet, text), between));
    }
}

/// What both copies say from the first byte on in which they differ.
fn readings(at: usize, first: &[u8], second: &[u8]) -> String {
    /// Bytes of each that are shown.
    const SHOWN: usize = 24;
    let len = first.len().min(second.len()).min(SHOWN);
    let hex = |bytes: &[u8]| {
        let bytes = bytes.get(..len).unwrap_or_default();
        let text = if crate::model::is_plain(bytes) { crate::model::safe_text(bytes) } else { String::new() };
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if text.is_empty() { hex } else { format!("{hex} (\"{text}\")") }
    };
    format!("; at {at} the first copy, which is used, says {}, the other {}", hex(first), hex(second))
}

/// What a user calls the datagram.
fn name(key: &DatagramKey) -> String {
    let address = |ip: [u8; 16]| Endpoint { ip, port: 0 }.address();
    let Addresses { source, destination } = key.addresses;
    format!("datagram {:#06x} from {} to {}", key.id, address(source), address(destination))
}

/// Datagrams that have been put together, the newest ones, each at an address of its own.
#[derive(Debug)]
pub(super) struct Arena {
    limit: usize,
    datagrams: VecDeque<(u64, Box<[u8]>)>,
    next: u64,
    held: usize,
}

impl Arena {
    pub(super) fn new(limits: &FragmentLimits) -> Self {
        Self { limit: limits.kept, datagrams: VecDeque::new(), next: ARENA_BASE, held: 0 }
    }

    /// Keeps a datagram, and says where it lies.
    pub(super) fn keep(&mut self, bytes: Vec<u8>) -> Span {
        let span = Span { start: self.next, len: to_u32(bytes.len()) };
        self.next = self.next.saturating_add(bytes.len() as u64);
        self.held += bytes.len() + OVERHEAD;
        self.datagrams.push_back((span.start, bytes.into_boxed_slice()));
        while self.held > self.limit && self.datagrams.len() > 1 {
            if let Some((_, oldest)) = self.datagrams.pop_front() {
                self.held = self.held.saturating_sub(oldest.len() + OVERHEAD);
            }
        }
        span
    }

    /// The bytes of `span`, where they are still kept.
    pub(super) fn get(&self, span: Span) -> Option<&[u8]> {
        let after = self.datagrams.partition_point(|(start, _)| *start <= span.start);
        let (start, bytes) = self.datagrams.get(after.checked_sub(1)?)?;
        let skip = usize::try_from(span.start - start).ok()?;
        bytes.get(skip..)?.get(..span.len as usize)
    }
}

#[cfg(test)]
mod tests;
