//! However a conversation is cut, swapped and repeated on its way, the same messages are read. What is
//! lost is never made up.

use std::io::{Read, Write as _};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wslens::capture::Capture;
use wslens::model::Direction;
use wslens::report::{Levels, PayloadMode};

use crate::compare::{all_of, none_false, op_name};
use crate::read::{Output, config, keep_all, print, read, read_as};
use crate::support::forge::{
    C2S, Conversation, DeflateSpec, Link, Packet, PcapFormat, PcapngFormat, Rng, S2C, Script, Split,
    interleave, ipv4_fragments, pcap, pcapng, udp_packet,
};
use crate::support::strategy::{plans, splits, troubled};

/// Packets of the capture for which a hole is waited for by default, less a margin.
const PATIENCE: usize = 4000;

fn file(packets: &[Packet]) -> Vec<u8> {
    pcap(packets, PcapFormat::default())
}

/// The same packets, but with times that follow the file.
fn retimed(mut packets: Vec<Packet>) -> Vec<Packet> {
    let start = packets.iter().map(|packet| packet.time).min().unwrap_or_default();
    for (i, packet) in packets.iter_mut().enumerate() {
        packet.time = start + 50_000 * i as i64;
    }
    packets
}

fn expect_all(output: &Output, talks: &[&Conversation]) -> Result<(), TestCaseError> {
    all_of(output, talks).map_err(TestCaseError::fail)
}

/// Findings that a capture may have whose packets only went astray.
fn only_harmless(output: &Output) -> Result<(), TestCaseError> {
    let harmless = [
        "tcp-retransmission",
        "captured-twice",
        "tcp-out-of-order",
        "tcp-keep-alive",
        "tcp-window-probe",
        "capture-time-backwards",
        "closed-without-close",
        "close-unanswered",
        "ping-unanswered",
        "unsolicited-pong",
        "control-characters",
    ];
    for finding in output.kind("finding") {
        prop_assert!(harmless.contains(&finding["code"].as_str().unwrap()), "{finding}");
    }
    Ok(())
}

fn links() -> impl Strategy<Value = Link> {
    select(vec![Link::Ethernet, Link::Raw, Link::Sll, Link::Sll2, Link::Null, Link::Loop])
}

proptest! {
    #![proptest_config(config(32))]

    #[test]
    fn any_cutting_gives_the_messages_that_were_sent(plan in plans(), split in splits(), port in 1024u16..) {
        let talk = plan.conversation(port);
        let output = read(file(&Script::new(&talk, &split).packets()));
        expect_all(&output, &[&talk])?;
        only_harmless(&output)?;
        prop_assert_eq!(output.frames().len(), talk.frames.len());
    }

    #[test]
    fn swaps_repeats_and_keep_alives_change_no_message(
        plan in plans(), split in splits(), port in 1024u16.., seed: u64,
    ) {
        let talk = plan.conversation(port);
        let script = troubled(&talk, &split, seed);
        let output = read(file(&script.packets()));
        expect_all(&output, &[&talk])?;
        prop_assert_eq!(output.findings("tcp-gap").len(), 0);
    }

    #[test]
    fn a_file_in_any_order_gives_the_same_messages(
        plan in plans(), mss in 500..9000usize, port in 1024u16.., seed: u64, end in 0..5u8, retime: bool, syns: bool,
    ) {
        let talk = plan.conversation(port);
        let talk = match end {
            0 => talk.no_close(),
            1 => talk.fin(S2C),
            2 => talk.rst(C2S),
            3 => talk.rst(S2C),
            _ => talk,
        };
        let script = Script::new(&talk, &Split::Merged(mss));
        let script = if syns { script } else { script.no_syn() };
        let mut packets = script.packets();
        prop_assume!(packets.len() < PATIENCE);
        Rng::new(seed).shuffle(&mut packets);
        let packets = if retime { retimed(packets) } else { packets };
        expect_all(&read(file(&packets)), &[&talk])?;
    }

    #[test]
    fn what_comes_before_the_websocket_is_passed_over(
        plan in plans(), split in splits(), seed: u64, before in proptest::collection::vec(0..BEFORE.len(), 0..4),
        proxy in 0..4u8, tunnel: bool,
    ) {
        let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
        match proxy {
            1 => talk = talk.bytes(C2S, b"PROXY TCP4 192.0.2.10 192.0.2.20 40000 80\r\n"),
            2 => talk = talk.bytes(C2S, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x0a\xc0\0\x02\x14\x9c\x40\0\x50"),
            _ => {}
        }
        for which in before {
            let (request, response) = BEFORE[which];
            talk = talk.http_before(request, response);
        }
        if tunnel {
            talk = talk.connect("chat.example:80");
        }
        let talk = plan.after(talk);
        let output = read(file(&troubled(&talk, &split, seed).packets()));
        expect_all(&output, &[&talk])?;
        let connection = output.connections()[0];
        prop_assert_eq!(connection["proxied_client"].is_string(), proxy == 1 || proxy == 2);
        prop_assert_eq!(connection["tunnelled"] == true, tunnel);
        prop_assert_eq!(output.findings("data-before-handshake").len(), 0);
    }

    #[test]
    fn the_syn_may_come_last(plan in plans(), split in splits(), port in 1024u16.., answer_too: bool) {
        let talk = plan.conversation(port).no_close();
        let script = Script::new(&talk, &split);
        prop_assume!(script.pieces.len() < PATIENCE);
        let last = script.pieces.len() - 1;
        let script = script.shift(0, last);
        let script = if answer_too { script.shift(0, last) } else { script };
        expect_all(&read(file(&script.packets())), &[&talk])?;
    }

    #[test]
    fn each_packet_twice_is_the_same_as_once(plan in plans(), split in splits(), port in 1024u16.., apart in 1..6usize) {
        let talk = plan.conversation(port);
        let once = Script::new(&talk, &split).packets();
        // As a mirror port writes them: the copy follows some packets later.
        let mut twice: Vec<(usize, Packet)> = vec![];
        for (i, packet) in once.iter().enumerate() {
            twice.push((2 * i, packet.clone()));
            twice.push((2 * (i + apart) - 1, packet.clone()));
        }
        twice.sort_by_key(|(at, _)| *at);
        let packets: Vec<Packet> = twice.into_iter().map(|(_, packet)| packet).collect();
        let output = read(file(&retimed(packets)));
        expect_all(&output, &[&talk])?;
        only_harmless(&output)?;
    }

    #[test]
    fn links_tags_and_wrapping_numbers_change_nothing(
        plan in plans(), split in splits(), port in 1024u16.., link in links(), acked: bool,
        tags in proptest::collection::vec(1..4095u16, 0..3), isn in prop_oneof![
            any::<[u32; 2]>(), (0..2000u32, 0..2000u32).prop_map(|(a, b)| [u32::MAX - a, u32::MAX - b])],
    ) {
        let talk = plan.conversation(port);
        let plain = Script::new(&talk, &split);
        let plain = if acked { plain.acked() } else { plain };
        let dressed = plain.clone().isn(isn[0], isn[1]).link(link);
        let dressed = if link == Link::Ethernet { dressed.vlans(&tags) } else { dressed };
        let (plain, dressed) = (read(file(&plain.packets())), read(file(&dressed.packets())));
        expect_all(&dressed, &[&talk])?;
        only_harmless(&dressed)?;
        // All but the capture's size is the same.
        let lines = |output: &Output| output.lines[..output.lines.len() - 1].to_vec();
        prop_assert_eq!(lines(&plain), lines(&dressed));
    }

    #[test]
    fn without_syns_the_handshake_is_enough(plan in plans(), mss in 100..9000usize, port in 1024u16.., seed: u64) {
        let talk = plan.conversation(port);
        let script = Script::new(&talk, &Split::Merged(mss)).no_syn();
        let distance = Rng::new(seed).below(4);
        let script = script.shuffle(&mut Rng::new(seed), distance);
        expect_all(&read(file(&script.packets())), &[&talk])?;
    }

    #[test]
    fn wrong_checksums_of_one_end_or_both_change_nothing(
        plan in plans(), split in splits(), port in 1024u16.., ends in 1..4u8, seed: u64,
    ) {
        let talk = plan.conversation(port);
        let mut script = troubled(&talk, &split, seed);
        for (bit, dir) in [(1, C2S), (2, S2C)] {
            if ends & bit != 0 {
                script = script.offload(dir);
            }
        }
        expect_all(&read(file(&script.packets())), &[&talk])?;
    }

    #[test]
    fn a_damaged_copy_is_not_read(plan in plans(), split in splits(), port in 1024u16.., pick: u64, dir in select(vec![C2S, S2C])) {
        let talk = plan.conversation(port);
        let script = Script::new(&talk, &split);
        let data = script.data(dir);
        let script = script.damage(data[pick as usize % data.len()]);
        let output = read(file(&script.packets()));
        expect_all(&output, &[&talk])?;
        prop_assert_eq!(output.findings("bad-checksum").len(), 1);
    }

    #[test]
    fn damaged_copies_are_not_read_whichever_and_however_many_they_are(
        plan in plans(), split in splits(), port in 1024u16.., seed: u64, acked: bool, syns: bool, apart in 1..8usize,
    ) {
        let talk = plan.conversation(port);
        let split = if syns { split } else { Split::Merged(1460) };
        let script = Script::new(&talk, &split);
        let script = if acked { script.acked() } else { script };
        let mut script = if syns { script } else { script.no_syn() };
        let mut rng = Rng::new(seed);
        let mut damaged = 0;
        for dir in [C2S, S2C] {
            // Not two in a row before one that is right: where most are wrong it is no damage.
            let some: Vec<i64> =
                script.data(dir).chunks(2 * apart + 2).filter(|_| rng.chance(1, 2)).map(|pair| script.pieces[pair[0]].at).collect();
            for at in some {
                let i = script.piece_at(dir, at as u64);
                script = script.damage(i);
                // The good copy comes later.
                let last = script.pieces.iter().rposition(|piece| piece.flags & 1 == 0).unwrap();
                script = script.shift(i + 1, (i + apart).min(last).max(i + 1));
                damaged += 1;
            }
        }
        let output = read(file(&script.packets()));
        expect_all(&output, &[&talk])?;
        prop_assert_eq!(output.findings("bad-checksum").len(), damaged.min(200));
    }

    #[test]
    fn ip_fragments_are_joined(plan in plans(), mss in 600..9000usize, port in 512u16..32_000, mtu in 300..1500usize, seed: u64) {
        let talk = plan.conversation(port * 2);
        let mut rng = Rng::new(seed);
        let packets = Script::new(&talk, &Split::Merged(mss)).packets().into_iter().flat_map(|packet| {
            let mut pieces =
                if packet.bytes.len() > mtu + 14 { ipv4_fragments(&packet, mtu) } else { vec![packet] };
            rng.shuffle(&mut pieces);
            pieces
        });
        let output = read(file(&retimed(packets.collect())));
        expect_all(&output, &[&talk])?;
        only_harmless(&output)?;
    }

    #[test]
    fn conversations_that_run_at_the_same_time_stay_apart(
        plans in proptest::collection::vec((plans(), splits()), 2..5), seed: u64, noise in 0..20i64,
    ) {
        let mut rng = Rng::new(seed);
        // Ports close to each other; some clients talk from the same port of another address family.
        let talks: Vec<Conversation> =
            plans.iter().zip(40_000..).map(|((plan, _), port)| plan.conversation(port)).collect();
        let scripts = talks.iter().zip(&plans).map(|(talk, (_, split))| {
            let start = 1_767_225_600_000_000_000 + rng.below(2_000_000) as i64;
            let pace = 1000 * (1 + rng.below(300) as i64);
            Script::new(talk, split).clock(start, pace).packets()
        });
        let mut packets = interleave(scripts.collect::<Vec<_>>());
        for i in 0..noise {
            let time = packets[0].time + i * 10_000;
            packets.push(udp_packet(time, "10.0.0.1:40000".parse().unwrap(), "10.0.0.2:80".parse().unwrap(), b"GET / HTTP/1.1\r\n"));
        }
        packets.sort_by_key(|packet| packet.time);
        let output = read(file(&packets));
        let talks: Vec<&Conversation> = talks.iter().collect();
        expect_all(&output, &talks)?;
        only_harmless(&output)?;
        prop_assert_eq!(output.connections().len(), talks.len());
    }

    #[test]
    fn what_is_lost_is_never_made_up(
        plan in plans(), split in splits(), port in 1024u16.., seed: u64, per_mille in 1..400u64, acked: bool,
    ) {
        let talk = plan.conversation(port);
        let mut rng = Rng::new(seed);
        let script = Script::new(&talk, &split);
        let script = if acked { script.acked() } else { script };
        let script = script.with(|pieces| pieces.retain(|_| !rng.chance(per_mille, 1000)));
        let output = read(file(&script.packets()));
        none_false(&output, &[&talk]).map_err(TestCaseError::fail)?;
        // Without its SYN, a request that lacks its first bytes is no request that anybody sent.
        if script.captured(C2S).first().is_some_and(|range| range.start == 0) {
            no_fault_of_the_peers(&output)?;
        }
    }

    #[test]
    fn loss_before_and_in_the_handshake_makes_no_message_up(
        plan in plans(), split in splits(), seed: u64, before in proptest::collection::vec(1..BEFORE.len(), 0..4),
        per_mille in 20..300u64, tunnel: bool,
    ) {
        let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
        for which in before {
            let (request, response) = BEFORE[which];
            talk = talk.http_before(request, response);
        }
        if tunnel {
            talk = talk.connect("chat.example:80");
        }
        let talk = plan.after(talk);
        let mut rng = Rng::new(seed);
        let opened = talk.upgraded_at.map(|at| at as i64);
        let script = Script::new(&talk, &split).acked();
        let script = script.with(|pieces| {
            pieces.retain(|piece| piece.at >= opened[usize::from(piece.dir == S2C)] || !rng.chance(per_mille, 1000));
        });
        let output = read(file(&script.packets()));
        none_false(&output, &[&talk]).map_err(TestCaseError::fail)?;
        // Of a request whose method was cut by the loss the rest is read.
        if output.findings("request-method-not-get").is_empty() {
            no_fault_of_the_peers(&output)?;
        }
    }

    #[test]
    fn one_lost_segment_costs_no_message_that_ended_before_it(
        plan in plans(), split in splits(), port in 1024u16.., pick: u64,
    ) {
        let talk = plan.conversation(port);
        let script = Script::new(&talk, &split).acked();
        let data: Vec<usize> = [C2S, S2C].into_iter().flat_map(|dir| {
            let start = talk.upgraded_at[usize::from(dir == S2C)] as i64;
            script.data(dir).into_iter().map(move |i| (i, start)).collect::<Vec<_>>()
        }).filter(|&(i, start)| script.pieces[i].at >= start).map(|(i, _)| i).collect();
        prop_assume!(!data.is_empty());
        let lost = data[pick as usize % data.len()];
        let (dir, at) = (script.pieces[lost].dir, script.pieces[lost].at);
        let output = read(file(&script.lose(lost).packets()));
        let count = none_false(&output, &[&talk]).map_err(TestCaseError::fail)?;
        let before = talk.expected.iter().filter(|m| m.dir != dir || m.end as i64 <= at).count();
        prop_assert!(count >= before, "{} of {}", count, before);
        prop_assert_eq!(output.findings("tcp-gap").len(), 1, "{:?}", output.codes());
        no_fault_of_the_peers(&output)?;
    }

    #[test]
    fn what_the_snap_length_cut_is_never_made_up(
        plan in plans(), split in splits(), port in 1024u16.., snaplen in 60..1500usize,
    ) {
        let talk = plan.conversation(port);
        let script = Script::new(&talk, &split).snaplen(snaplen);
        let output = read(file(&script.packets()));
        none_false(&output, &[&talk]).map_err(TestCaseError::fail)?;
        no_fault_of_the_peers(&output)?;
    }

    #[test]
    fn long_messages_are_cut_to_their_beginning_and_counted_whole(
        plan in plans(), split in splits(), port in 1024u16.., keep in prop_oneof![125..400u64, 125..70_000u64],
    ) {
        let talk = plan.conversation(port);
        let file = file(&Script::new(&talk, &split).packets());
        let mut limits = keep_all();
        (limits.depth.keep, limits.depth.hash) = (keep, true);
        let cut = read_as(Capture::from_bytes(file.clone()).unwrap(), limits.clone(), Levels::ALL, PayloadMode::Full);
        let hashed = read_as(Capture::from_bytes(file).unwrap(), limits, Levels::MESSAGES, PayloadMode::Hash);
        let of = |output: &Output, dir: Direction| -> Vec<Value> {
            output.kind("message").filter(|message| message["dir"] == dir.name()).cloned().collect()
        };
        for dir in [C2S, S2C] {
            let told: Vec<_> = talk.expected_of(dir).collect();
            let (cut, hashed) = (of(&cut, dir), of(&hashed, dir));
            prop_assert_eq!((cut.len(), hashed.len()), (told.len(), told.len()));
            for ((told, cut), hashed) in told.iter().zip(cut).zip(hashed) {
                prop_assert_eq!(cut["len"].as_u64(), Some(told.bytes.len() as u64), "{}", cut);
                prop_assert_eq!(hashed["sha256"].as_str(), Some(&*hex::encode(Sha256::digest(&told.bytes))), "{}", hashed);
                prop_assert_eq!(&cut["integrity"], "ok");
                let shown = match cut["text"].as_str() {
                    Some(text) => text.as_bytes().to_vec(),
                    None => hex::decode(cut["hex"].as_str().unwrap()).unwrap(),
                };
                prop_assert!(told.bytes.starts_with(&shown), "{}", cut);
                prop_assert_eq!(cut["cut"].as_bool(), Some(shown.len() < told.bytes.len()), "{}", cut);
                // A cut never falls into a character.
                prop_assert!(shown.len() as u64 + 3 >= keep.min(told.bytes.len() as u64), "{}", cut);
            }
        }
    }

    #[test]
    fn loss_in_messages_that_are_read_as_they_come_is_never_made_up(
        plan in plans(), split in splits(), port in 1024u16.., seed: u64, per_mille in 1..300u64, keep in 0..400u64,
    ) {
        let talk = plan.conversation(port);
        let mut rng = Rng::new(seed);
        let script = Script::new(&talk, &split).acked();
        let script = script.with(|pieces| pieces.retain(|piece| piece.at <= 0 || !rng.chance(per_mille, 1000)));
        let mut limits = keep_all();
        limits.depth.keep = keep;
        let capture = Capture::from_bytes(file(&script.packets())).unwrap();
        let output = read_as(capture, limits, Levels::ALL, PayloadMode::Full);
        no_fault_of_the_peers(&output)?;
        // Of cut messages the beginning is shown.
        for dir in [C2S, S2C] {
            let mut told = talk.expected_of(dir);
            for message in output.messages().into_iter().filter(|message| message.dir == dir.name()) {
                if message.integrity == "ok" || message.as_text {
                    let fits = told.any(|one| one.bytes.starts_with(&message.bytes) && op_name(one.op) == message.op);
                    prop_assert!(fits, "never sent: {message:?}");
                }
            }
        }
    }

    #[test]
    fn every_way_into_the_program_gives_the_same_output(
        plan in plans(), split in splits(), port in 1024u16.., seed: u64, nanos: bool, big: bool,
    ) {
        let talk = plan.conversation(port);
        let packets = troubled(&talk, &split, seed).packets();
        let printed = |capture: Capture| {
            let out = print(capture, keep_all(), Levels::ALL, PayloadMode::Full);
            // The summary has the size of the file.
            let lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
            lines[..lines.len() - 1].join("\n")
        };
        let bytes = file(&packets);
        let expected = printed(Capture::from_bytes(bytes.clone()).unwrap());
        let others = [pcap(&packets, PcapFormat { nanos, big, ..PcapFormat::default() }), pcapng(&packets, PcapngFormat { big, nanos })];
        for other in others {
            prop_assert!(printed(Capture::from_bytes(other.clone()).unwrap()) == expected);
            let trickle = Trickle { bytes: other, at: 0, rng: Rng::new(seed) };
            prop_assert!(printed(Capture::from_reader(Box::new(trickle)).unwrap()) == expected);
        }
        let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        packed.write_all(&bytes).unwrap();
        prop_assert!(printed(Capture::from_bytes(packed.finish().unwrap()).unwrap()) == expected);
    }
}

/// HTTP exchanges whose end is told in every way there is.
const BEFORE: [(&[u8], &[u8]); 8] = [
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nHTTP/1.1 101 X\n"),
    (b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
    (
        b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ),
    (
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;name=value\r\nGET \r\n0\r\nA: b\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 55\r\n\r\n"),
    (
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
    ),
    (
        b"GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\x81\x00",
    ),
    (
        b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: something-else\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 426 Upgrade Required\r\nUpgrade: something-else\r\nContent-Length: 0\r\n\r\n",
    ),
];

/// What is not in the capture is no fault of a peer.
fn no_fault_of_the_peers(output: &Output) -> Result<(), TestCaseError> {
    let allowed = ["tcp-gap", "desynchronised"];
    for finding in output.kind("finding").filter(|finding| finding["severity"] == "error") {
        prop_assert!(allowed.contains(&finding["code"].as_str().unwrap()), "{finding}");
    }
    Ok(())
}

/// A pipe that gives a few bytes at a time.
struct Trickle {
    bytes: Vec<u8>,
    at: usize,
    rng: Rng,
}

impl Read for Trickle {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let n = (1 + self.rng.below(3000) as usize).min(to.len()).min(self.bytes.len() - self.at);
        to[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[test]
fn ports_that_are_used_again_make_another_connection() {
    let first = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").text(C2S, "first").rst(C2S);
    let second = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").text(C2S, "second").text(S2C, "too");
    let third = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").text(C2S, "third").no_close();
    let again = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").text(C2S, "fourth");
    let scripts = [&first, &second, &third, &again].into_iter().zip(1u32..).map(|(talk, i)| {
        let start = 1_767_225_600_000_000_000 + i64::from(i) * 1_000_000_000;
        Script::new(talk, &Split::Writes(1460))
            .isn(i * 0x1234_5678, i * 0x0fed_cba9)
            .clock(start, 1000)
            .packets()
    });
    let output = read(file(&interleave(scripts)));
    let said: Vec<(u64, String)> = output
        .messages()
        .into_iter()
        .map(|message| (message.conn, String::from_utf8(message.bytes).unwrap()))
        .collect();
    let expected = [(1, "first"), (2, "second"), (2, "too"), (3, "third"), (4, "fourth")];
    assert_eq!(said, expected.map(|(conn, text)| (conn, text.to_owned())));
    let streams: Vec<_> = output.connections().iter().map(|c| c["tcp_stream"].as_u64().unwrap()).collect();
    assert_eq!(streams.len(), 4);
    assert_eq!(output.findings("tcp-port-reuse").len(), 1, "only the third was still open");
    let states: Vec<_> = output.connections().iter().map(|c| c["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["reset", "closed", "timed-out", "closed"]);
}

#[test]
fn a_syn_that_comes_again_counts_no_further_connection() {
    let ssh = Conversation::new("10.0.0.1:50000", "10.0.0.2:22")
        .bytes(S2C, b"SSH-2.0-OpenSSH_9.6\r\n")
        .bytes(C2S, b"SSH-2.0-OpenSSH_9.6\r\n")
        .no_close();
    let page = Conversation::new("10.0.0.1:50001", "10.0.0.2:80")
        .http_before(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/2 garbage\r\n\r\n")
        .no_close();
    let chat = Conversation::new("10.0.0.1:50002", "10.0.0.2:80").text(C2S, "hello").closed(1000);
    let start = 1_767_225_600_000_000_000;
    let script = |talk: &Conversation, i: u32| {
        let clock = start + i64::from(i) * 1_000_000_000;
        Script::new(talk, &Split::Writes(1460))
            .isn(i * 0x1234_5678, i * 0x0fed_cba9)
            .clock(clock, 1000)
            .packets()
    };
    for other in [&ssh, &page] {
        for (isn, stream) in [(1, 1), (9, 2)] {
            let (before, mut again) = (script(other, 1), script(other, isn));
            again.truncate(1);
            again[0].time = before.last().unwrap().time + 1000;
            let capture = file(&interleave([before, again, script(&chat, 3)]));
            let output = read(capture.clone());
            let streams: Vec<_> =
                output.connections().iter().map(|c| c["tcp_stream"].as_u64().unwrap()).collect();
            assert_eq!(streams, [stream]);
            assert!(!output.messages().is_empty());
            // The same number as Wireshark's.
            let mut named = tempfile::NamedTempFile::new().unwrap();
            std::io::Write::write_all(&mut named, &capture).unwrap();
            let tshark = std::process::Command::new("tshark")
                .args([
                    "-n",
                    "-Y",
                    "websocket && websocket.opcode == 1",
                    "-T",
                    "fields",
                    "-e",
                    "tcp.stream",
                    "-r",
                ])
                .arg(named.path())
                .output();
            if let Ok(tshark) = tshark {
                assert_eq!(String::from_utf8_lossy(&tshark.stdout).trim(), stream.to_string());
            }
        }
    }
}

#[test]
fn loss_under_every_kind_of_context_takeover_shows_no_false_text() {
    // Texts that refer back to each other by much, so that a wrong window gives plausible text.
    let mut shown = 0;
    for case in 0..40u64 {
        let mut rng = Rng::new(case);
        let spec = DeflateSpec::any(&mut rng);
        let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").deflate(spec);
        for i in 0..30 {
            let (who, what) =
                (["alice", "bobby", "carol"][rng.below(3) as usize], ["BUY-", "SELL"][rng.below(2) as usize]);
            let text =
                format!("{{\"user\":\"{who}\",\"action\":\"{what}\",\"amount\":\"{}\"}}", rng.below(1000));
            let dir = if rng.chance(1, 2) { C2S } else { S2C };
            talk = match i % 7 {
                6 => talk.fragmented(dir, 1, &[&text.as_bytes()[..9], &text.as_bytes()[9..]]),
                _ => talk.text(dir, &text),
            };
        }
        let mut script = Script::new(&talk, &Split::Sizes(vec![30, 17, 55, 200, 8]));
        for _ in 0..1 + rng.below(3) {
            // Somewhere behind the handshake.
            let i = 20 + rng.below(script.pieces.len() as u64 - 24) as usize;
            script = script.lose(i);
        }
        let output = read(file(&script.packets()));
        shown += none_false(&output, &[&talk]).unwrap();
        assert!(output.findings("inflate-error").is_empty(), "a loss is no broken compression");
    }
    assert!(shown > 200, "{shown} messages could be known");
}

#[test]
fn a_lost_window_is_remembered_by_messages_that_are_read_as_they_come() {
    let noise: String = Rng::new(3).bytes(200).iter().map(|byte| char::from(b'!' + byte % 90)).collect();
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").deflate(DeflateSpec::default());
    let longer: String = Rng::new(4).bytes(900).iter().map(|byte| char::from(b'!' + byte % 90)).collect();
    let talk = talk.text(S2C, &noise).text(S2C, &format!("{noise}{longer}"));
    // Of the first message only its end is lost; it is short enough to be kept, the second is not.
    let script = Script::new(&talk, &Split::Writes(100)).acked();
    let lost = script.piece_at(S2C, talk.expected[0].end - 1);
    let mut limits = keep_all();
    limits.depth.keep = 300;
    let capture = Capture::from_bytes(file(&script.lose(lost).packets())).unwrap();
    let output = read_as(capture, limits, Levels::ALL, PayloadMode::Full);
    let integrity: Vec<String> = output.messages().into_iter().map(|message| message.integrity).collect();
    assert_eq!(integrity, ["gap", "unknown-dictionary"], "{:?}", output.codes());
}

#[test]
fn the_answer_to_a_lost_request_is_not_taken_for_that_of_the_upgrade() {
    let plain = |talk: Conversation| talk.http_before(BEFORE[0].0, BEFORE[0].1);
    let talk =
        plain(plain(Conversation::new("10.0.0.1:50000", "10.0.0.2:80"))).text(C2S, "hello").closed(1000);
    let script = Script::new(&talk, &Split::Writes(1460)).acked();
    let second = script.data(C2S)[1];
    // Lost inside the capture, and sent before it began.
    for script in [script.clone().lose(second), script.begin_at(second + 1)] {
        let output = read(file(&script.packets()));
        all_of(&output, &[&talk]).unwrap();
        assert_eq!(output.connections()[0]["state"], "closed");
        assert_eq!(output.findings("handshake-rejected").len(), 0);
    }
}
