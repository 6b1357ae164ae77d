use super::*;
use crate::explain::frame::{ExplainOptions, explain};
use proptest::prelude::*;

const ALL_HINTS: TextOptions = TextOptions { diagram: false, learn: true, build: true, lang: Lang::En };

fn shown(bytes: &[u8], options: &ExplainOptions, view: TextOptions, style: &Style) -> String {
    let mut out = Vec::new();
    write_text(&mut out, &explain(bytes, options), style, view).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(bytes: &[u8]) -> String {
    shown(bytes, &ExplainOptions::default(), TextOptions::default(), &Style::PLAIN)
}

#[test]
fn the_masked_hello() {
    let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(
        shown(&bytes, &ExplainOptions::default(), ALL_HINTS, &Style::PLAIN),
        "\
11 bytes: 1 frame, client → server (masked), TEXT, \"Hello\"

 offset  hex          bits       field           value  meaning
 0       81           1.......   FIN             1      last frame of the message
                      .000....   RSV1-3          0 0 0  no extension bits
                      ....0001   opcode          0x1    TEXT: payload is UTF-8                        §5.2
 1       85           1.......   MASK            1      masked, so it was sent by a client            §5.3
                      .0000101   payload length  5      0..125 fit here; 126 → 16-bit, 127 → 64-bit   §5.2
 2-5     37 fa 21 3d             masking key            4 random bytes, new for every frame
 6-10    7f 9f 4d 51 58          payload (masked)
                                 ⊕ key                  37 fa 21 3d 37
                                 = payload              48 65 6c 6c 6f  \"Hello\"  valid UTF-8

 overhead: 6 header bytes for 5 payload bytes.   legal: yes
 see it move: wslens learn masking    change it: wslens build --text Hello --mask 37fa213d
"
    );
}

#[test]
fn a_frame_that_is_cut_and_has_too_long_a_length() {
    let bytes = [0x81, 0xfe, 0x00, 0x05, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f];
    assert_eq!(
        plain(&bytes),
        "\
frame 1 is incomplete: header says 5 payload bytes, 2 are here (3 missing)

 offset  hex          bits       field           value  meaning
 0       81           1.......   FIN             1      last frame of the message
                      .000....   RSV1-3          0 0 0  no extension bits
                      ....0001   opcode          0x1    TEXT: payload is UTF-8                        §5.2
 1       fe           1.......   MASK            1      masked, so it was sent by a client            §5.3
                      .1111110   payload length  126    126 → the length is in the next 2 bytes       §5.2
 2-3     00 05                   extended length 5      ERROR non-minimal-length: 5 fits in 7 bits; the shortest form is required   §5.2
 4-7     37 fa 21 3d             masking key            4 random bytes, new for every frame
 8-9     7f 9f                   payload (masked)
                                 ⊕ key                  37 fa
                                 = payload              48 65  \"He\"  valid UTF-8 so far

 overhead: 8 header bytes for 5 payload bytes.   legal: no
"
    );
}

#[test]
fn a_close_a_long_payload_and_a_header_that_is_cut_in_a_row() {
    let long: String = "0123456789".repeat(5);
    let bytes = [&b"\x88\x06\x03\xe8\xe5\xae\x8c!\x82\x32"[..], long.as_bytes(), b"\x89"].concat();
    assert_eq!(
        plain(&bytes),
        "\
61 bytes: 3 frames, the last one incomplete

frame 1 at offset 0: server → client (not masked), CLOSE, 1000 Normal Closure, \"完!\"
 offset  hex          bits       field           value  meaning
 0       88           1.......   FIN             1      last frame of the message
                      .000....   RSV1-3          0 0 0  no extension bits
                      ....1000   opcode          0x8    CLOSE: part of the closing handshake          §5.5.1
 1       06           0.......   MASK            0      not masked, so it was sent by a server        §5.1
                      .0000110   payload length  6      0..125 fit here; 126 → 16-bit, 127 → 64-bit   §5.2
 2-7     03 e8 e5 ae 8c 21       payload
                                 close code      1000   Normal Closure: the connection has served its purpose   §7.4.1
                                 close reason           \"完!\"  valid UTF-8                            §5.5.1

 overhead: 2 header bytes for 6 payload bytes.   legal: yes

frame 2 at offset 8: server → client (not masked), BINARY, \"012345678901234567890123456789012345678…\"
 8       82           1.......   FIN             1      last frame of the message
                      .000....   RSV1-3          0 0 0  no extension bits
                      ....0010   opcode          0x2    BINARY: payload is any bytes                  §5.2
 9       32           0.......   MASK            0      not masked, so it was sent by a server        §5.1
                      .0110010   payload length  50     0..125 fit here; 126 → 16-bit, 127 → 64-bit   §5.2
 10-59   30 31 32 33 34 35 36 37 payload                \"012345678901234567890123456789012345678…\"
         38 39 30 31 32 33 34 35
         36 37 38 39 30 31 32 33
         34 35 36 37 38 39 30 31
         … 18 bytes more

 overhead: 2 header bytes for 50 payload bytes.   legal: yes

frame 3 at offset 60: incomplete: its header takes at least 2 bytes, 1 is here (1 missing)
 60      89           1.......   FIN             1      last frame of the message
                      .000....   RSV1-3          0 0 0  no extension bits
                      ....1001   opcode          0x9    PING: requests a pong with the same payload   §5.5.2

 legal: yes, so far
"
    );
}

#[test]
fn the_box_of_the_masked_hello() {
    let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    let frame = explain(&bytes, &ExplainOptions::default()).frames.remove(0);
    assert_eq!(
        diagram(&frame).join("\n"),
        "  byte 0          byte 1          byte 2          byte 3
 +-+-+-+-+-------+-+-------------+-------------------------------+
 |F|R|R|R|opcode |M| Payload len |          Masking-key          |
 |I|S|S|S|  (4)  |A|  (7 bits)   |           (32 bits)           |
 |N|V|V|V|       |S|             |                               |
 | |1|2|3|       |K|             |                               |
 |1|0|0|0|0 0 0 1|1|0 0 0 0 1 0 1|0 0 1 1 0 1 1 1 1 1 1 1 1 0 1 0|
 |1|0|0|0|1=TEXT |1|      5      |             37 fa             |
  byte 4          byte 5          byte 6          byte 7
 +-------------------------------+-------------------------------+
 |      Masking-key (cont.)      |        Masked payload         |
 |0 0 1 0 0 0 0 1 0 0 1 1 1 1 0 1|0 1 1 1 1 1 1 1 1 0 0 1 1 1 1 1|
 |             21 3d             |             7f 9f             |
  byte 8          byte 9          byte 10
 +-----------------------------------------------+
 |            Masked payload (cont.)             |
 |0 1 0 0 1 1 0 1 0 1 0 1 0 0 0 1 0 1 0 1 1 0 0 0|
 |                   4d 51 58                    |
 +-----------------------------------------------+"
    );
}

#[test]
fn an_escape_looks_different_from_a_sign_that_was_sent() {
    let bytes = [&b"\x81\x04"[..], "\x1b␛".as_bytes()].concat();
    let colored = shown(
        &bytes,
        &ExplainOptions::default(),
        TextOptions::default(),
        &Style { color: true, columns: None },
    );
    assert!(colored.contains("\"\x1b[7m␛\x1b[0m␛\""), "{colored}");
}

#[test]
fn a_command_that_builds_a_frame_is_safe_to_paste() {
    let command = |bytes: &[u8]| build_command(&explain(bytes, &ExplainOptions::default()).frames[0]);
    assert_eq!(command(b"\x81\x05it's;").as_deref(), Some("wslens build --text 'it'\\''s;'"));
    assert_eq!(command(b"\x89\x02hi").as_deref(), Some("wslens build --op ping --text hi"));
    assert_eq!(command(b"\x81\x03a\x1bb"), None);
    assert_eq!(command(b"\x81\x02-n").as_deref(), Some("wslens build --text='-n'"));
}

/// The bits that the box draws, in order.
fn drawn(lines: &[String]) -> String {
    let is_bits =
        |line: &&String| line.starts_with(" |") && line.chars().all(|c| matches!(c, '0' | '1' | ' ' | '|'));
    // The values of single bits look like bits too; they stand below the bits.
    let mut out = String::new();
    let mut before = false;
    for line in lines {
        let bits = is_bits(&line) && line.chars().any(|c| c != ' ' && c != '|') && !before;
        if bits {
            out.extend(line.chars().filter(|c| matches!(c, '0' | '1')));
        }
        before = bits;
    }
    out
}

proptest! {
    #[test]
    fn the_box_draws_the_bits_of_the_bytes(bytes in prop::collection::vec(any::<u8>(), 1..22)) {
        for frame in explain(&bytes, &ExplainOptions::default()).frames {
            let shown = frame.header_range().start..frame.wire.end.min(frame.wire.start + 8);
            let expected: String = bytes[shown].iter().map(|b| format!("{b:08b}")).collect();
            let lines = diagram(&frame);
            prop_assert_eq!(drawn(&lines), expected, "{:#?}", lines);
            prop_assert!(lines.iter().all(|line| line.len() <= 66 && line.is_ascii()), "{:#?}", lines);
        }
    }

    #[test]
    fn nothing_of_the_payload_reaches_the_terminal_unsafe(
        head in any::<u8>(), payload in prop::collection::vec(any::<u8>(), 0..60), masked: bool, deflate: bool,
    ) {
        let len = payload.len() as u8;
        let bytes = match masked {
            true => [&[head, 0x80 | len, 0, 0, 0, 0][..], &payload].concat(),
            false => [&[head, len][..], &payload].concat(),
        };
        let options = ExplainOptions { direction: None, deflate, lang: crate::model::Lang::En };
        let view = TextOptions { diagram: true, ..ALL_HINTS };
        let text = shown(&bytes, &options, view, &Style::PLAIN);
        prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n' || crate::model::is_hidden(c)), "{:?}", text);
        prop_assert!(!text.lines().any(|line| line.ends_with(' ')), "{}", text);
        // Colour changes the look only.
        let colored = shown(&bytes, &options, view, &Style { color: true, columns: None });
        let mut stripped = String::new();
        for (i, part) in colored.split("\x1b[").enumerate() {
            stripped += if i == 0 { part } else { part.split_once('m').map_or("", |p| p.1) };
        }
        prop_assert_eq!(stripped, text);
    }
}
