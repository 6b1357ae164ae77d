//! A whole TCP connection around a draft, as a pcapng: opening handshake, the frames, an end. Wireshark opens it.

use std::io;

use etherparse::PacketBuilder;

use super::{Draft, LengthForm, verdict};
use crate::http::accept_for;
use crate::model::{Direction, LinkType, PacketRef, Span, Time};
use crate::report::pcapng::Pcapng;
use crate::ws::{Close, Opcode};

/// The key of the handshake in RFC 6455 section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// Addresses that are kept for documentation (RFC 5737), and ports.
const ENDS: [([u8; 4], u16); 2] = [([192, 0, 2, 10], 50_000), ([198, 51, 100, 20], 80)];
/// The time of the first packet: 2024-01-01 00:00:00 UTC.
const BEGIN: i64 = 1_704_067_200_000_000_000;
/// Nanoseconds from packet to packet.
const STEP: i64 = 1_000_000;
/// Bytes of a segment.
const SEGMENT: usize = 1400;

/// Writes a connection on which this draft is sent, with what a peer that keeps the rules answers: a pong to a ping,
/// a Close to a Close, Close 1002 or 1007 to what breaks a rule. The same draft gives the same file.
///
/// # Errors
/// None that a `Vec` does not give.
pub fn pcapng(draft: &Draft) -> io::Result<Vec<u8>> {
    let mut talk = Talk::default();
    talk.open(draft.deflate);
    for frame in draft.frames() {
        talk.send(draft.direction, &frame);
    }
    talk.end(draft);
    let mut file = Vec::new();
    let mut out = Pcapng::new(&mut file)?;
    for (number, packet) in (1u64..).zip(&talk.packets) {
        let len = packet.len() as u32;
        let time = Time(BEGIN.saturating_add(STEP.saturating_mul(number.cast_signed())));
        let reference =
            PacketRef { number, time, bytes: Span { start: 0, len }, wire_len: len, link: LinkType(1) };
        out.packet(&reference, &Packet(packet), &[])?;
    }
    out.finish()?;
    Ok(file)
}

struct Packet<'a>(&'a [u8]);

impl crate::model::Bytes for Packet<'_> {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.0.bytes(span)
    }
}

/// What is said, packet by packet.
#[derive(Default)]
struct Talk {
    packets: Vec<Vec<u8>>,
    /// The next sequence number of each side.
    next: [u32; 2],
}

impl Talk {
    fn open(&mut self, deflate: bool) {
        use Direction::{ClientToServer, ServerToClient};
        self.next = [1000, 5000];
        self.packet(ClientToServer, &[], |tcp| tcp.syn());
        self.next[0] = self.next[0].wrapping_add(1);
        self.packet(ServerToClient, &[], |tcp| tcp.syn().ack(1001));
        self.next[1] = self.next[1].wrapping_add(1);
        self.packet(ClientToServer, &[], |tcp| tcp.ack(5001));
        let extensions = if deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
        let request = format!(
            "GET /what-if HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{extensions}\r\n"
        );
        self.send(ClientToServer, request.as_bytes());
        let response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n{extensions}\r\n",
            accept_for(KEY.as_bytes())
        );
        self.send(ServerToClient, response.as_bytes());
    }

    /// What comes after the draft: the peer's answer, the closing, the end of TCP.
    fn end(&mut self, draft: &Draft) {
        let (from, to) = (draft.direction, draft.direction.opposite());
        let found = draft.judge();
        let broken = verdict(&found);
        let close = |direction: Direction, payload: &[u8]| {
            let key = (direction == Direction::ClientToServer).then_some(Draft::KEY);
            let opcode = Opcode::Close.bits();
            Draft { direction, opcode, key, payload: payload.to_vec(), ..Draft::default() }.encode()
        };
        if draft.form == LengthForm::TopBit {
            // Whatever follows in this direction is part of that frame, for who believes the length.
            let payload = 1002u16.to_be_bytes();
            self.send(to, &close(to, &payload));
        } else if draft.opcode() == Opcode::Close {
            let code = Close::parse(&draft.payload).code.filter(|code| crate::ws::is_sendable(*code));
            let code = if broken.is_some() { Some(1002) } else { code };
            let payload = code.map(|code| code.to_be_bytes().to_vec()).unwrap_or_default();
            self.send(to, &close(to, &payload));
        } else if let Some(broken) = broken {
            let code: u16 = if broken.rule.code == crate::ws::rules::INVALID_UTF8.code { 1007 } else { 1002 };
            self.send(to, &close(to, &code.to_be_bytes()));
            self.send(from, &close(from, &code.to_be_bytes()));
        } else {
            if draft.opcode() == Opcode::Ping {
                let key = (to == Direction::ClientToServer).then_some(Draft::KEY);
                let (opcode, payload) = (Opcode::Pong.bits(), draft.payload.clone());
                let pong = Draft { direction: to, opcode, key, payload, ..Draft::default() };
                self.send(to, &pong.encode());
            }
            if !draft.fin && !draft.opcode().is_control() {
                return; // The message goes on, and so does the connection.
            }
            let payload = 1000u16.to_be_bytes();
            self.send(from, &close(from, &payload));
            self.send(to, &close(to, &payload));
        }
        // The server closes TCP first (RFC 6455 section 7.1.1).
        for side in [Direction::ServerToClient, Direction::ClientToServer] {
            let acknowledged = self.next(side.opposite());
            self.packet(side, &[], |tcp| tcp.fin().ack(acknowledged));
            let own = self.next(side).wrapping_add(1);
            self.set(side, own);
        }
        let acknowledged = self.next(Direction::ClientToServer);
        self.packet(Direction::ServerToClient, &[], |tcp| tcp.ack(acknowledged));
    }

    fn next(&self, direction: Direction) -> u32 {
        let [client, server] = self.next;
        if direction == Direction::ClientToServer { client } else { server }
    }

    fn set(&mut self, direction: Direction, next: u32) {
        let [client, server] = &mut self.next;
        *(if direction == Direction::ClientToServer { client } else { server }) = next;
    }

    /// Bytes of one side in segments, each acknowledged by what the other sends next.
    fn send(&mut self, direction: Direction, bytes: &[u8]) {
        for segment in bytes.chunks(SEGMENT) {
            let acknowledged = self.next(direction.opposite());
            self.packet(direction, segment, |tcp| tcp.psh().ack(acknowledged));
            self.set(direction, self.next(direction).wrapping_add(segment.len() as u32));
        }
    }

    fn packet(
        &mut self,
        direction: Direction,
        payload: &[u8],
        flags: impl FnOnce(
            etherparse::PacketBuilderStep<etherparse::TcpHeader>,
        ) -> etherparse::PacketBuilderStep<etherparse::TcpHeader>,
    ) {
        let client = direction == Direction::ClientToServer;
        let [c, s] = ENDS;
        let (from, to) = if client { (c, s) } else { (s, c) };
        let (host, other) = if client { (1, 2) } else { (2, 1) };
        let mac = |last| [0x02, 0, 0, 0, 0, last];
        let headers = PacketBuilder::ethernet2(mac(host), mac(other)).ipv4(from.0, to.0, 64);
        let tcp = flags(headers.tcp(from.1, to.1, self.next(direction), 65_535));
        let mut packet = Vec::with_capacity(tcp.size(payload.len()));
        if tcp.write(&mut packet, payload).is_ok() {
            self.packets.push(packet);
        }
    }
}
