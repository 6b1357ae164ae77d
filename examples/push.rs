//! Pushes packets from a source of its own into the pipeline: here, five that are built in memory.
//!
//! ```text
//! cargo run --example push
//! ```
//!
//! The pipeline copies no payload. It remembers where bytes are, as addresses, and asks for them again: whoever pushes
//! packets keeps their bytes until [`Pipeline::oldest_needed`] says that they are no longer needed.

use etherparse::PacketBuilder;
use wslens::model::{LinkType, PacketRef, Span, Time};
use wslens::pipeline::{Connection, Limits, Pipeline, Sink};
use wslens::ws::MessageEvent;

/// The link type of Ethernet.
const ETHERNET: LinkType = LinkType(1);

/// The handshake of RFC 6455 section 1.3.
const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// The masked text message of RFC 6455 section 5.7.
const HELLO: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];

struct Printer;

impl Sink for Printer {
    fn opened(&mut self, connection: &Connection) {
        println!("connection {} opened", connection.id);
    }

    fn message(&mut self, _: &Connection, message: &MessageEvent<'_>) {
        println!("message {} in packet {}: {:?}", message.number, message.last.packet, message.text);
    }
}

/// Whether a packet comes from the client, its flags, and its payload.
type Sent = (bool, fn(Header) -> Header, &'static [u8]);
type Header = etherparse::PacketBuilderStep<etherparse::TcpHeader>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sent: [Sent; 5] = [
        (true, |header| header.syn(), b""),
        (false, |header| header.syn().ack(101), b""),
        (true, |header| header.ack(501), REQUEST),
        (false, |header| header.ack(101), RESPONSE),
        (true, |header| header.ack(501), HELLO),
    ];
    // All packets, one behind the other: an address is an offset here, and `[u8]` implements `Bytes`.
    let mut bytes: Vec<u8> = Vec::new();
    let mut pipeline = Pipeline::new(Limits::default());
    let mut sink = Printer;
    let (mut client, mut server) = (100u32, 500u32);
    for (number, (from_client, flags, payload)) in (1u64..).zip(sent) {
        let (ends, ports, next) = match from_client {
            true => ([[10, 0, 0, 1], [10, 0, 0, 2]], [50_000, 80], &mut client),
            false => ([[10, 0, 0, 2], [10, 0, 0, 1]], [80, 50_000], &mut server),
        };
        let [from, to] = ends;
        let [source, destination] = ports;
        let header = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from, to, 64).tcp(
            source,
            destination,
            *next,
            65_535,
        );
        // A SYN takes one number, a payload one for each byte.
        *next += u32::try_from(payload.len())?.max(u32::from(payload.is_empty()));
        let start = bytes.len();
        flags(header).write(&mut bytes, payload)?;
        let len = u32::try_from(bytes.len() - start)?;
        let packet = PacketRef {
            number,
            // Nanoseconds since 1970: a millisecond between packets.
            time: Time(i64::try_from(number)? * 1_000_000),
            bytes: Span { start: start as u64, len },
            wire_len: len,
            link: ETHERNET,
        };
        pipeline.packet(&packet, bytes.as_slice(), &mut sink);
    }
    pipeline.end(&bytes.as_slice(), &mut sink);
    println!("{} WebSocket", pipeline.totals().websockets);
    Ok(())
}
