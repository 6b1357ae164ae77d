//! Compression by other extensions than permessage-deflate, and senders that compress wrongly.

use flate2::{Compress, Compression, FlushCompress};
use wslens::model::Direction;
use wslens::report::{Levels, PayloadMode};

use crate::read::{Message, Output, read, read_as};
use crate::support::forge::{
    BINARY, C2S, CONTINUATION, Conversation, DeflateSpec, Frame, PING, PcapFormat, Rng, S2C, Script, Split,
    TEXT, pcap,
};

const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

fn talk() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
}

/// A conversation in which the client offers one extension and the server agrees to it.
fn agreed(offer: &str, answer: &str) -> Conversation {
    talk().header(C2S, EXTENSIONS, offer).header(S2C, EXTENSIONS, answer).opened()
}

fn deflating() -> Conversation {
    talk().deflate(DeflateSpec::default()).opened()
}

fn file(talk: &Conversation) -> Vec<u8> {
    pcap(&Script::new(talk, &Split::Writes(1460)).packets(), PcapFormat::default())
}

fn told(talk: Conversation) -> Output {
    read(file(&talk.closed(1000)))
}

/// Text and integrity of each data message of a direction.
fn said(output: &Output, dir: &str) -> Vec<(String, String)> {
    let data = |message: &Message| message.op == "text" || message.op == "binary";
    let shown = |message: Message| (String::from_utf8_lossy(&message.bytes).into_owned(), message.integrity);
    output.said(1, dir).into_iter().filter(data).map(shown).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(text, integrity)| ((*text).to_owned(), (*integrity).to_owned())).collect()
}

/// Raw deflate that ends as told; all of its output.
fn run(compress: &mut Compress, text: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2 + 200);
    compress.compress_vec(text, &mut out, flush).unwrap();
    out
}

fn deflater() -> Compress {
    Compress::new(Compression::default(), false)
}

/// Raw deflate with its tail cut, as permessage-deflate sends it.
fn message(compress: &mut Compress, text: &[u8]) -> Vec<u8> {
    let mut out = run(compress, text, FlushCompress::Sync);
    assert!(out.ends_with(&[0, 0, 0xff, 0xff]));
    out.truncate(out.len() - 4);
    out
}

fn compressed(payload: Vec<u8>) -> Frame {
    Frame::new(TEXT, payload).rsv(4)
}

const ONE: &str = "{\"a\":\"hello hello hello\",\"n\":1}";
const TWO: &str = "{\"a\":\"hello hello hello\",\"n\":2}";

#[test]
fn deflate_frame_is_decoded_frame_by_frame() {
    let (mut client, mut server) = (deflater(), deflater());
    let output = told(
        agreed("x-webkit-deflate-frame", "x-webkit-deflate-frame")
            .frame(C2S, &compressed(message(&mut client, ONE.as_bytes())).masked([1, 2, 3, 4]))
            .frame(S2C, &compressed(message(&mut server, ONE.as_bytes())))
            .frame(C2S, &compressed(message(&mut client, TWO.as_bytes())).masked([5, 2, 3, 4]))
            .frame(S2C, &Frame::new(TEXT, "not compressed"))
            .frame(S2C, &compressed(message(&mut server, b"first half, ")).more())
            .frame(S2C, &Frame::new(CONTINUATION, "plain, ").more())
            .frame(S2C, &Frame::new(CONTINUATION, message(&mut server, b"first half again")).rsv(4)),
    );
    assert_eq!(said(&output, "c2s"), pairs(&[(ONE, "ok"), (TWO, "ok")]));
    let server = [(ONE, "ok"), ("not compressed", "ok"), ("first half, plain, first half again", "ok")];
    assert_eq!(said(&output, "s2c"), pairs(&server));
    assert_eq!(output.codes(), [""; 0]);
    let flags: Vec<bool> = output.said(1, "s2c").iter().map(|message| message.compressed).collect();
    assert_eq!(flags[..3], [true, false, true]);
}

#[test]
fn deflate_frame_without_takeover_and_with_a_small_window_is_decoded() {
    let offer = "x-webkit-deflate-frame; max_window_bits=9; no_context_takeover";
    let mut talk = agreed(offer, "x-webkit-deflate-frame; no_context_takeover");
    let mut compress = deflater();
    for text in [ONE, TWO, ONE] {
        talk = talk.frame(C2S, &compressed(message(&mut compress, text.as_bytes())).masked([1, 9, 3, 4]));
        compress.reset();
    }
    let output = told(talk);
    assert_eq!(said(&output, "c2s"), pairs(&[(ONE, "ok"), (TWO, "ok"), (ONE, "ok")]));
    assert_eq!(output.codes(), [""; 0]);
}

#[test]
fn deflate_frame_breaks_rules_too() {
    let mut compress = deflater();
    let talk =
        agreed("deflate-frame; max_window_bits=9", "deflate-frame").frame(S2C, &Frame::new(PING, "x").rsv(4));
    let long = String::from_utf8(Rng::new(4).bytes(700).iter().map(|b| b'a' + b % 26).collect()).unwrap();
    let talk = talk.frame(S2C, &compressed(message(&mut compress, long.as_bytes())));
    let output = told(talk.frame(S2C, &compressed(message(&mut compress, long.as_bytes()))));
    assert_eq!(said(&output, "s2c"), pairs(&[(&long, "ok"), (&long, "lenient")]));
    let codes = output.codes();
    assert!(
        codes.contains(&"rsv1-on-control-frame") && codes.contains(&"deflate-window-exceeded"),
        "{codes:?}"
    );
}

#[test]
fn messages_under_an_unknown_extension_are_never_ok() {
    for rsv in [1, 2, 4, 7] {
        let output = told(
            agreed("x-private; a=1", "x-private; a=1")
                .text(S2C, "no bits are set")
                .frame(S2C, &Frame::new(TEXT, "who knows").rsv(rsv))
                .frame(S2C, &Frame::new(BINARY, [1, 2, 3]).rsv(rsv))
                .frame(S2C, &Frame::new(TEXT, "in ").rsv(rsv).more())
                .frame(S2C, &Frame::new(CONTINUATION, "parts")),
        );
        let integrity: Vec<String> =
            said(&output, "s2c").into_iter().map(|(_, integrity)| integrity).collect();
        let unknown = "unknown-extension";
        assert_eq!(integrity, ["ok", unknown, unknown, unknown], "RSV {rsv:03b}");
        let findings = output.findings(unknown);
        assert_eq!((findings.len(), output.codes().len()), (1, 1), "one cause, one finding");
        assert!(findings[0]["text"].as_str().unwrap().contains("x-private"), "{}", findings[0]);
        assert_eq!(
            (findings[0]["severity"].as_str(), findings[0]["msg"].as_u64()),
            (Some("warning"), Some(2))
        );
    }
}

#[test]
fn bits_on_control_frames_and_continuations_count_as_well() {
    let output = told(
        agreed("x-private", "x-private")
            .frame(S2C, &Frame::new(PING, "coded").rsv(2))
            .frame(S2C, &Frame::new(TEXT, "in ").more())
            .frame(S2C, &Frame::new(CONTINUATION, "parts").rsv(1)),
    );
    let integrity: Vec<String> = output.said(1, "s2c").into_iter().map(|message| message.integrity).collect();
    assert_eq!(integrity[..2], ["unknown-extension", "unknown-extension"]);
    assert_eq!(output.findings("unknown-extension").len(), 1);
}

#[test]
fn bits_under_a_hidden_handshake_may_be_those_of_an_unknown_extension() {
    let talk = agreed("x-private", "x-private");
    let first = talk.upgraded_at[1] as u64;
    // Frames are recognised by those without such bits.
    let talk = (0..70).fold(talk, |talk, i| talk.text(C2S, "a question").text(S2C, &format!("plain {i}")));
    let talk = (1..4).fold(talk, |talk, rsv| {
        talk.frame(S2C, &Frame::new(TEXT, format!("coded {rsv}")).rsv(rsv))
            .frame(S2C, &Frame::new(PING, "coded").rsv(rsv))
    });
    let talk = talk.closed(1000);
    let script = Script::new(&talk, &Split::Writes(1460)).acked();
    let cut = script.clone().snaplen(54 + 60);
    let begin = script.piece_at(C2S, talk.upgraded_at[0] as u64).min(script.piece_at(S2C, first));
    for (what, script) in [("cut", cut), ("not captured", script.begin_at(begin))] {
        let output = read(pcap(&script.packets(), PcapFormat::default()));
        let coded = |message: &Message| message.bytes.starts_with(b"coded");
        let (with, without): (Vec<_>, Vec<_>) = output.said(1, "s2c").into_iter().partition(coded);
        assert!(with.iter().all(|message| message.integrity == "unknown-extension"), "{what}: {with:?}");
        assert_eq!((with.len(), without.len()), (6, 71), "{what}");
        let texts = without.iter().filter(|message| message.op == "text");
        assert!(texts.into_iter().all(|message| message.integrity == "guessed"), "{what}: {without:?}");
        // Nobody is blamed, and no extension is named.
        assert!(output.findings("unknown-extension").is_empty(), "{what}: {:?}", output.codes());
        assert!(output.findings("reserved-bit-set").is_empty(), "{what}: {:?}", output.codes());
    }
}

#[test]
fn rsv1_of_permessage_deflate_beside_an_unknown_extension_is_certain_and_other_bits_are_not() {
    let mut compress = deflater();
    let output = told(
        agreed("permessage-deflate, x-private", "permessage-deflate, x-private")
            .frame(S2C, &compressed(message(&mut compress, ONE.as_bytes())))
            .frame(S2C, &compressed(message(&mut compress, TWO.as_bytes())).rsv(6)),
    );
    assert_eq!(said(&output, "s2c"), pairs(&[(ONE, "ok"), (TWO, "unknown-extension")]));
}

#[test]
fn a_bit_that_no_extension_defines_leaves_no_certainty() {
    let output = told(talk().opened().frame(S2C, &Frame::new(TEXT, "read all the same").rsv(2)));
    assert_eq!(said(&output, "s2c"), pairs(&[("read all the same", "lenient")]));
    assert_eq!(output.codes(), ["reserved-bit-set"]);
}

#[test]
fn a_window_larger_than_agreed_is_reported_on_the_message_that_exceeds_it() {
    let spec = DeflateSpec { server_max_window_bits: 9, ..DeflateSpec::default() };
    let long = String::from_utf8(Rng::new(5).bytes(700).iter().map(|b| b'a' + b % 26).collect()).unwrap();
    for (bits, integrity) in [(15, "lenient"), (9, "ok")] {
        let mut compress = Compress::new_with_window_bits(Compression::default(), false, bits);
        let mut talk = talk().deflate(spec).opened();
        for text in [&long[..], &long, "short"] {
            talk = talk.frame(S2C, &compressed(message(&mut compress, text.as_bytes())));
        }
        let output = told(talk);
        assert_eq!(said(&output, "s2c"), pairs(&[(&long, "ok"), (&long, integrity), ("short", "ok")]));
        let findings = output.findings("deflate-window-exceeded");
        assert_eq!(findings.len(), usize::from(bits == 15));
        if let Some(finding) = findings.first() {
            let text = finding["text"].as_str().unwrap();
            assert!(text.contains("700") && text.contains("512"), "{text}");
            assert_eq!(finding["msg"], 2);
        }
        assert_eq!(output.codes().len(), findings.len());
    }
}

/// A faulty message between good ones of the same compressor: the code is on it alone, and all are read.
fn faulty(name: &str, frames: &[Frame], code: &str, text: &str, next: &[Frame], expected: &[(&str, &str)]) {
    let mut talk = deflating();
    for frame in frames.iter().chain(next) {
        talk = talk.frame(S2C, frame);
    }
    let output = told(talk);
    let all: Vec<(&str, &str)> = std::iter::once((text, "lenient")).chain(expected.iter().copied()).collect();
    assert_eq!(said(&output, "s2c"), pairs(&all), "{name}: {:?}", output.codes());
    let own: Vec<_> = output.codes().into_iter().filter(|code| *code != "rsv1-on-continuation").collect();
    assert_eq!(own, [code], "{name}");
    assert_eq!(output.findings(code)[0]["msg"], 1, "{name}");
}

#[test]
fn a_faulty_end_is_blamed_on_its_own_message() {
    let tail_kept = |compress: &mut Compress| run(compress, ONE.as_bytes(), FlushCompress::Sync);
    let mut compress = deflater();
    let first = compressed(tail_kept(&mut compress));
    let second = compressed(message(&mut compress, TWO.as_bytes()));
    faulty("tail kept", &[first], "deflate-tail-kept", ONE, &[second], &[(TWO, "ok")]);

    let finish = run(&mut deflater(), ONE.as_bytes(), FlushCompress::Finish);
    let right = [&finish[..], &[0]].concat();
    let next = [compressed(right), compressed(message(&mut deflater(), TWO.as_bytes()))];
    faulty(
        "final block",
        &[compressed(finish)],
        "deflate-final-block",
        ONE,
        &next,
        &[(ONE, "ok"), (TWO, "ok")],
    );

    let next = [compressed(message(&mut deflater(), TWO.as_bytes()))];
    faulty("empty", &[compressed(vec![])], "deflate-empty", "", &next, &[(TWO, "ok")]);
}

#[test]
fn a_zlib_or_gzip_header_is_named_and_read_past() {
    let mut zlib = Compress::new(Compression::default(), true);
    let first = compressed(message(&mut zlib, ONE.as_bytes()));
    let second = compressed(message(&mut zlib, TWO.as_bytes()));
    faulty("zlib, one stream", &[first], "deflate-wrapped", ONE, &[second], &[(TWO, "ok")]);

    let whole = run(&mut Compress::new(Compression::default(), true), ONE.as_bytes(), FlushCompress::Finish);
    let next = [compressed(message(&mut deflater(), TWO.as_bytes()))];
    faulty("zlib, whole", &[compressed(whole)], "deflate-wrapped", ONE, &next, &[(TWO, "ok")]);

    let raw = run(&mut deflater(), ONE.as_bytes(), FlushCompress::Finish);
    let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], &raw[..], &[1, 2, 3, 4, 5, 0, 0, 0]].concat();
    faulty("gzip", &[compressed(gzip)], "deflate-wrapped", ONE, &next, &[(TWO, "ok")]);
}

#[test]
fn text_that_was_not_compressed_is_named_and_shown() {
    let mut compress = deflater();
    let next = [
        compressed(message(&mut compress, ONE.as_bytes())),
        compressed(message(&mut compress, TWO.as_bytes())),
    ];
    let plain = Frame::new(TEXT, ONE).rsv(4);
    // What the sender's window holds of the plain text is not known.
    let expected = [(ONE, "lenient"), (TWO, "lenient")];
    faulty("plain", &[plain], "deflate-not-compressed", ONE, &next, &expected);
}

#[test]
fn a_fault_in_the_middle_costs_no_other_message() {
    let mut compress = deflater();
    let first = compressed(message(&mut compress, ONE.as_bytes()));
    let last = compressed(message(&mut compress, TWO.as_bytes()));
    let output = told(
        deflating().frame(S2C, &first).frame(S2C, &Frame::new(TEXT, "{}, plain").rsv(4)).frame(S2C, &last),
    );
    assert_eq!(said(&output, "s2c"), pairs(&[(ONE, "ok"), ("{}, plain", "lenient"), (TWO, "lenient")]));
}

#[test]
fn fragments_that_were_compressed_one_by_one_are_read() {
    for takeover in [true, false] {
        let mut compress = deflater();
        let mut part = |text: &str| {
            let out = message(&mut compress, text.as_bytes());
            if !takeover {
                compress.reset();
            }
            out
        };
        let parts = [
            Frame::new(TEXT, part("hello fragment one, ")).rsv(4).more(),
            Frame::new(CONTINUATION, part("hello fragment two, ")).more(),
            Frame::new(CONTINUATION, part("hello fragment three")),
        ];
        let text = "hello fragment one, hello fragment two, hello fragment three";
        faulty("per fragment", &parts, "deflate-per-fragment", text, &[], &[]);
    }
}

#[test]
fn a_window_kept_although_it_should_not_be_is_named_and_used() {
    let spec = DeflateSpec { server_no_context_takeover: true, ..DeflateSpec::default() };
    let mut compress = deflater();
    let mut talk = talk().deflate(spec).opened();
    for text in [ONE, TWO, ONE, "something else", ONE] {
        talk = talk.frame(S2C, &compressed(message(&mut compress, text.as_bytes())));
    }
    let output = told(talk);
    let words: Vec<String> = said(&output, "s2c").into_iter().map(|(text, _)| text).collect();
    assert_eq!(words, [ONE, TWO, ONE, "something else", ONE]);
    let integrity: Vec<String> = said(&output, "s2c").into_iter().map(|(_, integrity)| integrity).collect();
    assert_eq!(integrity[..3], ["ok", "lenient", "lenient"]);
    assert!(output.codes().iter().all(|code| *code == "deflate-window-kept"), "{:?}", output.codes());
    assert_eq!(output.findings("deflate-window-kept")[0]["msg"], 2);
}

#[test]
fn a_window_that_holds_uncompressed_messages_is_named_and_used() {
    const SHORT: &str = "{\"kind\":\"hello\",\"name\":\"a short one\"}";
    const OTHER: &str = "{\"kind\":\"again\",\"name\":\"another one\"}";
    for (step, split) in [(1460, false), (7, false), (1460, true)] {
        let mut compress = deflater();
        let mut talk = deflating();
        for (text, is_plain) in [
            (SHORT, true),
            (OTHER, true),
            (SHORT, false),
            ("new and different", true),
            (OTHER, false),
            (ONE, false),
        ] {
            let bytes = message(&mut compress, text.as_bytes());
            talk = match (is_plain, split) {
                (true, false) => talk.frame(S2C, &Frame::new(TEXT, text)),
                (true, true) => {
                    let (a, b) = text.split_at(5);
                    talk.frame(S2C, &Frame::new(TEXT, a).more()).frame(S2C, &Frame::new(CONTINUATION, b))
                }
                (false, _) => talk.frame(S2C, &compressed(bytes)),
            };
        }
        let talk = talk.closed(1000);
        let output = read(pcap(&Script::new(&talk, &Split::Writes(step)).packets(), PcapFormat::default()));
        let expected = [
            (SHORT, "ok"),
            (OTHER, "ok"),
            (SHORT, "lenient"),
            ("new and different", "ok"),
            (OTHER, "lenient"),
            (ONE, "lenient"),
        ];
        assert_eq!(said(&output, "s2c"), pairs(&expected), "{step} {split}");
        assert!(output.codes().iter().all(|code| *code == "deflate-window-fed"), "{:?}", output.codes());
        let findings = output.findings("deflate-window-fed");
        assert_eq!(findings.iter().map(|f| f["msg"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 5, 6]);
        let text = findings[0]["text"].as_str().unwrap();
        assert!(text.contains("messages from 1 to 2 (packets "), "{text}");
    }
}

#[test]
fn uncompressed_messages_explain_no_fault_that_they_do_not_have_a_part_in() {
    // The sender refers to what it never sent.
    let mut compress = deflater();
    message(&mut compress, TWO.as_bytes());
    let talk = deflating().text(C2S, "x").frame(S2C, &Frame::new(TEXT, "plain"));
    let output = told(talk.frame(S2C, &compressed(message(&mut compress, TWO.as_bytes()))));
    assert_eq!(said(&output, "s2c")[1].1, "damaged");
    assert!(output.findings("deflate-window-fed").is_empty(), "{:?}", output.codes());
}

#[test]
fn a_message_that_ends_inside_a_block_is_damaged_and_the_next_is_not_blamed() {
    let mut compress = deflater();
    let whole = message(&mut compress, ONE.as_bytes());
    let cut = compressed(whole[..whole.len() - 6].to_vec());
    let next = compressed(message(&mut deflater(), TWO.as_bytes()));
    let output = told(deflating().frame(S2C, &cut).frame(S2C, &next));
    let integrity: Vec<String> = said(&output, "s2c").into_iter().map(|(_, integrity)| integrity).collect();
    assert_eq!(integrity, ["damaged", "ok"]);
    assert_eq!(
        (output.codes(), &output.findings("inflate-error")[0]["msg"]),
        (vec!["inflate-error"], &1.into())
    );
}

#[test]
fn faults_are_the_same_however_the_bytes_are_cut() {
    let mut compress = deflater();
    let parts = [
        compressed(run(&mut compress, ONE.as_bytes(), FlushCompress::Sync)),
        Frame::new(TEXT, ONE).rsv(4),
        compressed(message(&mut compress, TWO.as_bytes())),
        compressed(vec![0xff; 30]),
        compressed(vec![]),
    ];
    let talk = parts.iter().fold(deflating(), |talk, frame| talk.frame(S2C, frame)).closed(1000);
    let shown = |size: usize| {
        let output = read(pcap(&Script::new(&talk, &Split::Writes(size)).packets(), PcapFormat::default()));
        let codes: Vec<String> = output.codes().into_iter().map(str::to_owned).collect();
        (said(&output, "s2c"), codes)
    };
    let whole = shown(1460);
    assert_eq!(whole.1, ["deflate-tail-kept", "deflate-not-compressed", "inflate-error", "deflate-empty"]);
    for size in [1, 2, 3, 7, 19] {
        assert_eq!(shown(size), whole, "{size} bytes in a segment");
    }
}

#[test]
fn after_a_broken_message_nothing_is_said_to_be_lost() {
    let mut compress = deflater();
    let first = compressed(message(&mut compress, ONE.as_bytes()));
    let next = compressed(message(&mut compress, TWO.as_bytes()));
    let broken = compressed([0xff; 40].to_vec());
    let talk = deflating().frame(S2C, &first).frame(S2C, &broken).frame(S2C, &next);
    let table = wslens_table(&file(&talk.closed(1000)));
    assert!(table.contains("refers to earlier data"), "{table}");
    assert!(!table.contains("was lost") && !table.contains("began later"), "{table}");
}

/// What `wslens read` prints.
fn wslens_table(bytes: &[u8]) -> String {
    let path = std::env::temp_dir().join(format!("wslens-compression-{}.pcap", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_wslens"))
        .args(["read", "--format", "table"])
        .arg(&path)
        .output()
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn text_that_compresses_extremely_well_is_no_bomb() {
    let text = "0, ".repeat(700_000);
    let output = told(deflating().frame(S2C, &compressed(message(&mut deflater(), text.as_bytes()))));
    let first = output.said(1, "s2c").remove(0);
    assert_eq!((first.integrity.as_str(), output.codes()), ("ok", vec![]));
}

/// SHA-256 of `bytes` as printed.
fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    hex::encode(Sha256::digest(bytes))
}

fn hashes(talk: &Conversation, change: impl FnOnce(&mut wslens::pipeline::Limits)) -> Output {
    let mut limits = wslens::pipeline::Limits::default();
    limits.depth.hash = true;
    change(&mut limits);
    let capture = wslens::capture::Capture::from_bytes(file(talk)).expect("a capture");
    read_as(capture, limits, Levels::ALL, PayloadMode::Hash)
}

#[test]
fn frames_and_messages_longer_than_what_is_kept_have_their_hash() {
    let noise = Rng::new(7).bytes(200_000);
    let wire = message(&mut deflater(), &noise);
    let small = |dir: Direction| if dir == C2S { Some([7, 1, 9, 2]) } else { None };
    for dir in [C2S, S2C] {
        let masked = |frame: Frame| match small(dir) {
            Some(key) => frame.masked(key),
            None => frame,
        };
        let talk = deflating()
            .frame(dir, &masked(Frame::new(BINARY, noise.clone())))
            .frame(dir, &masked(Frame::new(BINARY, wire.clone()).rsv(4)))
            .closed(1000);
        for keep in [100, 64 << 10, 1 << 20] {
            let output = hashes(&talk, |limits| limits.depth.keep = keep);
            let of = |kind: &str| -> Vec<String> {
                let data = output.kind(kind).filter(|record| record["op"] == "binary");
                data.map(|record| record["sha256"].as_str().unwrap_or("none").to_owned()).collect()
            };
            assert_eq!(of("frame"), [sha256(&noise), sha256(&wire)], "frames, keep {keep}");
            assert_eq!(of("message"), [sha256(&noise), sha256(&noise)], "messages, keep {keep}");
        }
    }
}

#[test]
fn a_message_cut_by_a_limit_of_inflating_has_its_hash() {
    let text = "0123456789".repeat(300_000);
    let talk = deflating().frame(S2C, &compressed(message(&mut deflater(), text.as_bytes()))).closed(1000);
    for by_ratio in [true, false] {
        let output = hashes(&talk, |limits| {
            let inflate = &mut limits.depth.inflate;
            if by_ratio { inflate.ratio = 10 } else { inflate.message = 5000 }
        });
        let cut = output.kind("message").next().unwrap();
        assert_eq!(cut["integrity"], "cut");
        assert_eq!(cut["sha256"], sha256(text.as_bytes()), "by ratio: {by_ratio}");
        let finding = output.findings("inflate-limit")[0]["text"].as_str().unwrap().to_owned();
        assert!(finding.contains(if by_ratio { "--max-ratio" } else { "--max-inflate" }), "{finding}");
    }
}
