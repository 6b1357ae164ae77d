//! Copies that capturing made: a packet that crossed two interfaces, a mirror port, two capture points, or two files in one.
//!
//! A copy has the bytes of the packet before it, from the IP header on: its identification, sequence and acknowledgment numbers,
//! options and time stamps. A router changes the TTL. A sender that sends again gives the packet another identification, and does
//! so no sooner than after a round trip. Nothing is looked at unless bytes come again.

use super::above::Above;
use super::{Transport, Twice, bytes_of};
use crate::model::{Place, Span, to_u32};
use crate::net::ARENA_BASE;
use crate::pipeline::context::{CapturedSegment, Context};
use crate::pipeline::sides::Side;
use crate::tcp::Held;
use crate::tcp::rules::CAPTURED_TWICE;
use crate::ws::Spot;

/// Nanoseconds after which a sender may send again, and a packet without time stamps is no copy: the least retransmission
/// timeout of common systems.
const RESENT: u64 = 200_000_000;
/// Nanoseconds within which a packet without identification is a copy, where its TTL is the same.
const AT_ONCE: u64 = 100_000;

impl Transport {
    /// Whether a segment, all of whose bytes are known, is a copy made by capturing. Counts it.
    #[cold]
    pub(super) fn is_captured_twice(
        &mut self,
        at: u64,
        captured: &CapturedSegment<'_>,
        context: &Context<'_>,
    ) -> bool {
        let CapturedSegment { ref segment, from, place, packet, .. } = *captured;
        // What was exported has no headers to tell copies by.
        if segment.header_len == 0 {
            return false;
        }
        let stream = self.streams.of(from);
        let new = Headers::of(packet, segment.below_len as usize, segment.header_len.into());
        let known = self.twice.as_deref();
        let is_whole = known.is_some_and(|twice| *twice.whole.of(from));
        let (mut apart, mut ttl) = (None, None);
        let seen = stream.seen(at, segment.claimed_len);
        // Other bytes are no copy, whatever the headers say.
        let payload = context.bytes.slice(captured.payload());
        if seen.is_some_and(|seen| bytes_of(&seen, context.bytes) != payload) {
            return false;
        }
        let usual = if self.client == Some(from) { self.usual_ttl.0 } else { self.usual_ttl.1 };
        let is_copy = match (seen, new) {
            _ if is_whole => true,
            (Some(seen), Some(new)) => {
                // Of bytes that were delivered, the time is known of the last ones, and the others came before those.
                let before = if seen.origin.packet > 0 { seen.origin } else { stream.arrived() };
                apart = Some(place.time.since(before.time).0.unsigned_abs());
                let old = headers_before(&seen, segment.header_len.into(), context);
                ttl = Some(new.ttl()).filter(|ttl| old.is_some_and(|old| old.ttl() != *ttl));
                old.is_some_and(|old| new.is_copy_of(&old, apart.unwrap_or(u64::MAX)))
            }
            // The packet is too far back. A copy that went over another router has another TTL than all of its sender's.
            (None, Some(new)) if usual != 0 && usual != new.ttl() => {
                ttl = Some(new.ttl());
                true
            }
            _ => false,
        };
        if is_copy {
            let twice = self.twice.get_or_insert_default();
            twice.count += 1;
            twice.last = place;
            twice.longest = twice.longest.max(apart.unwrap_or(0));
            twice.other_ttl |= ttl.is_some();
        }
        is_copy
    }

    /// A SYN with the first sequence number of this connection came. After bytes of its sender it is no retransmission: all of the
    /// connection comes again.
    pub(super) fn note_syn_again(&mut self, from: Side) {
        let stream = self.streams.of(from);
        if stream.is_anchored() && stream.is_started() && stream.position() > 0 {
            *self.twice.get_or_insert_default().whole.of_mut(from) = true;
        }
    }

    /// Reports what came twice. To be called at the connection's end.
    pub(crate) fn report_twice(&self, place: Place, above: &mut impl Above, context: &mut Context<'_>) {
        let Some(twice) = self.twice.as_deref().filter(|twice| twice.count > 0) else { return };
        let Twice { count, ref last, longest, .. } = *twice;
        let packets = if count == 1 { "1 packet with payload is" } else { "packets with payload are" };
        let number = if count == 1 { String::new() } else { format!("{count} ") };
        let how = match longest {
            0 => String::new(),
            ns @ 1..1_000_000 => format!(", at most {} µs later", ns.div_ceil(1000)),
            ns => format!(", at most {} ms later", ns.div_ceil(1_000_000)),
        };
        let ttl = if twice.other_ttl { ", with another TTL" } else { "" };
        let text = format_args!(
            "{number}{packets} in the capture twice, the last copy in packet {}{how}{ttl}: copies made by capturing, which are not read again",
            last.packet
        );
        above.finding(&CAPTURED_TWICE, Spot::at(place), text, context);
    }
}

/// The headers of a packet from IP on.
#[derive(Clone, Copy)]
struct Headers<'a> {
    ip: &'a [u8],
    tcp: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Those before the payload of a packet; none where there is anything between them, or they are not there.
    fn of(packet: &'a [u8], below: usize, tcp_len: usize) -> Option<Self> {
        let (before, behind) = packet.split_at_checked(below)?;
        let tcp = behind.get(..tcp_len)?;
        let tail = |len: usize| before.len().checked_sub(len).and_then(|at| before.get(at..));
        let v4 = tail(20).filter(|ip| matches!(ip, [0x45, _, _, _, _, _, _, _, _, 6, ..]));
        let v6 = || tail(40).filter(|ip| matches!(ip, [first, _, _, _, _, _, 6, ..] if first >> 4 == 6));
        Some(Self { ip: v4.or_else(v6)?, tcp })
    }

    fn ttl(&self) -> u8 {
        self.ip.get(if self.ip.len() == 20 { 8 } else { 7 }).copied().unwrap_or(0)
    }

    /// The identification; none in IPv6, and where it is 0.
    fn identification(&self) -> Option<[u8; 2]> {
        let id = self.ip.get(4..6).filter(|_| self.ip.len() == 20)?;
        id.first_chunk::<2>().copied().filter(|id| *id != [0, 0])
    }

    /// Whether the TCP header has time stamps (RFC 7323), which a packet that is sent again has anew.
    fn has_time_stamps(&self) -> bool {
        let mut options = self.tcp.get(20..).unwrap_or_default();
        loop {
            options = match options {
                [1, rest @ ..] => rest,
                [8, 10, ..] => return true,
                [kind, len, ..] if *kind != 0 && *len >= 2 => {
                    let Some(rest) = options.get(usize::from(*len)..) else { return false };
                    rest
                }
                _ => return false,
            };
        }
    }

    /// Whether it is the packet with these headers once more, so many nanoseconds later.
    fn is_copy_of(&self, old: &Self, apart: u64) -> bool {
        let part = |headers: &Self, range: std::ops::Range<usize>| headers.ip.get(range).map(<[u8]>::to_vec);
        let same = |range: std::ops::Range<usize>| part(self, range.clone()) == part(old, range);
        // All but TTL and checksums: one that the network card completes may be there in one copy only.
        let ip = match self.ip.len() {
            20 => same(0..8) && same(12..20),
            _ => same(0..7) && same(8..40),
        };
        let tcp = |headers: &Self| {
            let (fixed, rest) = (headers.tcp.get(..16), headers.tcp.get(18..));
            fixed.zip(rest).map(|(fixed, rest)| (fixed.to_vec(), rest.to_vec()))
        };
        if self.ip.len() != old.ip.len() || !ip || tcp(self) != tcp(old) {
            return false;
        }
        match self.identification() {
            Some(_) => self.has_time_stamps() || apart < RESENT,
            None => apart < if self.ttl() == old.ttl() { AT_ONCE } else { RESENT },
        }
    }
}

/// The headers of the packet that brought bytes, which stand right before them; none before those of a reassembled datagram.
fn headers_before<'a>(seen: &Held, tcp_len: usize, context: &Context<'a>) -> Option<Headers<'a>> {
    if seen.address >= ARENA_BASE {
        return None;
    }
    [20u32, 40].into_iter().find_map(|ip_len| {
        let len = ip_len + to_u32(tcp_len);
        let start = seen.address.checked_sub(len.into())?;
        let headers = context.bytes.slice(Span { start, len })?;
        let found = Headers::of(headers, ip_len as usize, tcp_len)?;
        (found.ip.len() == ip_len as usize).then_some(found)
    })
}
