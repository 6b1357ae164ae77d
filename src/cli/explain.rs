//! `wslens explain`: decodes raw bytes and explains terms.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write};

use anyhow::Context as _;

use super::args::LangArg;
use super::style::{ColorWhen, Role, Style};
use crate::explain::frame::{ExplainOptions, explain};
use crate::explain::handshake::{is_handshake, read_heads, write_heads};
use crate::explain::hexinput::parse_hex;
use crate::explain::json::{write_heads_json, write_json, write_topics};
use crate::explain::packet::tcp_payload;
use crate::explain::text::{TextOptions, write_text};
use crate::explain::topic::HEADINGS;
use crate::explain::topic::{Explanation, names, topics};
use crate::model::wrap;
use crate::model::{Direction, Lang, Rule, safe_text};

/// Maximum number of bytes to read from a file or a pipe: hex text for
/// [`MAX_BYTES`](crate::explain::hexinput::MAX_BYTES) bytes, with room for separators.
const MAX_INPUT: u64 = 8 << 20;
/// Whether the commands that the last line points at exist.
const HINTS: TextOptions = TextOptions { diagram: false, learn: true, build: true, lang: Lang::En };

const EXAMPLES: &str = "\
Examples:
  wslens explain 81 85 37 fa 21 3d 7f 9f 4d 51 58
  wslens explain '0x81,0x05,0x48,0x65,0x6c,0x6c,0x6f' --dir s2c
  wslens explain --deflate --diagram c107f248cdc9c90700
  xxd frame.bin | wslens explain -
  wslens explain @frame.bin                 a file that contains hex text or raw bytes
  wslens explain non-minimal-length         what a finding means
  wslens explain 1006                       a close code
  wslens explain Sec-WebSocket-Key          a header; also: ping, FIN, masking-key

Hex can be a list, a stream of digits, a C, Python, Rust or JavaScript literal, or a dump from Wireshark,
tcpdump, xxd, od or hexdump -C. ExplainInput that is not hex is tried as base64. If the bytes are an Ethernet
packet, wslens decodes its TCP payload. Four digits from 1000 to 4999 are a close code; to decode them as
bytes, write 0x1006 or 10 06. The text of an opening handshake (GET ... or HTTP/...) is checked.

Exit codes: 0 success, 1 a rule is broken and --strict was given, 2 the input is not hex,
3 the file cannot be read.";

/// Who sent the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Dir {
    /// The client, to the server.
    C2s,
    /// The server, to the client.
    S2c,
}

/// Decodes frame bytes bit by bit, or explains a finding, close code, header or term.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ExplainArgs {
    /// Frame bytes in hex, `-` for standard input, @FILE for a file (frames or the text of a handshake), or the name
    /// of a finding, close code, header, opcode or field
    #[arg(value_name = "HEX")]
    pub input: Vec<String>,
    /// Sender of the bytes: also check whether they are masked as required
    #[arg(long, value_name = "c2s|s2c", hide_possible_values = true)]
    pub dir: Option<Dir>,
    /// Decompress messages with RSV1 set, as if permessage-deflate had been negotiated
    #[arg(long)]
    pub deflate: bool,
    /// Print each frame's bits in the diagram of RFC 6455, section 5.2
    #[arg(long)]
    pub diagram: bool,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
    /// Language of explanations [default: the language of the locale]
    #[arg(long, value_name = "LANG")]
    pub lang: Option<LangArg>,
    /// Exit with 1 if a frame or a handshake breaks a rule
    #[arg(long)]
    pub strict: bool,
}

/// Runs `wslens explain`; returns the exit code.
///
/// # Errors
/// If `out` cannot be written. Other failures are printed on standard error and give an exit code.
pub fn run(args: &ExplainArgs, out: &mut dyn Write, style: &Style) -> anyhow::Result<u8> {
    let (stdin, mut err) = (io::stdin(), io::stderr());
    if args.input.is_empty() && stdin.is_terminal() {
        writeln!(
            err,
            "error: no bytes were given\n  try:  wslens explain 81 05 48 65 6c 6c 6f     (or --help)"
        )?;
        return Ok(2);
    }
    let file = args.input.iter().filter_map(|word| word.strip_prefix('@')).map(std::path::PathBuf::from);
    let plan = super::sandbox::nothing();
    super::sandbox::enter(&crate::sandbox::Plan {
        read: plan.read.into_iter().chain(file).collect(),
        ..plan
    });
    run_with(args, &mut stdin.lock(), out, &mut err, style)
}

/// The input, before it is decoded.
enum ExplainInput {
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Text, to be read as hex.
    Text(String),
}

fn run_with(
    args: &ExplainArgs,
    stdin: &mut dyn Read,
    out: &mut dyn Write,
    err: &mut dyn Write,
    style: &Style,
) -> anyhow::Result<u8> {
    let lang = LangArg::of(args.lang);
    if let Some(told) = named(&args.input, lang) {
        if args.json {
            write_topics(out, &told)?;
        } else {
            write_told(out, &told, style, lang)?;
        }
        if let [word] = args.input.as_slice()
            && let Ok(bytes) = parse_hex(word)
        {
            let spaced: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let note = lang.pick("note: as bytes:", "注意：若要当作字节：");
            writeln!(err, "{note} wslens explain '{}'", spaced.join(" "))?;
        }
        return Ok(0);
    }
    let input = match read_input(&args.input, stdin) {
        Ok(input) => input,
        Err(error) => {
            writeln!(err, "{} {}", paint_error("error:"), safe_text(format!("{error:#}").as_bytes()))?;
            return Ok(3);
        }
    };
    let bytes = match input {
        ExplainInput::Bytes(bytes) => bytes,
        ExplainInput::Text(text) if is_handshake(text.as_bytes()) => text.into_bytes(),
        ExplainInput::Text(text) => match (parse_hex(&text), base64_of(&text)) {
            (Ok(bytes), _) => bytes,
            (Err(_), Some(bytes)) => {
                let note = lang.pick("note: this is read as base64", "注意：按 base64 读取");
                writeln!(err, "{note}")?;
                bytes
            }
            (Err(error), None) => {
                writeln!(err, "{} {error}", paint_error("error:"))?;
                tell_near(err, &text, lang)?;
                return Ok(2);
            }
        },
    };
    let mut legal = true;
    let mut bytes = bytes;
    if let Some(payload) = tcp_payload(&bytes) {
        let before = payload.start;
        writeln!(
            err,
            "note: this is a whole packet; the {before} bytes before its TCP payload are left out"
        )?;
        bytes = bytes.get(payload).unwrap_or_default().to_vec();
    }
    if is_handshake(&bytes) {
        let heads = read_heads(&bytes);
        if args.json {
            let rest = if heads.rest.trim_ascii().is_empty() { &[][..] } else { &heads.rest };
            let explained = explain(rest, &ExplainOptions { direction: None, deflate: args.deflate, lang });
            let legal = write_heads_json(out, bytes.len(), &heads, &explained, lang)?;
            return Ok(u8::from(args.strict && !legal));
        }
        legal = write_heads(out, &heads, style, lang)?;
        bytes = heads.rest;
        if bytes.trim_ascii().is_empty() {
            return Ok(u8::from(args.strict && !legal));
        }
        writeln!(out)?;
    }
    let direction = args.dir.map(|dir| match dir {
        Dir::C2s => Direction::ClientToServer,
        Dir::S2c => Direction::ServerToClient,
    });
    let explained = explain(&bytes, &ExplainOptions { direction, deflate: args.deflate, lang });
    if args.json {
        write_json(out, &explained)?;
    } else {
        write_text(out, &explained, style, TextOptions { diagram: args.diagram, lang, ..HINTS })?;
    }
    Ok(u8::from(args.strict && !(legal && explained.is_legal())))
}

/// The words of the command line, or the file or pipe that they name.
fn read_input(words: &[String], stdin: &mut dyn Read) -> anyhow::Result<ExplainInput> {
    let bytes = match words {
        [] => read_all(stdin).context("cannot read standard input")?,
        [word] if word == "-" => read_all(stdin).context("cannot read standard input")?,
        [word] if word.starts_with('@') => {
            let path = word.get(1..).unwrap_or_default();
            let mut file = File::open(path).with_context(|| format!("cannot open {path}"))?;
            read_all(&mut file).with_context(|| format!("cannot read {path}"))?
        }
        words => return Ok(ExplainInput::Text(words.join(" "))),
    };
    // Hex is text; what holds other bytes is taken as it is.
    let is_text = bytes.iter().all(|b| !b.is_ascii_control() || b.is_ascii_whitespace());
    Ok(match String::from_utf8(bytes) {
        Ok(text) if is_text => ExplainInput::Text(text),
        Ok(text) => ExplainInput::Bytes(text.into_bytes()),
        Err(error) => ExplainInput::Bytes(error.into_bytes()),
    })
}

fn read_all(from: &mut dyn Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_INPUT + 1).read_to_end(&mut bytes)?;
    anyhow::ensure!(
        bytes.len() as u64 <= MAX_INPUT,
        "there are more than 8 MiB; a capture goes to wslens read"
    );
    Ok(bytes)
}

/// Every rule there is.
fn all_rules() -> impl Iterator<Item = &'static Rule> {
    let rooms = crate::pipeline::RULES.iter().copied().chain([crate::capture::rules::ALL]);
    rooms.flatten().copied()
}

/// What the words name, as far as it is something that can be explained.
fn named(words: &[String], lang: Lang) -> Option<Vec<Explanation>> {
    // `close code` and the like may be written as two words.
    let name = words.join(" ");
    let found = topics(&name, all_rules());
    (!found.is_empty()).then(|| found.into_iter().map(|topic| topic.tell(lang)).collect())
}

/// The bytes of a text in base64; `None` where it is none, or so short that it might be a word.
fn base64_of(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let bare: String = text.split_ascii_whitespace().collect();
    let letters = bare.trim_end_matches('=');
    // A word of letters only is more likely a name that was mistyped.
    let marked = bare.len() > letters.len()
        || letters.bytes().any(|byte| byte.is_ascii_digit() || b"+/".contains(&byte));
    // Words in a row are no base64; its lines are long.
    let lines = text.split_ascii_whitespace();
    let words = lines.clone().count() > 1 && lines.clone().any(|line| line.len() < 16);
    if bare.len() < 8 || !bare.len().is_multiple_of(4) || !marked || words {
        return None;
    }
    base64::engine::general_purpose::STANDARD.decode(bare).ok().filter(|bytes| bytes.len() >= 2)
}

/// The names that are near to a word that nobody knows.
fn tell_near(err: &mut dyn Write, text: &str, lang: Lang) -> io::Result<()> {
    let word = text.trim();
    if word.len() > 40
        || word.contains(char::is_whitespace)
        || word.bytes().filter(u8::is_ascii_alphabetic).count() < 3
    {
        return Ok(());
    }
    match nearest(word, names(all_rules())) {
        Some(name) => writeln!(err, "  {} wslens explain {name}", lang.pick("did you mean:", "是不是：")),
        None if word.contains('-') => {
            writeln!(
                err,
                "  {}",
                lang.pick("note: no finding has this code either", "注意：也没有哪个问题叫这个代码")
            )
        }
        None => Ok(()),
    }
}

/// The name that differs least from a word, if by little.
pub(super) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let most = (word.len() / 4).clamp(1, 4);
    let near = names.map(|name| (distance(&word, &name.to_ascii_lowercase()), name));
    near.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// How many letters have to be put in, left out or changed to make one word of another.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let (mut before, mut left) = (i, i + 1);
        for (j, b) in to.bytes().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let cost = (before + usize::from(a != b)).min(above.saturating_add(1)).min(left + 1);
            before = above;
            if let Some(place) = row.get_mut(j) {
                *place = left;
            }
            left = cost;
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Columns of the words where there is no terminal to say how wide it is.
const COLUMNS: usize = 100;

/// Prints what is said of things that have a name.
fn write_told(out: &mut dyn Write, told: &[Explanation], style: &Style, lang: Lang) -> io::Result<()> {
    let columns = style.columns.unwrap_or(COLUMNS).clamp(40, 120);
    for (i, told) in told.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        let role = match told.severity {
            Some("error") => Role::Error,
            Some("warning") => Role::Warning,
            _ => Role::Note,
        };
        let kind = style.paint(role, told.severity.unwrap_or(told.kind));
        let reference = style.paint(Role::Dim, if told.reference == "-" { "" } else { told.reference });
        let gap = if told.reference.len() > 1 { "   " } else { "" };
        writeln!(out, "{}   {kind}{gap}{reference}", style.paint(Role::Title, &told.name))?;
        for (heading, text) in &told.parts {
            let lead = match heading.is_empty() {
                true => String::new(),
                false => format!("{heading}{}", lang.pick(": ", "：")),
            };
            for (i, line) in wrap(&format!("{lead}{text}"), columns - 2).iter().enumerate() {
                match line.strip_prefix(&lead).filter(|_| i == 0 && !lead.is_empty()) {
                    Some(rest) => writeln!(out, "  {}{rest}", style.paint(Role::Title, &lead))?,
                    None => writeln!(out, "  {line}")?,
                }
            }
        }
        if let Some(example) = told.example {
            let heading = HEADINGS[3].of(lang);
            let colon = lang.pick(":", "：");
            let lead = format!("{heading}{colon}");
            writeln!(
                out,
                "  {} {}   ({})",
                style.paint(Role::Title, &lead),
                example.hex,
                example.note(lang)
            )?;
            writeln!(out, "    wslens explain {} '{}'", example.flags(), example.hex)?;
        }
    }
    Ok(())
}

/// `text` in the look of an error, for standard error.
fn paint_error(text: &str) -> String {
    Style::stderr(ColorWhen::Auto).paint(Role::Error, text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_on(words: &[&str], stdin: &[u8], change: impl Fn(&mut ExplainArgs)) -> (u8, String, String) {
        let lang = Some(LangArg::En);
        let mut args = ExplainArgs {
            lang,
            input: words.iter().map(|w| (*w).to_owned()).collect(),
            ..ExplainArgs::default()
        };
        change(&mut args);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run_with(&args, &mut &stdin[..], &mut out, &mut err, &Style::PLAIN).unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    const HEADLINE: &str = "11 bytes: 1 frame, client → server (masked), TEXT, \"Hello\"\n";
    const HELLO: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

    #[test]
    fn hex_comes_from_words_a_pipe_or_a_file() {
        let hex = "81 85 37 fa 21 3d 7f 9f 4d 51 58";
        let words: Vec<&str> = hex.split(' ').collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("frame.bin");
        std::fs::write(&path, HELLO).unwrap();
        let file = format!("@{}", path.display());
        for (words, stdin) in [
            (&words[..], &b""[..]),
            (&["-"], hex.as_bytes()),
            (&[], hex.as_bytes()),
            (&["-"], HELLO),
            (&[&file], b""),
        ] {
            let (code, out, err) = run_on(words, stdin, |_| {});
            assert_eq!((code, err.as_str()), (0, ""));
            assert!(out.starts_with(HEADLINE), "{out}");
        }
    }

    #[test]
    fn exit_codes_tell_what_happened() {
        let strict = |args: &mut ExplainArgs| args.strict = true;
        assert_eq!(run_on(&["8300"], b"", |_| {}).0, 0);
        assert_eq!(run_on(&["8300"], b"", strict).0, 1);
        assert_eq!(run_on(&["8100"], b"", strict).0, 0);
        assert_eq!(run_on(&["81fe00"], b"", strict).0, 0);
        assert_eq!(run_on(&["8100"], b"", |args| (args.strict, args.dir) = (true, Some(Dir::C2s))).0, 1);
        let (code, out, err) = run_on(&["81", "zz"], b"", |_| {});
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains("\"zz\" is not hex\n   81 zz\n      ^^"), "{err}");
        let (code, _, err) = run_on(&["@/nowhere/at\u{1b}all"], b"", |_| {});
        assert_eq!(code, 3);
        assert!(err.contains("cannot open /nowhere/at␛all"), "{err}");
        assert_eq!(run_on(&["-"], &vec![b' '; MAX_INPUT as usize + 1], |_| {}).0, 3);
    }

    #[test]
    fn a_handshake_is_recognised_as_text_and_as_hex() {
        let text = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        for input in [text.to_owned(), hex::encode(text)] {
            let (code, out, _) = run_on(&["-"], input.as_bytes(), |args| args.strict = true);
            assert_eq!(code, 0, "{out}");
            assert!(out.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{out}");
        }
        let both = [text.as_bytes(), HELLO].concat();
        assert!(run_on(&["-"], &both, |_| {}).1.contains(HEADLINE));
    }

    #[test]
    fn of_a_whole_packet_the_tcp_payload_is_taken() {
        let mut packet = Vec::new();
        let headers =
            etherparse::PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
        headers.tcp(1, 80, 2, 3).write(&mut packet, HELLO).unwrap();
        let (code, out, err) = run_on(&[&hex::encode(&packet)], b"", |_| {});
        assert_eq!((code, err.contains("the 54 bytes before")), (0, true), "{err}");
        assert!(out.starts_with(HEADLINE), "{out}");
    }

    #[test]
    fn a_code_is_explained() {
        let (code, out, _) = run_on(&["non-minimal-length"], b"", |_| {});
        assert_eq!(code, 0);
        assert!(out.starts_with("non-minimal-length   error   RFC 6455 §5.2\n"), "{out}");
        assert!(out.contains("example: 81 7e 00 05") && out.contains("usual causes: "), "{out}");
        let zh = |args: &mut ExplainArgs| args.lang = Some(LangArg::Zh);
        let (_, out, _) = run_on(&["non-minimal-length"], b"", zh);
        assert!(out.contains("常见原因：") && out.contains("示例字节："), "{out}");
    }

    #[test]
    fn a_name_or_a_code_is_explained_and_a_mistyped_one_is_guessed() {
        for (word, expected) in [
            ("1006", "1006 Abnormal Closure   close code"),
            ("sec-websocket-key", "Sec-WebSocket-Key   header"),
            ("ping", "PING 0x9   opcode"),
            ("MASK", "MASK   field"),
            ("client_max_window_bits", "client_max_window_bits   parameter"),
        ] {
            let (code, out, _) = run_on(&[word], b"", |args| args.lang = Some(LangArg::En));
            assert!(code == 0 && out.starts_with(expected), "{word}: {out}");
            let (_, json, _) = run_on(&[word], b"", |args| args.json = true);
            assert!(
                serde_json::from_str::<serde_json::Value>(&json).unwrap()["topics"][0]["text"].is_array()
            );
        }
        assert!(run_on(&["1006"], b"", |_| {}).2.contains("wslens explain '10 06'"));
        assert!(run_on(&["masking", "key"], b"", |_| {}).1.starts_with("masking key   field"));
        for (word, near) in
            [("bad-acept", "bad-accept"), ("sec-websocket-acept", "Sec-WebSocket-Accept"), ("pimg", "ping")]
        {
            let (code, _, err) = run_on(&[word], b"", |_| {});
            assert!(code == 2 && err.contains(near), "{err}");
        }
    }

    #[test]
    fn bytes_are_read_in_the_forms_that_people_paste() {
        for form in [
            "0x81,0x85,0x37,0xfa,0x21,0x3d,0x7f,0x9f,0x4d,0x51,0x58",
            r"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
            "81:85:37:fa:21:3d:7f:9f:4d:51:58",
            "818537fa213d7f9f4d5158",
            "const unsigned char a[] = { 0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58 };",
            "0000  81 85 37 fa 21 3d 7f 9f 4d 51 58                  ..7.!=..MQX",
            r#"b"\x81\x857\xfa!=\x7f\x9fMQX""#,
            r"b'\x81\x857\xfa!=\x7f\x9fMQX'",
            "gYU3+iE9f59NUVg=",
        ] {
            let (code, out, err) = run_on(&[form], b"", |args| args.lang = Some(LangArg::En));
            assert!(code == 0 && out.starts_with(HEADLINE), "{form}: {out}{err}");
        }
        let (_, out, _) = run_on(&[&hex::encode(HELLO)], b"", |args| args.lang = Some(LangArg::Zh));
        assert!(out.starts_with("11 字节：1 个帧，客户端 → 服务器（有掩码），TEXT"), "{out}");
    }

    #[test]
    fn json_is_one_object() {
        let (code, out, _) = run_on(&["8105", "48656c6c6f"], b"", |args| args.json = true);
        assert_eq!(code, 0);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["frames"][0]["text"], "Hello");
    }
}
