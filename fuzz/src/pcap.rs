//! Capture files of every kind: packets are numbered, counted and inside the file, mapped or streamed alike.

use std::io::Read;

use wslens::capture::Capture;
use wslens::model::{LinkType, Time};

/// Packets that are looked at: a packed file of nothing has millions.
const MOST: usize = 20_000;

pub fn run(data: &[u8]) {
    let mapped = Capture::from_bytes(data.to_vec());
    let Ok(mut mapped) = mapped else {
        let error = mapped.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!error.is_empty());
        return;
    };
    let whole = read(&mut mapped);
    // Making a ring costs more than reading a small file: only some are streamed as well.
    if data.len() % 16 == 5 {
        let trickle = Trickle { data: data.to_vec(), at: 0 };
        let mut streamed =
            Capture::from_reader(Box::new(trickle)).expect("what is readable in one piece is in many");
        assert_eq!(read(&mut streamed), whole);
        let (mapped, streamed) = (mapped.totals(), streamed.totals());
        assert_eq!((mapped, &mapped.skipped), (streamed, &streamed.skipped));
    }
}

#[derive(Debug, PartialEq)]
struct Packet {
    number: u64,
    time: Time,
    wire_len: u32,
    link: LinkType,
    len: u32,
    sum: u64,
}

fn read(capture: &mut Capture) -> Vec<Packet> {
    let mut packets: Vec<Packet> = Vec::new();
    while packets.len() < MOST {
        let Some(packet) = capture.next() else {
            let totals = capture.totals();
            let skipped: u64 = totals.skipped.iter().map(|(_, count)| count).sum();
            assert_eq!(totals.packets, packets.len() as u64 + skipped, "every packet is counted once");
            break;
        };
        assert!(packet.number > packets.last().map_or(0, |last| last.number));
        assert!(packet.wire_len >= packet.bytes.len);
        let bytes = capture.bytes(packet.bytes).expect("a packet just given is there");
        assert_eq!(bytes.len(), packet.bytes.len as usize);
        packets.push(Packet {
            number: packet.number,
            time: packet.time,
            wire_len: packet.wire_len,
            link: packet.link,
            len: packet.bytes.len,
            sum: bytes.iter().fold(0, |sum, b| sum.rotate_left(7) ^ u64::from(*b)),
        });
    }
    for finding in capture.take_findings() {
        assert!(
            !finding.text.is_empty() && !finding.text.chars().any(char::is_control),
            "{:?}",
            finding.text
        );
    }
    packets
}

/// A pipe that gives a few bytes at a time.
struct Trickle {
    data: Vec<u8>,
    at: usize,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let len = rest.len().min(buffer.len()).min(1 + self.at % 61);
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }
}
