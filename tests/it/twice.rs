//! Copies that capturing made, and what only looks like them.

use serde_json::Value;

use crate::read::{Output, read};
use crate::support::forge::{C2S, Conversation, Link, Packet, PcapFormat, S2C, Script, Split, pcap};

type Change = fn(&mut Packet);

/// Microseconds in nanoseconds.
const US: i64 = 1000;

fn talk(ends: [&str; 2]) -> Conversation {
    let mut talk = Conversation::new(ends[0], ends[1]);
    for turn in 0..12 {
        talk = talk.text(C2S, &format!("what is number {turn}? {}", "?".repeat(turn * 40)));
        talk = talk.text(S2C, &format!("it is {turn}. {}", "!".repeat(turn * 30)));
    }
    talk
}

fn v4() -> Conversation {
    talk(["10.0.0.1:50000", "10.0.0.2:80"])
}

fn v6() -> Conversation {
    talk(["[2001:db8::1]:50000", "[2001:db8::2]:80"])
}

fn packets(talk: &Conversation) -> Vec<Packet> {
    Script::new(talk, &Split::Writes(1460)).packets()
}

fn file(packets: &[Packet]) -> Vec<u8> {
    pcap(packets, PcapFormat { nanos: true, ..PcapFormat::default() })
}

/// The messages of a capture, without their packets.
fn said(output: &Output) -> Vec<Value> {
    let keys = ["conn", "dir", "op", "msg", "text", "hex", "integrity", "time"];
    let pick = |record: &Value| keys.iter().map(|key| record[*key].clone()).collect();
    output.kind("message").map(pick).map(Value::Array).collect()
}

/// The codes of findings that are about TCP or copies.
fn codes(output: &Output) -> Vec<&str> {
    let codes = output.kind("finding").map(|finding| finding["code"].as_str().unwrap());
    codes.filter(|code| code.starts_with("tcp-") || code.starts_with("captured-")).collect()
}

/// Each packet, and right behind it what `copy` makes of it.
fn with_copies(packets: &[Packet], copy: impl Fn(&mut Packet)) -> Vec<Packet> {
    let both = packets.iter().flat_map(|packet| {
        let mut other = packet.clone();
        other.time += 2 * US;
        copy(&mut other);
        [packet.clone(), other]
    });
    both.collect()
}

/// Sets the IPv4 identification, and the checksum right.
fn set_id(packet: &mut Packet, id: u16) {
    packet.bytes[18..20].copy_from_slice(&id.to_be_bytes());
    mend(packet);
}

/// One router further.
fn hop(packet: &mut Packet) {
    packet.bytes[22] -= 1;
    mend(packet);
}

fn mend(packet: &mut Packet) {
    packet.bytes[24..26].fill(0);
    let check = !crate::support::forge::sum(&[&packet.bytes[14..34]]);
    packet.bytes[24..26].copy_from_slice(&check.to_be_bytes());
}

fn has_payload(packet: &Packet) -> bool {
    packet.bytes.len() > 34 + usize::from(packet.bytes[46] >> 4) * 4
}

#[test]
fn copies_are_no_retransmissions_and_are_told_once() {
    for closed in [true, false] {
        let talk = if closed { v4().closed(1000) } else { v4() };
        let plain = packets(&talk);
        let alone = read(file(&plain));
        assert_eq!(codes(&alone), Vec::<&str>::new());
        let ways: [(&str, Change); 3] = [
            ("another interface", |_| {}),
            ("a router further", hop),
            ("a VLAN", |packet| {
                packet.bytes.splice(12..12, [0x81, 0, 0, 7]);
                packet.wire_len += 4;
            }),
        ];
        for (name, way) in ways {
            let output = read(file(&with_copies(&plain, way)));
            assert_eq!(codes(&output), ["captured-twice"], "{name}");
            assert_eq!(said(&output), said(&alone), "{name}");
            assert_eq!(output.connections().len(), 1, "{name}");
            let finding = output.findings("captured-twice")[0];
            let count = plain.iter().filter(|packet| has_payload(packet)).count();
            let text = finding["text"].as_str().unwrap();
            let told: usize = text.split(' ').next().unwrap().parse().unwrap();
            assert!(told == count, "{name}: {told} of {count}: {text}");
            assert!(text.contains("at most 2 µs later"), "{text}");
            assert_eq!(text.contains("TTL"), name == "a router further", "{text}");
        }
    }
}

#[test]
fn a_second_capture_point_may_lag_behind() {
    let plain = packets(&v4().closed(1000));
    let alone = read(file(&plain));
    let mut both = plain.clone();
    for packet in &plain {
        let mut other = packet.clone();
        other.time += 30_000 * US;
        hop(&mut other);
        both.push(other);
    }
    both.sort_by_key(|packet| packet.time);
    let output = read(file(&both));
    assert_eq!(said(&output), said(&alone));
    assert_eq!(codes(&output), ["captured-twice"]);
}

#[test]
fn ipv6_copies_come_at_once() {
    let plain = packets(&v6().closed(1000));
    let alone = read(file(&plain));
    let output = read(file(&with_copies(&plain, |_| {})));
    assert_eq!(codes(&output), ["captured-twice"]);
    assert_eq!(said(&output), said(&alone));
    // Nothing but time tells a copy from a segment that was sent again.
    let late = read(file(&with_copies(&plain, |packet| packet.time += 5000 * US)));
    assert!(codes(&late).contains(&"tcp-retransmission") && !codes(&late).contains(&"captured-twice"));
}

#[test]
fn what_was_sent_again_stays_a_retransmission() {
    let plain = packets(&v4().closed(1000));
    let alone = read(file(&plain));
    let at = plain.iter().rposition(|packet| packet.bytes.len() > 200).unwrap();
    let again = |change: Change| {
        let mut all = plain.clone();
        let mut other = plain[at].clone();
        change(&mut other);
        all.insert(at + 1, other);
        let times = all[at + 1].time - all[at].time;
        all[at + 2..].iter_mut().for_each(|packet| packet.time += times);
        read(file(&all))
    };
    let cases: [(&str, Change, &str); 6] = [
        ("a copy", |packet| packet.time += 3 * US, "captured-twice"),
        (
            "another identification",
            |packet| {
                packet.time += 3 * US;
                set_id(packet, 0x7777);
            },
            "tcp-retransmission",
        ),
        ("later than a sender waits", |packet| packet.time += 1_000_000 * US, "tcp-retransmission"),
        (
            "another acknowledgment",
            |packet| {
                packet.time += 3 * US;
                packet.bytes[45] ^= 1;
                packet.bytes[50..52].fill(0);
            },
            "tcp-retransmission",
        ),
        (
            "no identification, a millisecond later",
            |packet| {
                packet.time += 1000 * US;
                set_id(packet, 0);
            },
            "tcp-retransmission",
        ),
        (
            "other bytes",
            |packet| {
                packet.time += 3 * US;
                let last = packet.bytes.len() - 1;
                packet.bytes[last] ^= 1;
                // The checksum is right for them.
                let sum = u16::from_be_bytes([packet.bytes[50], packet.bytes[51]]);
                let odd = (last - 34) % 2 == 1;
                let before = packet.bytes[last] ^ 1;
                let (old, new) = (u16::from(before), u16::from(packet.bytes[last]));
                let (old, new) = if odd { (old, new) } else { (old << 8, new << 8) };
                let mut total = u32::from(!sum) + u32::from(!old) + u32::from(new);
                while total > 0xffff {
                    total = (total & 0xffff) + (total >> 16);
                }
                packet.bytes[50..52].copy_from_slice(&(!(total as u16)).to_be_bytes());
            },
            "tcp-overlap-conflict",
        ),
    ];
    for (name, change, code) in cases {
        let output = again(change);
        assert_eq!(codes(&output), [code], "{name}");
        assert_eq!(output.kind("message").count(), alone.kind("message").count(), "{name}");
    }
}

#[test]
fn a_file_that_holds_a_connection_twice_holds_one_connection() {
    for (closed, link) in [(true, Link::Ethernet), (false, Link::Ethernet), (true, Link::Sll)] {
        let talk = if closed { v4().closed(1000) } else { v4() };
        let plain = Script::new(&talk, &Split::Writes(1460)).link(link).packets();
        let alone = read(file(&plain));
        let mut both = plain.clone();
        let lived = plain[plain.len() - 1].time - plain[0].time;
        for packet in &plain {
            both.push(Packet { time: packet.time + lived + 1_000_000 * US, ..packet.clone() });
        }
        let output = read(file(&both));
        assert_eq!(output.connections().len(), 1, "closed {closed}");
        assert_eq!(said(&output), said(&alone), "closed {closed}");
        assert_eq!(codes(&output), ["captured-twice"], "closed {closed}");
        assert_eq!(output.summary()["tcp_connections"], 1);
        // Another connection on the same ports is another one.
        let other = Script::new(&talk, &Split::Writes(1460)).isn(77, 88).link(link).packets();
        let mut reused = plain.clone();
        reused.extend(
            other
                .iter()
                .map(|packet| Packet { time: packet.time + lived + 1_000_000 * US, ..packet.clone() }),
        );
        let output = read(file(&reused));
        assert_eq!(output.connections().len(), 2, "closed {closed}");
        assert!(!codes(&output).contains(&"captured-twice"), "{:?}", codes(&output));
    }
}

#[test]
fn a_bridge_of_the_corpus_is_told_as_what_it_is() {
    let name = "../shared/corpus/witchofthewires+evsetool/tests__cap.pcapng";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let Ok(file) = std::fs::read(path) else { return eprintln!("skipped: no corpus") };
    let output = read(file);
    assert!(codes(&output).contains(&"captured-twice") && !codes(&output).contains(&"tcp-retransmission"));
}
