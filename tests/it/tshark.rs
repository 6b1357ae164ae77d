//! Frames as tshark sees them, on conversations of which it is known to be right: in order, nothing lost, one
//! message at a time, plain or compressed without fragments. Skipped where tshark is not installed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::read::{Output, config, read};
use crate::support::forge::{
    BINARY, C2S, Conversation, Link, PcapFormat, S2C, Script, Split, TEXT, interleave, pcap,
};
use crate::support::strategy::{Act, Content, Kind, Plan, deflate_specs, lens, splits};

/// A frame: packet, stream, direction is the port's, FIN, RSV bits, opcode, masking key, length.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Frame {
    packet: u64,
    stream: u64,
    fin: bool,
    rsv: u64,
    opcode: u64,
    key: Option<String>,
    len: u64,
}

const FIELDS: [&str; 9] = [
    "frame.number",
    "tcp.stream",
    "websocket.fin",
    "websocket.rsv",
    "websocket.opcode",
    "websocket.mask",
    "websocket.masking_key",
    "websocket.payload_length",
    "tcp.srcport",
];

/// The frames that tshark finds; none where it is not installed.
fn tshark(capture: &[u8]) -> Option<Vec<Frame>> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(capture).unwrap();
    let mut command = Command::new("tshark");
    command.args(["-n", "-Y", "websocket", "-T", "fields", "-r"]).arg(file.path());
    for field in
        FIELDS.into_iter().chain(["websocket.payload_length_ext_16", "websocket.payload_length_ext_64"])
    {
        command.args(["-e", field]);
    }
    let Ok(output) = command.stderr(Stdio::null()).output() else {
        eprintln!("skipped: tshark is not installed");
        return None;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().flat_map(row).collect())
}

/// The frames of one packet: each field has a value for each frame, but keys and extended lengths only for
/// those frames that have one.
fn row(line: &str) -> Vec<Frame> {
    let cells: Vec<Vec<&str>> =
        line.split('\t').map(|cell| cell.split(',').filter(|value| !value.is_empty()).collect()).collect();
    let number = |text: &str| -> u64 {
        match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).unwrap(),
            None => text.parse().unwrap(),
        }
    };
    let flag = |text: &str| text == "1" || text == "True";
    let (mut keys, mut two, mut eight) = (cells[6].iter(), cells[9].iter(), cells[10].iter());
    (0..cells[4].len())
        .map(|i| Frame {
            packet: number(cells[0][0]),
            stream: number(cells[1][0]),
            fin: flag(cells[2][i]),
            rsv: number(cells[3][i]),
            opcode: number(cells[4][i]),
            key: flag(cells[5][i]).then(|| keys.next().unwrap().replace(':', "")),
            len: match number(cells[7][i]) {
                126 => number(two.next().unwrap()),
                127 => number(eight.next().unwrap()),
                len => len,
            },
        })
        .collect()
}

/// The frames that wslens finds.
fn ours(output: &Output) -> Vec<Frame> {
    let stream = |conn: &Value| -> u64 {
        let connection = output.kind("connection").find(|connection| connection["conn"] == *conn).unwrap();
        connection["tcp_stream"].as_u64().unwrap()
    };
    let frame = |frame: &Value| Frame {
        packet: frame["last_packet"].as_u64().unwrap(),
        stream: stream(&frame["conn"]),
        fin: frame["fin"].as_bool().unwrap(),
        rsv: frame["rsv"].as_u64().unwrap(),
        opcode: frame["opcode"].as_u64().unwrap(),
        key: frame["masking_key"].as_str().map(str::to_owned),
        len: frame["len"].as_u64().unwrap(),
    };
    output.frames().into_iter().map(frame).collect()
}

fn content(op: u8) -> impl Strategy<Value = Content> {
    let kinds = if op == TEXT { vec![Kind::Words] } else { vec![Kind::Words, Kind::Noise] };
    (lens(), select(kinds), any::<u16>()).prop_map(|(len, kind, seed)| Content { len, kind, seed })
}

/// What tshark gets right: whole messages, and fragmented ones where nothing is compressed.
fn plain_acts(fragments: bool) -> impl Strategy<Value = Act> {
    let message = (select(vec![C2S, S2C]), select(vec![TEXT, BINARY]))
        .prop_flat_map(|(dir, op)| content(op).prop_map(move |content| Act::Message(dir, op, true, content)));
    let pieces = (select(vec![C2S, S2C]), select(vec![TEXT, BINARY])).prop_flat_map(move |(dir, op)| {
        proptest::collection::vec((content(op), Just(None)), 1..if fragments { 5 } else { 2 })
            .prop_map(move |pieces| Act::Fragments(dir, op, true, pieces))
    });
    prop_oneof![2 => message, 1 => pieces]
}

fn plans() -> impl Strategy<Value = Plan> {
    let plain = proptest::collection::vec(plain_acts(true), 1..10).prop_map(|acts| Plan {
        deflate: None,
        acts,
        close: Some(1000),
    });
    let deflated = (deflate_specs(), proptest::collection::vec(plain_acts(false), 1..10))
        .prop_map(|(spec, acts)| Plan { deflate: Some(spec), acts, close: Some(1000) });
    prop_oneof![plain, deflated]
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn frames_are_those_of_tshark(
        plan in plans(), split in splits(), port in 1024u16.., link in select(vec![Link::Ethernet, Link::Sll2, Link::Raw]),
        acked: bool,
    ) {
        let talk = plan.conversation(port);
        let script = Script::new(&talk, &split).link(link);
        let script = if acked { script.acked() } else { script };
        let file = pcap(&script.packets(), PcapFormat::default());
        let Some(theirs) = tshark(&file) else { return Ok(()) };
        prop_assert_eq!(ours(&read(file)), theirs);
    }
}

#[test]
fn streams_are_numbered_as_tshark_numbers_them() {
    // Some connections never open, some are no HTTP, some use the ports of others again.
    let talks = (0..30u16).map(|i| {
        let talk = Conversation::new(&format!("10.0.0.1:{}", 50_000 + i % 25), "10.0.0.2:80");
        match i % 4 {
            0 => talk.bytes(C2S, b"\x16\x03\x01\x00\x05hello"),
            1 => talk.http_before(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
            _ => talk.text(C2S, &format!("number {i}")).text(S2C, "heard"),
        }
    });
    let scripts = talks.zip(0i64..).map(|(talk, i)| {
        Script::new(&talk, &Split::Writes(1460))
            .isn(i as u32 * 1_000_003, i as u32 * 77_777_777)
            .clock(1_767_225_600_000_000_000 + i * 700_000, 100_000)
            .packets()
    });
    let file = pcap(&interleave(scripts.collect::<Vec<_>>()), PcapFormat::default());
    let Some(theirs) = tshark(&file) else { return };
    let ours = ours(&read(file));
    assert_eq!(ours.len(), 28);
    assert_eq!(ours, theirs);
}
