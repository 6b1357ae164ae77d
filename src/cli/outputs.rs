//! Outputs of the command line: compared with its inputs, and opened, before anything is read.

use std::path::{Path, PathBuf};

use super::args::{InputArgs, LookArgs};
use super::problem::Problem;
use crate::output::{Growth, Inputs, OutputError, Target};

/// The files that a command reads: captures, key logs, and standard input where that is a file.
pub fn inputs(args: &InputArgs) -> Inputs {
    let mut inputs = Inputs::default();
    for path in args.all() {
        if path.as_os_str() == "-" {
            inputs.add(Path::new("/dev/stdin"));
            continue;
        }
        inputs.add(path);
        inputs.add(&with_keys(path));
    }
    #[cfg(feature = "tls")]
    args.keylog.iter().for_each(|path| inputs.add(path));
    if let Some(path) = std::env::var_os("SSLKEYLOGFILE") {
        inputs.add(Path::new(&path));
    }
    inputs
}

/// The key log that belongs to a capture: its name with `.keys` behind it.
pub fn with_keys(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(".keys");
    PathBuf::from(name)
}

/// Whether the end of an input is not known: standard input, and whatever is no file.
pub fn is_endless(args: &InputArgs) -> bool {
    args.all().any(|path| path.as_os_str() == "-" || path.metadata().is_ok_and(|about| !about.is_file()))
}

/// Opens what rows are written to: the file that `-o` names, or standard output.
///
/// # Errors
/// A [`Problem`] where the output is an input, exists, or cannot be created.
pub fn rows(look: &LookArgs, inputs: &Inputs, growth: Growth) -> Result<Target, Problem> {
    match &look.output {
        Some(path) => Target::create(path, growth, look.force, inputs).map_err(|error| problem(error, 2)),
        None => {
            let out = Path::new("/dev/stdout");
            // A file that the shell has emptied already is no longer an input.
            if inputs.has(out) {
                return Err(Problem::new(2, "standard output is an input of this command")
                    .hint("why", "wslens would read its own output without end")
                    .hint("try", "a different file"));
            }
            Ok(Target::stdout())
        }
    }
}

/// What is wrong with an output, for people. `code`: the exit code.
pub fn problem(error: OutputError, code: u8) -> Problem {
    let what = error.to_string();
    match error {
        OutputError::Input(_) => Problem::new(code, what)
            .hint("why", "writing to it would destroy the input")
            .hint("try", "a different name"),
        OutputError::Exists(_) => Problem::new(code, what)
            .hint("why", "wslens does not overwrite files unless you ask it to")
            .hint("try", "--force, or a different name"),
        OutputError::Directory(_) => {
            Problem::new(code, what).hint("try", "a file name inside that directory")
        }
        OutputError::Io { .. } => Problem::new(code, what),
    }
}
