//! `wslens FILE` on a terminal: opens the terminal UI.

use std::fs::File;
use std::io::{self, IsTerminal as _};

use super::args::{Glyphs, LangArg, ReadArgs, ScreenArgs, ThemeArg};
use super::keys;
use super::problem::Problem;
use super::style::{ColorWhen, Style};
use super::{read, sandbox};
use crate::capture::Input;
use crate::filter::{self, Levels};
use crate::model::safe_str;
use crate::report::Selection;
use crate::store::Session;
use crate::tui::run::{self, UiOptions};
use crate::tui::{Colors, Looks, Signs, Theme};

/// Options that only make sense for what is printed: who gives one does not want the UI.
const PRINTING: [&str; 8] = ["level", "conn", "dir", "payload", "format", "output", "time", "quiet"];

/// Whether the command line asks for something to be printed.
#[must_use]
pub fn is_about_printing(matches: &clap::ArgMatches) -> bool {
    PRINTING.iter().any(|id| {
        matches.try_contains_id(id).is_ok()
            && matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine)
    })
}

/// Whether there is a terminal to show the UI on, and nothing speaks against it.
#[must_use]
pub fn is_wanted(args: &ScreenArgs) -> bool {
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    let keys = || io::stdin().is_terminal() || File::open("/dev/tty").is_ok();
    !args.no_tui && !dumb && io::stdout().is_terminal() && keys()
}

/// Opens captures and shows them; answers the exit code.
///
/// # Errors
/// A [`Problem`], or an error of the terminal.
pub fn run(args: &ReadArgs, screen: &ScreenArgs) -> anyhow::Result<u8> {
    let filter = args.filter.filter.clone().unwrap_or_default();
    if args.filter.capture_filter.is_some() {
        args.filter.matcher(Levels::ALL)?;
    }
    filter::parse(&filter).map_err(Problem::from)?;
    let inputs: Vec<Input> = args.input.all().cloned().map(Input::from).collect();
    let has_helper = sandbox::start_helper(true, &[]);
    let progress = super::learn::state_file(screen.no_save);
    let plan = sandbox::showing(sandbox::reading(&args.input), progress.as_deref(), has_helper);
    sandbox::enter(&plan);
    let limits = read::limits(&args.input, &Selection::default(), true)?;
    let (no_mmap, max_unpacked) = (args.input.no_mmap, args.input.limits.max_unpacked);
    let again = crate::export::Source {
        inputs: inputs.clone(),
        no_mmap,
        max_unpacked,
        limits: limits.clone(),
        embed_keys: screen.embed_keys,
        reads: super::outputs::inputs(&args.input),
    };
    // What comes through a pipe has a bound of its own.
    let is_file = inputs.iter().all(|input| matches!(input, Input::Path(_)));
    let given = args.input.limits.max_mem.is_some();
    let memory = (is_file || given).then(|| args.input.limits.rows());
    let options = read::session_options(&args.input, limits, memory);
    let session = Session::open(&inputs, options).map_err(Problem::from)?;
    show(&session, &Screens { read: args, screen, name: source(args), again })
}

/// What is shown, and how.
pub struct Screens<'a> {
    /// The command line as far as it is that of `wslens read`.
    pub read: &'a ReadArgs,
    /// How the UI looks.
    pub screen: &'a ScreenArgs,
    /// What the capture is called.
    pub name: String,
    /// Where exports read it again.
    pub again: crate::export::Source,
}

/// Shows a capture that is being read; answers the exit code.
///
/// # Errors
/// An error of the terminal.
pub fn show(session: &Session, screens: &Screens<'_>) -> anyhow::Result<u8> {
    let Screens { read: args, screen, name, again } = screens;
    let secrets = again.limits.secrets.clone();
    let options = UiOptions {
        source: name.clone(),
        looks: looks(screen.theme, args.look.color, args.look.glyphs),
        lang: LangArg::of(screen.lang),
        mouse: !screen.no_mouse,
        filter: args.filter.filter.clone().unwrap_or_default(),
        again: again.clone(),
        progress: super::learn::state_file(screen.no_save),
        lessons: None,
    };
    run::run(session, &options)?;
    if !args.look.quiet {
        for (rule, text) in keys::findings(&secrets) {
            errln!("warning: {text} ({})", rule.code);
        }
        keys::tell_unused(&secrets, session.index().seen.tls);
    }
    // What was read is what counts: reading that the user ended is no damage.
    let summary = session.index().summary.clone();
    match summary {
        Some(summary) => {
            read::warn_of_unreadable(&summary.unreadable);
            read::tell_incomplete(&args.look, &summary);
            Ok(read::exit_code(&summary))
        }
        None => Ok(0),
    }
}

/// What the capture is called: the file's name, and how many others there are.
fn source(args: &ReadArgs) -> String {
    let first = args.input.all().next();
    let name = first.map(|path| match path.file_name() {
        _ if path.as_os_str() == "-" => "standard input".to_owned(),
        name => name.unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
    });
    let name = safe_str(&name.unwrap_or_default()).into_owned();
    match args.input.all().count() {
        0 | 1 => name,
        count => format!("{name} and {} more", count - 1),
    }
}

/// How the terminal UI looks on this terminal.
pub(super) fn looks(named: Option<ThemeArg>, color: ColorWhen, glyphs: Glyphs) -> Looks {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let signs = match glyphs {
        Glyphs::Plain => Signs::Plain,
        glyphs if read::ascii(glyphs) => Signs::Ascii,
        _ => Signs::Unicode,
    };
    let colors = Colors::of_terminal(&variable("COLORTERM"), &variable("TERM"));
    Looks { theme: theme(named, color), colors, signs }
}

/// The theme that was named; without one, and where colour is not wanted, that without colour.
fn theme(named: Option<ThemeArg>, color: ColorWhen) -> Theme {
    match named {
        Some(ThemeArg::Dark) => Theme::Dark,
        Some(ThemeArg::Light) => Theme::Light,
        Some(ThemeArg::HighContrast) => Theme::HighContrast,
        Some(ThemeArg::Mono) => Theme::Mono,
        None if Style::stdout(color).color => Theme::Dark,
        None => Theme::Mono,
    }
}
