use super::*;
use crate::http::Handshake;
use crate::model::{
    Accept, ConnectionId, DeflateParams, Endpoint, Extension, Place, WebSocketId, is_hidden, width,
};
use crate::pipeline::Limits;
use crate::report::capture_tests as trial;
use crate::ws::{CloseEvent, Integrity};
use proptest::prelude::*;

/// The table of a capture of this repository, and the sentence below it.
fn table(
    name: &str,
    level: Levels,
    look: TableStyle,
    change: impl FnOnce(&mut Selection),
) -> (String, String) {
    let mut selection = Selection { levels: level, ..Selection::default() };
    change(&mut selection);
    let mut out = Vec::new();
    let mut table = Table::new(&mut out, selection, look, false);
    let summary = trial::run(name, Limits::default(), &mut table, |_, _, _| {});
    let totals = TableTotals::new(table.matched(), level, &summary).to_string();
    table.finish(&summary).unwrap();
    (String::from_utf8(out).unwrap(), totals)
}

fn columns(columns: usize) -> TableStyle {
    TableStyle { columns: Some(columns), ..TableStyle::default() }
}

#[track_caller]
fn has(text: &str, lines: &str) {
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        assert!(text.lines().any(|shown| shown == line), "no line {line:?} in\n{text}");
    }
}

const CHAT: &str = r#"conn 1  ws://127.0.0.1:18080/chat?room=1   127.0.0.1:39314 → 127.0.0.1:18080   101 in 0.505 ms   chat.v1
        permessage-deflate
  #      time         Δ      type   length  wire  flg  preview
  1  0.001939            →   TEXT        5    13  z    Hello
  2  0.002162   +223 µs  ←   TEXT       61    56  z    {"type": "echo", "n": 1, "text": "Hello", "中文": "你好"}
  3  0.002318   +156 µs  →   TEXT       31    40  z!   ␛[31mred␛[0m 中文 😀 escape
  4  0.002482   +164 µs  ←   TEXT       97    45  z    {"type": "echo", "n": 2, "text": "\u001b[31mred\u001b[0m 中文 😀…
  5  0.002681   +199 µs  →   BIN       300   314  z    22 34 8e 08 1a 45 a8 43 e2 69 26 04 0a 8e d3  │"4...E.C.i&....…
  6  0.002853   +172 µs  ←   BIN       300   310  z    e4 0b e0 97 40 bf 43 b0 7b 35 31 4e b8 84 ea  │....@.C.{51N...…
  7  0.003142   +289 µs  →   TEXT       20    57  zF4  frag-1 frag-2 frag-3
  8  0.003361   +219 µs  ←   TEXT       76    25  z    {"type": "echo", "n": 4, "text": "frag-1 frag-2 frag-3", "中文":…
  9  0.303344   +300 ms  ←   PING        4     6       e3 8a a5 7a
 10  0.303640   +296 µs  →   PONG        4    10       e3 8a a5 7a   answers #9, RTT 0.296 ms
 11  0.604660   +301 ms  ←   PING        4     6       8e 50 45 91
 12  0.604914   +254 µs  →   PONG        4    10       8e 50 45 91   answers #11, RTT 0.254 ms
 13  0.905797   +301 ms  ←   PING        4     6       c4 51 9c cd
 14  0.906127   +330 µs  →   PONG        4    10       c4 51 9c cd   answers #13, RTT 0.330 ms
 15  1.005199  +99.1 ms  →   TEXT    70000    91  z    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
 16  1.006395  +1.20 ms  ←   TEXT    70056   125  z    {"type": "echo", "n": 5, "text": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
 17  1.006683   +288 µs  →   TEXT        3    11  z    bye
 18  1.006812   +129 µs  ←   CLOSE      13    15       1000 Normal Closure  完成 done
 19  1.006917   +105 µs  →   CLOSE      13    19       1000 Normal Closure  完成 done   answers #18
"#;

#[test]
fn a_chat_reads_from_top_to_bottom() {
    let (text, totals) = table("chat-deflate", Levels::MESSAGES, columns(120), |_| {});
    assert_eq!(text, CHAT);
    assert_eq!(totals, "19 messages, 22 frames, 1 connection; 3 findings (3 info)");
}

#[test]
fn narrow_tables_leave_out_what_matters_less() {
    let (text, _) = table("chat-deflate", Levels::MESSAGES, columns(80), |_| {});
    has(
        &text,
        r#"
  #      time      type   length  flg  preview
  2  0.002162  ←   TEXT       61  z    {"type": "echo", "n": 1, "text": "Hello"…
 19  1.006917  →   CLOSE      13       1000 Normal Closure  完成 …   answers #18
"#,
    );
}

#[test]
fn a_table_of_40_columns_shows_what_matters_most() {
    let (text, _) = table("chat-deflate", Levels::MESSAGES, columns(40), |_| {});
    has(
        &text,
        r#"
  #    type   length  flg  preview
  2  ← TEXT       61  z    {"type": "ec…
  5  → BIN       300  z    22 34 8e 08 …
 19  → CLOSE      13       1000 Normal …
"#,
    );
    let (text, _) = table("chat-deflate", Levels::FRAMES, columns(40), |_| {});
    has(
        &text,
        r#"
  #    fin  rsv  op     length     payl…
  1  →   1  100  TEXT        7     f2 …
"#,
    );
    let (text, _) = table("close-codes", Levels::CONNECTIONS, columns(40), |_| {});
    has(&text, "  #  state       url          close  fnd\n  7  reset       ws://127.0…   RST→    2");
    // With less, lines are cut.
    let (text, _) = table("chat-deflate", Levels::MESSAGES, columns(20), |_| {});
    has(&text, "  #    type   lengt…\n  2  ← TEXT       6…");
}

#[test]
fn without_columns_nothing_is_cut() {
    let (text, _) = table("chat-deflate", Levels::MESSAGES, TableStyle::default(), |_| {});
    let long = text.lines().find(|line| line.starts_with(" 15 ")).unwrap();
    assert!(long.ends_with("… (65 536 bytes shown)") && long.len() > 65_536, "{}", long.len());
    let (text, _) = table("chat-deflate", Levels::MESSAGES, TableStyle::default(), |selection| {
        selection.payload = PayloadMode::Preview;
    });
    has(
        &text,
        r#"
  1  0.001939            →   TEXT        5    13  z    Hello
  4  0.002482   +164 µs  ←   TEXT       97    45  z    {"type": "echo", "n": 2, "text": "\u001b[31mred\u001b[0m 中文 … (64 bytes shown)
"#,
    );
}

#[test]
fn frames_show_their_headers() {
    let (text, totals) = table("chat-deflate", Levels::FRAMES, columns(120), |_| {});
    has(
        &text,
        r#"
  #      time         Δ       msg  fin  rsv  op     key       hdr  length  packet     payload
  1  0.001939            →      1    1  100  TEXT   2b84b8d9    6       7       8     f2 48 cd c9 c9 07 00
  2  0.002162   +223 µs  ←      2    1  100  TEXT   -           2      54       9     aa 56 2a a9 2c 48 55  │.V*.,HU…
  3  0.002318   +156 µs  →      3    1  100  TEXT   1f5ca98d    6      34      10     92 8e 36 36 cc 2d 4a  │..66.-J…
  4  0.002482   +164 µs  ←      4    1  100  TEXT   -           2      43      11     aa c6 aa d9 08 49 73  │.....Is…

"#,
    );
    assert_eq!(totals, "22 frames, 19 messages, 1 connection; 3 findings (3 info)");
}

#[test]
fn every_end_is_told() {
    let (text, totals) = table("close-codes", Levels::MESSAGES, columns(120), |_| {});
    has(
        &text,
        r#"
  3  0.000743    +66 µs  →   CLOSE       8    14       1000 Normal Closure  normal
  4  0.000800    +57 µs  ←   CLOSE       8    10       1000 Normal Closure  normal   answers #3
conn    #      time         Δ      type   length  wire  flg  preview
   3    3  0.063617    +88 µs  →   CLOSE       0     6       without a code
   4    3  0.094979    +43 µs  ←   CLOSE      17    19       4001 private range  session expired
conn 6  ended without a Close (1006)   FIN by the server in packet 80   2 messages, 2 frames
conn 7  reset without a Close (1006)   RST by the client in packet 92   2 messages, 2 frames
conn 10  closed, the Close unanswered   3 messages, 3 frames
"#,
    );
    assert_eq!(totals, "31 messages, 31 frames, 10 connections; 9 findings (2 warnings, 7 info)");
    let (text, _) = table("close-codes", Levels::CONNECTIONS, columns(120), |_| {});
    has(
        &text,
        r#"
  #  state       url                           subproto    ext    msg→    msg←    bytes→    bytes←  duration  close  fnd
  3  closed      ws://127.0.0.1:18085/no-code  -           -         2       2       5 B      19 B    556 µs  empty
  7  reset       ws://127.0.0.1:18085/reset-…  -           -         1       1       5 B      27 B   20.6 ms   RST→    2
"#,
    );
}

#[test]
fn one_connection_alone_needs_no_column_for_it() {
    let (text, totals) =
        table("close-codes", Levels::MESSAGES, columns(120), |selection| selection.connections = vec![4]);
    has(&text, "  1  0.094853            →   TEXT        5    11       hello");
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(totals.starts_with("4 shown of 31 messages, 31 frames"), "{totals}");
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let (text, _) = table("refused", Levels::MESSAGES, columns(120), |_| {});
    has(
        &text,
        r#"
conn 1  ws://127.0.0.1:18086/   127.0.0.1:48380 → 127.0.0.1:18086   403 Forbidden in 0.494 ms   refused
conn 5  ws://127.0.0.1:18186/old   127.0.0.1:38364 → 127.0.0.1:18186   301 Moved Permanently in 0.267 ms   refused
"#,
    );
    assert_eq!(text.lines().count(), 16, "each has the first line of its body: {text}");
    let (text, _) = table("refused", Levels::CONNECTIONS, TableStyle::default(), |_| {});
    assert_eq!(text.lines().filter(|line| line.contains("  refused     ws://")).count(), 8, "{text}");
}

#[test]
fn what_the_capture_lacks_is_said_in_words() {
    let (text, totals) = table("gap-plain", Levels::MESSAGES, columns(120), |_| {});
    has(
        &text,
        r#"
   1    3  0.001677    +99 µs  ←   TEXT    11600  11604  ~    gap: 1 448 bytes missing behind the first 4 340: line 000…
   1    4  0.001718    +41 µs  ←   TEXT       22     24       after: framing goes on
conn 1  closed   6 messages, 6 frames   1 gap: 1 448 bytes missing
"#,
    );
    assert!(totals.contains("; 2 928 bytes missing from the capture; "), "{totals}");
    // The server's Close, behind the hole, is numbered before the one that answers it.
    let closes: Vec<_> = text.lines().filter(|l| l.starts_with("   1 ") && l.contains("CLOSE")).collect();
    assert!(
        matches!(&closes[..], [first, second] if first.contains("←") && second.contains("answers #5")),
        "{closes:?}"
    );
}

#[test]
fn rows_come_in_the_order_of_time_with_the_time_between_them() {
    let (text, _) = table("gap-plain", Levels::MESSAGES, columns(120), |_| {});
    let times: Vec<f64> = text
        .lines()
        .filter(|line| line.contains('→') || line.contains('←'))
        .filter(|line| !line.starts_with("conn"))
        .map(|line| line.split_whitespace().find_map(|w| w.contains('.').then(|| w.parse().ok())?).unwrap())
        .collect();
    assert!(times.len() == 36 && times.is_sorted(), "{times:?}");
    assert!(!text.contains(" -"), "{text}");
}

#[test]
fn findings_wrap_between_words() {
    let (text, _) = table("violations", Levels::FINDINGS, columns(80), |_| {});
    assert!(text.contains(
        "\
ERROR length-msb-set          conn 21 frame 2 packet 326  binary frame claims
      0x8000000000000001 bytes: the top bit of a 64-bit length must be 0
      RFC 6455 §5.2
"
    ));
    let (text, totals) = table("violations", Levels::FINDINGS, TableStyle::default(), |_| {});
    assert!(totals.contains(&format!("; {} findings (", text.lines().count())), "{totals}");
}

#[test]
fn all_levels_together() {
    let (text, _) = table("chat-deflate", Levels::ALL, columns(120), |_| {});
    has(
        &text,
        r#"
  INFO  control-characters      conn 1 msg 3 packet 10    text holds control characters, the first at byte 0  ECMA-48
     0.003097            →   frame       9    15       #9 of message 7  --- CONT  key 1aa719f7  packet 16
  7  0.003142   +289 µs  →   TEXT       20    57  zF4  frag-1 frag-2 frag-3
conn 1  closed   Close by the server: 1000 Normal Closure   19 messages, 22 frames
"#,
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let captures = [
        "chat-deflate",
        "close-codes",
        "refused",
        "gap-plain",
        "gap-deflate",
        "violations",
        "many-connections",
    ];
    let levels = [Levels::MESSAGES, Levels::FRAMES, Levels::CONNECTIONS, Levels::FINDINGS, Levels::ALL];
    for name in captures {
        for level in levels {
            for wide in [1, 20, 40, 63, 64, 79, 80, 81, 99, 100, 109, 110, 121, 200] {
                for ascii in [false, true] {
                    let (text, _) = table(name, level, TableStyle { ascii, ..columns(wide) }, |_| {});
                    for line in text.lines() {
                        assert!(width(line) <= wide, "{name} {level:?} {wide}: {line}");
                        assert!(!line.ends_with(' '), "{name} {level:?} {wide}: {line:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn our_own_signs_can_be_ascii() {
    for level in [Levels::MESSAGES, Levels::FRAMES, Levels::CONNECTIONS, Levels::ALL] {
        let (text, _) = table("close-codes", level, TableStyle { ascii: true, ..columns(100) }, |_| {});
        assert!(text.replace('§', "").is_ascii(), "{text}");
    }
}

#[test]
fn times_in_every_format() {
    let shown = |time, zone: TimeZone| {
        let (text, _) =
            table("chat-deflate", Levels::MESSAGES, TableStyle { time, zone, ..columns(120) }, |_| {});
        text.lines()
            .skip_while(|line| !line.contains('#'))
            .skip(1)
            .take(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let utc = TimeZone::UTC;
    assert_eq!(
        shown(TimeFormat::Epoch, utc.clone()).first().unwrap(),
        "  1  1795362140.416814            →   TEXT        5    13  z    Hello"
    );
    let east = TimeZone::fixed(jiff::tz::offset(8));
    let (text, _) = table(
        "chat-deflate",
        Levels::MESSAGES,
        TableStyle { time: TimeFormat::Abs, zone: east, ..columns(120) },
        |_| {},
    );
    has(&text, "2026-11-22\n  1  23:42:20.416814            →   TEXT        5    13  z    Hello");
    assert!(shown(TimeFormat::Utc, utc.clone()).first().unwrap().starts_with("  1  15:42:20.416814Z  "));
    let delta = shown(TimeFormat::Delta, utc);
    assert!(delta.first().unwrap().starts_with("  1               "), "{delta:?}");
    assert!(delta.last().unwrap().starts_with("  2    0.000223   +223 µs  "), "{delta:?}");
}

#[test]
fn a_capture_of_nanoseconds_shows_them() {
    let (text, _) = table("nanosecond", Levels::MESSAGES, columns(120), |_| {});
    let row = text.lines().find(|line| line.starts_with("  2 ")).unwrap();
    let time = row.split_whitespace().nth(1).unwrap();
    assert_eq!(time.split('.').next_back().unwrap().len(), 9, "{row}");
}

/// A connection of a hostile client.
fn hostile(number: u32, url: &str) -> Connection {
    let place = Place { packet: 1, time: Time(1_000_000_000) };
    Connection {
        id: WebSocketId(number),
        tcp: ConnectionId(number),
        client: Endpoint::v4([10, 0, 0, 1], 50_000),
        server: Endpoint::v4([10, 0, 0, 2], 80),
        proxied: None,
        tunnelled: false,
        stream_id: None,
        url: Some(url.into()),
        handshake: Handshake {
            is_http2: false,
            request: None,
            response: None,
            accept: Accept::Wrong,
            status: Some(101),
            subprotocol: Some(url.chars().rev().collect()),
            extensions: vec![Extension { name: url.to_owned(), params: Vec::new() }],
            deflate: None::<DeflateParams>,
            rsv_defined: 0,
            upgraded: true,
            body: None,
            foreign: None,
        },
        request: None,
        response: None,
        first: place,
        evidence: None,
        tls: None,
    }
}

fn message(opcode: Opcode, bytes: &[u8]) -> MessageEvent<'_> {
    let place = Place { packet: 2, time: Time(1_500_000_000) };
    let close = CloseEvent { code: Some(1000), reason: bytes };
    MessageEvent {
        number: 1,
        direction: Direction::ClientToServer,
        opcode,
        first: place,
        last: place,
        len: Some(bytes.len() as u64),
        wire: bytes.len() as u64 + 6,
        frames: 1,
        compressed: false,
        integrity: Integrity::Ok,
        bytes,
        whole: true,
        text: None,
        invalid_utf8_at: None,
        missing: None,
        sha256: None,
        close: (opcode == Opcode::Close).then_some(close),
        rtt: None,
        answers: None,
    }
}

/// The table of one connection with these messages.
fn made(look: TableStyle, url: &str, messages: &[MessageEvent<'_>]) -> String {
    let connection = hostile(1, url);
    let mut out = Vec::new();
    let mut table =
        Table::new(&mut out, Selection { levels: Levels::ALL, ..Selection::default() }, look, false);
    table.opened(&connection);
    for message in messages {
        let spot = Spot { message: Some(message.number), place: message.last, ..Spot::default() };
        table.finding(Some(&connection), &crate::ws::rules::INVALID_UTF8, spot, format_args!("about {url}"));
        table.message(&connection, message);
    }
    table.finish(&Summary::default()).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn colour_tells_an_escape_sent_from_one_that_stands_for_it() {
    let look = TableStyle { color: true, columns: Some(80), ..TableStyle::default() };
    let text = made(look, "ws://h/", &[message(Opcode::Text, "a\x1b[31m ␛".as_bytes())]);
    let row = text.lines().last().unwrap();
    assert!(row.ends_with("a\x1b[7m␛\x1b[0m[31m ␛"), "{row:?}");
    assert!(row.contains("\x1b[34m→\x1b[0m   TEXT "), "{row:?}");
}

#[test]
fn broken_messages_say_so_in_words() {
    let text = |change: fn(&mut MessageEvent<'_>)| {
        let mut message = message(Opcode::Text, b"abc");
        change(&mut message);
        let text = made(TableStyle::default(), "ws://h/", &[message]);
        text.lines()
            .last()
            .unwrap()
            .split_once("  flg")
            .map_or(text.lines().last().unwrap(), |l| l.1)
            .to_owned()
    };
    let row = text(|m| (m.integrity, m.missing) = (Integrity::Gap, Some((3, 1460))));
    assert!(row.ends_with(" ~    gap: 1 460 bytes missing behind the first 3: abc"), "{row}");
    let row = text(|m| (m.integrity, m.compressed, m.len) = (Integrity::UnknownDictionary, true, None));
    assert!(
        row.contains(
            "TEXT        ?     9  z~   cannot be decompressed: refers to earlier data that wslens does"
        ),
        "{row}"
    );
    assert!(!row.contains("abc"), "{row}");
    let row = text(|m| (m.integrity, m.compressed) = (Integrity::Damaged, true));
    assert!(row.ends_with("z~   cannot be inflated: the compressed data is broken"), "{row}");
    let row = text(|m| (m.integrity, m.whole, m.compressed) = (Integrity::Cut, false, true));
    assert!(row.ends_with("z~   cut: inflates past the limit: abc… (3 bytes shown)"), "{row}");
    let row = text(|m| m.integrity = Integrity::Guessed);
    assert!(row.ends_with("     framing guessed: abc"), "{row}");
}

/// Bytes in which every one is likely to be trouble.
fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\x1b[2J",
            "\r",
            "\n",
            "\0",
            "\u{202e}",
            "\u{200d}",
            "\u{9b}",
            "中文",
            "👨‍👩‍👧",
            "e\u{301}",
            "\u{7f}",
            "a b",
            "\u{feff}",
            "\u{e0041}",
            "ｗ",
            "\u{fe0f}",
            "❤\u{fe0f}",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn hostile_text_neither_escapes_nor_overflows(
        bytes in nasty(), url in nasty(), wide in prop_oneof![1usize..160, Just(40), Just(63), Just(64)], color: bool, op in 0u8..16, whole: bool,
        integrity in 0usize..6,
    ) {
        let url = String::from_utf8_lossy(&url).into_owned();
        let all = [Integrity::Ok, Integrity::Gap, Integrity::Cut, Integrity::Damaged, Integrity::Guessed, Integrity::UnknownDictionary];
        let mut message = message(Opcode::from_bits(op), &bytes);
        (message.whole, message.integrity) = (whole, all[integrity]);
        message.invalid_utf8_at = std::str::from_utf8(&bytes).err().map(|error| error.valid_up_to() as u64);
        let look = TableStyle { color, columns: Some(wide), ..TableStyle::default() };
        let shown = made(look, &url, &[message]);
        let mut plain = shown.clone();
        for sgr in ["\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[2m", "\x1b[7m", "\x1b[33m", "\x1b[34m", "\x1b[35m"] {
            plain = plain.replace(sgr, "");
        }
        for line in plain.lines() {
            prop_assert!(width(line) <= wide, "{} {:?}", width(line), line);
            prop_assert!(!line.chars().any(|c| c.is_control() || (is_hidden(c) && c != '\u{fe0f}')), "{:?}", line);
        }
    }
}
