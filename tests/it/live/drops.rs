//! Holes of the time when packets were dropped, in a capture that is written by hand.

use crate::read::read;
use crate::support::forge::{C2S, Conversation, S2C, Script, Split};

/// A pcapng file in memory, block by block.
#[derive(Default)]
struct Blocks(Vec<u8>);

impl Blocks {
    fn new() -> Self {
        let mut blocks = Self::default();
        blocks.block(0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
        // Ethernet, no limit, nanoseconds.
        blocks.block(1, &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        blocks
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let len = (12 + body.len().next_multiple_of(4)) as u32;
        self.0.extend(kind.to_le_bytes());
        self.0.extend(len.to_le_bytes());
        self.0.extend(body);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.0.extend(len.to_le_bytes());
    }

    fn words(time: i64) -> Vec<u8> {
        let time = time as u64;
        [0u32, (time >> 32) as u32, time as u32].iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn packet(&mut self, time: i64, bytes: &[u8]) {
        let len = (bytes.len() as u32).to_le_bytes();
        self.block(6, &[&Self::words(time)[..], &len, &len, bytes].concat());
    }

    /// What the interface and the kernel dropped up to this time.
    fn dropped(&mut self, time: i64, interface: u64, kernel: u64) {
        let option =
            |code: u16, value: u64| [&code.to_le_bytes()[..], &[8, 0], &value.to_le_bytes()].concat();
        self.block(5, &[Self::words(time), option(5, interface), option(7, kernel), vec![0; 4]].concat());
    }
}

#[test]
fn a_hole_of_the_time_when_packets_were_dropped_is_the_captures_own() {
    let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
    for _ in 0..10 {
        talk = talk.text(C2S, "who is there?").binary(S2C, &[7; 500]);
    }
    let script = Script::new(&talk.closed(1000), &Split::Writes(1460));
    let lost = script.data(S2C)[4];
    let packets = script.lose(lost).packets();
    let times: Vec<i64> = packets.iter().map(|packet| packet.time).collect();
    let (begin, end) = (times[0], *times.last().unwrap());
    // (when the counters were looked at and what they said, what is said of the hole)
    type Told<'a> = &'a [(i64, u64, u64)];
    let cases: [(Told<'_>, &str, [u64; 2]); 4] = [
        (&[], "are not in the capture", [0, 0]),
        (&[(begin, 0, 0), (end, 0, 12)], "capture lost ", [12, 0]),
        (&[(begin, 0, 0), (end, 3, 0)], "capture lost ", [0, 3]),
        // They were dropped before anything was said.
        (&[(begin - 1000, 5, 5), (end, 5, 5)], "are not in the capture", [5, 5]),
    ];
    for (told, words, [kernel, interface]) in cases {
        let mut file = Blocks::new();
        // In-band, as they are written: before what they explain.
        for (time, interface, kernel) in told {
            file.dropped(*time, *interface, *kernel);
        }
        for packet in &packets {
            file.packet(packet.time, &packet.bytes);
        }
        let output = read(file.0);
        let gaps = output.findings("tcp-gap");
        let [gap] = &gaps[..] else { panic!("one gap: {gaps:?}") };
        assert!(gap["text"].as_str().unwrap().contains(words), "{told:?}: {gap}");
        let drops = output.findings("capture-kernel-drops").len();
        assert_eq!(drops, usize::from(kernel + interface > 0), "{told:?}");
        let losses = &output.summary()["losses"];
        assert_eq!((&losses["kernel"], &losses["interface"]), (&kernel.into(), &interface.into()));
        let told: Vec<_> = output.kind("loss").collect();
        assert_eq!(told.len(), drops);
        if let [loss] = told[..] {
            assert_eq!(
                (&loss["kernel"], &loss["interface"], &loss["queue"]),
                (&kernel.into(), &interface.into(), &0.into())
            );
        }
    }
}
