//! Under `zh`, everything that wslens writes on a screen is Chinese, except names of protocols, fields and keys.

use std::collections::BTreeSet;

use super::kit::{Kit, capture};
use crate::model::Lang;
use crate::tui::tests::kit;

/// Words that stay English: names of protocols, of their fields and values, of keys, formats, programs and units.
const ALLOWED: &str = "
    wslens WebSocket WebSockets TCP IP TLS HTTP HTTPS UTF RFC URL JSON NDJSON CSV Markdown Mermaid pcapng Wireshark SHA
    OSI SSE POST CONNECT PROXY ALPN API GET HTTP ws wss URI IANA Base Python Rust bytes deflate permessage keep alive
    TEXT BIN CONT PING PONG CLOSE ping pong Close FIN RSV RSV1 RSV2 RSV3 MASK RST SYN ACK opcode RTT Accept
    Enter Esc Tab Ctrl Space Shift Backspace Left Right Up Down Home End PgUp PgDn Del F1 F2 F3 F4 F6
    English dark light high contrast mono shell fg save FILE curl hex base64 tcp stream snaplen
    Normal Closure Protocol error Going Away Invalid frame payload data Sec Key explain read
    MiB KiB GiB conn msg server client and op len text err
";

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| {
        let letters = word.chars().filter(char::is_ascii_alphabetic).count();
        letters > 2 && !word.chars().all(|c| c.is_ascii_hexdigit() || c.is_ascii_digit())
    })
}

/// The words in a capture file, and the codes of rules: text that wslens repeats.
fn captured(name: &str) -> BTreeSet<String> {
    let file = std::fs::read(capture(name)).unwrap();
    let text: String = file.iter().map(|byte| char::from(*byte)).collect();
    let mut all: BTreeSet<String> = words(&text).map(str::to_owned).collect();
    all.extend(words(name).map(str::to_owned));
    let fields = crate::filter::FIELDS
        .iter()
        .flat_map(|info| words(info.name).chain(info.aliases.iter().flat_map(|name| words(name))));
    all.extend(fields.map(str::to_owned));
    all.extend(
        crate::pipeline::RULES.iter().copied().flatten().flat_map(|rule| words(rule.code)).map(str::to_owned),
    );
    all
}

/// Returns the English words on the screen that are neither allowed nor captured.
fn english(kit: &Kit, captured: &BTreeSet<String>) -> BTreeSet<String> {
    let allowed: BTreeSet<&str> = ALLOWED.split_whitespace().collect();
    let is_known = |word: &str| allowed.contains(word) || captured.contains(word);
    // A word at the end of a cell may be cut.
    let is_cut = |word: &str| {
        word.len() > 2
            && allowed
                .iter()
                .copied()
                .chain(captured.iter().map(String::as_str))
                .any(|all| all.starts_with(word))
    };
    let mut unknown = BTreeSet::new();
    for line in kit.lines() {
        for cell in line.split(['│', '┃']) {
            let mut found = words(cell).collect::<Vec<_>>();
            if let Some(last) = found.pop().filter(|last| !is_cut(last)) {
                found.push(last);
            }
            unknown.extend(found.into_iter().filter(|word| !is_known(word)).map(str::to_owned));
        }
    }
    unknown
}

/// The capture, the size, and the keys that open a screen.
fn open(name: &str, size: (u16, u16), keys: &str) -> Kit {
    let mut kit = kit::Kit::open(name, size.0, size.1);
    kit.app.shared.lang = Lang::Zh;
    kit.press(keys).rest()
}

#[test]
fn screens_in_chinese_have_no_english_words() {
    let screens = [
        "1",
        "1 \\ Tab",
        "1 f",
        "1 Y",
        "1 e",
        "1 s",
        "3",
        "3 m",
        "3 Enter",
        "3 Enter t",
        "3 Enter t t",
        "3 Enter t t t",
        "3 Y",
        "3 e",
        "6",
        "6 A",
        "6 P",
        "6 Enter",
        "1 ?",
        "3 ?",
        "1 :",
    ];
    let mut found = Vec::new();
    for name in ["rfc-5-7", "violations"] {
        let captured = captured(name);
        for size in [(80, 24), (120, 36)] {
            for keys in screens {
                let kit = open(name, size, keys);
                let english = english(&kit, &captured);
                if !english.is_empty() {
                    found.push(format!("{name} {size:?} {keys}: {english:?}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn chinese_screens_look_like_this() {
    open("violations", (80, 24), "1").picture("connections-zh-80x24");
    open("chat-deflate", (120, 36), "3").picture("messages-zh-120x36");
    open("chat-deflate", (120, 36), "6").picture("stats-zh-120x36");
    open("chat-deflate", (120, 36), "3 ?").picture("help-zh-120x36");
}
