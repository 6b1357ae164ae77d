//! The captures on which a widely used analyzer shows wrong or no messages (tests/support/failures.rs): what
//! has to be read of each.

use crate::compare::{Said, heard, sent};
use wslens::capture::Capture;
use wslens::report::{Levels, PayloadMode};

use crate::read::{Output, keep_all, read, read_as};
use crate::support::failures::{self, Failure};
use crate::support::forge::{C2S, Expected, Http2Talk, PcapFormat, S2C, Script, Split, TEXT, pcap};

/// The messages of one direction that are sure or shown as text.
fn shown(output: &Output, dir: &str) -> Vec<Said> {
    let sure = output.messages().into_iter().filter(|m| m.dir == dir && (m.integrity == "ok" || m.as_text));
    sure.map(|message| heard(&message)).collect()
}

fn said(expected: &[Expected], dir: wslens::model::Direction) -> Vec<Said> {
    expected.iter().filter(|message| message.dir == dir).map(sent).collect()
}

/// Reads a failure: everything that can be known is shown, in each direction's order, and nothing else.
fn read_whole(failure: &Failure) -> Output {
    let output = read(failure.capture.clone());
    for dir in [C2S, S2C] {
        assert_eq!(shown(&output, dir.name()), said(&failure.expected, dir), "{}", failure.name);
    }
    output
}

/// Reads a failure whose capture begins late or loses framing: nothing false is shown, but not yet all.
fn read_nothing_false(failure: &Failure) -> Output {
    let output = read(failure.capture.clone());
    for dir in [C2S, S2C] {
        let mut told = said(&failure.expected, dir).into_iter();
        for message in shown(&output, dir.name()) {
            assert!(told.any(|one| one == message), "{}: never sent: {message:?}", failure.name);
        }
    }
    output
}

/// The findings that are errors of the protocol or lost data.
fn errors(output: &Output) -> Vec<&str> {
    let errors = output.kind("finding").filter(|finding| finding["severity"] == "error");
    errors.map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn f1_after_a_lost_message_the_window_is_not_guessed() {
    let failure = failures::lost_context();
    let output = read_whole(&failure);
    assert_eq!(errors(&output), ["tcp-gap", "desynchronised"]);
    for message in output.said(1, "s2c").iter().skip(1) {
        assert_eq!((message.integrity.as_str(), message.as_text), ("unknown-dictionary", false));
    }
    let text = output.lines.join("\n");
    assert!(!text.contains("bobby"), "nobody knows what was said after the loss");
    assert_eq!(text.matches("alice").count(), 1, "the first message, and no copy of it");
}

#[test]
fn f2_each_direction_has_its_own_fragments_and_its_own_compression() {
    let output = read_whole(&failures::compressed_against_plain());
    assert_eq!(output.codes(), ["closed-without-close"]);
}

#[test]
fn f3_each_direction_has_its_own_message_type() {
    let output = read_whole(&failures::text_against_binary());
    assert_eq!(output.codes(), ["closed-without-close"]);
    let types: Vec<String> = output.messages().into_iter().map(|m| format!("{} {}", m.dir, m.op)).collect();
    assert_eq!(types, ["c2s text", "s2c binary"]);
}

#[test]
fn f4_where_a_lost_segment_held_a_header_nothing_false_is_shown_and_the_place_is_told() {
    let failure = failures::lost_header();
    let output = read_nothing_false(&failure);
    assert_eq!(shown(&output, "s2c").first(), said(&failure.expected, S2C).first());
    let lost = failure.expected[0].end;
    let [gap] = output.findings("tcp-gap")[..] else { panic!("one gap: {:?}", output.codes()) };
    assert_eq!((gap["offset"].as_u64(), gap["dir"].as_str()), (Some(lost), Some("s2c")));
    assert_eq!(errors(&output), ["tcp-gap", "desynchronised"]);
}

#[test]
fn f5_segments_that_change_places_are_put_in_order() {
    let output = read_whole(&failures::swapped_segments());
    assert_eq!(output.codes(), ["tcp-out-of-order", "closed-without-close"]);
}

#[test]
fn f6_a_websocket_through_an_http_proxy_is_found() {
    let output = read_whole(&failures::through_connect());
    assert_eq!(output.codes(), ["closed-without-close"]);
    let [connection] = output.connections()[..] else { panic!("one connection") };
    assert_eq!(connection["tunnelled"], true);
    assert_eq!(connection["server"], "10.0.0.2:3128");
}

#[test]
fn f7_websockets_inside_http_2_are_read() {
    // RFC 8441 over cleartext HTTP/2. More of it: `multiplex.rs`.
    let talk = Http2Talk::new("10.0.0.1:50000", "10.0.0.2:80")
        .open(1)
        .say(C2S, 1, TEXT, b"over a stream")
        .say(S2C, 1, TEXT, b"and back")
        .close(1);
    let packets = Script::new(&talk.talk, &Split::Writes(1460)).packets();
    let output = read(pcap(&packets, PcapFormat::default()));
    assert_eq!(errors(&output), Vec::<&str>::new());
    let [connection] = output.connections()[..] else { panic!("one connection") };
    assert_eq!((&connection["http_version"], &connection["stream_id"]), (&"2".into(), &1.into()));
    let said: Vec<Vec<u8>> = output.messages().into_iter().map(|message| message.bytes).collect();
    assert_eq!(said[..2], [b"over a stream".to_vec(), b"and back".to_vec()]);
}

#[test]
fn f8_a_long_masked_message_is_unmasked_to_its_end() {
    let output = read_whole(&failures::long_masked_message());
    let message = output.said(1, "c2s").remove(0);
    assert!(message.bytes.len() == 300_008 && message.bytes.ends_with(b"THE END."));
}

#[test]
fn f9_a_bomb_is_cut_and_the_messages_around_it_are_read() {
    let failure = failures::bomb(40);
    let mut limits = keep_all();
    limits.depth.inflate.message = 1 << 20;
    let capture = Capture::from_bytes(failure.capture.clone()).expect("a capture");
    let output = read_as(capture, limits, Levels::ALL, PayloadMode::Full);
    for dir in [C2S, S2C] {
        assert_eq!(shown(&output, dir.name()), said(&failure.expected, dir), "{}", failure.name);
    }
    let bomb = output.said(1, "s2c").remove(0);
    assert_eq!(bomb.integrity, "cut");
    assert!(bomb.bytes.len() <= 2 << 20 && bomb.bytes.iter().all(|byte| *byte == 0));
    let record = output.kind("message").find(|message| message["dir"] == "s2c").unwrap();
    assert_eq!(record["len"], 40 << 20, "how much it would be is told");
    assert_eq!(record["cut"], true);
    assert_eq!(output.findings("inflate-limit").len(), 1);
    assert_eq!(output.findings("inflate-limit")[0]["dir"], "s2c");
}

#[test]
fn f10_the_frames_of_a_capture_that_begins_midstream_are_found() {
    for port in [80, 9001] {
        let failure = failures::midstream(port);
        let output = read_nothing_false(&failure);
        assert_eq!(errors(&output), Vec::<&str>::new());
        assert_eq!(output.codes(), ["tcp-midstream"]);
        let said: Vec<Vec<u8>> = output.messages().into_iter().map(|message| message.bytes).collect();
        let sent: Vec<Vec<u8>> = failure.expected.iter().map(|message| message.bytes.clone()).collect();
        assert_eq!(said, sent);
        assert_eq!(output.summary()["tcp_connections"], 1);
        assert_eq!(output.summary()["input_complete"], true);
    }
}

#[test]
fn f11_compressed_bytes_of_a_capture_that_begins_midstream_are_inflated_where_that_is_proved_and_never_text()
{
    let failure = failures::midstream_compressed(9001);
    let output = read_nothing_false(&failure);
    assert_eq!(errors(&output), Vec::<&str>::new());
    // None of these messages refers to one before it.
    let said: Vec<Vec<u8>> = output.messages().into_iter().map(|message| message.bytes).collect();
    let sent: Vec<Vec<u8>> = failure.expected.iter().map(|message| message.bytes.clone()).collect();
    assert_eq!(said, sent);
    assert!(output.messages().iter().all(|message| message.compressed && message.integrity == "guessed"));
}

#[test]
fn f12_ten_violations_are_told_by_their_codes() {
    let output = read(failures::violations().capture);
    let told: Vec<(&str, &str)> = output
        .kind("finding")
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| (finding["code"].as_str().unwrap(), finding["dir"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("bad-accept", "s2c"),
            ("unmasked-client-frame", "c2s"),
            ("masked-server-frame", "s2c"),
            ("non-minimal-length", "c2s"),
            ("invalid-utf8", "c2s"),
            ("reserved-opcode", "s2c"),
            ("reserved-bit-set", "s2c"),
            ("control-frame-too-long", "s2c"),
            ("unexpected-continuation", "c2s"),
            ("invalid-close-code", "s2c"),
            ("data-after-close", "s2c"),
        ]
    );
    // A violation never stops the reading.
    assert_eq!(output.frames().len(), 10);
    assert_eq!(output.said(1, "s2c").last().unwrap().bytes, b"after close");
}

#[test]
fn f12_rsv1_that_nobody_agreed_on_is_told_and_not_inflated() {
    let output = read(failures::rsv1_not_agreed().capture);
    assert_eq!(errors(&output), ["reserved-bit-set"]);
    let said = output.said(1, "s2c");
    assert_eq!((said[0].bytes.as_slice(), said[0].compressed), (&b"rsv1"[..], false));
    assert_eq!(said[1].bytes, b"next");
}

#[test]
fn compressed_messages_in_several_frames_are_joined_before_they_are_inflated() {
    let output = read_whole(&failures::compressed_fragments());
    assert_eq!(errors(&output), Vec::<&str>::new());
}

#[test]
fn each_side_may_keep_its_window_while_the_other_does_not() {
    let output = read_whole(&failures::one_sided_takeover());
    assert_eq!(errors(&output), Vec::<&str>::new());
}

#[test]
fn compressed_messages_may_be_empty() {
    let output = read_whole(&failures::compressed_empty());
    assert_eq!(errors(&output), Vec::<&str>::new());
    assert_eq!(output.said(1, "c2s").iter().filter(|message| message.bytes.is_empty()).count(), 2);
}

#[test]
fn an_empty_last_fragment_ends_its_message() {
    let output = read_whole(&failures::empty_last_fragment());
    assert_eq!(errors(&output), Vec::<&str>::new());
}

#[test]
fn a_request_may_come_byte_by_byte_to_any_port() {
    let output = read_whole(&failures::request_byte_by_byte());
    assert_eq!(output.connections()[0]["accept"], "ok");
    assert_eq!(errors(&output), Vec::<&str>::new());
}

#[test]
fn frames_before_the_101_are_read_and_told() {
    let output = read_whole(&failures::frames_before_the_101());
    assert_eq!(errors(&output), ["data-before-handshake"]);
}

#[test]
fn a_damaged_copy_gives_way_to_the_good_one() {
    let output = read_whole(&failures::damaged_copy_first());
    assert_eq!(output.codes(), ["bad-checksum", "closed-without-close"]);
}

#[test]
fn wrong_checksums_of_all_packets_of_one_end_are_told_once() {
    let output = read_whole(&failures::all_checksums_offloaded());
    assert_eq!(output.codes(), ["bad-checksum", "closed-without-close"]);
}

#[test]
fn packets_that_stand_in_the_wrong_order_in_the_file_are_put_in_order() {
    let output = read_whole(&failures::out_of_time_order());
    assert_eq!(errors(&output), Vec::<&str>::new());
    assert_eq!(output.findings("capture-time-backwards").len(), 1);
}

#[test]
fn no_failure_is_left_out() {
    // Each has a test of its own above; a new one has to be read here as well.
    assert_eq!(failures::all().len(), 21);
    for failure in failures::all().iter().filter(|failure| failure.name != "bomb") {
        read_nothing_false_unless_violated(failure);
    }
}

/// Violations are shown as they were sent, whatever they say.
fn read_nothing_false_unless_violated(failure: &Failure) {
    if !["violations", "rsv1-not-agreed"].contains(&failure.name) {
        read_nothing_false(failure);
    }
}
