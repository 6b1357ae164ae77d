//! The command line: reads arguments, prints text, returns an exit code.
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | success; also when the reader closed the pipe |
//! | 1 | a negative result |
//! | 2 | a usage error |
//! | 3 | the input cannot be read |
//! | 4 | no permission to capture, or no such interface |
//! | 5 | the input ends early or is damaged; what could be read was printed |

/// As `eprintln!`, except that nothing fails where nobody reads standard error any longer.
macro_rules! errln {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

/// As `eprint!`, in the same way.
macro_rules! err {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stderr(), $($words)*);
    }};
}

mod args;
mod build;
#[cfg(all(feature = "live", unix))]
mod capture_problem;
mod check;
mod ending;
pub mod explain;
mod filter;
pub mod handshake;
#[cfg(all(feature = "live", unix))]
mod interfaces;
mod keys;
mod learn;
mod limits;
#[cfg(all(feature = "live", unix))]
mod live;
mod memory;
mod outputs;
mod problem;
mod read;
#[cfg(all(feature = "live", unix))]
mod rights;
mod sandbox;
mod signals;
mod stats;
mod story;
pub mod style;
mod tui;
mod version;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::sandbox::memory as sandbox_memory;
use args::{Cli, Command};
use problem::Problem;
use style::{ColorWhen, Style};

const WELCOME: &str = "\
wslens reconstructs WebSocket connections, messages and frames from packet captures.

  wslens chat.pcapng                            open a capture in the terminal UI
  wslens read chat.pcapng                       print its messages
  wslens check chat.pcapng                      report protocol violations
  wslens stats chat.pcapng                      print counts, sizes and round-trip times
  wslens explain '81 85 37 fa 21 3d 7f 9f 4d 51 58'     decode a frame bit by bit
  wslens handshake --key dGhlIHNhbXBsZSBub25jZQ==       compute Sec-WebSocket-Accept step by step
  wslens learn                                  learn the protocol, in English or Chinese

If you have no capture yet:
  wslens live -i lo -f 'tcp port 8080'          capture on this machine
  tcpdump -i any -U -w - 'tcp port 8080' | wslens -     let tcpdump capture

For all commands and options, run `wslens --help`.";

/// Runs the program; returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        sandbox_memory::note_panic();
        errln!("this is a bug in wslens {}: {panic}", env!("CARGO_PKG_VERSION"));
        // An argument may be any bytes.
        let line: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        errln!("command line: {}", crate::model::safe_str(&line.join(" ")));
    }));
    #[cfg(target_os = "linux")]
    if std::env::args_os().nth(1).is_some_and(|word| word == crate::output::helper::COMMAND) {
        let served = crate::output::helper::serve(std::env::args_os().skip(2));
        return ExitCode::from(u8::from(served.is_err()));
    }
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let prints = tui::is_about_printing(matches.subcommand().map_or(&matches, |(_, matches)| matches));
    let result = style::quiet_on_closed_pipe(dispatch(cli, prints));
    match result {
        Ok(code) => code.into(),
        Err(error) => {
            let style = Style::stderr(ColorWhen::Auto);
            match error.downcast::<Problem>() {
                Ok(problem) => {
                    problem.print(&style);
                    problem.code.into()
                }
                Err(error) => {
                    Problem::new(3, format!("{error:#}")).print(&style);
                    3.into()
                }
            }
        }
    }
}

fn dispatch(cli: Cli, prints: bool) -> anyhow::Result<u8> {
    let listed = match &cli.command {
        None => cli.read.filter.list_fields,
        Some(Command::Read(args)) => args.filter.list_fields,
        Some(Command::Check(args)) => args.filter.list_fields,
        Some(Command::Stats(args)) => args.filter.list_fields,
        Some(_) => false,
    };
    if listed {
        return filter::list();
    }
    if cli.no_sandbox {
        sandbox::turn_off();
    }
    if let Some(bytes) = limits(&cli).and_then(|limits| limits.mem_limit) {
        sandbox_memory::limit(bytes, 3, crate::tui::run::has_terminal).map_err(|error| {
            Problem::new(2, format!("--mem-limit is not supported on this system: {error}"))
        })?;
    }
    match cli.command {
        None if cli.read.input.all().next().is_some() && !prints && tui::is_wanted(&cli.screen) => {
            tui::run(&cli.read, &cli.screen)
        }
        None if cli.read.input.all().next().is_some() => read::run(&cli.read),
        None if io::stdin().is_terminal() && io::stdout().is_terminal() => {
            writeln!(io::stdout(), "{WELCOME}")?;
            Ok(0)
        }
        None => Err(no_capture("wslens FILE, or wslens - to read standard input")),
        Some(Command::Read(args)) if args.input.all().next().is_none() => {
            Err(no_capture("wslens read FILE, or wslens read -"))
        }
        Some(Command::Read(args)) => read::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Stats(args)) if args.input.all().next().is_none() => {
            Err(no_capture("wslens stats FILE, or wslens stats -"))
        }
        Some(Command::Stats(args)) => stats::run(&args),
        Some(Command::Explain(args)) => {
            explain::run(&args, &mut io::stdout().lock(), &Style::stdout(ColorWhen::Auto))
        }
        Some(Command::Story(args)) => {
            story::run(&args, &mut io::stdout().lock(), &Style::stdout(ColorWhen::Auto))
        }
        Some(Command::Build(args)) => {
            build::run(&args, &mut io::stdout().lock(), &Style::stdout(ColorWhen::Auto))
        }
        Some(Command::Handshake(args)) => {
            handshake::run(&args, &mut io::stdout().lock(), &Style::stdout(ColorWhen::Auto))
        }
        Some(Command::Learn(args)) => learn::run(&args),
        #[cfg(all(feature = "live", unix))]
        Some(Command::Live(args)) => live::run(&args, prints),
        #[cfg(all(feature = "live", unix))]
        Some(Command::Interfaces) => interfaces::run(),
        Some(Command::Version { verbose }) => version::run(verbose),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "wslens", &mut script);
            io::stdout().write_all(&script)?;
            Ok(0)
        }
        Some(Command::Man) => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            io::stdout().write_all(&page)?;
            Ok(0)
        }
    }
}

/// Returns the limit options of the command, if it has any.
fn limits(cli: &Cli) -> Option<&limits::LimitArgs> {
    match &cli.command {
        None => Some(&cli.read.input.limits),
        Some(Command::Read(args)) => Some(&args.input.limits),
        Some(Command::Check(args)) => Some(&args.input.limits),
        Some(Command::Stats(args)) => Some(&args.input.limits),
        Some(Command::Story(args)) => Some(&args.input.limits),
        Some(Command::Handshake(args)) => Some(&args.input.limits),
        #[cfg(all(feature = "live", unix))]
        Some(Command::Live(args)) => Some(&args.limits),
        Some(_) => None,
    }
}

/// Reports that a pipe or device has sent nothing so far.
pub(crate) fn report_waiting(name: &str) {
    errln!(
        "note: waiting for bytes from '{}', a pipe or device (press Ctrl-C to stop)",
        crate::model::safe_str(name)
    );
}

/// Formats a count with its noun: `1 packet`, `2 packets`.
fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 || noun == "info" { "" } else { "s" })
}

fn no_capture(usage: &str) -> anyhow::Error {
    Problem::new(2, "no capture was given").hint("try", usage).into()
}
