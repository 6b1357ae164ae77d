//! Captures on which a widely used analyzer shows wrong or no messages, each with the truth.
#![allow(dead_code, clippy::indexing_slicing, clippy::unwrap_used)]

use super::forge::{
    BINARY, C2S, CONTINUATION, Conversation, DeflateSpec, Deflater, Expected, Frame, LengthForm, Packet,
    PcapFormat, Rng, S2C, Script, Split, TEXT, pcap,
};

/// A capture and what is in it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// A short name, fit for a file.
    pub name: &'static str,
    /// What the capture is, and what a reader has to do.
    pub about: &'static str,
    /// A classic capture, little-endian, Ethernet.
    pub capture: Vec<u8>,
    /// The messages that a reader has to show, in the order in which they end; per direction it is the only one.
    pub expected: Vec<Expected>,
    /// Messages whose frames are there, but whose content cannot be known: no bytes may be shown as theirs.
    pub unreadable: Vec<Expected>,
}

const CLIENT: &str = "10.0.0.1:50000";
const SERVER: &str = "10.0.0.2:80";

fn talk() -> Conversation {
    Conversation::new(CLIENT, SERVER)
}

fn deflating() -> Conversation {
    talk().deflate(DeflateSpec::default())
}

fn file(packets: &[Packet]) -> Vec<u8> {
    pcap(packets, PcapFormat::default())
}

/// A capture of which nothing is missing.
fn whole(name: &'static str, about: &'static str, talk: &Conversation) -> Failure {
    scripted(name, about, talk, &Script::new(talk, &Split::Writes(1460)))
}

/// A capture of a script; what is expected is what it holds whole.
fn scripted(name: &'static str, about: &'static str, talk: &Conversation, script: &Script) -> Failure {
    let expected = script.whole(talk).into_iter().cloned().collect();
    Failure { name, about, capture: file(&script.packets()), expected, unreadable: vec![] }
}

/// Every failure.
pub fn all() -> Vec<Failure> {
    vec![
        lost_context(),
        compressed_against_plain(),
        text_against_binary(),
        lost_header(),
        swapped_segments(),
        through_connect(),
        long_masked_message(),
        bomb(300),
        midstream(80),
        midstream_compressed(9001),
        violations(),
        rsv1_not_agreed(),
        compressed_fragments(),
        one_sided_takeover(),
        compressed_empty(),
        empty_last_fragment(),
        request_byte_by_byte(),
        frames_before_the_101(),
        damaged_copy_first(),
        all_checksums_offloaded(),
        out_of_time_order(),
    ]
}

/// F1: context takeover, and one segment is missing. What follows refers back to bytes that nobody has.
pub fn lost_context() -> Failure {
    let alice = r#"{"user":"alice","action":"BUY-","amount":"100"}"#;
    let bobby = r#"{"user":"bobby","action":"SELL","amount":"999"}"#;
    let talk = [alice, bobby, bobby, bobby].iter().fold(deflating(), |talk, text| talk.text(S2C, text));
    let script = Script::new(&talk, &Split::Writes(1460));
    let script = script.lose_bytes(S2C, talk.expected[1].at..talk.expected[1].end);
    let mut failure = scripted(
        "lost-context",
        "permessage-deflate with context takeover, one segment lost: messages 3 and 4 refer to the lost one",
        &talk,
        &script,
    );
    failure.unreadable = failure.expected.split_off(1);
    failure
}

/// F2: the client sends a compressed message in frames while the server sends a plain one in frames.
pub fn compressed_against_plain() -> Failure {
    let talk = deflating()
        .part(C2S, TEXT, false, b"compressed text from the client, ")
        .compress(false)
        .part(S2C, TEXT, false, b"plain text from the server, ")
        .part(C2S, CONTINUATION, true, b"its second half")
        .part(S2C, CONTINUATION, true, b"its second half")
        .compress(true)
        .text(C2S, "compressed text from the client, once more");
    whole(
        "compressed-against-plain",
        "fragmented messages of both directions interleaved, one compressed, one not",
        &talk,
    )
}

/// F3: the client sends text in frames while the server sends binary in frames.
pub fn text_against_binary() -> Failure {
    let talk = talk()
        .part(C2S, TEXT, false, b"CLIENT ")
        .part(S2C, BINARY, false, b"SERVER ")
        .part(C2S, CONTINUATION, true, b"TEXT")
        .part(S2C, CONTINUATION, true, &[0, 1, 2, 3]);
    whole("text-against-binary", "fragmented messages of both directions interleaved, of two types", &talk)
}

/// F4: a lost segment holds a frame's header; the frames after the one in pieces stand on their own.
pub fn lost_header() -> Failure {
    let mut rng = Rng::new(4);
    let mut talk = talk().text(S2C, "HEAD").binary(S2C, &rng.bytes(4000));
    for i in 1..=8 {
        talk = talk.text(S2C, &format!("TAIL-{i}"));
    }
    let script = Script::new(&talk, &Split::Writes(1460));
    let lost = script.piece_at(S2C, talk.expected[1].at);
    scripted(
        "lost-header",
        "the segment with the header of a 4,000-byte frame is lost; eight frames follow, each in its segment",
        &talk,
        &script.lose(lost),
    )
}

/// F5: two segments change places.
pub fn swapped_segments() -> Failure {
    let long = "m".repeat(4003);
    let talk = talk().text(S2C, "before").text(S2C, &long).text(S2C, "after");
    let script = Script::new(&talk, &Split::Writes(1460));
    let first = script.piece_at(S2C, talk.expected[1].at);
    scripted(
        "swapped-segments",
        "two segments of a 4,003-byte message change places",
        &talk,
        &script.swap(first, first + 1),
    )
}

/// F6: through an HTTP proxy.
pub fn through_connect() -> Failure {
    let talk = Conversation::new(CLIENT, "10.0.0.2:3128")
        .connect("echo.example:80")
        .text(C2S, "through a proxy")
        .text(S2C, "and back");
    whole(
        "through-connect",
        "CONNECT, then the opening handshake on the same connection, in the clear",
        &talk,
    )
}

/// F8: a masked message of 300,008 bytes.
pub fn long_masked_message() -> Failure {
    let text = "0123456789abcdef".repeat(18_750) + "THE END.";
    whole("long-masked-message", "one masked text message of 300,008 bytes", &talk().text(C2S, &text))
}

/// F9: a message of about a thousandth of what it inflates to: `mebibytes` of zeros.
pub fn bomb(mebibytes: usize) -> Failure {
    let zeros = vec![0; 1 << 20];
    let mut deflater = Deflater::new(15, false);
    let mut payload = deflater.part(&zeros);
    // Each further part is the same: all of it refers to the zeros before it.
    let further = deflater.part(&zeros);
    (1..mebibytes).for_each(|_| payload.extend(&further));
    let talk = deflating().text(C2S, "before");
    let talk = talk.frame(S2C, &Frame::new(BINARY, payload).rsv(4)).text(C2S, "after");
    let mut failure = whole(
        "bomb",
        "a compressed message that inflates a thousandfold: a reader stops at its limit",
        &talk,
    );
    failure.unreadable = failure.expected.extract_if(.., |message| message.dir == S2C).collect();
    failure
}

/// F10: the capture begins in the middle of a connection.
pub fn midstream(port: u16) -> Failure {
    let talk = Conversation::new(CLIENT, &format!("10.0.0.2:{port}"));
    let talk = talk
        .text(C2S, "one, sent before the capture began")
        .text(C2S, "two, whole")
        .text(S2C, "three, whole")
        .ping(S2C, b"four")
        .text(C2S, "five, whole");
    let script = Script::new(&talk, &Split::Writes(1460));
    let first = script.piece_at(C2S, talk.expected[1].at);
    scripted(
        "midstream",
        "a capture that begins with a frame in the middle of a connection",
        &talk,
        &script.begin_at(first),
    )
}

/// F11: the same, and the messages are compressed: nobody saw what was agreed.
pub fn midstream_compressed(port: u16) -> Failure {
    let spec = DeflateSpec {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        ..DeflateSpec::default()
    };
    let mut talk = Conversation::new(CLIENT, &format!("10.0.0.2:{port}")).deflate(spec);
    for i in 0..6 {
        talk = talk.text(
            if i % 2 == 0 { C2S } else { S2C },
            &format!("{{\"message\":{i},\"also\":\"message {i}\"}}"),
        );
    }
    let script = Script::new(&talk, &Split::Writes(1460));
    let first = script.piece_at(C2S, talk.expected[0].at);
    scripted(
        "midstream-compressed",
        "a capture that begins in the middle of a connection with permessage-deflate, without context takeover: \
         RSV1 is all that tells, and compressed bytes are no text",
        &talk,
        &script.begin_at(first),
    )
}

/// F12: ten breaches of RFC 6455. The messages are expected as they were sent.
pub fn violations() -> Failure {
    let key = [1, 2, 3, 4];
    let talk = talk()
        .header(S2C, "Sec-WebSocket-Accept", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        .frame(C2S, &Frame::new(TEXT, "unmasked"))
        .frame(S2C, &Frame::new(TEXT, "masked").masked(key))
        .frame(C2S, &Frame::new(TEXT, "minim").masked(key).length(LengthForm::Two))
        .frame(C2S, &Frame::new(TEXT, [0xc3, 0x28, 0xff]).masked(key))
        .frame(S2C, &Frame::new(3, "reserved"))
        .frame(S2C, &Frame::new(TEXT, "rsv").rsv(2))
        .ping(S2C, &[b'p'; 130])
        .frame(C2S, &Frame::new(CONTINUATION, "nothing to continue").masked(key))
        .close(S2C, 1005, "")
        .text(S2C, "after close");
    whole("violations", "ten breaches of RFC 6455 in one connection", &talk)
}

/// F12, second part: RSV1 without an extension.
pub fn rsv1_not_agreed() -> Failure {
    let talk = talk().frame(S2C, &Frame::new(TEXT, "rsv1").rsv(4)).text(S2C, "next");
    whole("rsv1-not-agreed", "RSV1 is set, and no extension was agreed", &talk)
}

/// A compressed message in several frames: cut anywhere, and flushed into each.
pub fn compressed_fragments() -> Failure {
    let text = r#"{"symbol":"ABC","bid":101.5,"ask":101.7,"last":[101.6,101.5,101.7]}"#;
    let talk = deflating()
        .split(S2C, TEXT, text.as_bytes(), &[1, 9, 9, 30])
        .split(S2C, TEXT, text.as_bytes(), &[3])
        .fragmented(C2S, TEXT, &[text.as_bytes(), text.as_bytes(), b"!"])
        .ping(C2S, b"between")
        .split(C2S, TEXT, text.as_bytes(), &[2]);
    whole("compressed-fragments", "compressed messages in several frames", &talk)
}

/// Only one side agreed to `no_context_takeover`.
pub fn one_sided_takeover() -> Failure {
    let spec = DeflateSpec { server_no_context_takeover: true, ..DeflateSpec::default() };
    let mut talk = talk().deflate(spec);
    for i in 0..4 {
        let text = format!("{{\"kind\":\"order\",\"number\":{i},\"client\":\"alice\"}}");
        talk = talk.text(C2S, &text).text(S2C, &text);
    }
    whole("one-sided-takeover", "server_no_context_takeover alone: the client keeps its context", &talk)
}

/// Compressed messages without content: one byte `00` each (RFC 7692 section 7.2.3.6).
pub fn compressed_empty() -> Failure {
    let talk = deflating().text(C2S, "").text(S2C, "").text(C2S, "full").text(C2S, "").text(C2S, "full");
    whole("compressed-empty", "compressed messages without content", &talk)
}

/// Messages that end with an empty frame, as one Go library sends all of them.
pub fn empty_last_fragment() -> Failure {
    let talk = talk()
        .fragmented(C2S, TEXT, &[b"hello from a writer", b""])
        .fragmented(S2C, BINARY, &[b"hello back", b""])
        .fragmented(C2S, TEXT, &[b"in ", b"three", b""]);
    whole("empty-last-fragment", "messages whose last frame is empty", &talk)
}

/// The request comes byte by byte, to a port that is nobody's.
pub fn request_byte_by_byte() -> Failure {
    let talk = Conversation::new(CLIENT, "10.0.0.2:34567").text(C2S, "hello").text(S2C, "hello back");
    let heads = talk.upgraded_at;
    let cuts = [(0..=heads[0]).collect(), (0..=heads[1]).collect()];
    scripted(
        "request-byte-by-byte",
        "both heads in segments of one byte, on port 34567",
        &talk,
        &Script::new(&talk, &Split::Cuts(cuts)),
    )
}

/// The client does not wait for the 101.
pub fn frames_before_the_101() -> Failure {
    let talk = talk()
        .request_now()
        .text(C2S, "too early")
        .text(C2S, "and again")
        .response_now()
        .text(S2C, "in time")
        .text(C2S, "in time as well");
    scripted(
        "frames-before-the-101",
        "frames follow the request in its segment, before the 101 was sent",
        &talk,
        &Script::new(&talk, &Split::Merged(1460)),
    )
}

/// The first copy of a segment has a wrong TCP checksum; the good one follows.
pub fn damaged_copy_first() -> Failure {
    let talk = talk()
        .text(S2C, "first, all right")
        .text(S2C, "second, damaged on the way and sent again")
        .text(S2C, "third, all right");
    let script = Script::new(&talk, &Split::Writes(1460));
    let second = script.piece_at(S2C, talk.expected[1].at);
    scripted(
        "damaged-copy-first",
        "a segment with a wrong checksum and other bytes, then its good retransmission",
        &talk,
        &script.damage(second),
    )
}

/// All checksums of one end are wrong, because its network card fills them in: its segments count.
pub fn all_checksums_offloaded() -> Failure {
    let talk = talk().text(S2C, "my checksums").text(C2S, "mine are right").text(S2C, "are all wrong");
    scripted(
        "all-checksums-offloaded",
        "every checksum of the server is wrong: captured before its card filled them in",
        &talk,
        &Script::new(&talk, &Split::Writes(1460)).offload(S2C),
    )
}

/// The file holds its packets in another order than their times say.
pub fn out_of_time_order() -> Failure {
    let mut talk = talk();
    for i in 0..30 {
        talk = talk.text(if i % 3 == 0 { C2S } else { S2C }, &format!("message {i}"));
    }
    let script = Script::new(&talk, &Split::Writes(1460));
    let mut packets = script.packets();
    // As a multi-queue card writes them: runs of each queue.
    let (even, odd): (Vec<_>, Vec<_>) = packets.drain(..).enumerate().partition(|(i, _)| i / 2 % 2 == 0);
    let (even, odd) = (even.chunks(4), odd.chunks(4));
    let runs = odd.zip(even).flat_map(|(odd, even)| [odd, even].concat());
    let packets: Vec<Packet> = runs.map(|(_, packet)| packet).collect();
    let mut failure = scripted(
        "out-of-time-order",
        "packets stand in the file in another order than their times say",
        &talk,
        &script,
    );
    failure.capture = file(&packets);
    failure
}
