//! `wslens story`: describes one connection in plain language.

use std::io::Write;

use super::args::{InputArgs, LangArg, formats};
use super::keys;
use super::problem::Problem;
use super::style::Style;
use super::{read, sandbox};
use crate::capture::Input;
use crate::report::{Format, Selection};
use crate::store::Session;
use crate::store::detail::{Detail, Request};
use crate::story::{StoryForm, tell, write};

const EXAMPLES: &str = "\
Examples:
  wslens story chat.pcapng                        the first connection
  wslens story day.pcap.gz --conn 3
  wslens story chat.pcapng --format md > story.md
  wslens story chat.pcapng --lang zh

Each sentence names the packets that prove it. [inferred] marks conclusions, and [unknown] marks facts
that were not captured.

Exit codes: 0 success, 2 a usage error, 3 the capture cannot be read, 5 it ends early or is damaged.";

/// Describes one connection from SYN to FIN in plain language, with its statistics.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct StoryArgs {
    /// Which connection; without it the first
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub conn: Option<u32>,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_parser = formats(&Format::STORY), default_value = "text",
        help_heading = "Output")]
    pub format: Format,
    /// Language; by default that of the locale
    #[arg(long, value_name = "LANG", help_heading = "Output")]
    pub lang: Option<LangArg>,
    /// Which captures.
    #[command(flatten)]
    pub input: InputArgs,
}

/// Columns where there is no terminal to say how wide it is.
const COLUMNS: usize = 100;

/// Reads, tells and prints; answers the exit code.
///
/// # Errors
/// A [`Problem`], or an error of `out`.
pub fn run(args: &StoryArgs, out: &mut dyn Write, style: &Style) -> anyhow::Result<u8> {
    if args.input.all().next().is_none() {
        return Err(Problem::new(2, "no capture was given").hint("try", "wslens story FILE").into());
    }
    let inputs: Vec<Input> = args.input.all().cloned().map(Input::from).collect();
    sandbox::enter(&sandbox::printing(&args.input, None));
    let limits = read::limits(&args.input, &Selection::default(), false)?;
    let secrets = limits.secrets.clone();
    let memory = Some(args.input.limits.rows());
    let options = read::session_options(&args.input, limits, memory);
    let mut session = Session::open(&inputs, options).map_err(Problem::from)?;
    session.wait();
    keys::tell_unused(&secrets, session.index().seen.tls);
    let count = session.index().connections.len();
    let released = session.index().released.connections;
    let number = match args.conn {
        Some(number) => number,
        None => session.index().connections.first().map_or(0, |row| row.id.0),
    };
    let tcp = match session.load(&Request::Tcp { connection: number }) {
        Ok(Detail::Tcp(tcp)) => Some(tcp),
        _ => None,
    };
    let lang = LangArg::of(args.lang);
    let story = tell(&session.index(), number, tcp.as_deref(), lang);
    let Some(story) = story else {
        let what = match count {
            0 => {
                let decrypted = keys::decrypted(&secrets);
                let seen =
                    if decrypted.is_empty() { String::new() } else { format!(" ({})", decrypted.join(", ")) };
                format!("there is no WebSocket in this capture{seen}")
            }
            _ if released > 0 => format!(
                "connection {number} is not among the {count} in memory; {released} were discarded (--max-mem)"
            ),
            _ => format!("there is no connection {number}; the capture has {count}"),
        };
        return Err(Problem::new(2, what).hint("try", "wslens read FILE --level connections").into());
    };
    let form = match args.format {
        Format::Markdown => StoryForm::Markdown,
        _ => StoryForm::Text(style.columns.unwrap_or(COLUMNS).clamp(40, 120)),
    };
    write!(out, "{}", write(&story, form, lang))?;
    if released > 0 {
        errln!("note: {released} old connections were discarded (--max-mem)");
    }
    if args.conn.is_none() && count > 1 && released > 0 {
        errln!("note: connection {number}, the first of {count} in memory; use --conn to choose another");
    } else if args.conn.is_none() && count > 1 {
        errln!("note: connection {number} of {count}; use --conn to choose another");
    }
    Ok(session.index().summary.as_ref().map_or(0, |summary| {
        read::warn_of_unreadable(&summary.unreadable);
        read::exit_code(summary)
    }))
}
