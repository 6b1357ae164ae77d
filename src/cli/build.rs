//! `wslens build`: builds frames, checks them, and saves them as a capture.

use std::hash::{BuildHasher as _, Hasher as _};
use std::io::Write;
use std::path::PathBuf;

use super::args::LangArg;
use super::explain::Dir;
use super::outputs;
use super::problem::Problem;
use super::style::{Role, Style};
use crate::build::draft::MAX_FRAGMENTS;
use crate::build::{Draft, EXPERIMENTS, Experiment, LengthForm, MAX_PAYLOAD, Violation, pcapng, verdict};
use crate::explain::diagram::diagram;
use crate::explain::frame::{ExplainOptions, explain};
use crate::explain::hexinput::parse_hex;
use crate::explain::json::write_json;
use crate::explain::text::{TextOptions, write_text};
use crate::model::{Direction, Lang, Severity, safe_str};
use crate::output::{Growth, Inputs, Target};
use crate::report::snippet::{self, SnippetForm};
use crate::ws::Opcode;

const EXAMPLES: &str = "\
Examples:
  wslens build --text Hello --mask 37fa213d
  wslens build --op ping --text hi --dir s2c
  wslens build --text 'a longer one' --fragments 3 --diagram
  wslens build --text aaaaaaaaaaaaaaaa --deflate          permessage-deflate, RSV1 set
  wslens build --op close --hex '03 e8' --as rust
  wslens build --experiment mask-off                      what is wrong, and why
  wslens build --experiment ping-fin-0 --pcapng try.pcapng     saves a capture for Wireshark
  wslens build --list                                     lists all experiments

wslens prints each frame in hex and then checks it against the RFC. It never sends anything. With a
masking key given, the output is always the same; otherwise a client's key is random.

Exit codes: 0 success, 1 a rule is broken and --strict was given, 2 a usage error, 3 a file cannot be written.";

/// Builds frames and checks them against the RFC. Nothing is sent.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct BuildArgs {
    /// Opcode: text, binary, continuation, close, ping, pong, or a number from 0 to 15 or 0x0 to 0xf [default: text]
    #[arg(long, value_name = "OPCODE", value_parser = opcode, help_heading = "Frame")]
    pub op: Option<u8>,
    /// Payload as text
    #[arg(long, value_name = "TEXT", conflicts_with = "hex", help_heading = "Frame")]
    pub text: Option<String>,
    /// Payload in hex, in any form that `wslens explain` accepts
    #[arg(long, value_name = "HEX", help_heading = "Frame")]
    pub hex: Option<String>,
    /// Direction: c2s (client to server) or s2c
    #[arg(long, value_name = "DIR", hide_possible_values = true, help_heading = "Frame")]
    pub dir: Option<Dir>,
    /// Masking key: random, none, or 4 bytes in hex [default: random for c2s, none for s2c]
    #[arg(long, value_name = "KEY", value_parser = mask, help_heading = "Frame")]
    pub mask: Option<Mask>,
    /// FIN of the last frame: 0 or 1
    #[arg(long, value_name = "BIT", value_parser = clap::value_parser!(u8).range(0..=1), help_heading = "Frame")]
    pub fin: Option<u8>,
    /// Set RSV1 in the first frame
    #[arg(long, help_heading = "Frame")]
    pub rsv1: bool,
    /// Set RSV2
    #[arg(long, help_heading = "Frame")]
    pub rsv2: bool,
    /// Set RSV3
    #[arg(long, help_heading = "Frame")]
    pub rsv3: bool,
    /// Form of the payload length: auto, 16, 64, or top-bit (64 bits with the forbidden top bit set)
    #[arg(long, value_name = "FORM", value_parser = length_form, help_heading = "Frame")]
    pub length_form: Option<LengthForm>,
    /// Split the message into N frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_FRAGMENTS as i64), help_heading = "Frame")]
    pub fragments: Option<u16>,
    /// Compress text and binary messages and set RSV1, as if permessage-deflate had been negotiated
    #[arg(long, help_heading = "Frame")]
    pub deflate: bool,
    /// Apply an experiment to the frame (see --list)
    #[arg(long, value_name = "NAME", value_parser = experiment, help_heading = "Frame")]
    pub experiment: Option<&'static Experiment>,
    /// List the experiments, and exit
    #[arg(long)]
    pub list: bool,
    /// Print only the bytes, in this form: hex, dump, base64, c, rust, python
    #[arg(long = "as", value_name = "FORM", value_parser = form, help_heading = "Output")]
    pub form: Option<SnippetForm>,
    /// Also decode each frame bit by bit
    #[arg(long, help_heading = "Output")]
    pub explain: bool,
    /// Print each frame's bits in the diagram of RFC 6455, section 5.2
    #[arg(long, help_heading = "Output")]
    pub diagram: bool,
    /// Print a JSON object, as `wslens explain --json` does
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Save a complete TCP connection that contains these frames, for Wireshark or wslens
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub pcapng: Option<PathBuf>,
    /// Overwrite FILE if it exists
    #[arg(long, requires = "pcapng", help_heading = "Output")]
    pub force: bool,
    /// Exit with 1 if a frame breaks a rule
    #[arg(long)]
    pub strict: bool,
    /// Language of explanations [default: the language of the locale]
    #[arg(long, value_name = "LANG", help_heading = "Output")]
    pub lang: Option<LangArg>,
}

/// A value of `--mask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// A random key.
    Random,
    /// No masking.
    None,
    /// This key.
    Key([u8; 4]),
}

fn mask(text: &str) -> Result<Mask, String> {
    match text {
        "random" => Ok(Mask::Random),
        "none" | "off" => Ok(Mask::None),
        _ => {
            let key = parse_hex(text).ok().and_then(|bytes| bytes.try_into().ok());
            key.map(Mask::Key)
                .ok_or_else(|| "expected random, none, or a key of 4 bytes such as 37fa213d".to_owned())
        }
    }
}

fn opcode(text: &str) -> Result<u8, String> {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let named = crate::explain::topic::opcode_named(text).map(Opcode::bits);
    named
        .or_else(|| number(text).filter(|bits| *bits < 16))
        .ok_or_else(|| "expected text, binary, continuation, close, ping, pong, or 0 to 15".to_owned())
}

fn length_form(text: &str) -> Result<LengthForm, String> {
    let found = LengthForm::ALL.into_iter().find(|form| form.name() == text);
    found.ok_or_else(|| "expected auto, 16, 64 or top-bit".to_owned())
}

fn form(text: &str) -> Result<SnippetForm, String> {
    Ok(match text {
        "hex" => SnippetForm::Hex,
        "dump" | "hexdump" => SnippetForm::Dump,
        "base64" => SnippetForm::Base64,
        "c" => SnippetForm::C,
        "rust" => SnippetForm::Rust,
        "python" => SnippetForm::Python,
        _ => return Err("expected hex, dump, base64, c, rust or python".to_owned()),
    })
}

fn experiment(text: &str) -> Result<&'static Experiment, String> {
    Experiment::named(text).ok_or_else(|| {
        let near = super::explain::nearest(text, EXPERIMENTS.iter().map(|experiment| experiment.name));
        match near {
            Some(name) => format!("unknown experiment; did you mean {name}?"),
            None => "unknown experiment; `wslens build --list` lists them".to_owned(),
        }
    })
}

impl BuildArgs {
    /// The draft that was asked for.
    fn draft(&self) -> Result<Draft, Problem> {
        let payload = match (&self.hex, &self.text) {
            (Some(hex), _) if hex.trim().is_empty() => Vec::new(),
            (Some(hex), _) => parse_hex(hex).map_err(|error| Problem::new(2, format!("--hex: {error}")))?,
            (None, Some(text)) => text.clone().into_bytes(),
            // An experiment wants something to change.
            (None, None) if self.experiment.is_some() => b"Hello".to_vec(),
            (None, None) => Vec::new(),
        };
        if payload.len() > MAX_PAYLOAD {
            return Err(Problem::new(
                2,
                format!("the payload has {} bytes; the maximum is {MAX_PAYLOAD}", payload.len()),
            ));
        }
        let direction = match self.dir {
            Some(Dir::S2c) => Direction::ServerToClient,
            _ => Direction::ClientToServer,
        };
        let opcode = self.op.unwrap_or(Opcode::Text.bits());
        let data = matches!(Opcode::from_bits(opcode), Opcode::Text | Opcode::Binary);
        let rsv1 = self.rsv1 || self.deflate && data;
        let draft = Draft {
            direction,
            fin: self.fin != Some(0),
            rsv: u8::from(rsv1) << 2 | u8::from(self.rsv2) << 1 | u8::from(self.rsv3),
            opcode,
            key: match self.mask {
                Some(Mask::Key(key)) => Some(key),
                Some(Mask::None) => None,
                Some(Mask::Random) => Some(random_key()),
                None if direction == Direction::ClientToServer => Some(random_key()),
                None => None,
            },
            form: self.length_form.unwrap_or_default(),
            payload,
            fragments: self.fragments.map_or(1, usize::from),
            deflate: self.deflate,
        };
        Ok(self.experiment.map_or(draft.clone(), |experiment| experiment.apply(&draft)))
    }
}

/// Four bytes from the randomness with which maps are protected: enough for a frame that nobody sends.
fn random_key() -> [u8; 4] {
    let drawn = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let key = (drawn as u32 ^ (drawn >> 32) as u32).to_be_bytes();
    if key == [0; 4] { Draft::KEY } else { key }
}

/// Builds and prints; answers the exit code.
///
/// # Errors
/// A [`Problem`], or an error of `out`.
pub fn run(args: &BuildArgs, out: &mut dyn Write, style: &Style) -> anyhow::Result<u8> {
    let lang = LangArg::of(args.lang);
    if args.list {
        return list(out, lang);
    }
    let draft = args.draft()?;
    let frames = draft.frames();
    let bytes = frames.concat();
    let found = draft.judge();
    let broken = verdict(&found).is_some();
    if let Some(path) = &args.pcapng {
        save(path, args.force, &pcapng(&draft)?)?;
    }
    let code = u8::from(args.strict && broken);
    let options = ExplainOptions { direction: Some(draft.direction), deflate: draft.deflate, lang };
    if args.json {
        write_json(out, &explain(&bytes, &options))?;
        return Ok(code);
    }
    if let Some(form) = args.form {
        let text = snippet::write(form, &bytes).unwrap_or_default();
        write!(out, "{text}{}", if text.ends_with('\n') { "" } else { "\n" })?;
        return Ok(code);
    }
    if args.explain {
        let view = TextOptions { diagram: args.diagram, lang, ..TextOptions::default() };
        write_text(out, &explain(&bytes, &options), style, view)?;
    } else {
        for frame in &frames {
            writeln!(out, "{}", spaced(frame))?;
        }
        if args.diagram {
            for frame in &explain(&bytes, &options).frames {
                for line in diagram(frame) {
                    writeln!(out, "{line}")?;
                }
            }
        }
    }
    if let Some(experiment) = args.experiment {
        let title = style.paint(Role::Title, experiment.title.of(lang));
        writeln!(out, "{title}: {}", experiment.happens.of(lang))?;
    }
    tell(out, &found, style, lang)?;
    Ok(code)
}

/// What the rules say.
fn tell(out: &mut dyn Write, found: &[Violation], style: &Style, lang: Lang) -> std::io::Result<()> {
    for found in found {
        let (role, level) = match found.rule.severity {
            Severity::Error => (Role::Error, "ERROR"),
            Severity::Warning => (Role::Warning, "WARN"),
            Severity::Info => (Role::Note, "INFO"),
        };
        let level = style.paint(role, level);
        let reference = style.paint(Role::Dim, found.rule.reference);
        // The sentence with the values is English; the other language says first what it means.
        let told = lang.pick("", found.rule.summary.of(lang));
        writeln!(out, "{level} {}: {told}{}   {reference}", found.rule.code, safe_str(&found.text))?;
    }
    match verdict(found) {
        None => writeln!(out, "{}", style.paint(Role::Ok, lang.pick("legal: yes", "合法：是"))),
        Some(worst) => {
            let no = style.paint(Role::Error, lang.pick("legal: no", "合法：否"));
            writeln!(out, "{no}   wslens explain {}", worst.rule.code)
        }
    }
}

fn list(out: &mut dyn Write, lang: Lang) -> anyhow::Result<u8> {
    for experiment in EXPERIMENTS {
        let title = experiment.title.of(lang);
        let gap = " ".repeat(32usize.saturating_sub(crate::model::width(title)));
        let rule = experiment.rule.map_or("-", |rule| rule.code);
        writeln!(out, "{:<17} {title}{gap}{:<25} {}", experiment.name, rule, experiment.happens.of(lang))?;
    }
    Ok(0)
}

/// Writes a file; one that exists only when that is wanted.
fn save(path: &std::path::Path, force: bool, bytes: &[u8]) -> Result<(), Problem> {
    let failed = |error| outputs::problem(error, 3);
    let target = Target::create(path, Growth::Finite, force, &Inputs::default()).map_err(failed)?;
    target.writer().write_all(bytes).map_err(|error| Problem::new(3, error.to_string()))?;
    target.finish(force).map_err(failed)
}

fn spaced(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().enumerate().fold(String::with_capacity(bytes.len() * 3), |mut out, (i, byte)| {
        let _ = write!(out, "{}{byte:02x}", if i > 0 { " " } else { "" });
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: BuildArgs,
    }

    fn built(words: &[&str]) -> (u8, String) {
        let args = Cli::parse_from([&["build", "--lang", "en"], words].concat()).args;
        let mut out = Vec::new();
        let code = run(&args, &mut out, &Style::PLAIN).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_example_of_the_rfc_is_built_from_words() {
        let (code, text) = built(&["--text", "Hello", "--mask", "37fa213d"]);
        assert_eq!((code, text.as_str()), (0, "81 85 37 fa 21 3d 7f 9f 4d 51 58\nlegal: yes\n"));
        assert_eq!(built(&["--text", "Hello", "--dir", "s2c", "--as", "hex"]).1, "810548656c6c6f\n");
        assert_eq!(
            built(&["--op", "ping", "--hex", "68 69", "--dir", "s2c", "--fragments", "2"]).1.lines().next(),
            Some("09 01 68")
        );
        assert_eq!(
            built(&["--text", "Hello", "--deflate", "--dir", "s2c"]).1.lines().next(),
            Some("c1 07 f2 48 cd c9 c9 07 00")
        );
        let (_, drawn) = built(&["--op", "0x9", "--text", "hi"]);
        assert!(drawn.starts_with("89 82 ") && drawn.ends_with("legal: yes\n"), "{drawn}");
    }

    #[test]
    fn what_breaks_is_said_and_strict_fails() {
        let (code, text) = built(&["--experiment", "mask-off", "--strict"]);
        assert_eq!(code, 1);
        assert!(text.contains("ERROR unmasked-client-frame") && text.contains("legal: no"), "{text}");
        assert_eq!(built(&["--list"]).1.lines().count(), EXPERIMENTS.len());
        let json: serde_json::Value =
            serde_json::from_str(&built(&["--op", "3", "--dir", "s2c", "--json"]).1).unwrap();
        assert_eq!(json["legal"], false);
    }

    #[test]
    fn a_file_is_never_written_over_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcapng");
        let words = ["--text", "hi", "--mask", "01020304", "--pcapng", path.to_str().unwrap()];
        built(&words);
        let first = std::fs::read(&path).unwrap();
        let args = Cli::parse_from([&["build"], &words[..]].concat()).args;
        assert!(run(&args, &mut Vec::new(), &Style::PLAIN).is_err());
        built(&[&words[..], &["--force"]].concat());
        assert_eq!(std::fs::read(&path).unwrap(), first);
    }

    #[test]
    fn what_cannot_be_built_is_refused() {
        for words in [
            ["--op", "16"],
            ["--mask", "0102"],
            ["--length-form", "7"],
            ["--experiment", "maskoff"],
            ["--fragments", "0"],
        ] {
            assert!(Cli::try_parse_from([&["build"], &words[..]].concat()).is_err(), "{words:?}");
        }
        let error = experiment("mask-of").unwrap_err();
        assert!(error.contains("mask-off"), "{error}");
    }
}
