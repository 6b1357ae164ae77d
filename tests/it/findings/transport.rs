//! Rules of capture files, packets and TCP.

use wslens::model::Flags;

use super::make::{Case, case, changed, chat, first, ng, packets, push_block, script, talk};
use crate::support::forge::{
    C2S, Conversation, Link, Packet, PcapFormat, S2C, Script, Split, interleave, ipv4_fragments, pcap,
};

pub fn of_the_capture_file() -> Vec<Case> {
    let file = pcap(&packets(), PcapFormat::default());
    let cut = file[..file.len() - 5].to_vec();
    let mut record = file.clone();
    let last = file.len() - packets().last().unwrap().bytes.len() - 16;
    record[last + 8..last + 12].copy_from_slice(&0x7000_0000u32.to_le_bytes());
    // Records longer than the file's snapshot length that are there are read.
    let long = pcap(&packets(), PcapFormat { snaplen: 60, ..PcapFormat::default() });
    let good = ng(&packets());
    let mut trailer = good.clone();
    let end = trailer.len() - 4;
    trailer[end] ^= 4;
    let (mut unknown, mut known) = (good.clone(), good.clone());
    push_block(&mut unknown, 0x7777, b"whatever");
    push_block(&mut known, 4, &[0; 4]);
    let mut stranger = good.clone();
    push_block(&mut stranger, 6, &[&[7, 0, 0, 0][..], &[0; 8], &[4, 0, 0, 0, 4, 0, 0, 0], b"abcd"].concat());
    // Two link types are two interfaces.
    let other =
        Script::new(&Conversation::new("10.0.0.1:50001", "10.0.0.2:80").closed(1000), &Split::Writes(1460));
    let both = ng(&interleave([packets(), other.link(Link::Raw).packets()]));
    let mut swapped = packets();
    swapped.swap(0, 1);
    let mut same = packets();
    same.iter_mut().for_each(|packet| packet.time = 1_767_225_600_000_000_000);
    let mut empty = packets();
    empty.push(Packet { bytes: vec![], wire_len: 0, ..empty[0].clone() });
    let mut bare = packets();
    bare.push(Packet { bytes: vec![0; 14], wire_len: 14, ..bare[0].clone() });
    // The link type stands in the file header: 147 is for private use, 1 is Ethernet.
    let mut private = file.clone();
    private[20..24].copy_from_slice(&147u32.to_le_bytes());
    let with_type = |kind: u16| {
        let mut all = packets();
        let frame = [&[2; 12][..], &kind.to_be_bytes(), &[0; 46]].concat();
        all.push(Packet { wire_len: 60, bytes: frame, ..all[all.len() - 1].clone() });
        pcap(&all, PcapFormat::default())
    };
    vec![
        // Ethernet type 0x9999 is nobody's, 0x0806 is ARP.
        case("capture-unknown-ethertype", with_type(0x9999), &[], with_type(0x0806)),
        case("exported-pdu", exported(false, false), &[], exported(true, false)),
        case("exported-pdu-unused", exported(true, true), &[], exported(true, false)),
        case("capture-unsupported-linktype", private, &[], file.clone()),
        case("capture-truncated", cut, &[], file),
        case("capture-bad-record-length", record, &[], long),
        case("capture-bad-block", trailer, &[], good),
        case("capture-unknown-block", unknown, &[], known),
        case("capture-unknown-interface", stranger, &[], both),
        case("capture-time-backwards", swapped, &[], same),
        case("packet-empty", empty, &["capture-time-backwards"], bare),
    ]
}

/// The payloads of packets as Wireshark exports them. `numbers`: with those of TCP. `others`: with one of another dissector.
fn exported(numbers: bool, others: bool) -> Vec<u8> {
    let tag = |number: u16, value: &[u8]| {
        [&number.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
    };
    let mut first = [None; 2];
    let mut all = Vec::new();
    for packet in packets() {
        let bytes = &packet.bytes;
        let tcp = &bytes[34..];
        let payload = &tcp[usize::from(tcp[12] >> 4) * 4..];
        let seq = u32::from_be_bytes(tcp[4..8].try_into().unwrap());
        let from = usize::from(bytes[26..30] > bytes[30..34]);
        let start = *first[from].get_or_insert(seq);
        if payload.is_empty() {
            continue;
        }
        let port = |at: usize| [&[0, 0][..], &tcp[at..at + 2]].concat();
        let mut tags =
            [tag(12, b"http-over-tcp\0\0\0"), tag(20, &bytes[26..30]), tag(21, &bytes[30..34])].concat();
        tags.extend([tag(24, &[0, 0, 0, 2]), tag(25, &port(0)), tag(26, &port(2))].concat());
        if numbers {
            let at = seq.wrapping_sub(start);
            let ack =
                u32::from_be_bytes(tcp[8..12].try_into().unwrap()).wrapping_sub(first[1 - from].unwrap_or(0));
            let words = [at, at + payload.len() as u32, ack].map(u32::to_be_bytes).concat();
            tags.extend(tag(34, &[&[0, 1][..], &words, &[0; 5]].concat()));
        }
        let data = [&tags[..], &tag(0, b""), payload].concat();
        all.push(Packet { wire_len: data.len(), bytes: data, ..packet.clone() });
    }
    if others {
        let data = [tag(12, b"json"), tag(0, b""), b"{}".to_vec()].concat();
        all.push(Packet { wire_len: data.len(), bytes: data, ..all[all.len() - 1].clone() });
    }
    let mut file = pcap(&all, PcapFormat::default());
    file[20..24].copy_from_slice(&252u32.to_le_bytes());
    file
}

/// A message in a packet that is cut into IP fragments: the packets before it, the fragments, those after it.
pub fn fragmented() -> (Vec<Packet>, Vec<Packet>, Vec<Packet>) {
    let talk = talk().text(C2S, &"a long message ".repeat(80)).closed(1000);
    let script = script(&talk);
    let at = script.piece_at(C2S, talk.expected[0].at);
    let mut packets = script.packets();
    let after = packets.split_off(at + 1);
    let pieces = ipv4_fragments(&packets.pop().unwrap(), 500);
    assert_eq!(pieces.len(), 3);
    (packets, pieces, after)
}

pub fn of_packets() -> Vec<Case> {
    let with_ip = |change: fn(&mut Packet)| {
        let mut packets = packets();
        let at = packets.len() - 4;
        let mut bad = packets[at].clone();
        change(&mut bad);
        packets.insert(at, bad);
        packets
    };
    let (before, pieces, after) = fragmented();
    let joined = |pieces: &[Packet]| [&before[..], pieces, &after[..]].concat();
    let mut overlap = pieces.clone();
    // The second fragment begins eight bytes earlier, with other bytes.
    let place = u16::from_be_bytes([overlap[1].bytes[20], overlap[1].bytes[21]]) - 1;
    overlap[1].bytes[20..22].copy_from_slice(&place.to_be_bytes());
    let talk = talk().text(S2C, &"x".repeat(900)).closed(1000);
    let (cut, whole) = (script(&talk).snaplen(300), script(&talk).snaplen(1000));
    vec![
        // A header length of four bytes cannot be; padding behind a packet can.
        case(
            "packet-malformed",
            with_ip(|packet| packet.bytes[14] = 0x41),
            &[],
            with_ip(|packet| {
                packet.bytes.extend([0; 6]);
                packet.wire_len += 6;
            }),
        ),
        case("packet-truncated", cut, &["tcp-gap"], whole),
        case(
            "ip-fragment-overlap",
            joined(&overlap),
            &["ip-fragment-incomplete", "tcp-out-of-order", "tcp-gap", "desynchronised"],
            joined(&[pieces[2].clone(), pieces[0].clone(), pieces[0].clone(), pieces[1].clone()]),
        ),
        case(
            "ip-fragment-incomplete",
            joined(&pieces[..2]),
            &["tcp-out-of-order", "tcp-gap", "desynchronised"],
            joined(&pieces),
        ),
        case("bad-checksum", script(&chat().closed(1000)).offload(S2C), &[], packets()),
    ]
}

pub fn of_tcp() -> Vec<Case> {
    let talk = chat().closed(1000);
    let plain = || script(&talk);
    let data = first(&plain(), &talk, C2S);
    let bytes = plain().pieces[data].range();
    let (from, to) = (bytes.start as usize, bytes.end as usize);
    let late = data + 2;
    let other = vec![b'?'; to - from];
    let open = chat();
    let one_sided = |dir| plain().with(|pieces| pieces.retain(|piece| piece.dir == dir));
    let reset = chat().closed(1000).rst(S2C);
    let end = plain().pieces.len();
    let rude = chat().rst(C2S);
    let rude_end = script(&rude).pieces.len();
    let syn_data = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        plain().with(|pieces| pieces[0].bytes = bytes)
    };
    let request_start = plain().streams[0][..4].to_vec();
    let again =
        Script::new(&Conversation::new("10.0.0.1:50000", "10.0.0.2:80").closed(1000), &Split::Writes(1460))
            .isn(7, 8)
            .clock(1_767_225_700_000_000_000, 1000);
    let unclosed = script(&chat().no_close());
    let mut twice = plain().packets();
    let copy = Packet { time: twice[data].time + 3000, ..twice[data].clone() };
    twice.insert(data + 1, copy);
    let twice = pcap(&twice, PcapFormat::default());
    vec![
        case("captured-twice", twice, &[], plain().duplicate(data, data + 1)),
        case("tcp-retransmission", plain().duplicate(data, late), &[], plain().acked()),
        case(
            "tcp-out-of-order",
            Script::new(&talk, &Split::Merged(20)).swap(5, 6),
            &[],
            Script::new(&talk, &Split::Merged(20)),
        ),
        case(
            "tcp-overlap-conflict",
            plain().overlap(C2S, from as i64, &other, data + 1),
            &[],
            plain().resend(C2S, from..to, data + 1),
        ),
        case(
            "tcp-gap",
            plain().acked().lose(plain().acked().piece_at(C2S, from as u64)),
            &["tcp-out-of-order", "desynchronised"],
            plain().lose(data).resend(C2S, from..to, late),
        ),
        case("tcp-one-direction", one_sided(S2C), &["request-missing"], plain()),
        case("tcp-midstream", plain().begin_at(data), &[], plain().no_syn()),
        case(
            "tcp-keep-alive",
            // No sooner than after a second: see tcp-window-probe.
            plain().keep_alive(C2S, 0, late + 1).clock(1_767_225_600_000_000_000, 1_000_000_000),
            &[],
            Script::new(&talk, &Split::Sizes(vec![1])),
        ),
        case(
            "tcp-window-probe",
            plain().keep_alive(C2S, 0, late + 1),
            &[],
            plain().keep_alive(C2S, 0, late + 1).clock(1_767_225_600_000_000_000, 1_000_000_000),
        ),
        case(
            "tcp-zero-window",
            plain().with(|pieces| pieces[data].window = 0),
            &[],
            changed(&reset, |pieces| {
                pieces[0].window = 0;
                pieces.last_mut().unwrap().window = 0;
            }),
        ),
        case(
            "tcp-urgent",
            plain().with(|pieces| pieces[data].flags |= Flags::URG),
            &[],
            plain().with(|pieces| {
                pieces[2].flags |= Flags::URG; // Without payload there is nothing urgent.
            }),
        ),
        case("tcp-syn-data", syn_data(&request_start), &["tcp-retransmission"], plain()),
        case("tcp-reset", rude.rst(C2S), &["closed-without-close"], reset),
        case(
            "tcp-reset-ignored",
            plain().with(|pieces| {
                let mut rst = pieces[late].clone();
                (rst.at, rst.bytes, rst.flags) = (3, vec![], Flags::RST);
                pieces.insert(late + 1, rst);
            }),
            &[],
            chat().closed(1000).rst(S2C),
        ),
        case(
            "tcp-fin-ignored",
            plain().with(|pieces| {
                let mut fin = pieces[late].clone();
                (fin.bytes, fin.flags) = (vec![], Flags::FIN | Flags::ACK);
                pieces.insert(late, fin);
            }),
            &["tcp-data-after-fin"],
            plain(),
        ),
        case(
            "tcp-ack-missing",
            plain().with(|pieces| {
                let mut bare = pieces[late].clone();
                bare.flags = 0;
                pieces.insert(late, bare);
            }),
            &[],
            plain().with(|pieces| {
                let mut bare = pieces[late].clone();
                (bare.bytes, bare.flags) = (vec![], 0);
                pieces.insert(late, bare);
            }),
        ),
        case(
            "tcp-data-after-fin",
            script(&chat().closed(1000)).overlap(C2S, plain().streams[0].len() as i64, b"more!", end - 2),
            &[],
            changed(&talk, |pieces| {
                // The FIN comes with the last bytes, and these once more.
                let at =
                    pieces.iter().rposition(|piece| piece.dir == C2S && !piece.bytes.is_empty()).unwrap();
                pieces[at].flags |= Flags::FIN;
                let copy = pieces[at].clone();
                pieces.insert(at + 1, copy);
            }),
        ),
        case(
            "tcp-data-after-reset",
            script(&chat().rst(C2S)).overlap(
                C2S,
                script(&chat().rst(C2S)).streams[0].len() as i64,
                b"\x81\x80\x01\x02\x03\x04",
                rude_end,
            ),
            &["tcp-reset", "closed-without-close"],
            {
                let script = script(&chat().rst(C2S));
                let at = first(&script, &open, C2S);
                script.duplicate(at, rude_end)
            },
        ),
        case(
            "tcp-port-reuse",
            interleave([unclosed.packets(), again.packets()]),
            &["flow-timeout", "closed-without-close"],
            unclosed.clone().duplicate(0, 1),
        ),
        case(
            "tcp-split-handshake",
            plain().with(|pieces| {
                // Both ends open: two SYNs, each answered.
                let mut syn = pieces[1].clone();
                syn.flags = Flags::SYN;
                syn.ack = -1;
                pieces.insert(1, syn);
            }),
            &[],
            plain().duplicate(0, 1),
        ),
    ]
}
