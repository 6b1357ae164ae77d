//! Details are what a straight run gives, whichever checkpoint they are loaded from.

use proptest::prelude::*;
use wslens::model::Bytes as _;
use wslens::store::detail::{Detail, FrameDetail, LoadError, Request};
use wslens::store::{Marks, Options};
use wslens::ws::{Integrity, unmask};

use super::{Said, captures, crowd, dense, load_frame, load_message, session, session_with, straight};
use crate::read::config;
use crate::support::forge::{C2S, Conversation, PcapFormat, S2C, Script, Split, pcap};
use crate::support::strategy::{plans, splits, troubled};

/// The frame's pieces are the frame: what the packets hold at the places named is the header and the payload, or (`sealed`)
/// as many encrypted bytes.
fn pieces_fit(frame: &FrameDetail, fragmented: bool, sealed: bool) {
    let mut wire = frame.header_bytes.clone();
    let mut payload = frame.payload.clone();
    if frame.header.masked() {
        unmask(&mut payload, frame.header.masking_key, 0);
    }
    wire.extend(payload);
    assert_eq!(frame.header_bytes.len(), frame.header.len());
    let mut at = 0;
    for piece in &frame.pieces {
        assert!(piece.of_frame.start >= at && piece.of_frame.end > piece.of_frame.start);
        assert!(!frame.complete || piece.of_frame.start == at, "{:?}", frame.pieces);
        at = piece.of_frame.end;
        if piece.of_packet.is_empty() {
            assert!(fragmented);
            continue;
        }
        let (from, to) = (piece.of_frame.start as usize, piece.of_frame.end as usize);
        let there = &piece.packet.bytes[piece.of_packet.clone()];
        if frame.complete && !sealed {
            let loaded = wire.get(from..to.min(wire.len())).unwrap_or_default();
            assert_eq!(&there[..loaded.len()], loaded);
        }
        assert_eq!(there.len(), to - from);
        let tcp = piece.packet.layers.last().unwrap();
        // What was exported has no TCP header.
        let is_there = ["TCP", "exported PDU"].contains(&tcp.name);
        assert!(is_there && tcp.range.end <= piece.of_packet.start);
    }
    if frame.complete && frame.pieces.len() < FrameDetail::PACKETS {
        assert_eq!(at, frame.header.len() as u64 + frame.header.payload_len);
        assert_eq!(frame.pieces[0].packet.packet.number, frame.first.packet);
    }
}

/// Everything that can be asked for is what a straight run gives; how many messages there are.
fn details_are_right(bytes: &[u8], options: &Options, fragmented: bool) -> usize {
    let session = &session_with(bytes, options.clone());
    let straight = straight(bytes, &options.limits);
    let sealed = |number: u32| session.index().connection(number).is_some_and(|row| row.tls.is_some());
    for (connection, number, said) in &straight.messages {
        let detail = load_message(session, *connection, *number);
        let ours = Said {
            direction: detail.direction,
            opcode: detail.opcode.bits(),
            bytes: detail.bytes.clone(),
            len: detail.len,
            whole: detail.whole,
            compressed: detail.compressed,
            integrity: detail.integrity,
            invalid_utf8_at: detail.invalid_utf8_at,
            missing: detail.missing,
        };
        assert_eq!(&ours, said, "message {number} of {connection}");
        let index = session.index();
        let row = index.messages(*connection).get(*number as usize - 1).unwrap();
        assert_eq!(detail.frame_count, u64::from(row.frames));
        assert_eq!(detail.frames[0].number, u64::from(row.first_frame));
        assert_eq!(detail.frames[0].first.packet, u64::from(row.first_packet));
        drop(index);
        if !detail.compressed && detail.integrity == Integrity::Ok {
            assert_eq!(detail.wire, detail.bytes);
        }
        detail.frames.iter().for_each(|frame| pieces_fit(frame, fragmented, sealed(*connection)));
    }
    for (connection, number, payload) in &straight.frames {
        let detail = load_frame(session, *connection, *number);
        assert_eq!(detail.number, *number);
        assert_eq!(detail.payload, payload[..payload.len().min(FrameDetail::BYTES)]);
        pieces_fit(&detail, fragmented, sealed(*connection));
    }
    // A message whose end never came has the frames that did.
    let unfinished: Vec<(u32, u64)> = {
        let index = session.index();
        let of = |conn: u32| {
            index.messages(conn).iter().enumerate().map(move |(i, row)| (conn, i as u64 + 1, *row))
        };
        let rows = index.connections.iter().flat_map(|row| of(row.id.0).collect::<Vec<_>>());
        rows.filter(|(.., row)| row.marks.has(Marks::UNFINISHED))
            .map(|(conn, number, _)| (conn, number))
            .collect()
    };
    for (connection, number) in unfinished {
        let detail = load_message(session, connection, number);
        assert!(!detail.frames.is_empty() && !detail.whole && detail.len.is_none());
    }
    straight.messages.len()
}

#[test]
fn the_details_of_every_capture_are_what_was_read() {
    let mut messages = 0;
    for (path, bytes) in captures() {
        eprintln!("{}", path.display());
        for options in [Options::default(), dense()] {
            messages += details_are_right(&bytes, &options, true);
        }
    }
    assert!(messages > 500, "{messages}");
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn the_details_of_any_conversation_are_what_was_read(
        plan in plans(), split in splits(), port in 1024u16.., seed: u64, thin: bool,
    ) {
        let talk = plan.conversation(port);
        let file = pcap(&troubled(&talk, &split, seed).packets(), PcapFormat::default());
        let options = Options { checkpoints: if thin { 20_000 } else { 1 << 30 }, ..dense() };
        details_are_right(&file, &options, false);
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn the_details_of_a_crowd_are_what_was_read(
        plans in proptest::collection::vec((plans(), splits()), 2..6), seed: u64, patience in 1..200u64,
    ) {
        let file = pcap(&crowd(&plans, seed), PcapFormat::default());
        let mut options = dense();
        // Little is waited for, so that the packets of one end the waiting of another.
        (options.limits.wait_packets, options.limits.wait_time) = (patience, wslens::model::Nanos::milliseconds(1));
        details_are_right(&file, &options, true);
    }
}

#[test]
fn the_packets_of_frames_that_waited_for_an_answer_are_found() {
    let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
    for i in 0..300 {
        talk = talk.text(C2S, &format!("message {i}"));
    }
    let script = Script::new(&talk, &Split::Writes(1460)).acked();
    let response = script.data(S2C)[0];
    let script = script.lose(response);
    let file = pcap(&script.packets(), PcapFormat::default());
    assert_eq!(details_are_right(&file, &dense(), false), 300);
}

#[test]
fn what_is_not_there_cannot_be_loaded() {
    let (_, bytes) = captures().swap_remove(0);
    let session = session(&bytes);
    for request in [
        Request::Message { connection: 1, message: 1 << 40 },
        Request::Message { connection: 1, message: 0 },
        Request::Frame { connection: 1, frame: 99_999 },
        Request::Tcp { connection: 0 },
        Request::Tcp { connection: 99 },
    ] {
        assert!(matches!(session.load(&request), Err(LoadError::Unknown(_))), "{request:?}");
    }
    let packet = session.packets_of(1).unwrap().next().unwrap();
    assert!(session.bytes().bytes(packet.bytes).is_some());
}

/// A capture of loopback over Ethernet and IPv4: 14 and 20 bytes in each of 39 packets; TCP's 32 with timestamps, 40 in
/// the two SYNs.
#[test]
fn every_byte_of_a_connection_belongs_to_a_layer() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/chat-deflate/capture.pcapng");
    let session = session(&std::fs::read(path).unwrap());
    let Ok(Detail::Tcp(detail)) = session.load(&Request::Tcp { connection: 1 }) else { panic!() };
    let headers = detail.headers.unwrap();
    assert_eq!((headers.link, headers.network), (39 * 14, 39 * 20));
    assert_eq!(headers.transport, 37 * 32 + 2 * 40);
    let index = session.index();
    let row = index.connection(1).unwrap();
    let heads = [&row.handshake.request, &row.handshake.response];
    let heads: usize = heads.into_iter().flatten().map(|head| head.bytes.len()).sum();
    let frames = row.counts.c2s.wire_bytes + row.counts.s2c.wire_bytes;
    let all = headers.link + headers.network + headers.transport + heads as u64 + frames;
    assert_eq!(all, detail.wire_bytes);
}
