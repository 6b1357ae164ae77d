//! Tricks that make an observer read something else than the receiver: each is told, with what both copies say, and
//! what is sure is read all the same.

use wslens::model::{Direction, Flags};

use crate::read::{Output, read};
use crate::support::forge::{
    C2S, Conversation, Packet, PcapFormat, S2C, Script, Split, ipv4_fragments, pcap, sum,
};

fn talk() -> Conversation {
    chat(Conversation::new("10.0.0.1:50000", "10.0.0.2:80"))
}

fn chat(talk: Conversation) -> Conversation {
    talk.text(C2S, "transfer ten to alice")
        .text(S2C, "done: ten to alice")
        .text(C2S, "thank you")
        .closed(1000)
}

fn script(talk: &Conversation) -> Script {
    Script::new(talk, &Split::Writes(1460))
}

fn output(packets: &[Packet]) -> Output {
    read(pcap(packets, PcapFormat::default()))
}

/// The first message of a direction: the piece that carries it, where it begins, the frame's bytes.
fn first(talk: &Conversation, dir: Direction) -> (usize, u64, Vec<u8>) {
    let script = script(talk);
    let said = talk.expected_of(dir).next().unwrap();
    let frame = talk.stream(dir)[said.at as usize..said.end as usize].to_vec();
    (script.piece_at(dir, said.at), said.at, frame)
}

/// The frame with the last five bytes of its payload, `alice`, said to be `mallo`.
fn forged(frame: &[u8]) -> Vec<u8> {
    let mut other = frame.to_vec();
    let from = other.len() - 5;
    for (byte, (old, new)) in other[from..].iter_mut().zip(b"alice".iter().zip(b"mallo")) {
        *byte ^= old ^ new;
    }
    other
}

/// Sets the TTL of a packet on Ethernet.
fn set_ttl(packet: &mut Packet, ttl: u8) {
    packet.bytes[22] = ttl;
    packet.bytes[24..26].fill(0);
    let check = !sum(&[&packet.bytes[14..34]]);
    packet.bytes[24..26].copy_from_slice(&check.to_be_bytes());
}

fn text<'a>(output: &'a Output, code: &str) -> &'a str {
    let [finding] = output.findings(code)[..] else { panic!("{code} once: {:?}", output.codes()) };
    finding["text"].as_str().unwrap()
}

#[test]
fn a_later_copy_with_other_bytes_is_told_with_what_both_say() {
    let talk = talk();
    for dir in [C2S, S2C] {
        let (at, offset, frame) = first(&talk, dir);
        let packets = script(&talk).overlap(dir, offset as i64, &forged(&frame), at + 1).packets();
        let output = output(&packets);
        let said = text(&output, "tcp-overlap-conflict");
        assert!(said.contains("\"alice\" and \"mallo\""), "{said}");
        assert_eq!(said.contains("unmasked"), dir == C2S, "{said}");
        assert!(said.contains(&format!("the second (packet {})", at + 2)), "{said}");
        assert!(output.said(1, dir.name())[0].bytes.ends_with(b"alice"), "the first copy is used");
        assert_eq!(output.messages().len(), 5);
    }
}

#[test]
fn a_forged_copy_that_comes_first_is_read_and_the_true_one_is_shown_beside_it() {
    let talk = talk();
    let (at, offset, frame) = first(&talk, C2S);
    let output = output(&script(&talk).overlap(C2S, offset as i64, &forged(&frame), at).packets());
    let said = text(&output, "tcp-overlap-conflict");
    assert!(said.contains("unmasked \"mallo\" and \"alice\""), "{said}");
    assert!(output.said(1, "c2s")[0].bytes.ends_with(b"mallo"));
}

#[test]
fn of_copies_that_both_wait_both_packets_are_named() {
    // The segment before is late: neither copy was read when the second came.
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
        .text(C2S, "something before")
        .text(C2S, "transfer ten to alice")
        .no_close();
    let said = &talk.expected[1];
    let frame = talk.stream(C2S)[said.at as usize..said.end as usize].to_vec();
    let whole = script(&talk);
    let (before, at) = (whole.piece_at(C2S, talk.expected[0].at), whole.piece_at(C2S, said.at));
    assert_eq!(at, before + 1);
    let script = whole.overlap(C2S, said.at as i64, &forged(&frame), at + 1).shift(before, at + 1);
    let output = output(&script.packets());
    let told = text(&output, "tcp-overlap-conflict");
    assert!(told.contains(&format!("the first copy (packet {at}) says")), "{told}");
    assert!(told.contains(&format!("the second (packet {})", at + 1)), "{told}");
    assert!(output.said(1, "c2s")[1].bytes.ends_with(b"alice"));
}

#[test]
fn bytes_that_only_differ_under_compression_or_between_frames_are_shown_as_they_are() {
    let talk = talk();
    let (at, offset, frame) = first(&talk, C2S);
    // The header itself differs: what follows cannot be read in two ways.
    let mut other = frame.clone();
    other[0] = 0x82;
    let output = output(&script(&talk).overlap(C2S, offset as i64, &other, at + 1).packets());
    let said = text(&output, "tcp-overlap-conflict");
    assert!(said.contains(&hex::encode(&frame[..24])) && said.contains(&hex::encode(&other[..24])), "{said}");
    assert!(!said.contains("unmasked"), "{said}");
}

#[test]
fn a_copy_that_came_another_way_is_known_by_its_ttl() {
    let talk = talk();
    let (at, offset, frame) = first(&talk, C2S);
    let mut packets = script(&talk).overlap(C2S, offset as i64, &forged(&frame), at).packets();
    let fair = output(&packets);
    assert!(!text(&fair, "tcp-overlap-conflict").contains("TTL"));
    // It dies before the server: the observer reads it, the server does not.
    packets.iter_mut().enumerate().filter(|(i, _)| *i == at + 1).for_each(|(_, packet)| set_ttl(packet, 3));
    let told = output(&packets);
    let said = text(&told, "tcp-overlap-conflict");
    assert!(said.contains("its TTL is 3, that of this sender's first bytes was 64"), "{said}");
}

#[test]
fn fragments_that_overlap_are_told_with_what_both_say() {
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
        .text(S2C, &"all is well here, ".repeat(60))
        .closed(1000);
    let script = script(&talk);
    let at = script.piece_at(S2C, talk.expected[0].at);
    let mut packets = script.packets();
    let after = packets.split_off(at + 1);
    let pieces = ipv4_fragments(&packets.pop().unwrap(), 500);
    let mut forged = pieces[1].clone();
    forged.bytes[34 + 40..34 + 44].copy_from_slice(b"hell");
    let output = output(
        &[packets, vec![pieces[0].clone(), pieces[1].clone(), forged, pieces[2].clone()], after].concat(),
    );
    let said = text(&output, "ip-fragment-overlap");
    let true_bytes = &pieces[1].bytes[34 + 40..34 + 44];
    assert!(said.contains(&hex::encode(true_bytes)) && said.contains("68656c6c"), "{said}");
    assert!(said.contains("hell") && said.contains("first copy, which is used"), "{said}");
    assert_eq!(output.said(1, "s2c")[0].bytes, talk.expected[0].bytes, "the first copy is used");
    let finding = output.findings("ip-fragment-overlap")[0];
    assert_eq!((finding["conn"].as_u64(), finding["dir"].as_str()), (Some(1), Some("s2c")), "{finding}");
}

#[test]
fn a_finding_about_fragments_is_of_the_connection_that_they_carry() {
    let long = "a".repeat(1000);
    let new = || Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
    let talk = chat(new().header(C2S, "X-Long", &long));
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\n\r\n");
    let plain = new()
        .bytes(C2S, request.as_bytes())
        .bytes(S2C, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .fin(C2S);
    // The request in fragments, of which the last but one comes twice and differs.
    for (talk, conn) in [(&talk, Some(1)), (&plain, None)] {
        let script = script(talk);
        let mut packets = script.packets();
        let at = packets.iter().position(|packet| packet.bytes.len() > 1000).unwrap();
        let mut pieces = ipv4_fragments(&packets.remove(at), 500);
        let mut other = pieces[1].clone();
        *other.bytes.last_mut().unwrap() ^= 1;
        pieces.insert(2, other);
        for backwards in [false, true] {
            let mut pieces = pieces.clone();
            if backwards {
                pieces.reverse();
            }
            let mut packets = packets.clone();
            packets.splice(at..at, pieces);
            let output = output(&packets);
            let [finding] = output.findings("ip-fragment-overlap")[..] else {
                panic!("{:?}", output.codes())
            };
            assert_eq!(finding["conn"].as_u64(), conn, "{finding}");
        }
    }
    // A message in fragments of which one is missing: the first says whose they are.
    let script = script(&talk);
    let at = script.piece_at(S2C, talk.expected_of(S2C).next().unwrap().at);
    let packets = script.packets();
    let pieces = ipv4_fragments(&packets[at], 36);
    for (missing, conn) in [(1, Some(1)), (0, None)] {
        let mut pieces = pieces.clone();
        pieces.remove(missing);
        let packets = [&packets[..at], &pieces].concat();
        let output = output(&packets);
        let [finding] = output.findings("ip-fragment-incomplete")[..] else { panic!("{:?}", output.codes()) };
        assert_eq!(finding["conn"].as_u64(), conn, "{missing}: {finding}");
    }
}

#[test]
fn a_forged_rst_stops_nothing_and_is_told_with_its_ttl() {
    let talk = talk();
    let (at, ..) = first(&talk, S2C);
    let mut packets = script(&talk)
        .with(|pieces| {
            let mut rst = pieces[at].clone();
            (rst.at, rst.bytes, rst.flags) = (rst.range().end, vec![], Flags::RST);
            pieces.insert(at + 1, rst);
        })
        .packets();
    set_ttl(&mut packets[at + 1], 250);
    let output = output(&packets);
    assert_eq!(output.messages().len(), 5, "everything is read: {:?}", output.codes());
    let told = output.findings("tcp-data-after-reset");
    assert!(!told.is_empty());
    let said = told[0]["text"].as_str().unwrap();
    assert!(said.contains("the RST's TTL is 250, that of its sender's first bytes was 64"), "{said}");
}

#[test]
fn a_rst_outside_the_window_is_ignored_and_told() {
    let talk = talk();
    let (at, offset, _) = first(&talk, S2C);
    let rst = |place: i64| {
        let packets = script(&talk).with(|pieces| {
            let mut rst = pieces[at].clone();
            (rst.at, rst.bytes, rst.flags) = (place, vec![], Flags::RST);
            pieces.insert(at + 1, rst);
        });
        output(&packets.packets())
    };
    let output = rst(offset as i64 - 100);
    assert_eq!(output.codes(), ["tcp-reset-ignored"]);
    assert!(text(&output, "tcp-reset-ignored").contains("bytes before the next one"));
    assert_eq!(output.connections()[0]["state"], "closed");
    assert_eq!(output.messages().len(), 5);
}

#[test]
fn a_split_handshake_changes_nothing_of_what_is_read() {
    let talk = talk();
    // The server answers with a SYN of its own; the client answers that (four steps instead of three).
    let script = script(&talk).with(|pieces| {
        let mut syn = pieces[1].clone();
        (syn.flags, syn.ack) = (Flags::SYN, -1);
        pieces.insert(1, syn);
    });
    let output = output(&script.packets());
    assert_eq!(output.codes(), ["tcp-split-handshake"]);
    let [connection] = output.connections()[..] else { panic!("one connection") };
    assert_eq!(connection["client"], "10.0.0.1:50000", "who sends the request is the client");
    assert_eq!(output.messages().len(), 5);
}

#[test]
fn a_request_whose_length_can_be_read_in_two_ways_is_told_with_both() {
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
        .header(C2S, "Content-Length", "5, 7")
        .text(C2S, "hello")
        .closed(1000);
    let output = output(&script(&talk).packets());
    let said = text(&output, "http-conflicting-length");
    assert!(said.contains('5') && said.contains('7'), "{said}");
}

#[test]
fn control_bytes_in_a_head_hide_no_websocket() {
    for odd in ["\u{1}", "\u{1b}[2J", "\0", "\u{7f}", "\r"] {
        let new = || Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
        let heads = [
            new().first_line(S2C, &format!("HTTP/1.1 101 Sw{odd}tching")),
            new().first_line(C2S, &format!("GET /ch{odd}at HTTP/1.1")),
            new().header(C2S, "X-Odd", &format!("one{odd}two")),
            new().header(S2C, "Server", &format!("one{odd}two")),
        ];
        for (i, talk) in heads.map(chat).into_iter().enumerate() {
            for split in [Split::Writes(1460), Split::Writes(7)] {
                let output = output(&Script::new(&talk, &split).packets());
                assert_eq!(output.messages().len(), 5, "{odd:?} {i}");
                assert_eq!(output.codes(), ["odd-head"], "{odd:?} {i}");
                assert!(!text(&output, "odd-head").contains(odd), "shown as it is");
            }
        }
    }
    // What only looks like the beginning of a head is none.
    let other = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
    let other = other.request_now().bytes(S2C, b"HTTP\x01.1 101 Sw\r\n\r\n").no_close();
    assert_eq!(output(&script(&other).packets()).findings("odd-head").len(), 0);
}

/// The talk with a segment of the client's put in front of its second message.
fn with_segment(flags: u8, ack: i64, bytes: &[u8]) -> Output {
    let talk = talk();
    let said = talk.expected_of(C2S).nth(1).unwrap();
    let script = script(&talk).acked();
    let at = script.piece_at(C2S, said.at);
    let packets = script.with(|pieces| {
        let mut forged = pieces[at].clone();
        (forged.flags, forged.bytes) = (flags, bytes.to_vec());
        forged.ack += ack;
        pieces.insert(at, forged);
    });
    output(&packets.packets())
}

#[test]
fn a_fin_that_its_receiver_drops_ends_nothing() {
    for (flags, ack, code) in [
        (Flags::FIN, 0, "tcp-ack-missing"),
        (Flags::FIN | Flags::PSH, 0, "tcp-ack-missing"),
        (Flags::FIN | Flags::ACK, -1_000_000, "tcp-fin-ignored"),
        // Such a one may have been lost behind the observer.
        (Flags::FIN | Flags::ACK, 0, "tcp-fin-ignored"),
    ] {
        let output = with_segment(flags, ack, b"");
        assert_eq!(output.said(1, "c2s")[1].bytes, b"thank you", "{:?}", output.codes());
        assert_eq!(output.messages().len(), 5);
        assert!(output.messages().iter().all(|message| message.integrity == "ok"));
        assert_eq!(output.findings(code).len(), 1, "{:?}", output.codes());
        assert_eq!(output.connections()[0]["state"], "closed");
        assert_eq!(output.connections()[0]["close"]["code"], 1000);
    }
    // Nobody acknowledged anything behind this one.
    let talk = talk();
    let output = output(&script(&talk).packets());
    assert_eq!(output.codes(), Vec::<&str>::new());
}

#[test]
fn a_segment_without_ack_is_no_data_of_an_open_connection() {
    let talk = talk();
    let said = talk.expected_of(C2S).nth(1).unwrap();
    let frame = talk.stream(C2S)[said.at as usize..said.end as usize].to_vec();
    let mut other = frame.clone();
    *other.last_mut().unwrap() ^= 0x20;
    for flags in [0, Flags::PSH] {
        let output = with_segment(flags, 0, &other);
        assert_eq!(output.said(1, "c2s")[1].bytes, b"thank you");
        assert_eq!(output.codes(), ["tcp-ack-missing"]);
        assert!(text(&output, "tcp-ack-missing").contains(&format!("with {} bytes", frame.len())));
    }
    // Programs that make packets of text set no flag at all: there everything is read.
    let bare = script(&talk)
        .with(|pieces| pieces.iter_mut().for_each(|piece| piece.flags &= !(Flags::ACK | Flags::SYN)));
    assert_eq!(output(&bare.packets()).said(1, "c2s")[1].bytes, b"thank you");
}
