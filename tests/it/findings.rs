//! Every rule: a capture that breaks it, with exactly the findings expected, and one that comes near and
//! must not be told of.

use std::collections::BTreeSet;

use wslens::capture::Capture;
use wslens::model::{Flags, Rule};
use wslens::pipeline::Limits;
use wslens::report::{Level, PayloadMode};

use crate::read::{Output, read, read_as};
use crate::support::forge::{
    BINARY, C2S, CLOSE, CONTINUATION, Conversation, DeflateSpec, Frame, Handshake, LengthForm, Link, PING,
    PONG, Packet, PcapFormat, PcapngFormat, Piece, Rng, S2C, Script, Split, TEXT, accept_of, interleave,
    ipv4_fragments, pcap, pcapng,
};

/// Rules that this engine does not fire, and why.
const EXCLUDED: [(&str, &str); 3] = [
    ("capture-bad-magic", "told by the program: there is no capture to read"),
    ("tcp-midstream", "connections without a handshake are not read yet"),
    ("limit-total-memory", "memory is bounded by the other limits so far"),
];

/// A rule's code, a capture that breaks it, the other findings that this capture has, a capture that comes near.
struct Case {
    code: &'static str,
    breaks: Vec<u8>,
    with: &'static [&'static str],
    near: Vec<u8>,
}

fn case(
    code: &'static str,
    breaks: impl Into<File>,
    with: &'static [&'static str],
    near: impl Into<File>,
) -> Case {
    Case { code, breaks: breaks.into().0, with, near: near.into().0 }
}

/// A capture file, from anything that one can be made of.
struct File(Vec<u8>);

impl From<Vec<u8>> for File {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
impl From<Vec<Packet>> for File {
    fn from(packets: Vec<Packet>) -> Self {
        Self(pcap(&packets, PcapFormat::default()))
    }
}
impl From<Script> for File {
    fn from(script: Script) -> Self {
        script.packets().into()
    }
}
impl From<Conversation> for File {
    fn from(talk: Conversation) -> Self {
        script(&talk).into()
    }
}

fn talk() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
}

/// A conversation about nothing, with its closing handshake.
fn chat() -> Conversation {
    talk().text(C2S, "what is new?").text(S2C, "nothing at all").text(C2S, "good")
}

fn deflating() -> Conversation {
    talk().deflate(DeflateSpec::default())
}

fn script(talk: &Conversation) -> Script {
    Script::new(talk, &Split::Writes(1460))
}

/// The packets of a closed chat.
fn packets() -> Vec<Packet> {
    script(&chat().closed(1000)).packets()
}

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: ACCEPT\r\n\r\n";

/// A conversation that begins with these heads. `KEY` and `ACCEPT` stand for right values.
fn heads(request: &str, response: &str) -> Conversation {
    let talk = talk();
    let key = talk.key.clone();
    let fill = |head: &str| head.replace("KEY", &key).replace("ACCEPT", &accept_of(&key));
    let (request, response) = (fill(request), fill(response));
    let mut talk = talk.bytes(C2S, request.as_bytes()).bytes(S2C, response.as_bytes());
    talk.handshake = Handshake::Done;
    talk
}

/// A closed conversation whose request differs from a right one.
fn request(from: &str, to: &str) -> Conversation {
    assert!(REQUEST.contains(from), "{from}");
    heads(&REQUEST.replace(from, to), RESPONSE).closed(1000)
}

/// A closed conversation whose response differs from a right one.
fn response(from: &str, to: &str) -> Conversation {
    assert!(RESPONSE.contains(from), "{from}");
    heads(REQUEST, &RESPONSE.replace(from, to)).closed(1000)
}

/// An answer that refuses.
fn refusal(status: &str) -> Conversation {
    heads(REQUEST, &format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"))
}

/// A conversation with this frame of the server in it, closed.
fn frame(frame: Frame) -> Conversation {
    talk().text(S2C, "before, nothing odd").frame(S2C, &frame).closed(1000)
}

/// The same of the client, with a key of its own.
fn client_frame(frame: Frame) -> Conversation {
    talk().text(C2S, "before, nothing odd").frame(C2S, &frame).closed(1000)
}

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A closed conversation in which the server says this.
fn says(text: &str) -> Conversation {
    talk().text(S2C, text).closed(1000)
}

/// Ends with TCP only, or with the Closes given.
fn closes(closes: &[(wslens::model::Direction, &[u8])]) -> Conversation {
    closes.iter().fold(chat(), |talk, (dir, body)| talk.control(*dir, CLOSE, body))
}

/// A script whose pieces are changed.
fn changed(talk: &Conversation, change: impl FnOnce(&mut Vec<Piece>)) -> Script {
    script(talk).with(change)
}

/// The piece with the first data message of a direction of [`chat`].
fn first(script: &Script, talk: &Conversation, dir: wslens::model::Direction) -> usize {
    script.piece_at(dir, talk.expected_of(dir).next().unwrap().at)
}

fn push_block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let len = 12 + body.len().next_multiple_of(4);
    file.extend(kind.to_le_bytes());
    file.extend((len as u32).to_le_bytes());
    file.extend(body);
    file.resize(file.len().next_multiple_of(4), 0);
    file.extend((len as u32).to_le_bytes());
}

fn ng(packets: &[Packet]) -> Vec<u8> {
    pcapng(packets, PcapngFormat::default())
}

fn of_the_capture_file() -> Vec<Case> {
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
    vec![
        case("capture-truncated", cut, &[], file),
        case("capture-bad-record-length", record, &[], long),
        case("capture-bad-block", trailer, &[], good),
        case("capture-unknown-block", unknown, &[], known),
        case("capture-unknown-interface", stranger, &[], both),
        case("capture-time-backwards", swapped, &[], same),
        case("packet-empty", empty, &["capture-time-backwards"], bare),
    ]
}

/// A message in a packet that is cut into IP fragments: the packets before it, the fragments, those after it.
fn fragmented() -> (Vec<Packet>, Vec<Packet>, Vec<Packet>) {
    let talk = talk().text(C2S, &"a long message ".repeat(80)).closed(1000);
    let script = script(&talk);
    let at = script.piece_at(C2S, talk.expected[0].at);
    let mut packets = script.packets();
    let after = packets.split_off(at + 1);
    let pieces = ipv4_fragments(&packets.pop().unwrap(), 500);
    assert_eq!(pieces.len(), 3);
    (packets, pieces, after)
}

fn of_packets() -> Vec<Case> {
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

fn of_tcp() -> Vec<Case> {
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
    vec![
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
        case(
            "tcp-keep-alive",
            plain().keep_alive(C2S, 0, late + 1),
            &[],
            Script::new(&talk, &Split::Sizes(vec![1])),
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

fn of_requests() -> Vec<Case> {
    let early = || talk().request_now().text(C2S, "too early");
    vec![
        case("request-method-not-get", request("GET ", "POST "), &[], request("GET /chat", "GET /POST")),
        case(
            "request-http-version-too-low",
            request("HTTP/1.1", "HTTP/1.0"),
            &[],
            request("example", "example:1.0"),
        ),
        case(
            "request-missing",
            Script::new(&chat().closed(1000), &Split::Writes(1460)).with(|pieces| {
                let request = pieces.iter().position(|piece| !piece.bytes.is_empty()).unwrap();
                pieces.remove(request);
            }),
            &["tcp-out-of-order", "tcp-gap"],
            chat().closed(1000),
        ),
        case(
            "missing-host-header",
            request("Host: example\r\n", ""),
            &[],
            request("Host: example", "hOsT:example"),
        ),
        case(
            "missing-upgrade-header",
            response("Upgrade: websocket\r\n", ""),
            &[],
            response("Upgrade: websocket", "upgrade: h2c, WebSocket"),
        ),
        case(
            "missing-connection-upgrade",
            request("Connection: Upgrade", "Connection: keep-alive"),
            &[],
            request("Connection: Upgrade", "Connection: keep-alive, upgrade"),
        ),
        case(
            "missing-key",
            heads(
                &REQUEST.replace("Sec-WebSocket-Key: KEY\r\n", ""),
                &RESPONSE.replace("101 Switching Protocols", "400 Bad Request"),
            ),
            &["handshake-rejected"],
            request("Sec-WebSocket-Key: ", "sec-websocket-key:   "),
        ),
        case("invalid-key", request("KEY", "dG9vIHNob3J0"), &["bad-accept"], request("KEY", "KEY  ")),
        case(
            "duplicate-key",
            request("Sec-WebSocket-Key: KEY\r\n", "Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Key: KEY\r\n"),
            &[],
            request("Sec-WebSocket-Key: KEY\r\n", "Sec-WebSocket-Key: KEY\r\nX-Sec-WebSocket-Key: KEY\r\n"),
        ),
        case(
            "missing-version",
            request("Sec-WebSocket-Version: 13\r\n", ""),
            &[],
            request("Sec-WebSocket-Version: 13", "SEC-WEBSOCKET-VERSION:13"),
        ),
        case("unsupported-version", request(": 13", ": 8"), &[], request(": 13", ":\t13 ")),
        case(
            "data-before-handshake",
            early().response_now().closed(1000),
            &[],
            talk().opened().text(C2S, "at once").closed(1000),
        ),
        case(
            "http-body-in-upgrade",
            heads(&REQUEST.replace("Host", "Content-Length: 4\r\nHost"), RESPONSE),
            &["closed-without-close"],
            request("Host", "Content-Length: 0\r\nHost"),
        ),
    ]
}

fn of_responses() -> Vec<Case> {
    let offers = |to: &str| request("\r\n\r\n", &format!("\r\n{to}\r\n\r\n"));
    let agrees = |offer: &str, answer: &str| {
        let line = |value: &str| if value.is_empty() { String::new() } else { format!("{value}\r\n") };
        heads(
            &REQUEST.replace("\r\n\r\n", &format!("\r\n{}\r\n", line(offer))),
            &RESPONSE.replace("\r\n\r\n", &format!("\r\n{}\r\n", line(answer))),
        )
        .closed(1000)
    };
    let h2c = "GET / HTTP/1.1\r\nHost: example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
        HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let mut lone = talk().request_now();
    lone.handshake = Handshake::Done;
    vec![
        case("response-missing", lone, &[], chat().closed(1000)),
        case(
            "handshake-rejected",
            refusal("403 Forbidden"),
            &[],
            heads(REQUEST, &format!("HTTP/1.1 103 Early Hints\r\n\r\n{RESPONSE}")).closed(1000),
        ),
        case(
            "missing-accept",
            response("Sec-WebSocket-Accept: ACCEPT\r\n", ""),
            &[],
            response("Sec-WebSocket-Accept", "sec-websocket-accept"),
        ),
        case(
            "bad-accept",
            response("ACCEPT", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            &[],
            response(": ACCEPT", ":ACCEPT "),
        ),
        case(
            "unoffered-subprotocol",
            agrees("Sec-WebSocket-Protocol: chat, mqtt", "Sec-WebSocket-Protocol: Chat"),
            &[],
            agrees(
                "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: mqtt",
                "Sec-WebSocket-Protocol: mqtt",
            ),
        ),
        case(
            "unoffered-extension",
            agrees("", "Sec-WebSocket-Extensions: permessage-deflate"),
            &[],
            agrees(
                "Sec-WebSocket-Extensions: permessage-deflate",
                "Sec-WebSocket-Extensions: permessage-deflate",
            ),
        ),
        case(
            "invalid-extension-params",
            agrees(
                "Sec-WebSocket-Extensions: permessage-deflate",
                "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16",
            ),
            &[],
            agrees(
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
                "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8; client_max_window_bits=\"15\"",
            ),
        ),
        case(
            "h2c-upgrade",
            heads(h2c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
            &[],
            heads(h2c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ),
        case(
            "http-bare-lf",
            request("Host: example\r\n", "Host: example\n"),
            &[],
            request("Host: example", "Host: example; a=\"\\n\""),
        ),
        case("http-obs-fold", offers("X-Long: one\r\n two"), &[], offers("X-Long:  one   two")),
        case("http-space-before-colon", offers("X-Odd : one"), &[], offers("X-Odd: a : b")),
        case(
            "http-duplicate-header",
            request("Host: example\r\n", "Host: example\r\nhost: example\r\n"),
            &[],
            offers("Cookie: a=1\r\nCookie: b=2\r\nX-Own: 1\r\nX-Own: 2"),
        ),
        case(
            "http-conflicting-length",
            heads(&REQUEST.replace("Host", "Content-Length: 0\r\nContent-Length: 1\r\nHost"), RESPONSE)
                .closed(1000),
            &[],
            request("Host", "Content-Length: 0, 0\r\nHost"),
        ),
        case(
            "http-header-too-large",
            heads(&REQUEST.replace("Host", &format!("Cookie: {}\r\nHost", "a".repeat(70_000))), RESPONSE),
            &[],
            heads(&REQUEST.replace("Host", &format!("Cookie: {}\r\nHost", "a".repeat(60_000))), RESPONSE)
                .closed(1000),
        ),
    ]
}

fn of_frames() -> Vec<Case> {
    let control = |op, payload: &[u8]| Frame::new(op, payload);
    let part = |payload: &str, fin: bool, op| Frame { fin, ..Frame::new(op, payload) };
    let opened = |rest: &[Frame]| rest.iter().fold(talk(), |talk, frame| talk.frame(S2C, frame)).closed(1000);
    let same_key =
        |n: usize| (0..n).fold(talk().masking_key(KEY), |talk, _| talk.text(C2S, "same key")).closed(1000);
    let lossy = chat();
    let cut = |n: usize| {
        script(&lossy).with(|pieces| {
            let last = pieces.iter().rposition(|piece| !piece.bytes.is_empty()).unwrap();
            let len = pieces[last].bytes.len() - n;
            pieces[last].bytes.truncate(len);
            pieces.truncate(last + 1);
        })
    };
    let messages = talk().text(S2C, &"first ".repeat(200)).text(S2C, "second").closed(1000);
    let lost = |i: usize| {
        let script = Script::new(&messages, &Split::Writes(600)).acked();
        let data = script.data(S2C)[i];
        script.lose(data)
    };
    vec![
        case(
            "reserved-bit-set",
            frame(Frame::new(TEXT, "rsv1, none agreed").rsv(4)),
            &[],
            deflating().text(S2C, "rsv1, agreed on").closed(1000),
        ),
        case(
            "rsv1-on-control-frame",
            deflating().frame(S2C, &control(PONG, b"").rsv(4)).closed(1000),
            &["unsolicited-pong"],
            deflating().text(S2C, "compressed").ping(S2C, b"plain").pong(C2S, b"plain").closed(1000),
        ),
        case(
            "rsv1-on-continuation",
            deflating()
                .frame(S2C, &part("a", false, BINARY))
                .frame(S2C, &part("b", true, CONTINUATION).rsv(4))
                .closed(1000),
            &[],
            deflating().fragmented(S2C, TEXT, &[b"compressed in ", b"two parts"]).closed(1000),
        ),
        case("reserved-opcode", frame(Frame::new(11, "?")), &[], frame(Frame::new(BINARY, [11; 20]))),
        case(
            "fragmented-control-frame",
            talk().frame(S2C, &control(PING, b"a").more()).pong(C2S, b"a").closed(1000),
            &[],
            opened(&[part("a", false, TEXT), control(PONG, b"inside"), part("b", true, CONTINUATION)]),
        ),
        case(
            "control-frame-too-long",
            talk().ping(S2C, &[b'p'; 126]).pong(C2S, &[b'p'; 125]).closed(1000),
            &["ping-unanswered", "unsolicited-pong"],
            talk().ping(S2C, &[b'p'; 125]).pong(C2S, &[b'p'; 125]).closed(1000),
        ),
        case(
            "unexpected-continuation",
            frame(Frame::new(CONTINUATION, "of nothing")),
            &[],
            opened(&[part("a", false, TEXT), part("", false, CONTINUATION), part("b", true, CONTINUATION)]),
        ),
        case(
            "interleaved-data-frame",
            opened(&[part("a", false, TEXT), part("b", true, BINARY)]),
            &[],
            talk()
                .part(C2S, TEXT, false, b"a")
                .part(S2C, TEXT, false, b"b")
                .part(C2S, CONTINUATION, true, b"a")
                .part(S2C, CONTINUATION, true, b"b")
                .closed(1000),
        ),
        case(
            "non-minimal-length",
            frame(Frame::new(TEXT, vec![b'x'; 125]).length(LengthForm::Two)),
            &[],
            talk().binary(S2C, &[1; 126]).binary(S2C, &[1; 65_535]).binary(S2C, &[1; 65_536]).closed(1000),
        ),
        case(
            "length-msb-set",
            frame(Frame::new(BINARY, "").length(LengthForm::Claim(1 << 63))),
            &["desynchronised"],
            talk()
                .frame(S2C, &Frame::new(BINARY, "the rest never comes").length(LengthForm::Claim(1 << 40)))
                .no_close(),
        ),
        case(
            "unmasked-client-frame",
            client_frame(Frame::new(TEXT, "in the clear")),
            &[],
            client_frame(Frame::new(TEXT, "masked").masked(KEY)),
        ),
        case(
            "masked-server-frame",
            frame(Frame::new(TEXT, "masked").masked(KEY)),
            &[],
            frame(Frame::new(TEXT, "in the clear")),
        ),
        case("weak-masking-key", same_key(8), &[], same_key(6)),
        case("incomplete-frame", cut(3), &[], cut(0)),
        case(
            "incomplete-message",
            talk().part(C2S, TEXT, false, b"the rest never").close(S2C, 1011, "tired of waiting"),
            &["close-unanswered"],
            talk().part(C2S, TEXT, false, b"it").part(C2S, CONTINUATION, true, b"").closed(1000),
        ),
        case("desynchronised", lost(4), &["tcp-out-of-order", "tcp-gap"], lost(2)),
    ]
}

fn of_messages() -> Vec<Case> {
    let zeros = |n: usize| deflating().binary(S2C, &vec![0; n]).closed(1000);
    // Noise compresses by nothing at all, so a great deal of it is no bomb.
    let noise = deflating().binary(S2C, &Rng::new(5).bytes(3 << 20)).closed(1000);
    vec![
        case(
            "invalid-utf8",
            frame(Frame::new(TEXT, [0xc3, 0x28])),
            &[],
            talk()
                .split(S2C, TEXT, "ein grüner Text, mitten im Zeichen geteilt".as_bytes(), &[6])
                .frame(S2C, &Frame::new(BINARY, [0xc3, 0x28]))
                .closed(1000),
        ),
        case(
            "inflate-error",
            deflating().frame(S2C, &Frame::new(TEXT, [0xff; 9]).rsv(4)).closed(1000),
            &[],
            deflating()
                .text(S2C, "")
                .compress(false)
                .text(S2C, "not compressed")
                .compress(true)
                .text(S2C, "again")
                .closed(1000),
        ),
        case("inflate-limit", zeros(2 << 20), &[], noise),
        case("control-characters", says("\u{1b}[31mred"), &[], says("tab\tnew\r\nline")),
        case("bidi-control", says("abc\u{202e}def"), &[], says("שלום, مرحبا 😀")),
    ]
}

fn of_the_end() -> Vec<Case> {
    let pings = |n: usize, pace: i64| {
        let talk =
            (0..n).fold(talk(), |talk, i| talk.ping(C2S, &[i as u8]).pong(S2C, &[i as u8])).closed(1000);
        script(&talk).clock(1_767_225_600_000_000_000, pace)
    };
    let tiny = |n: usize, pace: i64| {
        let talk = (0..n).fold(talk(), |talk, _| talk.text(S2C, "tiny")).closed(1000);
        Script::new(&talk, &Split::Merged(60)).clock(1_767_225_600_000_000_000, pace)
    };
    let close = |code: u16, reason: &[u8]| [&code.to_be_bytes()[..], reason].concat();
    let normal = close(1000, b"");
    let after = |op, payload: &[u8]| {
        chat().close(S2C, 1000, "").frame(S2C, &Frame::new(op, payload)).close(C2S, 1000, "")
    };
    vec![
        case(
            "unsolicited-pong",
            talk().pong(C2S, b"heartbeat").closed(1000),
            &[],
            talk().ping(S2C, b"?").pong(C2S, b"?").closed(1000),
        ),
        case(
            "ping-unanswered",
            talk().ping(S2C, b"1").ping(S2C, b"2").pong(C2S, b"2").closed(1000),
            &[],
            talk().ping(S2C, b"1").ping(S2C, b"2").pong(C2S, b"1").pong(C2S, b"2").closed(1000),
        ),
        case("ping-flood", pings(101, 1000), &[], pings(101, 6_000_000)),
        case("fragment-flood", tiny(10_000, 1000), &[], tiny(9999, 1000)),
        case(
            "close-payload-1-byte",
            closes(&[(C2S, &[3]), (S2C, &[])]),
            &[],
            closes(&[(C2S, &[]), (S2C, &[])]),
        ),
        case(
            "invalid-close-code",
            closes(&[(C2S, &close(1005, b"")), (S2C, &close(1005, b""))]),
            &[],
            closes(&[(C2S, &close(4999, b"")), (S2C, &close(4999, b""))]),
        ),
        case(
            "invalid-close-reason",
            closes(&[(C2S, &close(1000, &[0xff])), (S2C, &normal)]),
            &[],
            closes(&[(C2S, &close(1000, "grün".as_bytes())), (S2C, &normal)]),
        ),
        case(
            "close-code-mismatch",
            closes(&[(C2S, &normal), (S2C, &close(1001, b""))]),
            &[],
            closes(&[(C2S, &normal), (S2C, &[])]),
        ),
        case("close-unanswered", closes(&[(C2S, &normal)]), &[], closes(&[(C2S, &normal)]).no_close()),
        case("closed-without-close", closes(&[]), &[], closes(&[]).no_close()),
        case(
            "data-after-close",
            after(TEXT, b"one more thing"),
            &[],
            chat().close(C2S, 1000, "").text(S2C, "you first").close(S2C, 1000, ""),
        ),
        case(
            "control-after-close",
            after(PONG, b""),
            &["unsolicited-pong"],
            chat().ping(S2C, b"1").close(S2C, 1000, "").pong(C2S, b"1").close(C2S, 1000, ""),
        ),
    ]
}

fn all() -> Vec<Case> {
    [
        of_the_capture_file(),
        of_packets(),
        of_tcp(),
        of_requests(),
        of_responses(),
        of_frames(),
        of_messages(),
        of_the_end(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The codes of a capture's findings.
fn codes(output: &Output) -> BTreeSet<&str> {
    output.codes().into_iter().collect()
}

#[test]
fn each_rule_is_told_where_it_is_broken_and_nothing_else_is() {
    let mut wrong = vec![];
    for case in all() {
        let output = read(case.breaks);
        let expected: BTreeSet<&str> = case.with.iter().copied().chain([case.code]).collect();
        if codes(&output) != expected {
            wrong.push(format!("{}: told {:?}, expected {expected:?}", case.code, codes(&output)));
        }
        for finding in output.findings(case.code) {
            let text = finding["text"].as_str().unwrap();
            assert!(text.len() > 10 && !text.ends_with('.') && !text.contains('\n'), "{text}");
            assert!(
                finding["packet"].as_u64().unwrap() > 0 || case.code.starts_with("capture-"),
                "{finding}"
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_rule_is_told_where_it_is_only_nearly_broken() {
    let mut wrong = vec![];
    for case in all() {
        let output = read(case.near);
        if !output.findings(case.code).is_empty() {
            wrong.push(format!("{}: {:?}", case.code, output.findings(case.code)));
        }
        // Whatever it comes near to, it is no other error either.
        for error in output.kind("finding").filter(|finding| finding["severity"] == "error") {
            if case.code != "desynchronised" && case.code != "ip-fragment-overlap" {
                wrong.push(format!("{}: {error}", case.code));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_case_or_a_reason() {
    let rules = wslens::pipeline::RULES.iter().chain([&wslens::capture::rules::ALL]).copied().flatten();
    let rules: BTreeSet<&str> = rules.map(|rule: &&Rule| rule.code).collect();
    let with_limits = ["limit-connections", "limit-stream-memory", "flow-timeout", "message-limit"];
    let cases = all();
    let tested: BTreeSet<&str> = cases.iter().map(|case| case.code).chain(with_limits).collect();
    assert_eq!(tested.len(), cases.len() + with_limits.len(), "no rule twice");
    let excluded: BTreeSet<&str> = EXCLUDED.iter().map(|(code, _)| *code).collect();
    assert!(tested.is_disjoint(&excluded));
    let told: BTreeSet<&str> = tested.union(&excluded).copied().collect();
    assert_eq!(told, rules);
}

fn limited(file: impl Into<File>, limits: Limits) -> Output {
    let capture = Capture::from_bytes(file.into().0).unwrap();
    read_as(capture, limits, Level::All, PayloadMode::Full)
}

#[test]
fn a_stream_that_waits_for_too_much_is_given_up_and_told() {
    let mut talk = talk();
    for _ in 0..40 {
        talk = talk.binary(S2C, &[7; 1000]);
    }
    // Nobody acknowledges the lost segment, so it may still come.
    let script = script(&talk.no_close());
    let lost = script.data(S2C)[1];
    let script = script.lose(lost);
    let small = Limits { held_bytes: 20_000, ..Limits::default() };
    let output = limited(script.clone(), small);
    assert_eq!(output.findings("limit-stream-memory").len(), 1, "{:?}", output.codes());
    assert_eq!(output.findings("tcp-gap").len(), 1);
    let roomy = Limits { held_bytes: 60_000, ..Limits::default() };
    assert_eq!(limited(script, roomy).findings("limit-stream-memory").len(), 0);
}

/// SYNs from this many clients, then a conversation.
fn flood(count: usize) -> Vec<Packet> {
    let mut packets = vec![];
    for i in 0..count {
        let talk = Conversation::new(
            &format!("10.{}.{}.{}:1000", 1 + i / 65_536, i / 256 % 256, i % 256),
            "10.0.0.2:80",
        );
        let script =
            Script::new(&talk, &Split::Writes(1460)).clock(1_767_225_600_000_000_000 + i as i64 * 1000, 1);
        packets.extend(script.with(|pieces| pieces.truncate(1)).packets());
    }
    let start = 1_767_225_600_000_000_000 + count as i64 * 1000;
    packets.extend(script(&chat().closed(1000)).clock(start, 1000).packets());
    packets
}

#[test]
fn a_full_table_makes_room_and_is_told() {
    let output = limited(flood(3000), Limits { flows: 2000, ..Limits::default() });
    assert_eq!(codes(&output), ["limit-connections"].into());
    assert_eq!(output.messages().len(), 5, "the conversation after the flood is read");
    let output = limited(flood(1900), Limits { flows: 2000, ..Limits::default() });
    assert_eq!(codes(&output), BTreeSet::new());
}

#[test]
fn a_connection_that_falls_silent_is_ended_and_told() {
    let quiet = Conversation::new("10.0.0.9:50000", "10.0.0.2:80").text(C2S, "good night").no_close();
    let quiet = script(&quiet).packets();
    // An hour later others are busy.
    let mut busy = flood(3000);
    busy.truncate(3000);
    for packet in &mut busy {
        packet.time += 3600 * 1_000_000_000;
    }
    let packets = [flood(0)[..1].to_vec(), quiet, busy].concat();
    let output = limited(packets.clone(), Limits { idle: 60 * 1_000_000_000, ..Limits::default() });
    assert_eq!(output.findings("flow-timeout").len(), 1, "{:?}", output.codes());
    let first =
        output.connections().iter().find(|c| c["client"] == "10.0.0.9:50000").unwrap()["state"].clone();
    assert_eq!(first, "timed-out");
    let patient = limited(packets, Limits::default());
    assert_eq!(patient.findings("flow-timeout").len(), 0, "an idle WebSocket is normal");
}

#[test]
fn a_message_whose_packets_are_gone_is_told_as_cut() {
    let (before, pieces, after) = fragmented();
    // The datagram that was put together is forgotten before the message is whole.
    let talk = talk().split(C2S, BINARY, &[9; 9000], &[]).closed(1000);
    let packets = script(&talk).packets();
    let packets: Vec<Packet> = packets
        .into_iter()
        .flat_map(|packet| if packet.bytes.len() > 700 { ipv4_fragments(&packet, 700) } else { vec![packet] })
        .collect();
    let mut limits = Limits::default();
    limits.fragments.kept = 4000;
    let output = limited(packets.clone(), limits);
    assert_eq!(codes(&output), ["message-limit"].into());
    assert_eq!(output.said(1, "c2s")[0].integrity, "cut");
    assert_eq!(codes(&limited(packets, Limits::default())), BTreeSet::new());
    assert_eq!(codes(&limited([before, pieces, after].concat(), Limits::default())), BTreeSet::new());
}

#[test]
fn a_rule_is_listed_a_hundred_times_and_counted_always() {
    let talk = (0..250).fold(talk(), |talk, _| talk.pong(S2C, b"")).closed(1000);
    let output = read(File::from(talk).0);
    assert_eq!(output.findings("unsolicited-pong").len(), 100);
    assert_eq!(output.connections()[0]["findings"]["info"], 250);
    assert_eq!(output.summary()["findings"]["info"], 250);
}

#[test]
fn a_finding_stands_at_the_packet_that_shows_it() {
    let talk = chat().frame(S2C, &Frame::new(3, "odd")).closed(1000);
    let script = script(&talk);
    let at = script.piece_at(S2C, talk.frames.iter().find(|frame| frame.op == 3).unwrap().at);
    let output = read(File::from(script).0);
    let [finding] = output.findings("reserved-opcode")[..] else { panic!("one finding") };
    assert_eq!(finding["packet"].as_u64(), Some(at as u64 + 1));
    assert_eq!((&finding["frame"], &finding["msg"]), (&4.into(), &4.into()));
    let frame = output.frames()[3];
    assert_eq!(finding["offset"], frame["offset"]);
    assert_eq!(finding["time"], frame["time"]);
}
