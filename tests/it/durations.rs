//! Durations that a clock that goes back would make negative; and who asks, by the delays between messages.

use crate::answers::wslens;
use crate::findings::answers::bare;
use crate::findings::make::{File, REQUEST, script};
use crate::read::read;
use crate::support::forge::{C2S, Conversation, Packet, S2C};

const MS: i64 = 1_000_000;

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The packets of a conversation, the last first by their times.
fn backwards(talk: &Conversation) -> Vec<Packet> {
    let mut packets = script(talk).packets();
    let begin = packets.first().map_or(0, |packet| packet.time);
    for (i, packet) in (0i64..).zip(&mut packets) {
        packet.time = begin - i * MS;
    }
    packets
}

#[test]
fn no_view_shows_a_negative_duration_where_the_clock_goes_back() {
    let opened = || {
        let talk = Conversation::new("10.0.0.1:40000", "10.0.0.2:80");
        let talk = talk
            .text(C2S, "how are you")
            .text(S2C, "fine")
            .ping(C2S, b"1")
            .pong(S2C, b"1")
            .text(S2C, "and you");
        backwards(&talk.closed(1000))
    };
    let output = read(File::from(opened()).0);
    assert_eq!(output.connections().len(), 1);
    let is_duration = |word: &str, unit: &str| {
        let digits = word.trim_start_matches(['(', '+']).strip_prefix('-').unwrap_or_default();
        digits.starts_with(|c: char| c.is_ascii_digit())
            && ["ns", "µs", "ms", "s"].contains(&unit.trim_matches(|c: char| !c.is_alphanumeric()))
    };
    for arguments in [
        &["read", "--format", "table", "--level", "connections"][..],
        &["story", "--lang", "en"],
        &["story", "--lang", "zh"],
        &["handshake"],
    ] {
        let shown = wslens(arguments, opened());
        let words: Vec<&str> = shown.split_whitespace().collect();
        let negative = words.windows(2).find(|pair| {
            // `at` is a place in the capture and no duration.
            is_duration(pair[0], pair[1]) && !shown.contains(&format!("at {} {}", pair[0], pair[1]))
        });
        assert_eq!(negative, None, "{arguments:?}: {shown}");
        assert!(
            !shown.contains(" in -") && !shown.contains("0.000 ms") && !shown.contains("0 ns"),
            "{shown}"
        );
    }
    // A request without an answer.
    let unanswered = bare(REQUEST.replace("KEY", "dGhlIHNhbXBsZSBub25jZQ==").as_bytes(), b"").fin(C2S);
    let story = flat(&wslens(&["story", "--lang", "en"], backwards(&unanswered)));
    assert!(!story.contains("for 0 ns") && !story.contains("for -"), "{story}");
}

/// A remote control: the server's orders come 2 to 4 s after the client's last message, the client's answers 12 to 20 ms
/// after the orders.
fn remote_control() -> Vec<Packet> {
    let mut talk = Conversation::new("10.0.0.1:40000", "10.0.0.2:80").text(C2S, "ready");
    for _ in 0..5 {
        talk = talk.text(S2C, "{\"cmd\":\"dir\"}").text(C2S, "{\"out\":\"...\"}");
    }
    let mut packets = script(&talk.closed(1000)).packets();
    let mut time = packets.first().map_or(0, |packet| packet.time);
    for packet in &mut packets {
        let has = |text: &[u8]| packet.bytes.windows(text.len()).any(|window| window == text);
        // The text of masked messages does not show in the packets.
        time += if has(b"{\"cmd\":\"dir\"}") { 3_000 * MS } else { 15 * MS / 2 };
        packet.time = time;
    }
    packets
}

#[test]
fn a_remote_control_is_told_by_its_delays_and_only_inferred() {
    let [en, zh] = ["en", "zh"].map(|lang| flat(&wslens(&["story", "--lang", lang], remote_control())));
    assert!(
        en.contains("Each of the server's 5 data messages followed a new message from the client."),
        "{en}"
    );
    let inferred = "this looks as if the server asks and the client answers, so the server pushed its messages. [inferred]";
    assert!(en.contains(inferred), "{en}");
    assert!(zh.contains("看起来是服务器提问、客户端回答") && zh.contains("推送的。 [推断]"), "{zh}");
    for text in [en, zh] {
        assert!(!text.contains("nothing was pushed") && !text.contains("没有推送"), "{text}");
    }
}
