//! The command line's shape: clap structs only.

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::build::BuildArgs;
use super::explain::{Dir, ExplainArgs};
use super::filter::FilterArgs;
use super::handshake::HandshakeArgs;
use super::limits::LimitArgs;
use super::story::StoryArgs;
use super::style::ColorWhen;
use crate::model::Lang;

const EXAMPLES: &str = "\
Examples:
  wslens chat.pcapng                          the terminal UI (not on a terminal: prints)
  wslens chat.pcapng --no-tui                 a table of its messages
  wslens read day.pcap.gz --conn 3 --level frames
  wslens live -i lo -f 'tcp port 8080'        as it happens
  tcpdump -i lo -U -w - 'tcp port 8080' | wslens -
  wslens read big.pcap --format ndjson | jq 'select(.op==\"close\")'
  wslens check day.pcap --fail-on warning     a lint: exit code 1 when it finds something
  wslens explain '81 85 37 fa 21 3d 7f 9f 4d 51 58'
  wslens learn                                lessons, from the layers to the overhead
  wslens story chat.pcapng --lang zh          one connection told from SYN to FIN

A file called like a command is opened with ./ before its name.
wslens only reads: it sends no packet, looks up no name, writes no file unasked but your
progress in lessons.";

const EXIT_CODES: &str = "\
Exit codes:
  0 done (also when the reader closes the pipe)      3 the input cannot be read
  1 a negative answer (check, -q, handshake)         4 no permission or no such interface
  2 wrong usage                                      5 the input ends early or is damaged";

/// Reads WebSocket conversations out of packet captures: handshakes, frames, messages, and what is wrong with them.
#[derive(Debug, Parser)]
#[command(name = "wslens", version, about, after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true, max_term_width = 100)]
pub struct Cli {
    /// What to do; without one, FILE is opened in the terminal UI, or printed.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What `wslens FILE` does.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How the terminal UI looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
    /// Keep the rights that are not needed once the files are open: to open others, to use the network, to start
    /// programs (`wslens version --verbose` says what is given up)
    #[arg(long, global = true, help_heading = "Safety")]
    pub no_sandbox: bool,
}

/// How the terminal UI looks.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ScreenArgs {
    /// Print a table instead of opening the terminal UI
    #[arg(long, help_heading = "Terminal UI")]
    pub no_tui: bool,
    /// Colours of the terminal UI; NO_COLOR means mono
    #[arg(long, value_name = "NAME", help_heading = "Terminal UI")]
    pub theme: Option<ThemeArg>,
    /// Leave the mouse to the terminal
    #[arg(long, help_heading = "Terminal UI")]
    pub no_mouse: bool,
    /// Files of packets that are exported hold the secrets of their TLS connection; without this they hold none
    #[arg(long, help_heading = "Terminal UI")]
    pub embed_keys: bool,
    /// Language of lessons and explanations; by default that of the locale
    #[arg(long, value_name = "LANG")]
    pub lang: Option<LangArg>,
    /// Do not keep progress in lessons (also: WSLENS_NO_SAVE=1)
    #[arg(long, help_heading = "Terminal UI")]
    pub no_save: bool,
}

/// `wslens learn`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  wslens learn                 the list of lessons, with your progress
  wslens learn masking         a lesson by its name, or by its number: wslens learn 5
  wslens learn masking --lang zh
  wslens learn --plain | less  all lessons as text

Progress is kept in $XDG_STATE_HOME/wslens/learned (~/.local/state/wslens/learned), a file of plain text:
the only one that wslens writes by itself. --no-save or WSLENS_NO_SAVE=1 leaves it alone.")]
pub struct LearnArgs {
    /// The lesson: its name or its number
    #[arg(value_name = "LESSON")]
    pub lesson: Option<String>,
    /// Print the lesson, or all of them, as text
    #[arg(long)]
    pub plain: bool,
    /// List the lessons and your progress
    #[arg(long, conflicts_with = "plain")]
    pub list: bool,
    /// Colour: also NO_COLOR and CLICOLOR_FORCE are obeyed
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
    /// Arrows and marks
    #[arg(long, value_name = "SET", default_value = "auto")]
    pub glyphs: Glyphs,
    /// How the terminal UI looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LangArg {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

impl LangArg {
    /// The language that was named; without one that of the locale.
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

/// A theme of the terminal UI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ThemeArg {
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// Full contrast.
    HighContrast,
    /// No colour.
    Mono,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prints messages, frames, connections or findings
    Read(ReadArgs),
    /// Prints findings (protocol lint); exit code 1 at or above --fail-on
    Check(CheckArgs),
    /// Prints counts: connections, messages, bytes, rates, round trips (reads headers only: fast)
    Stats(StatsArgs),
    /// Tells one connection from SYN to FIN in plain words
    Story(StoryArgs),
    /// Takes raw frame bytes apart, bit by bit
    Explain(ExplainArgs),
    /// Makes frames by hand, judges them, saves them as a capture; nothing is sent
    Build(BuildArgs),
    /// Computes or checks Sec-WebSocket-Accept, or shows a capture's handshakes step by step
    Handshake(HandshakeArgs),
    /// Teaches the protocol on real bytes, step by step (English, 简体中文)
    Learn(LearnArgs),
    /// Captures on an interface, in the terminal UI or as NDJSON on a pipe
    #[cfg(all(feature = "live", unix))]
    Live(Box<super::live::LiveArgs>),
    /// Lists capture interfaces
    #[cfg(all(feature = "live", unix))]
    Interfaces,
    /// Prints which version this is; --verbose: what it was built with, and what its sandbox holds on this system
    Version {
        /// Also print features, the version of libpcap, and what the sandbox holds here
        #[arg(short, long)]
        verbose: bool,
    },
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints the manual page
    Man,
}

/// Which captures, and how they are read.
#[derive(Clone, Debug, Default, Args)]
pub struct InputArgs {
    /// Captures: pcap or pcapng, also packed with gzip, zstd or lz4; `-` is standard input. Several
    /// are read as one, in the order of time
    #[arg(value_name = "FILE")]
    pub files: Vec<std::path::PathBuf>,
    /// Another way to name a FILE
    #[arg(short = 'r', long = "read", value_name = "FILE", hide = true)]
    pub read: Vec<std::path::PathBuf>,
    /// Secrets of TLS connections, as programs write them with SSLKEYLOGFILE: wss is then read like ws. Also
    /// used: $SSLKEYLOGFILE, FILE.keys beside a capture, and secrets in a pcapng file
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub keylog: Vec<std::path::PathBuf>,
    /// Read files instead of mapping them into memory
    #[arg(long, help_heading = "Input")]
    pub no_mmap: bool,
    /// Treat connections to this server port as WebSockets even if their handshake was not captured (may be repeated)
    #[arg(long, value_name = "PORT", help_heading = "Input")]
    pub ws_port: Vec<u16>,
    /// Show no connection whose handshake is not in the capture
    #[arg(long, conflicts_with = "ws_port", help_heading = "Input")]
    pub no_guess: bool,
    /// Bounds.
    #[command(flatten)]
    pub limits: LimitArgs,
}

impl InputArgs {
    /// All captures named.
    pub fn all(&self) -> impl Iterator<Item = &std::path::PathBuf> {
        self.files.iter().chain(&self.read)
    }
}

/// How output looks.
#[derive(Clone, Debug, Default, Args)]
pub struct LookArgs {
    /// `table` on a terminal, `ndjson` elsewhere, unless given
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<Format>,
    /// Write to FILE instead of standard output; FILE appears when it is complete (of a live capture or a pipe: at once)
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<std::path::PathBuf>,
    /// Replace the files that -o and -w name, where they exist
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// Colour: also NO_COLOR and CLICOLOR_FORCE are obeyed
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,
    /// How times are shown in tables
    #[arg(short, long, value_name = "FORM", default_value = "rel", help_heading = "Output")]
    pub time: Time,
    /// Arrows and marks
    #[arg(long, value_name = "SET", default_value = "auto", help_heading = "Output")]
    pub glyphs: Glyphs,
    /// Print nothing but errors; the exit code tells
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
    /// Which captures.
    #[command(flatten)]
    pub input: InputArgs,
    /// What a row is
    #[arg(short, long, value_name = "LEVEL", default_value = "messages", help_heading = "Selection")]
    pub level: LevelArg,
    /// Only this connection (may be repeated)
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub conn: Vec<u32>,
    /// Which rows.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Only one direction: c2s or s2c
    #[arg(long, value_name = "DIR", hide_possible_values = true, help_heading = "Selection")]
    pub dir: Option<Dir>,
    /// What of the payload is printed
    #[arg(long, value_name = "WHAT", default_value = "full", help_heading = "Selection")]
    pub payload: Payload,
    /// How it looks.
    #[command(flatten)]
    pub look: LookArgs,
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
  wslens check --list                    every code and what it means")]
pub struct CheckArgs {
    /// Which captures.
    #[command(flatten)]
    pub input: InputArgs,
    /// Exit with 1 when there is a finding this bad
    #[arg(long, value_name = "SEVERITY", default_value = "error", help_heading = "Selection")]
    pub fail_on: FailOn,
    /// Only findings with these codes (comma-separated)
    #[arg(long, value_name = "CODE", value_delimiter = ',', help_heading = "Selection")]
    pub only: Vec<String>,
    /// No findings with these codes (comma-separated)
    #[arg(long, value_name = "CODE", value_delimiter = ',', help_heading = "Selection")]
    pub ignore: Vec<String>,
    /// Only this connection (may be repeated)
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub conn: Vec<u32>,
    /// Which rows.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Print all codes and what they mean, and stop
    #[arg(long)]
    pub list: bool,
    /// Language of --list; by default that of the locale
    #[arg(long, value_name = "LANG")]
    pub lang: Option<LangArg>,
    /// How it looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// `wslens stats`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  wslens stats day.pcap.gz
  wslens stats day.pcap --deep            read payloads too: compression ratio, UTF-8, inflate errors
  wslens stats day.pcap -Y 'path contains /chat'    connections that match
  wslens stats day.pcap --format ndjson")]
pub struct StatsArgs {
    /// Which captures.
    #[command(flatten)]
    pub input: InputArgs,
    /// Read payloads too
    #[arg(long)]
    pub deep: bool,
    /// Only this connection (may be repeated)
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub conn: Vec<u32>,
    /// Which connections.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Connections listed one by one, those with most messages first
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
    /// How it looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON object a line.
    Ndjson,
    /// One row a line, with a header.
    Csv,
    /// Findings for CI systems (`check` only).
    Sarif,
    /// Findings as results of tests (`check` only).
    Junit,
}

/// What a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LevelArg {
    /// Connections.
    #[value(alias = "conns")]
    Connections,
    /// Messages, control frames included.
    #[default]
    #[value(alias = "msgs")]
    Messages,
    /// Frames.
    Frames,
    /// Findings.
    Findings,
    /// All of them, and a summary.
    All,
}

/// How times are shown.
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
    /// Seconds since the row before.
    Delta,
}

/// Arrows and marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Glyphs {
    /// Unicode where the locale says UTF-8.
    #[default]
    Auto,
    /// → ← …
    Unicode,
    /// -> <- ...
    Ascii,
    /// ASCII without lines and boxes, for screen readers.
    Plain,
}

/// What of the payload is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Payload {
    /// Nothing.
    None,
    /// The first 64 bytes.
    Preview,
    /// Up to 64 KiB of each message.
    #[default]
    Full,
    /// SHA-256 of all of it.
    Hash,
}

/// From which severity on `check` fails.
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

/// A number of bytes: `65536`, `64KiB`, `16M`, `1GB`.
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
