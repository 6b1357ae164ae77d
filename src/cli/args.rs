//! Command-line arguments and options, declared for clap.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::build::BuildArgs;
use super::explain::{Dir, ExplainArgs};
use super::filter::FilterArgs;
use super::handshake::HandshakeArgs;
use super::limits::LimitArgs;
use super::story::StoryArgs;
use super::style::ColorWhen;
use crate::model::Lang;
use crate::report::{Format, Levels};

const EXAMPLES: &str = "\
Examples:
  wslens chat.pcapng                          opens the terminal UI (prints if output is not a terminal)
  wslens chat.pcapng --no-tui                 prints a table of messages
  wslens read day.pcap.gz --conn 3 --level frames
  wslens live -i lo -f 'tcp port 8080'        captures on the loopback interface
  tcpdump -i lo -U -w - 'tcp port 8080' | wslens -
  wslens read big.pcap --format ndjson | jq 'select(.op==\"close\")'
  wslens check day.pcap --fail-on warning     exits with 1 if there is a warning or an error
  wslens explain '81 85 37 fa 21 3d 7f 9f 4d 51 58'
  wslens learn                                opens the lessons
  wslens story chat.pcapng --lang zh          describes one connection from SYN to FIN, in Chinese

To open a file whose name is also a command, put ./ in front of it.
wslens sends no packets and makes no DNS queries. It writes only the files you ask for, and your
progress in the lessons.";

const EXIT_CODES: &str = "\
Exit codes:
  0 success (also if the reader closes the pipe)     3 the input cannot be read
  1 a negative result (check, -q, handshake)         4 no permission, or no such interface
  2 a usage error                                    5 the input ends early or is damaged";

/// Reconstructs WebSocket connections, messages and frames from packet captures, and reports protocol errors.
#[derive(Debug, Parser)]
#[command(name = "wslens", version, about, after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true, max_term_width = 100)]
pub struct Cli {
    /// The command; without one, wslens opens FILE in the terminal UI or prints it.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of the terminal UI.
    #[command(flatten)]
    pub screen: ScreenArgs,
    /// Run without the sandbox, which stops wslens from opening other files, using the network and starting
    /// programs (`wslens version --verbose` lists what it blocks on this system)
    #[arg(long, global = true, help_heading = "Safety")]
    pub no_sandbox: bool,
    /// Options of `wslens FILE`.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// Options of the terminal UI.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ScreenArgs {
    /// Print a table instead of opening the terminal UI
    #[arg(long, help_heading = "Terminal UI")]
    pub no_tui: bool,
    /// Color theme [default: dark, or mono if NO_COLOR is set]
    #[arg(long, value_name = "NAME", help_heading = "Terminal UI")]
    pub theme: Option<ThemeArg>,
    /// Do not use the mouse, so that the terminal can select text
    #[arg(long, help_heading = "Terminal UI")]
    pub no_mouse: bool,
    /// Include TLS secrets in exported pcapng files (default: leave them out)
    #[arg(long, help_heading = "Terminal UI")]
    pub embed_keys: bool,
    /// Language of lessons and explanations [default: the language of the locale]
    #[arg(long, value_name = "LANG")]
    pub lang: Option<LangArg>,
    /// Do not save progress in the lessons (or set WSLENS_NO_SAVE=1)
    #[arg(long, help_heading = "Terminal UI")]
    pub no_save: bool,
}

/// `wslens learn`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  wslens learn                 opens the list of lessons, with your progress
  wslens learn masking         opens one lesson by name; `wslens learn 5` opens it by number
  wslens learn masking --lang zh
  wslens learn --plain | less  prints all lessons as text

wslens saves your progress in $XDG_STATE_HOME/wslens/learned (~/.local/state/wslens/learned), a text file.
It writes no other file unless you ask for it. Use --no-save or WSLENS_NO_SAVE=1 to turn this off.")]
pub struct LearnArgs {
    /// Name or number of the lesson
    #[arg(value_name = "LESSON")]
    pub lesson: Option<String>,
    /// Print the lesson, or all lessons, as text
    #[arg(long)]
    pub plain: bool,
    /// List the lessons with your progress
    #[arg(long, conflicts_with = "plain")]
    pub list: bool,
    /// When to use color; NO_COLOR and CLICOLOR_FORCE are honored
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
    /// Character set for arrows and symbols
    #[arg(long, value_name = "SET", default_value = "auto")]
    pub glyphs: Glyphs,
    /// Options of the terminal UI.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// A value of `--lang`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LangArg {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

impl LangArg {
    /// Returns the language given, or the language of the locale.
    #[must_use]
    pub fn of(named: Option<Self>) -> Lang {
        let locale = || {
            let set =
                ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
            set.into_iter().find(|value| !value.is_empty()).unwrap_or_default()
        };
        match named {
            Some(Self::En) => Lang::En,
            Some(Self::Zh) => Lang::Zh,
            None => Lang::of_locale(&locale()),
        }
    }
}

/// A value of `--theme`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ThemeArg {
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// Full contrast.
    HighContrast,
    /// No color.
    Mono,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print messages, frames, connections or findings
    Read(ReadArgs),
    /// Check for protocol violations; exits with 1 if a finding reaches the --fail-on severity
    Check(CheckArgs),
    /// Print statistics: connections, messages, bytes, rates and round-trip times (reads only headers)
    Stats(StatsArgs),
    /// Describe one connection from SYN to FIN in plain language
    Story(StoryArgs),
    /// Decode frame bytes bit by bit, or explain a finding, close code, header or term
    Explain(ExplainArgs),
    /// Build frames, check them against the RFC, save them as a capture; nothing is sent
    Build(BuildArgs),
    /// Show the opening handshakes of a capture step by step, or compute Sec-WebSocket-Accept
    Handshake(HandshakeArgs),
    /// Learn the protocol step by step on real captures (English, 简体中文)
    Learn(LearnArgs),
    /// Capture on network interfaces, in the terminal UI or as NDJSON on a pipe
    #[cfg(all(feature = "live", unix))]
    Live(Box<super::live::LiveArgs>),
    /// List the network interfaces
    #[cfg(all(feature = "live", unix))]
    Interfaces,
    /// Print the version; with --verbose, also the build features and the state of the sandbox
    Version {
        /// Also print build features, the libpcap version, and what the sandbox blocks on this system
        #[arg(short, long)]
        verbose: bool,
    },
    /// Print a completion script for a shell
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Options that name the captures and say how to read them.
#[derive(Clone, Debug, Default, Args)]
pub struct InputArgs {
    /// Captures to read: pcap or pcapng, optionally compressed with gzip, zstd or lz4; `-` is standard input.
    /// Several files are merged by time
    #[arg(value_name = "FILE")]
    pub files: Vec<std::path::PathBuf>,
    /// Same as FILE, as in tshark
    #[arg(short = 'r', long = "read", value_name = "FILE", hide = true)]
    pub read: Vec<std::path::PathBuf>,
    /// Decrypt TLS with the secrets in this key log, as written by programs that support SSLKEYLOGFILE. Also
    /// used: $SSLKEYLOGFILE, a file CAPTURE.keys next to the capture, and secrets in a pcapng file
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub keylog: Vec<std::path::PathBuf>,
    /// Read files with read calls instead of mapping them into memory
    #[arg(long, help_heading = "Input")]
    pub no_mmap: bool,
    /// Treat connections to this server port as WebSocket even if their handshake was not captured (may be repeated)
    #[arg(long, value_name = "PORT", help_heading = "Input")]
    pub ws_port: Vec<u16>,
    /// Leave out connections whose handshake was not captured
    #[arg(long, conflicts_with = "ws_port", help_heading = "Input")]
    pub no_guess: bool,
    /// Limits of memory, time and output.
    #[command(flatten)]
    pub limits: LimitArgs,
}

impl InputArgs {
    /// Returns every capture named on the command line.
    pub fn all(&self) -> impl Iterator<Item = &std::path::PathBuf> {
        self.files.iter().chain(&self.read)
    }
}

/// Options of the output.
#[derive(Clone, Debug, Default, Args)]
pub struct LookArgs {
    /// Output format [default: table on a terminal, otherwise ndjson]
    #[arg(long, value_name = "FORMAT", value_parser = formats(&Format::RECORDS), help_heading = "Output")]
    pub format: Option<Format>,
    /// Write to FILE instead of standard output; FILE appears once it is complete (at once for live captures and pipes)
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<std::path::PathBuf>,
    /// Overwrite existing files named by -o and -w
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// When to use color; NO_COLOR and CLICOLOR_FORCE are honored
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,
    /// Time format in tables
    #[arg(short, long, value_name = "FORM", default_value = "rel", help_heading = "Output")]
    pub time: Time,
    /// Character set for arrows and symbols
    #[arg(long, value_name = "SET", default_value = "auto", help_heading = "Output")]
    pub glyphs: Glyphs,
    /// Print only errors; the exit code is the result
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// `wslens read`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_long_help = "\
Examples:
  wslens read chat.pcapng
  wslens read chat.pcapng --level all --format ndjson
  wslens read chat.pcapng -Y 'dir == c2s and json.type == echo'
  wslens read chat.pcapng --conn 1 --dir c2s --payload hash
  wslens read part1.pcap part2.pcap --level connections --format csv")]
pub struct ReadArgs {
    /// What each row stands for
    #[arg(short, long, value_name = "LEVEL", value_parser = levels(), default_value = "messages",
        help_heading = "Selection")]
    pub level: Levels,
    /// Show only connection N (may be repeated)
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub conn: Vec<u32>,
    /// Options that select rows.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Show only one direction: c2s (client to server) or s2c
    #[arg(long, value_name = "DIR", hide_possible_values = true, help_heading = "Selection")]
    pub dir: Option<Dir>,
    /// How much of each payload to print
    #[arg(long, value_name = "WHAT", default_value = "full", help_heading = "Selection")]
    pub payload: Payload,
    /// Options of the output.
    #[command(flatten)]
    pub look: LookArgs,
    /// Options of the input.
    #[command(flatten)]
    pub input: InputArgs,
}

/// `wslens check`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  wslens check chat.pcapng
  wslens check chat.pcapng --fail-on warning --format ndjson
  wslens check chat.pcapng --format sarif -o findings.sarif
  wslens check chat.pcapng --format junit -o findings.xml
  wslens check chat.pcapng --ignore bad-checksum,tcp-retransmission
  wslens check chat.pcapng -Y 'host == example.com and severity >= warning'
  wslens check --list                    lists every code with its meaning")]
pub struct CheckArgs {
    /// Exit with 1 if a finding has this severity or a higher one
    #[arg(long, value_name = "SEVERITY", default_value = "error", help_heading = "Selection")]
    pub fail_on: FailOn,
    /// Report only findings with these codes (comma-separated)
    #[arg(long, value_name = "CODE", value_delimiter = ',', help_heading = "Selection")]
    pub only: Vec<String>,
    /// Do not report findings with these codes (comma-separated)
    #[arg(long, value_name = "CODE", value_delimiter = ',', help_heading = "Selection")]
    pub ignore: Vec<String>,
    /// Show only connection N (may be repeated)
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub conn: Vec<u32>,
    /// Options that select rows.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// List all codes with their meaning, and exit
    #[arg(long)]
    pub list: bool,
    /// Language of --list [default: the language of the locale]
    #[arg(long, value_name = "LANG")]
    pub lang: Option<LangArg>,
    /// Options of the output.
    #[command(flatten)]
    pub look: LookArgs,
    /// Options of the input.
    #[command(flatten)]
    pub input: InputArgs,
}

/// `wslens stats`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  wslens stats day.pcap.gz
  wslens stats day.pcap --deep            also decodes payloads: compression ratio, invalid UTF-8
  wslens stats day.pcap -Y 'path contains /chat'    counts only the connections that match
  wslens stats day.pcap --format ndjson")]
pub struct StatsArgs {
    /// Also decode payloads (slower)
    #[arg(long)]
    pub deep: bool,
    /// Show only connection N (may be repeated)
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub conn: Vec<u32>,
    /// Options that select connections.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Number of connections to list, those with the most messages first
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
    /// Options of the output.
    #[command(flatten)]
    pub look: LookArgs,
    /// Options of the input.
    #[command(flatten)]
    pub input: InputArgs,
}

/// Returns the parser of a `--format` that accepts these formats.
pub fn formats(accepted: &[Format]) -> impl TypedValueParser<Value = Format> + use<> {
    let accepted = accepted.to_vec();
    let names = accepted.iter().map(|format| {
        let name = PossibleValue::new(format.name()).help(format.about());
        if format.alias().is_empty() { name } else { name.alias(format.alias()) }
    });
    PossibleValuesParser::new(names.collect::<Vec<_>>()).try_map(move |name| {
        let named = |format: &&Format| format.name() == name || format.alias() == name;
        accepted.iter().find(named).copied().ok_or("unknown format")
    })
}

/// Returns the parser of `--level`.
pub fn levels() -> impl TypedValueParser<Value = Levels> {
    let names = Levels::CHOICES.map(|(_, name, alias, about)| {
        let name = PossibleValue::new(name).help(about);
        if alias.is_empty() { name } else { name.alias(alias) }
    });
    PossibleValuesParser::new(names).try_map(|text| {
        let named = |(_, name, alias, _): &&(Levels, &str, &str, &str)| *name == text || *alias == text;
        Levels::CHOICES.iter().find(named).map(|row| row.0).ok_or("unknown level")
    })
}

/// A value of `--time`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Time {
    /// Seconds since the capture's first packet.
    #[default]
    Rel,
    /// Local time of day.
    Abs,
    /// Date and time in UTC.
    Utc,
    /// Seconds since 1970.
    Epoch,
    /// Seconds since the previous row.
    Delta,
}

/// A value of `--glyphs`: the characters for arrows and symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Glyphs {
    /// Unicode if the locale uses UTF-8.
    #[default]
    Auto,
    /// → ← …
    Unicode,
    /// -> <- ...
    Ascii,
    /// ASCII without lines and boxes, for screen readers.
    Plain,
}

/// A value of `--payload`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Payload {
    /// Nothing.
    None,
    /// The first 64 bytes.
    Preview,
    /// Up to 64 KiB of each message.
    #[default]
    Full,
    /// The SHA-256 of the complete payload.
    Hash,
}

/// A value of `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors.
    Error,
    /// Warnings and errors.
    Warning,
    /// Any finding.
    Info,
    /// Nothing.
    Never,
}

/// Parses a number of bytes such as `65536`, `64KiB`, `16M` or `1GB`.
pub fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| "expected a size such as 64MiB".to_owned())?;
    let unit = text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
    let factor = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(format!("unknown unit '{unit}': use KiB, MiB, GiB, kB, MB or GB")),
    };
    number.checked_mul(factor).ok_or_else(|| "too large".to_owned())
}

/// Bytes of a message that are kept: places in them are 32-bit numbers.
pub fn kept(text: &str) -> Result<u64, String> {
    const MOST: u64 = 2 << 30;
    let size = size(text)?;
    if size > MOST {
        return Err("at most 2GiB of a message can be kept".to_owned());
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("10kB"), Ok(10_000));
        assert_eq!(size("7"), Ok(7));
        assert_eq!(kept("2GiB"), Ok(2 << 30));
        assert!(kept("3GiB").is_err());
        assert!(size("x").is_err() && size("1 parsec").is_err() && size("99999999999G").is_err());
    }
}
