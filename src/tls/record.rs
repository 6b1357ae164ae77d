//! Records: their headers, and where their bytes came from (RFC 8446 section 5.1).

use super::cipher::HEADER_LEN;
use super::info::Info;
use crate::model::{Chunk, Direction, Nanos, Place, to_usize};

/// The longest body: 2^14 bytes of content and what TLS 1.2 allows beside them.
pub(super) const MAX_BODY: usize = (1 << 14) + 2048;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// The record that begins with these bytes: its type and its length, header included. `None` where there
/// cannot be one; fewer than five bytes are judged as far as they go.
pub(super) fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let byte = |at: usize| bytes.get(at).copied();
    let kind = byte(0).unwrap_or(APPLICATION_DATA);
    let len = usize::from(byte(3).unwrap_or(0)) << 8 | usize::from(byte(4).unwrap_or(1));
    let plausible = matches!(kind, CHANGE_CIPHER_SPEC..=24)
        && byte(1).is_none_or(|major| major == 3)
        && byte(2).is_none_or(|minor| minor <= 4)
        && len <= MAX_BODY
        && (len > 0 || kind == APPLICATION_DATA || bytes.len() < HEADER_LEN);
    plausible.then_some((kind, HEADER_LEN + len))
}

/// Whether bytes may begin a TLS connection: the start of a record with a ClientHello.
#[must_use]
pub fn may_begin(bytes: &[u8]) -> bool {
    let is = |at: usize, fits: fn(u8) -> bool| bytes.get(at).is_none_or(|&byte| fits(byte));
    !bytes.is_empty()
        && is(0, |kind| kind == HANDSHAKE)
        && header(bytes).is_some()
        && is(5, |message| message == super::handshake::CLIENT_HELLO)
}

/// Where a part of a record was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Offset in the record behind this part.
    pub end: usize,
    /// Address of its first byte.
    pub address: u64,
    /// The packet that carried it.
    pub place: Place,
}

/// A record of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsRecord {
    /// Its number in its direction, from 1, as far as they were seen.
    pub number: u64,
    /// Offset of its header in the direction's TCP stream.
    pub at: u64,
    /// Its length, header included.
    pub len: usize,
    /// The packet with its first byte.
    pub first: Place,
    /// The packet whose arrival completed it: before, nothing of it can be authenticated.
    pub arrival: Place,
}

/// Application data of one record.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// Who sent it.
    pub direction: Direction,
    /// Offset of its first byte in the direction's plaintext.
    pub at: u64,
    /// The bytes.
    pub bytes: &'a [u8],
    /// The record that they came in.
    pub record: TlsRecord,
    /// Where in the record they stood.
    pub(super) start: usize,
    pub(super) origins: &'a [Origin],
}

impl<'a> Plain<'a> {
    /// The bytes by the packets that carried them. Content and what is on the wire have the same length and order,
    /// so each byte has its packet. Addresses are those of the encrypted bytes: nothing can be read there.
    pub fn chunks(self) -> impl Iterator<Item = Chunk<'a>> {
        let (mut from, mut begin) = (0, 0);
        self.origins.iter().filter_map(move |origin| {
            let to = origin.end.saturating_sub(self.start).min(self.bytes.len());
            let before = std::mem::replace(&mut begin, origin.end);
            let bytes = self.bytes.get(from..to).filter(|bytes| !bytes.is_empty())?;
            let at = self.at.wrapping_add(from as u64);
            let in_part = (self.start + from).saturating_sub(before) as u64;
            from = to;
            let address = origin.address.wrapping_add(in_part);
            Some(Chunk { at, bytes, address, origin: origin.place, arrival: self.record.arrival })
        })
    }
}

/// Content that cannot be read: of records that are missing or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Who sent it.
    pub direction: Direction,
    /// Offset in the direction's plaintext.
    pub at: u64,
    /// How many bytes of content, if none of the records was padded and all held application data.
    pub len: u64,
    /// That `len` follows from the lengths of the records: their number is proven, and nothing was padded so far.
    pub exact: bool,
    /// How many records; `None` where the keys changed in between.
    pub records: Option<u64>,
    /// The packet at which it was seen.
    pub place: Place,
}

/// How records of application data look from outside: enough for a guess, and no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Records of application data.
    pub records: u64,
    /// Bytes of them, headers left out.
    pub bytes: u64,
    /// Those of at most 256 bytes.
    pub small: u64,
    /// The first one's packet.
    pub first: Place,
    /// The last one's.
    pub last: Place,
}

impl Shape {
    pub(super) fn add(&mut self, kind: u8, len: usize, place: Place) {
        if kind != APPLICATION_DATA {
            return;
        }
        if self.records == 0 {
            self.first = place;
        }
        self.last = place;
        self.records += 1;
        self.bytes = self.bytes.saturating_add(len as u64);
        self.small += u64::from(len <= 256);
    }
}

/// How much a connection that cannot be read looks like a WebSocket. Never more than a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// It does not: its records do not look so, or another protocol than HTTP was negotiated.
    No,
    /// Too little was captured to tell.
    Unknown,
    /// Small records both ways over some time, as other interactive protocols send them too; or the client offers HTTP/1.1
    /// and nothing else, as browsers do for a WebSocket.
    Some,
    /// Mostly small records both ways, many, for long.
    Much,
}

impl Likeness {
    /// The word of the machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Unknown => "unknown",
            Self::Some => "some",
            Self::Much => "much",
        }
    }
}

/// Judges by the protocols of the handshake, and by sizes and times of records.
#[must_use]
pub fn likeness(client: &Shape, server: &Shape, info: &Info) -> Likeness {
    match &info.alpn {
        Some(chosen) if !may_carry_websocket(chosen) => return Likeness::No,
        None if !info.alpn_offered.is_empty()
            && !info.alpn_offered.iter().any(|name| may_carry_websocket(name)) =>
        {
            return Likeness::No;
        }
        _ => {}
    }
    // Both sides have to speak, or there was no handshake of a WebSocket.
    let both_spoke = client.records > 0 && server.records > 0;
    let only_http1 =
        both_spoke && matches!(info.alpn_offered.as_slice(), [only] if only.as_slice() == b"http/1.1");
    match (likeness_of_records(client, server), only_http1) {
        (Likeness::Unknown, true) => Likeness::Some,
        (Likeness::No, true) => Likeness::Unknown,
        (likeness, _) => likeness,
    }
}

/// Whether a WebSocket may run over a protocol that was negotiated (IANA's registry of ALPN protocol IDs).
fn may_carry_websocket(protocol: &[u8]) -> bool {
    matches!(protocol, b"http/1.1" | b"h2")
}

/// Judges by sizes and times of records alone.
fn likeness_of_records(client: &Shape, server: &Shape) -> Likeness {
    const SECOND: i64 = 1_000_000_000;
    let lasted = client.last.time.max(server.last.time).since(client.first.time.max(server.first.time));
    let both = |records: u64, percent: u64| {
        [client, server].iter().all(|side| {
            side.records >= records && side.small.saturating_mul(100) >= side.records.saturating_mul(percent)
        })
    };
    let is_enough = both(8, 0) && lasted >= Nanos(5 * SECOND);
    if both(30, 75) && lasted >= Nanos(30 * SECOND) {
        Likeness::Much
    } else if !is_enough {
        Likeness::Unknown
    } else if both(8, 50) {
        Likeness::Some
    } else {
        Likeness::No
    }
}

/// Walks over records that are not read, and counts them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RecordWalk {
    header: [u8; HEADER_LEN],
    have: usize,
    left: usize,
    /// There are no records here any more.
    lost: bool,
}

impl RecordWalk {
    pub(super) fn bytes(&mut self, mut bytes: &[u8], place: Place, shape: &mut Shape) {
        while !bytes.is_empty() && !self.lost {
            if self.left > 0 {
                let taken = self.left.min(bytes.len());
                self.left -= taken;
                bytes = bytes.get(taken..).unwrap_or_default();
                continue;
            }
            let Some((&first, rest)) = bytes.split_first() else { return };
            if let Some(to) = self.header.get_mut(self.have) {
                *to = first;
            }
            bytes = rest;
            self.have += 1;
            if self.have == HEADER_LEN {
                self.have = 0;
                match header(&self.header) {
                    Some((kind, len)) => {
                        self.left = len - HEADER_LEN;
                        shape.add(kind, self.left, place);
                    }
                    None => self.lost = true,
                }
            }
        }
    }

    pub(super) fn gap(&mut self, len: u64) {
        let left = self.left as u64;
        if self.have > 0 || len > left {
            self.lost = true;
        } else {
            self.left = to_usize(left - len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    #[test]
    fn a_header_is_judged_as_far_as_it_goes() {
        assert_eq!(header(&[22, 3, 1, 2, 0]), Some((22, 517)));
        assert!(header(&[23, 3, 3, 0x48, 1]).is_none());
        assert!(header(&[22, 3, 3, 0, 0]).is_none());
        assert!(header(&[23, 3, 3, 0, 0]).is_some());
        assert!(may_begin(&[22]) && may_begin(&[22, 3, 1, 2, 0, 1]));
        assert!(
            !may_begin(b"")
                && !may_begin(b"GET /")
                && !may_begin(&[23, 3, 3])
                && !may_begin(&[22, 3, 1, 2, 0, 2])
        );
    }

    #[test]
    fn a_chat_looks_like_one_and_a_download_does_not() {
        let shape = |records, small, seconds: i64| Shape {
            records,
            small,
            bytes: records * 100,
            first: Place { packet: 1, time: Time(0) },
            last: Place { packet: 9, time: Time(seconds * 1_000_000_000) },
        };
        let info = Info::default();
        assert_eq!(likeness(&shape(50, 45, 100), &shape(60, 50, 100), &info), Likeness::Much);
        assert_eq!(likeness(&shape(9, 8, 10), &shape(9, 5, 10), &info), Likeness::Some);
        assert_eq!(likeness(&shape(9, 8, 10), &shape(9000, 5, 10), &info), Likeness::No);
        // Too few records, or too short a time, is no evidence.
        assert_eq!(likeness(&shape(7, 1, 10), &shape(9000, 5, 10), &info), Likeness::Unknown);
        assert_eq!(likeness(&shape(50, 45, 4), &shape(60, 5, 4), &info), Likeness::Unknown);
        assert_eq!(likeness(&Shape::default(), &Shape::default(), &info), Likeness::Unknown);
    }

    #[test]
    fn the_protocols_that_were_negotiated_count() {
        let shape = Shape { records: 3, small: 3, bytes: 300, ..Shape::default() };
        let offered = |names: &[&str]| Info {
            alpn_offered: names.iter().map(|name| name.as_bytes().to_vec()).collect(),
            ..Info::default()
        };
        assert_eq!(likeness(&shape, &shape, &offered(&["http/1.1"])), Likeness::Some);
        assert_eq!(likeness(&shape, &Shape::default(), &offered(&["http/1.1"])), Likeness::Unknown);
        assert_eq!(likeness(&shape, &shape, &offered(&["h2", "http/1.1"])), Likeness::Unknown);
        assert_eq!(likeness(&shape, &shape, &offered(&["mqtt"])), Likeness::No);
        let chosen = Info { alpn: Some(b"dot".to_vec()), ..offered(&["http/1.1", "dot"]) };
        assert_eq!(likeness(&shape, &shape, &chosen), Likeness::No);
    }
}
