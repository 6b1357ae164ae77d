//! Which messages are delivered as short messages.

use std::fmt::Arguments;

use super::*;
use crate::model::{Bytes, Chunk, Direction, PerDirection, Place, Rule, Span};

/// Keeps number and length of each short message.
#[derive(Default)]
struct Short {
    messages: Vec<(u64, usize)>,
    /// The message from which on all short messages are wanted.
    wants_after: Option<u64>,
}

impl Events for Short {
    fn frame(&mut self, _: &FrameEvent<'_>) {}
    fn message(&mut self, _: &MessageEvent<'_>) {}
    fn short_message(&mut self, message: &ShortMessage<'_>) -> bool {
        assert!(message.bytes.iter().all(|byte| *byte == b'a'), "unmasked: {:?}", message.bytes);
        self.messages.push((message.number, message.bytes.len()));
        self.wants_after.is_some_and(|number| message.number >= number)
    }
    fn finding(&mut self, _: &'static Rule, _: Spot, _: Arguments<'_>) {}
}

struct KeptBytes<'a>(&'a [u8]);

impl Bytes for KeptBytes<'_> {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.0.bytes(span)
    }
}

/// Masked text messages of these lengths.
fn wire(lengths: &[usize]) -> Vec<u8> {
    let mut wire = Vec::new();
    for (i, len) in lengths.iter().enumerate() {
        let masking_key = [i as u8 + 1, 2, 3, 4];
        let len_byte = if *len < 126 { *len as u8 } else { 126 };
        let header =
            FrameHeader { masking_key, payload_len: *len as u64, ..FrameHeader::of([0x81, 0x80 | len_byte]) };
        let (bytes, header_len) = header.to_bytes();
        wire.extend(&bytes[..header_len]);
        let mut payload = vec![b'a'; *len];
        unmask(&mut payload, masking_key, 0);
        wire.extend(payload);
    }
    wire
}

#[test]
fn the_first_messages_are_delivered_and_later_ones_on_request() {
    let lengths = [5, 1024, 1025, 1, 1, 64, 65, 20];
    let wire = wire(&lengths);
    let direction = Direction::ClientToServer;
    let first = vec![(1, 5), (2, 1024), (4, 1)];
    let later = [(5, 1), (6, 64), (8, 20)];
    let all = [&first[..], &later].concat();
    for (read, wants_after, expected) in
        [(false, None, &first), (true, None, &all), (false, Some(4), &all), (false, Some(5), &first)]
    {
        for (payloads, step) in [(true, 1), (true, 7), (true, 5000), (false, 1), (false, 7), (false, 5000)] {
            let depth = Depth { payloads, frames: payloads, ..Depth::default() };
            let terms = Terms { takeover: None, rsv_defined: 0, guessed: false };
            let mut socket = WebSocket::new(PerDirection { c2s: terms, s2c: terms });
            socket.read_short_messages(read);
            let (mut scratch, mut events) = (Scratch::default(), Short { wants_after, ..Short::default() });
            for (i, bytes) in wire.chunks(step).enumerate() {
                let (at, place) = ((i * step) as u64, Place::default());
                let chunk = Chunk { at, bytes, address: at, origin: place, arrival: place };
                let counted = if payloads { 0 } else { socket.count(direction, bytes, place) };
                let kept = KeptBytes(&wire);
                let mut context = MessageContext { bytes: &kept, depth: &depth, scratch: &mut scratch };
                socket.data(direction, chunk.skip(counted), &mut context, &mut events);
            }
            assert_eq!(&events.messages, expected, "payloads {payloads}, chunks of {step}");
        }
    }
}

/// Keeps the hash of each message and each frame.
#[derive(Default)]
struct Hashes(Vec<Option<[u8; 32]>>);

impl Events for Hashes {
    fn frame(&mut self, frame: &FrameEvent<'_>) {
        self.0.push(frame.sha256);
    }
    fn message(&mut self, message: &MessageEvent<'_>) {
        self.0.push(message.sha256);
    }
    fn finding(&mut self, _: &'static Rule, _: Spot, _: Arguments<'_>) {}
}

#[test]
fn what_was_not_read_has_no_hash() {
    use sha2::Digest as _;
    let payload = [b'a'; 44];
    let right: [u8; 32] = sha2::Sha256::digest(payload).into();
    for (first, payloads, expected) in [
        // A reserved opcode, text, a ping.
        (0x87, false, None),
        (0x87, true, Some(right)),
        (0x82, false, None),
        (0x81, true, Some(right)),
        (0x89, false, Some(right)),
    ] {
        let wire = [&[first, 44][..], &payload].concat();
        let depth =
            Depth { payloads, frames: true, frame_payloads: true, hash: true, keep: 10, ..Depth::default() };
        let terms = Terms { takeover: None, rsv_defined: 0, guessed: false };
        let mut socket = WebSocket::new(PerDirection { c2s: terms, s2c: terms });
        let (mut scratch, mut events) = (Scratch::default(), Hashes::default());
        let chunk =
            Chunk { at: 0, bytes: &wire, address: 0, origin: Place::default(), arrival: Place::default() };
        let kept = KeptBytes(&wire);
        let mut context = MessageContext { bytes: &kept, depth: &depth, scratch: &mut scratch };
        socket.data(Direction::ServerToClient, chunk, &mut context, &mut events);
        assert!(
            !events.0.is_empty() && events.0.iter().all(|hash| *hash == expected),
            "{first:02x} {payloads} {:?}",
            events.0
        );
    }
}
