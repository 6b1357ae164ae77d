//! `wslens explain`: raw bytes taken apart.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write};

use anyhow::Context as _;

use super::args::LangArg;
use super::style::{ColorWhen, Role, Style};
use crate::explain::frame::{Options, explain};
use crate::explain::handshake::{is_handshake, read_heads, write_heads};
use crate::explain::hexinput::parse_hex;
use crate::explain::json::write_json;
use crate::explain::packet::tcp_payload;
use crate::explain::text::{View, write_text};
use crate::model::{Direction, Lang, Rule, safe_text};

/// Most bytes that are read from a file or a pipe: hex text of [`MAX_BYTES`](crate::explain::hexinput::MAX_BYTES)
/// with room for separators.
const MAX_INPUT: u64 = 8 << 20;
/// Whether the commands that the last line points at exist.
const HINTS: View = View { diagram: false, learn: false, build: true, lang: Lang::En };

const EXAMPLES: &str = "\
Examples:
  wslens explain 81 85 37 fa 21 3d 7f 9f 4d 51 58
  wslens explain '0x81,0x05,0x48,0x65,0x6c,0x6c,0x6f' --dir s2c
  wslens explain --deflate --diagram c107f248cdc9c90700
  xxd frame.bin | wslens explain -
  wslens explain @frame.bin                 a file: hex in any form, or the raw bytes
  wslens explain non-minimal-length         what a finding means

Hex may be a list, a stream, a C, Python, Rust or JavaScript literal, or a
dump of Wireshark, tcpdump, xxd, od or hexdump -C; of a whole Ethernet packet
the TCP payload is taken. The text of a handshake (GET ... or HTTP/...) is
checked.

Exit codes: 0 explained, 1 a rule is broken and --strict was given, 2 not hex,
3 the file cannot be read.";

/// Who sent the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Dir {
    /// The client, to the server.
    C2s,
    /// The server, to the client.
    S2c,
}

/// Takes raw frame bytes apart, bit by bit.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ExplainArgs {
    /// Frame bytes in hex, `-` for standard input, @FILE for a file, or a finding's code
    #[arg(value_name = "HEX")]
    pub input: Vec<String>,
    /// Who sent the bytes: judges whether they had to be masked
    #[arg(long, value_name = "c2s|s2c", hide_possible_values = true)]
    pub dir: Option<Dir>,
    /// permessage-deflate was agreed on: RSV1 means compressed, messages are inflated
    #[arg(long)]
    pub deflate: bool,
    /// Print the box of RFC 6455 section 5.2 with each frame's bits
    #[arg(long)]
    pub diagram: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Language of explanations; by default that of the locale
    #[arg(long, value_name = "LANG")]
    pub lang: Option<LangArg>,
    /// Exit with 1 where a frame or a handshake breaks a rule
    #[arg(long)]
    pub strict: bool,
}

/// Explains and prints; answers the exit code.
///
/// # Errors
/// Where `out` cannot be written; every other failure is told on standard error and in the exit code.
pub fn run(args: &ExplainArgs, out: &mut dyn Write, style: &Style) -> anyhow::Result<u8> {
    let (stdin, mut err) = (io::stdin(), io::stderr());
    if args.input.is_empty() && stdin.is_terminal() {
        writeln!(
            err,
            "error: no bytes were given\n  try:  wslens explain 81 05 48 65 6c 6c 6f     (or --help)"
        )?;
        return Ok(2);
    }
    run_with(args, &mut stdin.lock(), out, &mut err, style)
}

/// What was given.
enum Input {
    /// Bytes as they were on the wire.
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
    if let [word] = args.input.as_slice()
        && let Some(rule) = rule_named(word)
    {
        write_rule(out, rule, style)?;
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
        Input::Bytes(bytes) => bytes,
        Input::Text(text) if is_handshake(text.as_bytes()) => text.into_bytes(),
        Input::Text(text) => match parse_hex(&text) {
            Ok(bytes) => bytes,
            Err(error) => {
                writeln!(err, "{} {error}", paint_error("error:"))?;
                if looks_like_a_code(&text) {
                    writeln!(err, "  note: no finding has this code either")?;
                }
                return Ok(2);
            }
        },
    };
    let lang = LangArg::of(args.lang);
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
        if args.json {
            writeln!(err, "{} --json prints frames; this is a handshake", paint_error("error:"))?;
            return Ok(2);
        }
        let heads = read_heads(&bytes);
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
    let explained = explain(&bytes, &Options { direction, deflate: args.deflate, lang });
    if args.json {
        write_json(out, &explained)?;
    } else {
        write_text(out, &explained, style, View { diagram: args.diagram, lang, ..HINTS })?;
    }
    Ok(u8::from(args.strict && !(legal && explained.is_legal())))
}

/// The words of the command line, or the file or pipe that they name.
fn read_input(words: &[String], stdin: &mut dyn Read) -> anyhow::Result<Input> {
    let bytes = match words {
        [] => read_all(stdin).context("cannot read standard input")?,
        [word] if word == "-" => read_all(stdin).context("cannot read standard input")?,
        [word] if word.starts_with('@') => {
            let path = word.get(1..).unwrap_or_default();
            let mut file = File::open(path).with_context(|| format!("cannot open {path}"))?;
            read_all(&mut file).with_context(|| format!("cannot read {path}"))?
        }
        words => return Ok(Input::Text(words.join(" "))),
    };
    // Hex is text; what holds other bytes is taken as it is.
    let is_text = bytes.iter().all(|b| !b.is_ascii_control() || b.is_ascii_whitespace());
    Ok(match String::from_utf8(bytes) {
        Ok(text) if is_text => Input::Text(text),
        Ok(text) => Input::Bytes(text.into_bytes()),
        Err(error) => Input::Bytes(error.into_bytes()),
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

fn looks_like_a_code(text: &str) -> bool {
    text.contains('-') && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn rule_named(word: &str) -> Option<&'static Rule> {
    let rooms = crate::pipeline::RULES.iter().copied().chain([crate::capture::rules::ALL]);
    rooms.flatten().copied().find(|rule| rule.code == word)
}

fn write_rule(out: &mut dyn Write, rule: &Rule, style: &Style) -> io::Result<()> {
    let role = match rule.severity {
        crate::model::Severity::Error => Role::Error,
        crate::model::Severity::Warning => Role::Warning,
        crate::model::Severity::Info => Role::Note,
    };
    let severity = style.paint(role, rule.severity.name());
    writeln!(out, "{}   {severity}   {}", style.paint(Role::Title, rule.code), rule.reference)?;
    writeln!(out, "  {}", rule.summary)?;
    writeln!(out, "  {}", rule.advice)
}

/// `text` in the look of an error, for standard error.
fn paint_error(text: &str) -> String {
    Style::stderr(ColorWhen::Auto).paint(Role::Error, text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_on(words: &[&str], stdin: &[u8], change: impl Fn(&mut ExplainArgs)) -> (u8, String, String) {
        let mut args =
            ExplainArgs { input: words.iter().map(|w| (*w).to_owned()).collect(), ..ExplainArgs::default() };
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
    }

    #[test]
    fn json_is_one_object() {
        let (code, out, _) = run_on(&["8105", "48656c6c6f"], b"", |args| args.json = true);
        assert_eq!(code, 0);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["frames"][0]["text"], "Hello");
    }
}
